import Glibc
import QuipuBase
import Testing

@testable import QuipuSync

@Suite struct HTTPProxyTests {
  func proxy(_ url: String, _ environment: [String: String], _ change: (inout ConnectionOptions) -> Void = { _ in }) throws
    -> String?
  {
    var options = ConnectionOptions()
    change(&options)
    return ProxyRules(environment: environment).proxy(for: try #require(HTTPURL(url)), options)
  }

  @Test func takesTheProxyOfTheScheme() throws {
    let both = ["HTTP_PROXY": "http://p1", "https_proxy": "http://p2", "ALL_PROXY": "http://p3"]
    #expect(try proxy("http://h/", both) == "http://p1")
    #expect(try proxy("https://h/", both) == "http://p2")
    #expect(try proxy("https://h/", ["all_proxy": "http://p3"]) == "http://p3")
    #expect(try proxy("http://h/", ["HTTP_PROXY": "", "http_proxy": "http://p1"]) == "http://p1")
    #expect(try proxy("http://h/", [:]) == nil)
    #expect(try proxy("http://h/", both) { $0.httpProxy = "http://mine" } == "http://mine")
    #expect(try proxy("http://h/", both) { $0.httpProxy = "" } == nil)
    // In a CGI program a stranger sets this one.
    #expect(try proxy("http://h/", ["HTTP_PROXY": "http://evil", "REQUEST_METHOD": "GET"]) == nil)
  }

  @Test func reachesALocalServerDirectlyUnlessASettingSaysOtherwise() throws {
    for url in ["http://localhost:8080/", "http://127.0.0.1/", "http://127.9.9.9/", "http://[::1]/"] {
      #expect(try proxy(url, ["HTTP_PROXY": "http://p"]) == nil)
      #expect(try proxy(url, [:]) { $0.httpProxy = "http://p" } == "http://p")
    }
  }

  @Test(arguments: [
    ("example.com", "http://example.com/", true), ("example.com", "http://a.example.com/", true),
    ("example.com", "http://badexample.com/", false), (".example.com", "http://example.com/", false),
    (".example.com", "http://a.example.com/", true), ("*.example.com", "http://a.example.com/", true),
    ("EXAMPLE.com", "http://Example.COM/", true), ("*", "http://any/", true), ("a, b ,c", "http://b/", true),
    ("example.com:8080", "http://example.com:8080/", true), ("example.com:8080", "http://example.com/", false),
    ("10.0.0.0/8", "http://10.1.2.3/", true), ("10.0.0.0/8", "http://11.1.2.3/", false),
    ("192.168.1.128/25", "http://192.168.1.127/", false), ("192.168.1.128/25", "http://192.168.1.200/", true),
    ("10.0.0.1", "http://10.0.0.1/", true), ("10.0.0.1:81", "http://10.0.0.1/", false), ("fd00::/8", "http://[fd12::1]/", true),
    ("fe80::1", "http://[fe80::1]/", true), ("[fe80::1]:80", "http://[fe80::1]/", true), ("0.0.0.0/0", "http://h/", false),
    ("10.0.0.0/99", "http://10.0.0.1/", false), ("/", "http://h/", false), ("", "http://h/", false), (",,", "http://h/", false),
  ])
  func matchesNoProxy(list: String, url: String, isDirect: Bool) throws {
    #expect(ProxyRules.matches(list, try #require(HTTPURL(url))) == isDirect)
  }

  @Test func sendsThroughAProxyWithItsOwnCredentials() throws {
    let server = HTTPTestServer { request, connection, _ in
      if request.header("proxy-authorization") == nil {
        connection.answer(407, ["Proxy-Authenticate: Basic realm=\"p\""])
      } else {
        connection.answer(200, [], "by proxy")
      }
      return .keep
    }
    defer { server.stop() }
    let environment = ["http_proxy": "http://me:pass%20word@127.0.0.1:\(server.port)"]
    let request = HTTPRequest(.post, "http://elsewhere.invalid/x", body: .bytes([1]))
    #expect(try fetch(request, environment: environment).get().text == "by proxy")
    let got = try #require(server.received.last)
    #expect(got.target == "http://elsewhere.invalid/x")
    #expect(got.header("proxy-authorization") == "Basic " + base64(Array("me:pass word".utf8)))
    // By the extra headers.
    var options = ConnectionOptions()
    options.httpProxy = "http://127.0.0.1:\(server.port)"
    options.extraHeaders = [HTTPHeader("Proxy-Authorization", "Basic own")]
    #expect(try fetch(request, options).get().text == "by proxy")
    #expect(server.received.last?.header("proxy-authorization") == "Basic own")
    // They are the proxy's, not the server's.
    options.httpProxy = nil
    options.extraHeaders.append(HTTPHeader("X-Direct", "1"))
    _ = fetch(HTTPRequest(.get, server.base), options)
    #expect(server.received.last?.header("x-direct") == "1")
    #expect(server.received.last?.header("proxy-authorization") == nil)
  }

  @Test func asksTheProxyForATunnelAndNamesItWithoutItsPassword() throws {
    let server = HTTPTestServer { _, connection, _ in
      connection.answer(407, ["Proxy-Authenticate: Basic realm=\"p\""])
      return .close
    }
    defer { server.stop() }
    var options = ConnectionOptions()
    options.httpsProxy = "http://me:hush-hush@127.0.0.1:\(server.port)"
    let failed = try #require(fetch(HTTPRequest(.get, "https://elsewhere.invalid/x", headers: [HTTPHeader("Authorization", "Basic x")]), options).failed)
    #expect(failed.kind == .proxy)
    #expect(failed.message.contains("http://127.0.0.1:\(server.port)"))
    #expect(failed.message.contains("elsewhere.invalid:443"))
    #expect(!failed.message.contains("hush"))
    let got = try #require(server.received.first)
    #expect(got.method == "CONNECT")
    #expect(got.header("authorization") == nil)
    #expect(got.header("proxy-authorization") == "Basic " + base64(Array("me:hush-hush".utf8)))
  }

  @Test func saysThatTheProxyCannotBeReached() {
    var options = ConnectionOptions()
    options.httpProxy = "http://me:hush-hush@127.0.0.1:1"
    let failed = fetch(HTTPRequest(.get, "http://elsewhere.invalid/"), options).failed
    #expect(failed?.kind == .proxy)
    #expect(failed?.message.contains("through the proxy http://127.0.0.1:1") == true)
    #expect(failed?.message.contains("hush") == false)
    options.httpProxy = "http://me:hush-hush@proxy.invalid:1"
    #expect(fetch(HTTPRequest(.get, "http://elsewhere.invalid/"), options).failed?.kind == .proxy)
  }
}
