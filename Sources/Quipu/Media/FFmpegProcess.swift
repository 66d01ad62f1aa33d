import Glibc
import QuipuBase
import QuipuMedia
import Synchronization

/// A started program that reads frames from its standard input and writes a file it has inherited.
///
/// It is a child of the host's process, started without a shell and waited for by its number as soon as it has ended:
/// a host that waits for any child may meet it, and one that ignores SIGCHLD has its status taken; then what it has
/// written counts. The input is a socket, so that a program that ends early raises no signal here.
final class FFmpegProcess {
  /// In the program.
  static let outputDescriptor: Int32 = 3
  /// A program that does nothing for so long hangs. Units: nanoseconds.
  static let patience: Int64 = 60_000_000_000
  private static let keptMessages = 4096

  /// Set when the process ends and its runs have waited long enough.
  static let isStopping = Atomic<Bool>(false)

  private let child: pid_t
  private let input: Int32
  private let messages: Int32
  private let output: Int32
  private let patience: Int64
  private var lastProgress = Clock.monotonic()
  private var outputSize: off_t = 0
  private var tail: [UInt8] = []
  private var failure: String?
  private var hasEnded = false
  /// Its messages have no end yet.
  private var hasMessages = true

  /// - Parameter output: stays the caller's.
  init(program: String, arguments: [String], output: Int32, patience: Int64) throws(MediaError) {
    var sockets: [Int32] = [-1, -1]
    var pipes: [Int32] = [-1, -1]
    // Beyond the numbers that the program gets: a host may have closed its own.
    var ends: [Int32] = []
    func closeAll(_ list: [Int32]) { for end in list where end >= 0 { close(end) } }
    var isMade = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &sockets) == 0
    isMade = isMade && pipe(&pipes) == 0
    if isMade {
      for end in [sockets[0], pipes[0], sockets[1], pipes[1], output] { ends.append(fcntl(end, F_DUPFD_CLOEXEC, 10)) }
    }
    closeAll(sockets + pipes)
    guard ends.count == 5, !ends.contains(where: { $0 < 0 }) else {
      closeAll(ends)
      throw MediaError(.io, "cannot start \(program): no descriptors left")
    }
    let variables = ProcessContext.current().environment.map { $0.key + "=" + $0.value }
    let (child, code) = ChildProgram.start(program, arguments, variables: variables) { files in
      posix_spawn_file_actions_adddup2(&files, ends[2], 0)
      posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&files, ends[3], 2)
      posix_spawn_file_actions_adddup2(&files, ends[4], Self.outputDescriptor)
    }
    closeAll([ends[2], ends[3], ends[4]])
    guard code == 0 else {
      closeAll([ends[0], ends[1]])
      throw MediaError(.io, "cannot start \(program): \(FileTools.errorText(code))")
    }
    self.child = child
    self.output = output
    self.patience = patience
    input = ends[0]
    messages = ends[1]
    _ = fcntl(messages, F_SETFL, O_NONBLOCK)
  }

  deinit {
    if !hasEnded { end() }
    close(input)
    close(messages)
  }

  /// Hands it bytes.
  ///
  /// Blocking: as long as it takes some.
  /// - Returns: false if it takes no more; `finish` says why.
  func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress, failure == nil else { return failure == nil }
    var done = 0
    while done < bytes.count {
      guard wait(forInput: true) else { return false }
      let sent = Glibc.send(input, base + done, bytes.count &- done, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      if sent > 0 {
        done &+= sent
        lastProgress = Clock.monotonic()
      } else if errno != EAGAIN && errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Closes its input and waits until it has ended.
  ///
  /// - Returns: what went wrong; nil: nothing.
  func finish() -> String? {
    // Closing alone would not be its end while a child that the host has forked holds a copy.
    shutdown(input, Int32(SHUT_WR))
    var status: Int32 = 0
    while failure == nil {
      let code = waitpid(child, &status, WNOHANG)
      if code == child {
        hasEnded = true
        break
      }
      if code < 0, errno != EINTR {
        // Somebody else has waited for it.
        hasEnded = true
        status = 0
        break
      }
      _ = wait(forInput: false)
    }
    readMessages()
    if let failure {
      end()
      return failure
    }
    if status == 0 { return nil }
    let signal = status & 0x7F
    let how = signal != 0 ? "was ended by signal \(signal)" : "ended with code \(status >> 8 & 0xFF)"
    guard let line = lastMessage else { return how }
    return "\(how): \(line)"
  }

  /// Ends it, with the helpers it may have started: it leads a group of its own.
  private func end() {
    guard !hasEnded else { return }
    hasEnded = true
    var status: Int32 = 0
    // Once somebody has waited for it, the number may be another's.
    guard waitpid(child, &status, WNOHANG) == 0 else { return }
    kill(-child, SIGKILL)
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
  }

  /// Waits a moment for room in its input, or for a message.
  /// - Returns: false if it has to be given up.
  private func wait(forInput: Bool) -> Bool {
    // What has a negative number is not waited for.
    var polled = [
      pollfd(fd: hasMessages ? messages : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: forInput ? input : -1, events: Int16(POLLOUT), revents: 0),
    ]
    _ = poll(&polled, 2, hasMessages || forInput ? 20 : 2)
    if polled[0].revents != 0 { readMessages() }
    var info = stat()
    if fstat(output, &info) == 0, info.st_size != outputSize {
      outputSize = info.st_size
      lastProgress = Clock.monotonic()
    }
    if Self.isStopping.load(ordering: .relaxed) {
      failure = "was ended with the process"
    } else if Clock.monotonic() &- lastProgress > patience {
      failure = "did nothing for \(patience / 1_000_000_000) s and was ended"
    }
    return failure == nil
  }

  private func readMessages() {
    var room = [UInt8](repeating: 0, count: Self.keptMessages)
    while true {
      let count = read(messages, &room, room.count)
      if count == 0 { hasMessages = false }
      guard count > 0 else { return }
      tail += room[..<count]
      if tail.count > Self.keptMessages { tail.removeFirst(tail.count - Self.keptMessages) }
    }
  }

  /// Its last line that is not empty, without control characters.
  private var lastMessage: String? {
    let lines = tail.split { $0 == 10 || $0 == 13 }
    guard let line = lines.last(where: { line in line.contains { $0 > 32 } }) else { return nil }
    return String(decoding: line.suffix(400).map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
  }
}
