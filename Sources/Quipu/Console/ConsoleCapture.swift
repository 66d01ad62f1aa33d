import Glibc
import Synchronization

/// Console capture at the level of descriptors (setting `console` = "redirect"): everything that the process and its
/// children write to descriptors 1 and 2, in any language, reaches the terminal as before and the logs of all runs that
/// capture.
///
/// It begins with the first such run and ends with the last: the descriptors get back what they were, and what was
/// written before is waited for, within a bound. One thread per descriptor passes bytes on: "quipu-stdout",
/// "quipu-stderr". A process that dies takes with it what the two pipes hold at that moment (up to 64 KiB each,
/// normally nothing), for the terminal too.
final class ConsoleCapture: @unchecked Sendable {
  // @unchecked: mutable members are guarded by `lock`.
  static let shared: ConsoleCapture = {
    let capture = ConsoleCapture(targets: [(1, 1), (2, 2)], flushesStandardIO: true)
    ProcessState.shared.inEveryChild { capture.resetInChild() }
    return capture
  }()

  private let targets: [(descriptor: Int32, stream: UInt8)]
  private let flushesStandardIO: Bool
  private var lock = ProcessState.makeMutex()
  private var session: Session?
  /// All whose threads have not ended.
  private var streams: [CapturedStream] = []

  /// What is written while the same descriptors are in place.
  private final class Session: @unchecked Sendable {
    // @unchecked: the list is guarded by the mutex.
    private let list = Mutex<[RunCore]>([])
    var streams: [CapturedStream] = []

    var cores: [RunCore] { list.withLock { $0 } }
    func add(_ core: RunCore) { list.withLock { $0.append(core) } }
    func remove(_ core: RunCore) { list.withLock { $0.removeAll { $0 === core } } }
  }

  /// - Parameter targets: descriptors and the numbers of their streams in the log (1: stdout, 2: stderr).
  init(targets: [(descriptor: Int32, stream: UInt8)], flushesStandardIO: Bool = false) {
    self.targets = targets
    self.flushesStandardIO = flushesStandardIO
  }

  /// Captures for a run from now on.
  ///
  /// - Returns: false if neither descriptor can be captured.
  func add(_ core: RunCore) -> Bool {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if let session {
      session.add(core)
      return true
    }
    let session = Session()
    session.add(core)
    for target in targets {
      guard let stream = CapturedStream(target: target.descriptor) else { continue }
      let name = target.stream == 1 ? "quipu-stdout" : "quipu-stderr"
      let started = Thread.start(name: name) { [self] in
        stream.run { bytes in
          for core in session.cores { Self.give(bytes, target.stream, core) }
        }
        forget(stream)
      }
      guard started else {
        stream.restore()
        stream.closeInChild()
        continue
      }
      session.streams.append(stream)
      streams.append(stream)
    }
    guard !session.streams.isEmpty else { return false }
    self.session = session
    return true
  }

  /// Ends the capture of a run: what was written before this call is in its ring then.
  ///
  /// Blocking: until the terminal has taken that, at most a second.
  func remove(_ core: RunCore) {
    pthread_mutex_lock(lock)
    guard let session, session.cores.contains(where: { $0 === core }) else {
      pthread_mutex_unlock(lock)
      return
    }
    pthread_mutex_unlock(lock)
    let end = Clock.monotonic() &+ Self.patience
    if flushesStandardIO { StandardIO.flush(until: end) }
    pthread_mutex_lock(lock)
    let isLast = self.session === session && session.cores.count == 1
    if isLast {
      self.session = nil
      for stream in session.streams { stream.restore() }
    }
    pthread_mutex_unlock(lock)
    // Several looks: a terminal hands on what it was given a moment later.
    var silent = 0
    while silent < 3, Clock.monotonic() < end {
      silent = session.streams.allSatisfy(\.isSilent) ? silent + 1 : 0
      usleep(500)
    }
    session.remove(core)
  }

  private static let patience: Int64 = 1_000_000_000

  /// Never waits: the terminal would wait too.
  private static func give(_ bytes: UnsafeRawBufferPointer, _ stream: UInt8, _ core: RunCore) {
    let refusal = core.offer(.output, payload: bytes.count &+ 1) { out in
      out.storeBytes(of: stream, as: UInt8.self)
      if let start = bytes.baseAddress { (out + 1).copyMemory(from: start, byteCount: bytes.count) }
    }
    if refusal == .full { core.countDropped() }
  }

  private func forget(_ stream: CapturedStream) {
    pthread_mutex_lock(lock)
    streams.removeAll { $0 === stream }
    pthread_mutex_unlock(lock)
  }

  private func resetInChild() {
    lock = ProcessState.makeMutex()
    for stream in streams {
      stream.closeInChild()
      _ = Unmanaged.passRetained(stream)
    }
    if let session { _ = Unmanaged.passRetained(session) }
    streams = []
    session = nil
  }
}
