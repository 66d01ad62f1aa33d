import Glibc
import QuipuBase
import QuipuSync
import Synchronization

/// What the runs of a process share: the list of open runs, the writer thread, the encoders, the sync loop, the
/// diagnostics callback.
///
/// Lock order: `lock` before a run's writer lock. Neither is held while a disk or a server is waited for.
final class ProcessState: @unchecked Sendable {
  // @unchecked: mutable members are guarded by `lock`.
  static let shared = ProcessState()

  /// Number of forks between the process that loaded the library and this one.
  static let generation = Atomic<Int>(0)

  private(set) var lock: UnsafeMutablePointer<pthread_mutex_t>
  private var wake: UnsafeMutablePointer<pthread_cond_t>
  private var progress: UnsafeMutablePointer<pthread_cond_t>
  /// Held by the writer thread while it works on entries, so that a fork finds it at rest.
  private(set) var working: UnsafeMutablePointer<pthread_mutex_t>
  private var runs: [RunCore] = []
  private var hasWriter = false
  private var wakeRequested = false
  private var waiters = 0
  private var hasSwept = false
  var media: PendingMediaStore
  /// Made when the first run goes online, together with its thread.
  private var loop: SyncLoop?
  /// Uploads that have not ended, those of finished runs included.
  private var uploads: [OnlineRun] = []
  private let hasExited = Atomic<Bool>(false)
  private let exitCode = Atomic<Int64>(Int64.min)

  private init() {
    lock = Self.makeMutex()
    working = Self.makeMutex()
    wake = Self.makeCondition()
    progress = Self.makeCondition()
    media = PendingMediaStore(pool: WorkerPool(finished: { ProcessState.shared.wakeWriter() }))
    pthread_key_create(&heldAtFork, nil)
    pthread_atfork({ ProcessState.shared.beforeFork() }, { ProcessState.shared.afterFork() },
      { ProcessState.shared.inChild() })
    on_exit({ status, _ in ProcessState.shared.atExit(status) }, nil)
  }

  static func makeMutex() -> UnsafeMutablePointer<pthread_mutex_t> {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
  }

  static func makeCondition() -> UnsafeMutablePointer<pthread_cond_t> {
    let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
    return condition
  }

  static func deadline(_ nanoseconds: Int64) -> timespec {
    timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }

  // MARK: Runs

  /// Hands a run to the writer thread.
  ///
  /// - Returns: false if no thread can be had.
  func add(_ core: RunCore) -> Bool {
    pthread_mutex_lock(lock)
    runs.append(core)
    var ok = true
    if !hasWriter {
      hasWriter = Thread.start(name: "quipu-writer") { [self] in writerLoop() }
      ok = hasWriter
      if !ok { runs.removeAll { $0 === core } }
    }
    // Without runs the writer sleeps long.
    wakeRequested = true
    pthread_cond_signal(wake)
    pthread_mutex_unlock(lock)
    return ok
  }

  func remove(_ core: RunCore) {
    pthread_mutex_lock(lock)
    runs.removeAll { $0 === core }
    pthread_mutex_unlock(lock)
  }

  var openRuns: [RunCore] {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return runs
  }

  // MARK: Uploads

  /// The process's sync loop, made if there is none.
  ///
  /// - Parameter environment: the process's: proxies and certificate files.
  /// - Returns: nil if no thread can be had.
  func syncLoop(_ environment: [String: String]) -> SyncLoop? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if let loop { return loop }
    let made = SyncLoop(environment: environment)
    // Exit handlers run in the opposite order: this one must come before the TLS library takes itself down.
    made.didOpenLibrary = { on_exit({ status, _ in ProcessState.shared.atExit(status) }, nil) }
    guard made.start() else { return nil }
    loop = made
    return made
  }

  private var presentLoop: SyncLoop? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return loop
  }

  func add(_ upload: OnlineRun) {
    pthread_mutex_lock(lock)
    uploads.append(upload)
    pthread_mutex_unlock(lock)
  }

  func uploadEnded(_ upload: OnlineRun) {
    pthread_mutex_lock(lock)
    uploads.removeAll { $0 === upload }
    pthread_cond_broadcast(progress)
    pthread_mutex_unlock(lock)
  }

  var openUploads: [OnlineRun] {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return uploads
  }

  /// Something has happened that a `wait` may be waiting for.
  func signalProgress() {
    pthread_mutex_lock(lock)
    if waiters > 0 { pthread_cond_broadcast(progress) }
    pthread_mutex_unlock(lock)
  }

  // MARK: The writer thread

  /// Asks the writer to look now. A system call: used when a ring fills up or somebody waits, not for every row.
  func wakeWriter() {
    pthread_mutex_lock(lock)
    wakeRequested = true
    pthread_cond_signal(wake)
    pthread_mutex_unlock(lock)
  }

  /// Waits until `condition` holds or the monotonic clock reaches `end`.
  ///
  /// - Returns: whether it holds.
  func wait(until end: Int64, _ condition: () -> Bool) -> Bool {
    if condition() { return true }
    // A diagnostics callback that waits for its own thread would wait for ever.
    if isWriter || presentLoop?.isLoopThread == true { return false }
    pthread_mutex_lock(lock)
    waiters += 1
    defer {
      waiters -= 1
      pthread_mutex_unlock(lock)
    }
    var asks = true
    while !condition() {
      if asks {
        wakeRequested = true
        pthread_cond_signal(wake)
      }
      let now = Clock.monotonic()
      if now >= end { return false }
      // The condition may become true without the writer (a forked child, a dying thread): look again now and then.
      var time = Self.deadline(min(end, now &+ 50_000_000))
      asks = pthread_cond_timedwait(progress, lock, &time) == ETIMEDOUT
    }
    return true
  }

  private static let shortestPause: Int64 = 1_000_000
  private static let longestPause: Int64 = 10_000_000

  private let writerThread = Atomic<UInt>(0)
  private var isWriter: Bool { writerThread.load(ordering: .relaxed) == UInt(pthread_self()) }

  private func writerLoop() {
    writerThread.store(UInt(pthread_self()), ordering: .relaxed)
    let generation = Self.generation.load(ordering: .relaxed)
    var pause = Self.shortestPause
    var idleSince: Int64 = 0
    // A callback that forks takes a copy of this thread into the child, where it has nothing to do.
    while generation == Self.generation.load(ordering: .relaxed) {
      let cores = openRuns
      var busy = false
      var changed = false
      for core in cores {
        pthread_mutex_lock(working)
        let pass = core.pump(working: working)
        pthread_mutex_unlock(working)
        busy = busy || pass.isBusy
        changed = changed || pass.hasChanged
      }
      if !busy && !hasSwept {
        hasSwept = true
        // On a thread of its own: a long log of a dead run must not hold up the living ones.
        _ = Thread.start(name: "quipu-recover") { Recovery.sweep() }
      }
      pthread_mutex_lock(lock)
      if waiters > 0, changed { pthread_cond_broadcast(progress) }
      if busy {
        pause = Self.shortestPause
        idleSince = 0
      } else {
        if !wakeRequested {
          var time = Self.deadline(Clock.monotonic() &+ (runs.isEmpty ? 3_600_000_000_000 : pause))
          pthread_cond_timedwait(wake, lock, &time)
          if idleSince == 0 { idleSince = Clock.monotonic() }
          if pause < Self.longestPause { pause = min(pause &* 2, Self.longestPause) }
        }
        wakeRequested = false
      }
      pthread_mutex_unlock(lock)
    }
  }

  // MARK: Fork

  // The writer is brought to rest, so that the child does not inherit a lock of the allocator or the run-time that it
  // holds. A disk that hangs must not hang the fork: the wait is short.
  //
  // Several threads may fork at once, and one may find the locks held by another: what a thread holds is noted for itself.
  func beforeFork() {
    let held = HeldAtFork()
    // Before the locks below: the loop's thread may want them on its way to rest.
    if let loop = presentLoop { held.loop = (loop, loop.prepareFork()) }
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    time.tv_nsec += 200_000_000
    if time.tv_nsec >= 1_000_000_000 {
      time.tv_sec += 1
      time.tv_nsec -= 1_000_000_000
    }
    held.working = pthread_mutex_timedlock(working, &time) == 0
    held.lock = pthread_mutex_timedlock(lock, &time) == 0
    held.gate = WorkGate.shared.close(until: &time)
    pthread_setspecific(heldAtFork, Unmanaged.passRetained(held).toOpaque())
  }
  private var heldAtFork = pthread_key_t()

  private final class HeldAtFork {
    var working = false
    var lock = false
    var gate = false
    var loop: (SyncLoop, SyncLoop.ForkHold)?
  }

  private func takeHeld() -> HeldAtFork? {
    guard let held = pthread_getspecific(heldAtFork) else { return nil }
    pthread_setspecific(heldAtFork, nil)
    return Unmanaged<HeldAtFork>.fromOpaque(held).takeRetainedValue()
  }

  func afterFork() {
    guard let held = takeHeld() else { return }
    if held.gate { WorkGate.shared.open() }
    if held.lock { pthread_mutex_unlock(lock) }
    if held.working { pthread_mutex_unlock(working) }
    if let (loop, hold) = held.loop { loop.afterForkInParent(hold) }
  }

  private func inChild() {
    Self.generation.add(1, ordering: .relaxed)
    // The old ones may be locked by threads that do not exist here. They are few bytes: left behind.
    lock = Self.makeMutex()
    working = Self.makeMutex()
    wake = Self.makeCondition()
    progress = Self.makeCondition()
    WorkGate.shared.resetInChild()
    for core in runs {
      core.abandonInChild()
      // Never released: its end must not touch what the parent uses.
      _ = Unmanaged.passRetained(core)
    }
    runs = []
    for upload in uploads {
      upload.abandonInChild()
      _ = Unmanaged.passRetained(upload)
    }
    uploads = []
    if let (old, hold) = takeHeld()?.loop { old.afterForkInChild(hold) }
    if let loop { _ = Unmanaged.passRetained(loop) }
    loop = nil
    hasWriter = false
    writerThread.store(0, ordering: .relaxed)
    wakeRequested = false
    waiters = 0
    hasSwept = true
    _ = Unmanaged.passRetained(media)
    media = PendingMediaStore(pool: WorkerPool(finished: { ProcessState.shared.wakeWriter() }))
    Diagnostics.shared.resetInChild()
    for hook in childHooks { hook() }
  }

  private var childHooks: [() -> Void] = []

  /// Has something done in the child of every fork: locks that another thread may have held are made anew there.
  func inEveryChild(_ hook: @escaping () -> Void) {
    pthread_mutex_lock(lock)
    childHooks.append(hook)
    pthread_mutex_unlock(lock)
  }

  // MARK: Exit

  func setExitCode(_ code: Int32) { exitCode.store(Int64(code), ordering: .relaxed) }

  private static let exitPatience: Int64 = 10_000_000_000
  private static let stopPatience: Int64 = 1_000_000_000

  private func atExit(_ status: Int32) {
    // Registered twice, see `syncLoop`.
    guard !hasExited.exchange(true, ordering: .relaxed) else { return }
    let chosen = exitCode.load(ordering: .relaxed)
    let code = chosen == Int64.min ? status : Int32(truncatingIfNeeded: chosen)
    let end = Clock.monotonic() &+ Self.exitPatience
    if !finishAll(code, until: end), presentLoop?.isLoopThread == true {
      // A stop handler that calls exit. The writer has a thread of its own.
      while !openRuns.isEmpty, Clock.monotonic() < end { usleep(5_000) }
    }
    if !openRuns.isEmpty, presentLoop?.isLoopThread != true {
      // A video program that hangs does not outlive the process, and its row is kept without the video.
      FFmpegProcess.isStopping.store(true, ordering: .relaxed)
      _ = finishAll(code, until: Clock.monotonic() &+ Self.stopPatience)
    }
    waitForUploads()
    // What libcurl uses is taken down next.
    presentLoop?.stop()
  }

  /// Ends all open runs at once, then waits for all of them.
  func finishAll(_ code: Int32, until end: Int64) -> Bool {
    let open = openRuns
    for core in open { core.requestFinish(code, isExplicit: false) }
    var all = true
    for core in open where !core.waitFinished(until: end) { all = false }
    return all
  }

  /// At the end of the process: an upload that moves nothing for so long is left to `quipu sync`. The second is for
  /// runs whose finish has waited as long as its caller wanted.
  private static let uploadPatience: Int64 = 60_000_000_000
  private static let shortPatience: Int64 = 5_000_000_000

  /// Waits for the uploads as long as they get on.
  private func waitForUploads() {
    let start = Clock.monotonic()
    let all = openUploads
    var marks = all.map { (mark: $0.mark, since: start) }
    // Called from a callback on the loop's own thread nothing is sent any more.
    while presentLoop?.isLoopThread != true {
      let now = Clock.monotonic()
      var rest: [OnlineRun] = []
      for (at, upload) in all.enumerated() where !upload.isOver && now &- start < upload.exitLimit {
        // The setting's time is over already.
        if upload.exitLimit != .max && upload.isGivenUp.load(ordering: .relaxed) { continue }
        let mark = upload.mark
        if mark != marks[at].mark { marks[at] = (mark, now) }
        let patience = upload.isGivenUp.load(ordering: .relaxed) ? Self.shortPatience : Self.uploadPatience
        if now &- marks[at].since < patience { rest.append(upload) }
      }
      if rest.isEmpty { break }
      // The writer's thread does not wait for conditions.
      if !wait(until: now &+ 200_000_000, { rest.allSatisfy(\.isOver) }), isWriter { usleep(20_000) }
    }
    for upload in all where !upload.isOver {
      Diagnostics.shared.report(
        Diagnostic(
          .warning, kind: "upload_incomplete",
          "not everything was sent before the process ended; `quipu sync \(upload.directory)` sends the rest"),
        run: upload.runID)
    }
  }

  /// Waits for the uploads of the runs that are finished by then.
  func waitForUploads(until end: Int64) -> Bool {
    let all = openUploads
    return wait(until: end) { all.allSatisfy(\.isOver) }
  }
}

/// The process's diagnostics callback.
public final class Diagnostics: @unchecked Sendable {
  // @unchecked: the handler is guarded by the mutex, which is recursive so that a handler may replace itself.
  public static let shared = Diagnostics()
  private var mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var handler: ((Diagnostic, String) -> Void)?

  private init() { mutex = Self.makeMutex() }

  /// Recursive.
  static func makeMutex() -> UnsafeMutablePointer<pthread_mutex_t> {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    pthread_mutex_init(mutex, &attributes)
    pthread_mutexattr_destroy(&attributes)
    return mutex
  }

  /// Sets who hears about dropped rows, full disks and ignored settings; nil: nobody.
  ///
  /// The handler gets the diagnostic and the run's id ("" if it concerns no run). It runs on the thread that caused it
  /// or on a library thread, never twice at once, and must not wait for the library.
  public func setHandler(_ handler: ((Diagnostic, String) -> Void)?) {
    pthread_mutex_lock(mutex)
    self.handler = handler
    pthread_mutex_unlock(mutex)
  }

  func report(_ diagnostic: Diagnostic, run: String) {
    pthread_mutex_lock(mutex)
    handler?(diagnostic, run)
    pthread_mutex_unlock(mutex)
  }

  func resetInChild() { mutex = Self.makeMutex() }
}
