import Glibc
import Quipu
import QuipuBase

/// `quipu login` and `quipu logout`.
enum LoginCommand {
  static let help = """
    Usage: quipu login [OPTIONS]

    Asks for an API key, asks the server whose it is, and keeps it in the netrc file ($NETRC,
    ~/.netrc) with mode 0600, where runs and the official client find it. With a key that is
    configured already it says who is logged in.

      --host URL       base URL of the server (default: WANDB_BASE_URL, settings files,
                       https://api.wandb.ai)
      --key -          read the key from standard input, one line
      --key KEY        the key itself; everybody on this machine can see it in the list of processes
      --no-verify      do not ask the server
      --relogin        ask for a key although there is one
      --timeout SECONDS  longest wait for the server (default 20)

    Exit status: 0 logged in, 1 the server refused or cannot be reached, 2 wrong arguments,
    3 there is no key.

    Examples
      quipu login
      quipu login --host http://localhost:8080 --key - < key.txt

    """

  static let logoutHelp = """
    Usage: quipu logout [--host URL]

    Takes the server's API key out of the netrc file. Keys in environment variables stay.

    Examples
      quipu logout
      quipu logout --host http://localhost:8080

    """

  static func run(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(
      arguments,
      options: [
        .init(name: "--help"), .init(name: "--verify"), .init(name: "--no-verify"), .init(name: "--relogin"),
        .init(name: "--host", takesValue: true), .init(name: "--key", takesValue: true),
        .init(name: "--timeout", takesValue: true),
      ])
    let output = Output()
    if line.has("--help") {
      output.write(help)
      output.flush()
      return 0
    }
    var options = Login.Options()
    options.host = line["--host"]
    options.relogin = line.has("--relogin")
    options.verify = !line.has("--no-verify")
    if line.has("--verify"), line.has("--no-verify") {
      throw CommandLineArguments.UsageError(message: "--verify and --no-verify exclude each other")
    }
    if let text = line["--timeout"] {
      guard let seconds = Double(text), seconds > 0, seconds <= 86_400 else {
        throw CommandLineArguments.UsageError(message: "--timeout: \(text) is not a number of seconds")
      }
      options.timeoutMilliseconds = Int64((seconds * 1000).rounded(.up))
    }
    if line["--key"] != nil, !line.positional.isEmpty {
      throw CommandLineArguments.UsageError(message: "give the key once")
    }
    var key: String?
    let alone = line.positional.isEmpty ? nil : try line.only("key", default: "")
    switch line["--key"] ?? alone {
    case "-"?:
      guard let read = readKey() else { throw QuipuError(.noAPIKey, kind: "no_api_key", "no key on standard input") }
      key = read
    case let given?:
      complain("quipu login: warning: a key among the arguments can be seen by others; use --key - instead")
      key = given
    case nil: break
    }
    let report: Login.Report
    do throws(QuipuError) {
      if key == nil, options.relogin {
        guard let asked = try ask(options) else { return 130 }
        key = asked
      }
      do throws(QuipuError) {
        report = try Login.login(key: key, options: options)
      } catch {
        guard error.code == .noAPIKey, key == nil, isTerminal else { throw error }
        guard let asked = try ask(options) else { return 130 }
        report = try Login.login(key: asked, options: options)
      }
    } catch {
      complain("quipu login: \(error.message)")
      switch error.code {
      case .noAPIKey: return 3
      case .setting, .apiKey: return 2
      default: return 1
      }
    }
    let source = report.source.isEmpty ? "" : " with \(report.source)"
    if let name = report.username {
      let entity = report.entity.flatMap { $0.isEmpty || $0 == name ? nil : " (entity \($0))" } ?? ""
      output.line("Logged in to \(report.host) as \(name)\(entity)\(source)")
    } else {
      output.line("Not verified: a key for \(report.host)\(source)")
    }
    if let path = report.stored { output.line("The key is kept in \(path)") }
    output.flush()
    return 0
  }

  static func logout(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(
      arguments, options: [.init(name: "--help"), .init(name: "--host", takesValue: true)])
    let output = Output()
    if line.has("--help") {
      output.write(logoutHelp)
    } else {
      if let extra = line.positional.first {
        throw CommandLineArguments.UsageError(message: "unexpected argument \(extra)")
      }
      let removed = try Login.logout(host: line["--host"])
      output.line(removed ? "The key was removed" : "There was no key")
    }
    output.flush()
    return 0
  }

  // MARK: Asking

  private static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

  /// - Returns: nil if the person gave up.
  private static func ask(_ options: Login.Options) throws(QuipuError) -> String? {
    guard isTerminal else {
      throw QuipuError(
        .noAPIKey, kind: "no_api_key", "there is no terminal to ask for the key; give it with --key - on standard input")
    }
    let place = try Login.keyPage(host: options.host)
    guard let key = readHidden("Keys are shown at \(place)\nAPI key (it is not shown): ") else { return nil }
    if key.isEmpty { throw QuipuError(.noAPIKey, kind: "no_api_key", "no key was given") }
    return key
  }

  /// A line of the terminal without echo.
  ///
  /// Ctrl-C comes as a character, so that the terminal is as it was before the program ends.
  /// - Returns: nil after Ctrl-C.
  private static func readHidden(_ question: String) -> String? {
    let prompt = Output(descriptor: STDERR_FILENO)
    var old = termios()
    guard tcgetattr(STDIN_FILENO, &old) == 0 else { return readKey() }
    var hidden = old
    hidden.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    // Before the question: whoever answers it at once must not see the answer.
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    prompt.write(question)
    prompt.flush()
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &old)
      prompt.line()
      prompt.flush()
    }
    var line: [UInt8] = []
    while line.count < 4096 {
      var byte: UInt8 = 0
      let count = read(STDIN_FILENO, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      switch byte {
      case 3: return nil
      case 4, 10, 13: return trimmed(line)
      case 8, 127: _ = line.popLast()
      case 21: line = []
      default: line.append(byte)
      }
    }
    return trimmed(line)
  }

  /// The first line of standard input; nil if there is none.
  private static func readKey() -> String? {
    var line: [UInt8] = []
    while line.count < 4096 {
      var byte: UInt8 = 0
      let count = read(STDIN_FILENO, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 || byte == 10 { break }
      line.append(byte)
    }
    let text = trimmed(line)
    return text.isEmpty ? nil : text
  }

  private static func trimmed(_ bytes: [UInt8]) -> String {
    var rest = bytes[...]
    while let first = rest.first, first <= 0x20 { rest.removeFirst() }
    while let last = rest.last, last <= 0x20 { rest.removeLast() }
    return String(decoding: rest, as: UTF8.self)
  }
}
