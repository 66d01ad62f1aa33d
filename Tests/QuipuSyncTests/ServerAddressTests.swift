import QuipuSync
import Testing

@Suite struct ServerAddressTests {
  @Test(arguments: [
    ("https://api.wandb.ai", "https://api.wandb.ai"), ("https://api.wandb.ai///", "https://api.wandb.ai"),
    ("http://localhost:8080/", "http://localhost:8080"), ("https://h/prefix/", "https://h/prefix"),
    ("http://[::1]:8080", "http://[::1]:8080"),
    ("https://forge.coreweave.com/api/wandb", "https://api.forge.coreweave.com"),
    ("https://forge.coreweave.com/api/wandb/", "https://api.forge.coreweave.com"),
  ])
  func keepsTheBaseURLWithoutSlashes(given: String, base: String) throws {
    #expect(try ServerAddress(given).base == base)
  }

  @Test(arguments: [
    "", "wandb", "ftp://x", "http://", "https://wandb.ai", "https://www.wandb.ai", "http://api.wandb.ai",
    "https://forge.coreweave.com", "https://forge.coreweave.com/x", "https://h/?a=b", "https://h/#x", "http://a b",
    "http://h:0", "http://h:99999", "http://h:8x", "http://me:secret-word@h", "http://a\\@b", "https://[::1", "http://::1",
  ])
  func refusesWhatIsNoServer(given: String) {
    #expect(throws: ServerAddressError.self) { try ServerAddress(given) }
    do {
      _ = try ServerAddress(given)
    } catch { #expect(!error.message.contains("secret-word")) }
  }

  @Test(arguments: [
    ("https://api.wandb.ai", "https://forge.coreweave.com/wandb"),
    ("https://api.forge.coreweave.com", "https://forge.coreweave.com/wandb"),
    ("http://api.wandb.test", "http://app.wandb.test"), ("https://api.wandb.example.org", "https://wandb.example.org"),
    ("https://api.example.org:8443/x", "https://app.example.org:8443/x"),
    ("http://localhost:8080", "http://localhost:8080"),
  ])
  func knowsWherePeopleLook(base: String, app: String) throws {
    #expect(try ServerAddress(base).app == app)
    #expect(try ServerAddress(base, app: "https://elsewhere/").app == "https://elsewhere")
  }

  @Test func encodesNamesInPages() throws {
    let server = try ServerAddress("http://h:1")
    #expect(server.runPage(entity: "a b", project: "c/d?", run: "r=1+2&$@:é") == "http://h:1/a%20b/c%2Fd%3F/runs/r=1+2&$@%3A%C3%A9")
    #expect(server.projectPage(entity: "..", project: "p.q") == "http://h:1/%2E%2E/p.q")
    #expect(server.sweepPage(entity: "e", project: "p", sweep: "s") == "http://h:1/e/p/sweeps/s")
    #expect(server.fileStream(entity: "e", project: "..", run: "a/b") == "http://h:1/files/e/%2E%2E/a%2Fb/file_stream")
  }

  @Test(arguments: [
    ("http://h/p", "http://h/p/graphql", true), ("http://h/p", "http://h/p", true), ("http://h/p", "http://H:80/p/x?q", true),
    ("http://h/p", "http://h/px", false), ("http://h/p", "https://h/p/x", false), ("http://h/p", "http://h:81/p/x", false),
    ("http://h/p", "http://u@h/p/x", false), ("http://h/p", "http://h/p/../x", false),
    ("http://h/p", "http://h/p/%2e%2E/x", false), ("http://h/p", "http://h.evil/p/x", false),
    ("http://h", "http://h\\@evil/", false), ("http://h", "http://evil#@h/", false), ("http://h", "http://evil?@h/", false),
    ("http://h", "http://h@evil/", false), ("http://h", "http://h:80@evil/", false), ("http://h", "http://h/x", true),
  ])
  func tellsTheServersURLsFromOthers(base: String, url: String, isOwn: Bool) throws {
    let base = try #require(HTTPURL(base))
    #expect((HTTPURL(url)?.isBelow(base) ?? false) == isOwn)
  }

  @Test func showsNoCredentialOfAURL() {
    #expect(HTTPURL.redacted("https://me:pw@h:8/a/b?X-Signature=abc#f") == "https://h:8/a/b")
    #expect(HTTPURL.redacted("me:pw@h") == "(not a URL)")
  }
}
