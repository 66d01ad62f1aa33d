import QuipuSync
import Testing

@Suite struct CredentialLookupTests {
  let key = String(repeating: "a", count: 40)

  func lookup(_ change: (inout CredentialLookup) -> Void = { _ in }) throws -> CredentialLookup {
    var lookup = CredentialLookup(server: try ServerAddress("https://api.wandb.ai"))
    lookup.netrcPath = "/home/me/.netrc"
    lookup.homeDirectory = "/home/me"
    change(&lookup)
    return lookup
  }

  @Test(arguments: [
    ("0123456789012345678901234567890123456789", true), (String(repeating: "Z", count: 86), true),
    ("local-0123456789012345678901234567890123456789", true), ("a.b-c.d_e", true), ("", false), ("tiny", false),
    (" 0123456789012345678901234567890123456789", false), ("0123456789012345678901234567890123456789\n", false),
    ("012345678901234567890123456789012345678!", false), ("local-0123456789", false), ("a..b", false),
    ("0123456789-0123456789012345678901234567890123456789", true),
  ])
  func checksKeys(key: String, isGood: Bool) {
    let problem = APIKey.problem(key)
    #expect((problem == nil) == isGood)
    if let problem, key.count > 3 { #expect(!problem.contains(key)) }
  }

  @Test func looksInTheOrderOfStrength() throws {
    let keys = ["b", "c", "d", "e", "f"].map { String(repeating: $0, count: 40) }
    var all = try lookup {
      $0.explicitKey = keys[0]
      $0.environment = ["QUIPU_API_KEY": keys[1], "WANDB_API_KEY": keys[2]]
      $0.netrc = Netrc(Array("machine api.wandb.ai login user password \(keys[3])".utf8))
      $0.settingsKey = keys[4]
    }
    #expect(try all.find().credentials == .apiKey(keys[0]))
    all.explicitKey = nil
    #expect(try all.find().credentials == .apiKey(keys[1]))
    all.environment["QUIPU_API_KEY"] = ""
    #expect(try all.find().credentials == .apiKey(keys[2]))
    #expect(try all.find().origin == "WANDB_API_KEY")
    all.environment = [:]
    #expect(try all.find().credentials == .apiKey(keys[3]))
    #expect(try all.find().origin == "/home/me/.netrc (machine api.wandb.ai)")
    all.netrc = nil
    #expect(try all.find().credentials == .apiKey(keys[4]))
  }

  @Test func saysWhereItLookedWhenThereIsNone() throws {
    let none = try lookup()
    do {
      _ = try none.find()
      Issue.record("found something")
    } catch {
      #expect(error.kind == .missing)
      for word in ["WANDB_API_KEY", "/home/me/.netrc", "api.wandb.ai", "quipu login", "/authorize"] {
        #expect(error.message.contains(word))
      }
    }
  }

  @Test func refusesABadKeyWithoutLookingFurtherOrShowingIt() throws {
    let bad = try lookup {
      $0.environment = ["WANDB_API_KEY": "tooshortbutsecret"]
      $0.settingsKey = key
    }
    do {
      _ = try bad.find()
      Issue.record("found something")
    } catch {
      #expect(error.kind == .bad)
      #expect(error.message.contains("WANDB_API_KEY"))
      #expect(!error.message.contains("tooshort"))
    }
  }

  @Test func refusesKeyAndIdentityTokenTogether() throws {
    let both = try lookup { $0.environment = ["WANDB_API_KEY": key, "WANDB_IDENTITY_TOKEN_FILE": "/t"] }
    do {
      _ = try both.find()
      Issue.record("found something")
    } catch { #expect(error.kind == .conflict) }
    let token = try lookup { $0.environment = ["WANDB_IDENTITY_TOKEN_FILE": "~/t"] }
    #expect(
      try token.find().credentials
        == .identityToken(file: "/home/me/t", cache: "/home/me/.config/wandb/credentials.json"))
  }

  @Test func takesTheTwinsEntryOfTheSameService() throws {
    let other = Netrc(Array("machine api.wandb.ai login user password \(key)".utf8))
    var lookup = CredentialLookup(server: try ServerAddress("https://api.forge.coreweave.com"))
    lookup.netrc = other
    #expect(try lookup.find().credentials == .apiKey(key))
    lookup = CredentialLookup(server: try ServerAddress("https://elsewhere.example"))
    lookup.netrc = other
    #expect(throws: CredentialLookup.Problem.self) { try lookup.find() }
  }
}
