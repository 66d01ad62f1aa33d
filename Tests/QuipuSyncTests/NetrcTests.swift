import Glibc
import QuipuSync
import Testing

@Suite struct NetrcTests {
  func password(_ text: String, _ machines: String...) -> String? { Netrc(Array(text.utf8)).password(machines)?.password }

  @Test func readsEntriesInAnyLayout() {
    let text = """
      # a comment with machine x password no
      machine a.example login me password one
      machine localhost:8080
      \tlogin user   # here it is a word of the entry
      \tpassword "t w\\"o"
      machine hash password ab#cd
      default login anonymous password rest
      """
    #expect(password(text, "a.example") == "one")
    #expect(password(text, "localhost:8080") == "t w\"o")
    #expect(password(text, "hash") == "ab#cd")
    #expect(password(text, "localhost") == "rest")
    #expect(password(text, "A.Example") == "one")
    #expect(password(text, "x") == "rest")
    #expect(password(text, "none", "hash") == "ab#cd")
  }

  @Test func takesNothingFromAMacroOrABrokenFile() {
    #expect(password("macdef m\nmachine x password no\n\nmachine y password yes", "x") == nil)
    #expect(password("macdef m\nmachine x password no\n\nmachine y password yes", "y") == "yes")
    #expect(password("machine x password", "x") == nil)
    #expect(password("machine", "x") == nil)
    #expect(password("machine x password \"open", "x") == "open")
    #expect(password("password lost", "x") == nil)
  }

  func replaced(_ text: String, _ machine: String, _ password: String?) -> String {
    String(decoding: Netrc(Array(text.utf8)).replacing(machine, password: password), as: UTF8.self)
  }

  @Test func replacesOneEntryAndKeepsTheRest() {
    #expect(replaced("", "h", "k") == "machine h\n  login user\n  password k\n")
    #expect(
      replaced("# mine\nmachine a password 1\nmachine h\n  login x\n  password old\n# next\nmachine b password 2\n", "h", "k")
        == "# mine\nmachine a password 1\nmachine h\n  login user\n  password k\n# next\nmachine b password 2\n")
    #expect(replaced("machine a password 1", "h", "k") == "machine a password 1\nmachine h\n  login user\n  password k\n")
    #expect(
      replaced("machine h password 1\nmachine a password 2\nmachine h password 3\n", "h", "k")
        == "machine h\n  login user\n  password k\nmachine a password 2\n")
    #expect(
      replaced("machine a password 1\ndefault password d\n", "h", "k")
        == "machine a password 1\nmachine h\n  login user\n  password k\ndefault password d\n")
    #expect(replaced("machine a password 1\nmachine h password 2\n", "h", nil) == "machine a password 1\n")
    #expect(replaced("machine a password 1\n", "h", nil) == "machine a password 1\n")
  }

  @Test func writesAPrivateFileThroughALink() throws {
    let folder = TemporaryFolder()
    let real = folder.file("real", Array("machine a password 1\n".utf8))
    chmod(real, 0o644)
    let link = folder.path + "/.netrc"
    symlink(real, link)
    try Netrc.store(link, machine: "h:1", password: "key with \" in it")
    var facts = stat()
    lstat(link, &facts)
    #expect(facts.st_mode & S_IFMT == S_IFLNK)
    stat(real, &facts)
    #expect(facts.st_mode & 0o777 == 0o600)
    let read = try #require(Netrc.load(link))
    #expect(read.password(["h:1"])?.password == "key with \" in it")
    #expect(read.password(["a"])?.password == "1")
    try Netrc.store(link, machine: "h:1", password: nil)
    #expect(Netrc.load(link)?.password(["h:1"]) == nil)
  }

  @Test func reportsAFolderThatIsNotThere() {
    #expect(throws: ServerAddressError.self) { try Netrc.store("/nonexistent/x/.netrc", machine: "h", password: "k") }
  }

  @Test func choosesTheFile() {
    #expect(Netrc.path(environment: ["NETRC": "/n"], home: "/h") { _ in false } == "/n")
    #expect(Netrc.path(environment: ["NETRC": "~/n"], home: "/h") { _ in false } == "/h/n")
    #expect(Netrc.path(environment: [:], home: "/h") { _ in false } == "/h/.netrc")
    #expect(Netrc.path(environment: [:], home: "/h") { $0 == "/h/_netrc" } == "/h/_netrc")
    #expect(Netrc.path(environment: [:], home: "/h") { _ in true } == "/h/.netrc")
  }
}
