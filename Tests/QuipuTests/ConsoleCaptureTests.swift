import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

/// Capture of descriptors that stand for 1 and 2.
@Suite struct ConsoleCaptureTests {
  /// What a program prints to, and who reads it.
  private final class Terminal {
    let reader: Int32
    let target: Int32

    init(isTerminal: Bool = false) {
      if isTerminal, let pair = PseudoTerminal.open(like: -1) {
        (reader, target) = pair
      } else {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        (reader, target) = (ends[0], ends[1])
      }
      for end in [reader, target] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    deinit {
      close(reader)
      close(target)
    }

    func print(_ text: String) { print(Array(text.utf8)) }

    func print(_ bytes: [UInt8]) {
      var done = 0
      while done < bytes.count {
        let count = bytes[done...].withUnsafeBytes { write(target, $0.baseAddress, $0.count) }
        if count <= 0 { return }
        done += count
      }
    }

    /// Reads as much as is expected.
    func read(_ count: Int) -> String {
      var out: [UInt8] = []
      var room = [UInt8](repeating: 0, count: 65_536)
      while out.count < count {
        var wait = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, 20_000) == 1 else { break }
        let n = Glibc.read(reader, &room, min(room.count, count - out.count))
        if n <= 0 { break }
        out += room[..<n]
      }
      return String(decoding: out, as: UTF8.self)
    }
  }

  private func core(_ run: CoreRun) -> RunCore {
    RunCore(writer: run.writer, ring: run.ring, runID: "abc", fullWaitMilliseconds: 0)
  }

  private func console(_ run: CoreRun) throws -> String {
    run.pump()
    return try CoreLog(run.logPath).console.joined()
  }

  @Test func bytesReachTheOriginalAndTheLogUnchanged() throws {
    let out = Terminal()
    let error = Terminal()
    let capture = ConsoleCapture(targets: [(out.target, 1), (error.target, 2)])
    let run = try CoreRun(capacity: 1 << 20)
    let core = core(run)
    #expect(capture.add(core))
    let text = "é\u{1B}[1mbold\r\n" + String(repeating: "0123456789äöü\n", count: 2000)
    out.print(text)
    error.print("trouble\n")
    #expect(out.read(text.utf8.count) == text)
    #expect(error.read(8) == "trouble\n")
    capture.remove(core)
    let found = try console(run)
    #expect(found.replacing("trouble\n", with: "") == text)
    // Afterwards the descriptor is what it was.
    out.print("after\n")
    #expect(out.read(6) == "after\n")
    #expect(try console(run).contains("after") == false)
  }

  @Test func aTerminalStaysATerminalOfTheSameSize() throws {
    let terminal = Terminal(isTerminal: true)
    var size = winsize(ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0)
    #expect(ioctl(terminal.reader, UInt(TIOCSWINSZ), &size) == 0)
    let capture = ConsoleCapture(targets: [(terminal.target, 1)])
    let run = try CoreRun()
    let core = core(run)
    #expect(capture.add(core))
    #expect(isatty(terminal.target) == 1)
    var seen = winsize()
    #expect(ioctl(terminal.target, UInt(TIOCGWINSZ), &seen) == 0)
    #expect(seen.ws_row == 33 && seen.ws_col == 101)
    terminal.print("line\n")
    #expect(terminal.read(5) == "line\n")
    capture.remove(core)
    #expect(try console(run) == "line\n")
    #expect(isatty(terminal.target) == 1)
  }

  @Test func whatChildrenPrintIsCaptured() throws {
    let terminal = Terminal()
    let capture = ConsoleCapture(targets: [(terminal.target, 1)])
    let run = try CoreRun()
    let core = core(run)
    #expect(capture.add(core))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, terminal.target, 1)
    let texts = ["sh", "-c", "echo from a child"]
    var arguments: [UnsafeMutablePointer<CChar>?] = texts.map { (text: String) in strdup(text) } + [nil]
    var child: pid_t = 0
    #expect(posix_spawn(&child, "/bin/sh", &actions, nil, &arguments, environ) == 0)
    posix_spawn_file_actions_destroy(&actions)
    for argument in arguments { free(argument) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    capture.remove(core)
    #expect(try console(run) == "from a child\n")
    #expect(terminal.read(13) == "from a child\n")
  }

  @Test func childrenThatOutliveTheRunStillReachTheTerminal() throws {
    let terminal = Terminal()
    let capture = ConsoleCapture(targets: [(terminal.target, 1)])
    let run = try CoreRun()
    let core = core(run)
    #expect(capture.add(core))
    // Stands for a descriptor that a child has inherited.
    let inherited = dup(terminal.target)
    capture.remove(core)
    #expect(write(inherited, "late\n", 5) == 5)
    #expect(terminal.read(5) == "late\n")
    close(inherited)
    #expect(try console(run).isEmpty)
  }

  @Test func severalRunsCaptureAtOnceAndEndOneByOne() throws {
    let terminal = Terminal()
    let capture = ConsoleCapture(targets: [(terminal.target, 1)])
    let runs = [try CoreRun(), try CoreRun()]
    let cores = runs.map { core($0) }
    for core in cores { #expect(capture.add(core)) }
    terminal.print("both\n")
    #expect(terminal.read(5) == "both\n")
    capture.remove(cores[0])
    terminal.print("one\n")
    #expect(terminal.read(4) == "one\n")
    capture.remove(cores[1])
    #expect(try console(runs[0]) == "both\n")
    #expect(try console(runs[1]) == "both\none\n")
    // And again.
    let more = try CoreRun()
    let again = core(more)
    #expect(capture.add(again))
    terminal.print("again\n")
    capture.remove(again)
    #expect(try console(more) == "again\n")
  }

  @Test func aBlockedTerminalBlocksTheWriterAndNotTheEndOfTheRun() throws {
    let terminal = Terminal()
    let capture = ConsoleCapture(targets: [(terminal.target, 1)])
    let run = try CoreRun(capacity: 1 << 20)
    let core = core(run)
    #expect(capture.add(core))
    // Nobody reads: both pipes fill up, then a writer would wait.
    _ = fcntl(terminal.target, F_SETFL, O_NONBLOCK)
    let chunk = [UInt8](repeating: 0x61, count: 4096)
    var sent = 0
    #expect(
      eventually {
        let count = write(terminal.target, chunk, chunk.count)
        if count > 0 { sent += count }
        return sent >= 131_072 && count < 0 && errno == EAGAIN
      })
    capture.remove(core)
    // Nothing is lost once the terminal goes on.
    #expect(terminal.read(sent).utf8.count == sent)
  }

  @Test func aBrokenTerminalIsTheHostsAgain() throws {
    var ends: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let capture = ConsoleCapture(targets: [(ends[1], 1)])
    let run = try CoreRun()
    let core = core(run)
    #expect(capture.add(core))
    close(ends[0])
    #expect(write(ends[1], "x", 1) == 1)
    // A send without the signal that would end the tests: it works on the socket only, not on what stood in its place.
    #expect(eventually { send(ends[1], "x", 1, Int32(MSG_NOSIGNAL)) < 0 && errno == EPIPE })
    capture.remove(core)
    #expect(try console(run) == "x")
    close(ends[1])
  }

  @Test func aDescriptorThatTheHostReplacedIsLeftAlone() throws {
    let terminal = Terminal()
    let other = Terminal()
    let capture = ConsoleCapture(targets: [(terminal.target, 1)])
    let run = try CoreRun()
    let core = core(run)
    #expect(capture.add(core))
    dup2(other.target, terminal.target)
    capture.remove(core)
    terminal.print("there\n")
    #expect(other.read(6) == "there\n")
  }

  @Test func aClosedDescriptorIsNotCaptured() throws {
    let terminal = Terminal()
    let number = fcntl(terminal.target, F_DUPFD_CLOEXEC, 700)
    close(number)
    let run = try CoreRun()
    #expect(!ConsoleCapture(targets: [(number, 1)]).add(core(run)))
  }

  @Test(arguments: [
    ("", 0), ("abc", 0), ("é", 0), ("a\u{20AC}", 0), ("\u{1F600}", 0),
  ])
  func charactersThatAreWholeAreNotHeldBack(_ text: String, _ held: Int) {
    let bytes = Array(text.utf8)
    #expect(bytes.withUnsafeBytes { CapturedStream.cutBytes($0) } == held)
    // Each cut inside a character holds back what there is of it.
    var start = 0
    for scalar in text.unicodeScalars {
      let length = String(scalar).utf8.count
      for part in 1..<max(1, length) {
        #expect(bytes[..<(start + part)].withUnsafeBytes { CapturedStream.cutBytes($0) } == part)
      }
      start += length
    }
    #expect([UInt8](repeating: 0x80, count: 9).withUnsafeBytes { CapturedStream.cutBytes($0) } == 0)
  }

  // MARK: Several files

  private func feed(_ run: CoreRun, _ text: String) { run.put(.output, [1] + Array(text.utf8)) }

  @Test func consoleGoesOnInANewFileWhenOneIsFull() throws {
    let run = try CoreRun(parts: ConsoleParts(bytes: 10, seconds: 0))
    for (at, text) in ["first line\n", "second line\n", "third"].enumerated() {
      feed(run, text)
      run.pump()
      let now = Int64(at + 1) * 10_000_000_000
      run.writer.updateConsole(now: now)
      run.writer.updateConsole(now: now)
    }
    run.exit()
    run.pump()
    run.writer.updateConsole(now: 1 << 60, final: true)
    let names = run.directory.files(below: "files")
    #expect(names.count == 3)
    #expect(names.allSatisfy { $0.hasPrefix("files/logs/output_20231114_2213") && $0.hasSuffix(".log") })
    let texts = names.map { String(decoding: FileTools.readAll(run.directory.path + "/" + $0) ?? [], as: UTF8.self) }
    #expect(texts == ["first line\n", "second line\n", "third\n"])
    // Known when opened, and again when closed.
    let recorded = try run.log().files
    #expect(recorded.count == 5)
    #expect(Set(recorded) == Set(names.map { String($0.dropFirst(6)) }))
  }

  @Test func filesOfAConsoleThatDiedAreCompletedNotRepeated() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory, parts: ConsoleParts(bytes: 10, seconds: 0))
      feed(run, "first line\n")
      run.pump()
      run.writer.updateConsole(now: 1 << 60)
      run.writer.updateConsole(now: 1 << 60)
      feed(run, "sec")
      run.pump()
      feed(run, "ond\n")
    }
    _ = try Recovery.recover(path: CoreRun.context(directory).logPath)
    let texts = directory.files(below: "files").map {
      String(decoding: FileTools.readAll(directory.path + "/" + $0) ?? [], as: UTF8.self)
    }
    #expect(texts == ["first line\n", "second\n"])
  }
}
