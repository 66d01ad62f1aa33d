import CCurl
import Glibc
import QuipuBase
import Synchronization

/// The one thread that sends everything over the network, and the only real ``RequestSender``.
///
/// It waits in one poll for libcurl's sockets, for timers and for posted work. libcurl is opened at the first request.
///
/// Threads: `post`, `start`, `stop` and the calls around a fork are for any thread; everything else, and all
/// completions, timers and posted work, is for the loop's thread: its own after `start`, or that of a caller of `run`.
///
/// Locks: `working` is held whenever the loop does anything but wait; `gate` guards the few members that other threads
/// touch. `working` is taken before `gate`. No lock of libcurl's or OpenSSL's is held while `working` is free.
package final class SyncLoop: RequestSender, @unchecked Sendable {
  // @unchecked: see Locks.

  private enum Phase { case idle, running, stopping, stopped }

  let working: UnsafeMutablePointer<pthread_mutex_t>
  let gate: UnsafeMutablePointer<pthread_mutex_t>
  private let ended: UnsafeMutablePointer<pthread_cond_t>
  private let event: Int32
  private let isDead = Atomic<Bool>(false)
  private let loopThread = Atomic<UInt>(0)
  /// The thread of `start` until it is joined. Behind `gate`.
  private var thread: pthread_t?

  // Guarded by `gate`.
  private var phase = Phase.idle
  private var posted: [@Sendable () -> Void] = []

  // Guarded by `working`.
  private var timers = TimerQueue()
  private var later: [() -> Void] = []
  private var lastID: UInt64 = 0
  let proxies: ProxyRules
  let trust: TrustEnvironment
  var curl: CurlLibrary?
  var multi: UnsafeMutableRawPointer?
  var transfers: [UInt64: Transfer] = [:]
  /// By the address of the easy handle.
  var transferOfHandle: [UnsafeMutableRawPointer: Transfer] = [:]
  var idleHandles: [UnsafeMutableRawPointer] = []
  /// The directory of certificates was not enough once.
  var needsAllCertificates = false
  /// Open sockets of libcurl.
  var sockets: [Int32] = []

  /// Called once, on the loop's thread, when libcurl has been opened. Exit handlers registered then run before those of
  /// the TLS library. Set it before `start`.
  package var didOpenLibrary: (@Sendable () -> Void)?

  /// - Parameter environment: the process's; proxies and certificate files are taken from it where the options of a
  ///   request say nothing.
  package init(environment: [String: String]) {
    proxies = ProxyRules(environment: environment)
    trust = TrustEnvironment(environment: environment)
    working = .allocate(capacity: 1)
    pthread_mutex_init(working, nil)
    gate = .allocate(capacity: 1)
    pthread_mutex_init(gate, nil)
    ended = .allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(ended, &attributes)
    pthread_condattr_destroy(&attributes)
    event = quipu_event_open()
  }

  deinit {
    // Never reached in a forked child; see `afterForkInChild`.
    closeLibrary()
    if event >= 0 { close(event) }
    pthread_cond_destroy(ended)
    pthread_mutex_destroy(gate)
    pthread_mutex_destroy(working)
    ended.deallocate()
    gate.deallocate()
    working.deallocate()
  }

  private func withGate<T>(_ body: () -> T) -> T {
    pthread_mutex_lock(gate)
    defer { pthread_mutex_unlock(gate) }
    return body()
  }

  /// Whether the calling thread is the one that runs the loop.
  package var isLoopThread: Bool { loopThread.load(ordering: .relaxed) == UInt(pthread_self()) }

  // MARK: Any thread

  /// Has `work` done on the loop's thread, in the order of the calls. Work posted before `start` waits for it.
  ///
  /// - Returns: false if the loop has ended, or belongs to the parent of this forked process.
  @discardableResult
  package func post(_ work: @escaping @Sendable () -> Void) -> Bool {
    if isDead.load(ordering: .relaxed) { return false }
    let wakes = withGate { () -> Bool? in
      if phase == .stopping || phase == .stopped { return nil }
      posted.append(work)
      return posted.count == 1
    }
    if wakes == true && event >= 0 { quipu_event_raise(event) }
    return wakes != nil
  }

  /// Starts the library's thread "quipu-sync". Starting twice is harmless.
  ///
  /// - Returns: false if there is no thread to be had, or the loop has ended.
  package func start() -> Bool {
    if isDead.load(ordering: .relaxed) || event < 0 { return false }
    pthread_mutex_lock(gate)
    defer { pthread_mutex_unlock(gate) }
    guard phase == .idle else { return phase == .running }
    guard let made = Thread.startJoinable(name: "quipu-sync", { [self] in threadMain() }) else { return false }
    thread = made
    phase = .running
    return true
  }

  /// Ends the loop for good: what is under way is answered with `.cancelled`, then nothing happens any more.
  ///
  /// Blocking: until the thread has ended, at most `nanoseconds`; not at all on the loop's own thread.
  ///
  /// - Returns: whether it has ended.
  @discardableResult
  package func stop(within nanoseconds: Int64 = 2_000_000_000) -> Bool {
    if isDead.load(ordering: .relaxed) { return true }
    pthread_mutex_lock(gate)
    let before = phase
    switch before {
    case .idle: phase = .stopped
    case .running: phase = .stopping
    case .stopping, .stopped: break
    }
    pthread_mutex_unlock(gate)
    if before == .idle && isLoopThread {
      // Inside `run`, which sees to the rest.
      withGate { phase = .stopping }
      return false
    }
    if before == .idle {
      pthread_mutex_lock(working)
      shutDown()
      pthread_mutex_unlock(working)
      return true
    }
    if event >= 0 { quipu_event_raise(event) }
    if isLoopThread { return false }
    let end = Clock.monotonic() &+ nanoseconds
    pthread_mutex_lock(gate)
    while phase != .stopped {
      var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
      if pthread_cond_timedwait(ended, gate, &time) == ETIMEDOUT, phase != .stopped {
        pthread_mutex_unlock(gate)
        return false
      }
    }
    let last = thread
    thread = nil
    pthread_mutex_unlock(gate)
    // Also what the TLS library and others keep for each thread has to be gone: at the exit of the process they free
    // the same things next. The thread does nothing else any more.
    if let last { pthread_join(last, nil) }
    return true
  }

  // MARK: The loop's thread

  private func threadMain() {
    loopThread.store(UInt(pthread_self()), ordering: .relaxed)
    while withGate({ phase == .running }), !isDead.load(ordering: .relaxed) {
      turn(atMost: Self.longestWait)
    }
    // A completion that forked took a copy of this thread into the child.
    if !isDead.load(ordering: .relaxed) { endForGood() }
  }

  private func endForGood() {
    pthread_mutex_lock(working)
    shutDown()
    pthread_mutex_unlock(working)
    pthread_mutex_lock(gate)
    phase = .stopped
    posted = []
    pthread_cond_broadcast(ended)
    pthread_mutex_unlock(gate)
  }

  private static let longestWait: Int64 = 3_600_000_000_000

  /// Runs the loop on the calling thread until `condition` holds; for programs whose main thread has nothing else to do.
  /// Not after `start`, and not from inside the loop.
  ///
  /// - Parameters:
  ///   - end: CLOCK_MONOTONIC in nanoseconds; default: no end.
  ///   - condition: asked after each piece of work and at least four times a second.
  /// - Returns: whether it holds.
  @discardableResult
  package func run(until end: Int64 = .max, _ condition: () -> Bool) -> Bool {
    guard !isDead.load(ordering: .relaxed), withGate({ phase == .idle }), !isLoopThread else { return condition() }
    let brokenPipes = BlockedPipeSignal()
    defer { brokenPipes.restore() }
    loopThread.store(UInt(pthread_self()), ordering: .relaxed)
    defer { loopThread.store(0, ordering: .relaxed) }
    while !condition() {
      let left = end &- Clock.monotonic()
      if left <= 0 || isDead.load(ordering: .relaxed) { return false }
      turn(atMost: min(left, 250_000_000), returnsAfterWork: true)
      if withGate({ phase == .stopping }) {
        endForGood()
        return condition()
      }
    }
    return true
  }

  /// - Parameter returnsAfterWork: what was done may have made true what a caller of `run` waits for.
  private func turn(atMost longest: Int64, returnsAfterWork: Bool = false) {
    pthread_mutex_lock(working)
    let fresh = withGate { take(&posted) }
    for work in fresh { work() }
    var now = Clock.monotonic()
    // Work that asks for more at once must not keep the sockets waiting.
    var fired = 0
    while fired < 64, let timer = timers.takeDue(now) {
      timer.work()
      fired += 1
    }
    if multi != nil { perform() }
    let answers = take(&later)
    for answer in answers { answer() }
    now = Clock.monotonic()
    var wait = longest
    let hasWorked = !fresh.isEmpty || fired > 0 || !answers.isEmpty
    if !later.isEmpty || (returnsAfterWork && hasWorked) { wait = 0 }
    if let due = timers.nextDue { wait = min(wait, max(0, due &- now)) }
    let multi = multi
    let curl = curl
    pthread_mutex_unlock(working)
    if isDead.load(ordering: .relaxed) { return }
    // Rounded up: a timer that is looked at too early would be looked at again and again.
    let milliseconds = Int32(clamping: (wait &+ 999_999) / 1_000_000)
    if let multi, let curl {
      if quipu_curl_multi_poll(curl.functions, multi, event, milliseconds) != CURLM_OK { usleep(10_000) }
    } else {
      var wanted = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
      _ = poll(&wanted, 1, milliseconds)
    }
    if isDead.load(ordering: .relaxed) { return }
    quipu_event_clear(event)
  }

  private func take<T>(_ list: inout [T]) -> [T] {
    guard !list.isEmpty else { return [] }
    var taken: [T] = []
    swap(&taken, &list)
    return taken
  }

  /// Answers everything that is under way; what that asks for anew is answered at once.
  private func shutDown() {
    isShut = true
    timers.removeAll()
    for transfer in Array(transfers.values) { end(transfer, .failure(Self.cancelled)) }
    // Bounded: an endless chain of requests that fail must not keep the thread.
    for _ in 0..<16 {
      let work = take(&later)
      if work.isEmpty { break }
      for item in work { item() }
    }
    later = []
    timers.removeAll()
    closeLibrary()
  }
  private(set) var isShut = false

  static let cancelled = HTTPFailure(.cancelled, "cancelled")

  // MARK: RequestSender

  package var now: Int64 { Clock.monotonic() }

  func nextID() -> UInt64 {
    lastID &+= 1
    return lastID
  }

  /// Has `work` done in this turn or the next, outside libcurl's calls.
  func soon(_ work: @escaping () -> Void) { later.append(work) }

  @discardableResult
  package func after(_ nanoseconds: Int64, _ work: @escaping () -> Void) -> UInt64 {
    let id = nextID()
    guard !isDead.load(ordering: .relaxed), !isShut else { return id }
    let (due, tooFar) = Clock.monotonic().addingReportingOverflow(max(0, nanoseconds))
    timers.add(due: tooFar ? .max : due, id: id, work)
    return id
  }

  package func cancelTimer(_ timer: UInt64) { timers.remove(timer) }

  /// Sends a request. In a forked child, and after the loop has ended, `done` is called at once with `.cancelled`:
  /// nobody would call it later.
  @discardableResult
  package func send(
    _ request: HTTPRequest, _ options: ConnectionOptions, _ done: @escaping (Result<HTTPAnswer, HTTPFailure>) -> Void
  ) -> UInt64 {
    if isDead.load(ordering: .relaxed) {
      done(.failure(HTTPFailure(.cancelled, "this connection belongs to the parent of the forked process")))
      return 0
    }
    let id = nextID()
    if isShut {
      soon { done(.failure(Self.cancelled)) }
      return id
    }
    begin(id, request, options, done)
    return id
  }

  package func cancel(_ request: UInt64) {
    guard !isDead.load(ordering: .relaxed), let transfer = transfers[request] else { return }
    end(transfer, .failure(Self.cancelled))
  }

  // MARK: Fork

  /// Brings the loop to a point where it is in no call of libcurl's but waits. To be called before a fork, by the thread
  /// that forks; several may fork at once.
  ///
  /// Blocking: at most 200 ms, not at all on the loop's own thread (its completions run outside libcurl).
  ///
  /// - Returns: what `afterForkInParent` and `afterForkInChild` want to know.
  package func prepareFork() -> ForkHold {
    var hold = ForkHold()
    if isDead.load(ordering: .relaxed) || isLoopThread { return hold }
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    time.tv_nsec += 200_000_000
    if time.tv_nsec >= 1_000_000_000 {
      time.tv_sec += 1
      time.tv_nsec -= 1_000_000_000
    }
    hold.working = pthread_mutex_timedlock(working, &time) == 0
    hold.gate = pthread_mutex_timedlock(gate, &time) == 0
    return hold
  }

  package struct ForkHold: Sendable {
    fileprivate(set) var working = false
    fileprivate(set) var gate = false
  }

  package func afterForkInParent(_ hold: ForkHold) {
    if hold.gate { pthread_mutex_unlock(gate) }
    if hold.working { pthread_mutex_unlock(working) }
  }

  /// Makes this loop inert in the child: no handle of libcurl's is touched or freed, the child's copies of the sockets
  /// are closed, so that the parent's connections end when the parent ends them. A new `SyncLoop` may be made.
  package func afterForkInChild(_ hold: ForkHold) {
    if isDead.exchange(true, ordering: .relaxed) { return }
    // Otherwise the list may have been caught half changed.
    if hold.working { for socket in sockets { close(socket) } }
    // Its end must not touch what belongs to the parent.
    _ = Unmanaged.passRetained(self)
  }
}

/// SIGPIPE kept away from a thread: TLS libraries write without asking the kernel to keep quiet.
private struct BlockedPipeSignal {
  private var old = sigset_t()
  private var pipe = sigset_t()
  private let wasBlocked: Bool

  init() {
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, &old)
    wasBlocked = sigismember(&old, SIGPIPE) == 1
  }

  func restore() {
    if wasBlocked { return }
    var none = timespec()
    var pipe = pipe
    var old = old
    while sigtimedwait(&pipe, nil, &none) == SIGPIPE {}
    pthread_sigmask(SIG_SETMASK, &old, nil)
  }
}
