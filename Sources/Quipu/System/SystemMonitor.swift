import Glibc
import QuipuBase
import QuipuRecords
import QuipuSync

/// Samples system metrics for all runs of the process, on one thread: "quipu-stats".
///
/// The thread starts with the first run that wants metrics and ends with the last. Nothing waits for it: a run that
/// ends is taken off its list, and a process that exits leaves it behind.
final class SystemMonitor: @unchecked Sendable {
  // @unchecked: mutable members are guarded by `lock`; an entry's content belongs to the thread.
  static let shared: SystemMonitor = {
    let monitor = SystemMonitor()
    ProcessState.shared.inEveryChild { monitor.resetInChild() }
    return monitor
  }()

  private let root: SystemRoot
  private let makeGPU: @Sendable (@escaping @Sendable () -> Void) -> GPUThread
  private let loop: @Sendable () -> SyncLoop?
  private var lock = ProcessState.makeMutex()
  private var wake = ProcessState.makeCondition()
  private var entries: [Entry] = []
  private var hasThread = false
  private var gpu: GPUThread?

  /// One run.
  private final class Entry {
    let core: RunCore
    let options: StatsOptions
    /// CLOCK_MONOTONIC of the next sample.
    var due: Int64
    /// Made on the thread: opening its files is not the caller's time.
    var host: HostSampler?
    var sample = StatsSample()
    /// A sample of the GPUs that has not come yet.
    var awaited: UInt64?
    /// Made on the thread, too.
    var endpoints: MetricsEndpoints?
    /// What the run is told of the machine once that is known; nil: nothing, or done.
    var facts: EnvironmentRecord?

    init(_ core: RunCore, _ options: StatsOptions, _ facts: EnvironmentRecord?, due: Int64) {
      self.core = core
      self.options = options
      self.facts = facts
      self.due = due
    }
  }

  init(
    root: SystemRoot = SystemRoot(),
    makeGPU: @escaping @Sendable (@escaping @Sendable () -> Void) -> GPUThread = { GPUThread(delivered: $0) },
    loop: @escaping @Sendable () -> SyncLoop? = { ProcessState.shared.syncLoop(HostFacts.processEnvironment()) }
  ) {
    self.root = root
    self.makeGPU = makeGPU
    self.loop = loop
  }

  // MARK: Runs

  /// Samples for a run from now on; the first sample is taken at once, on the thread.
  ///
  /// A process that can have no more threads goes without metrics.
  ///
  /// - Parameter facts: completed with what is known of the GPUs and put into the log; nil: not wanted.
  func add(_ core: RunCore, _ options: StatsOptions, facts: EnvironmentRecord? = nil) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    entries.append(Entry(core, options, facts, due: Clock.monotonic()))
    if hasThread {
      pthread_cond_broadcast(wake)
    } else {
      hasThread = Thread.start(name: "quipu-stats") { [self] in work() }
      if !hasThread { entries.removeLast() }
    }
  }

  /// Takes a run off the list; one that is being sampled loses this sample.
  func remove(_ core: RunCore) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard entries.contains(where: { $0.core === core }) else { return }
    entries.removeAll { $0.core === core }
    if entries.isEmpty { pthread_cond_broadcast(wake) }
  }

  // MARK: The thread

  private func work() {
    let generation = ProcessState.generation.load(ordering: .relaxed)
    pthread_mutex_lock(lock)
    let gpu = self.gpu ?? makeGPU { [self] in somethingCame() }
    self.gpu = gpu
    while let next = entries.min(by: { $0.due < $1.due }) {
      var refusal = RunCore.Refusal.none
      var concerned = next
      let now = Clock.monotonic()
      if let late = lateEntry(gpu) {
        concerned = late
        pthread_mutex_unlock(lock)
        refusal = takeLate(late, gpu)
        pthread_mutex_lock(lock)
      } else if next.due <= now {
        // Samples that were missed (the machine slept) are not made up for.
        next.due = next.due &+ next.options.interval
        if next.due <= now { next.due = now &+ next.options.interval }
        pthread_mutex_unlock(lock)
        refusal = sample(next, gpu)
        pthread_mutex_lock(lock)
      } else {
        var time = ProcessState.deadline(next.due)
        pthread_cond_timedwait(wake, lock, &time)
      }
      // In the child of a fork this thread has nothing to do.
      if generation != ProcessState.generation.load(ordering: .relaxed) { return }
      if refusal == .finished { entries.removeAll { $0 === concerned } }
    }
    hasThread = false
    gpu.stop()
    pthread_mutex_unlock(lock)
  }

  private func somethingCame() {
    pthread_mutex_lock(lock)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(lock)
  }

  private func lateEntry(_ gpu: GPUThread) -> Entry? {
    guard entries.contains(where: { $0.awaited != nil }) else { return nil }
    let last = gpu.last.number
    return entries.first { $0.awaited.map { $0 <= last } ?? false }
  }

  /// How long a sample waits for GPUs and endpoints before it goes without them. Units: nanoseconds.
  private static let patience: Int64 = 250_000_000

  private func sample(_ entry: Entry, _ gpu: GPUThread) -> RunCore.Refusal {
    // A driver that still owes an answer is asked again, but not waited for.
    let isLate = entry.awaited != nil
    let asked = gpu.request()
    entry.awaited = asked
    let isSlow = entry.endpoints?.isWaiting ?? false
    openEndpoints(entry)
    entry.endpoints?.fetch()
    entry.sample.removeAll()
    WorkGate.shared.enter()
    let host = entry.host ?? HostSampler(entry.options, root: root)
    entry.host = host
    host.sample(at: Clock.monotonic(), into: &entry.sample)
    WorkGate.shared.leave()
    host.sampleSpace(into: &entry.sample)
    wait(until: Clock.monotonic() &+ min(Self.patience, entry.options.interval / 2)) {
      if let asked, !isLate, gpu.last.number < asked { return false }
      return isSlow || !(entry.endpoints?.isWaiting ?? false)
    }
    WorkGate.shared.enter()
    defer { WorkGate.shared.leave() }
    takeGPU(entry, gpu)
    entry.endpoints?.take(into: &entry.sample)
    return offer(entry)
  }

  private func openEndpoints(_ entry: Entry) {
    guard let plan = entry.options.endpoints, entry.endpoints == nil, let loop = loop() else { return }
    let id = entry.core.runID
    entry.endpoints = MetricsEndpoints(plan, loop: loop) { patterns in
      Diagnostics.shared.report(
        Diagnostic(
          .warning, kind: "open_metrics_bad_filter",
          "x_stats_open_metrics_filters: not a POSIX extended regular expression: " + patterns.joined(separator: ", ")),
        run: id)
    } answered: { [self] in somethingCame() }
  }

  private func takeLate(_ entry: Entry, _ gpu: GPUThread) -> RunCore.Refusal {
    WorkGate.shared.enter()
    defer { WorkGate.shared.leave() }
    entry.sample.removeAll()
    takeGPU(entry, gpu)
    return offer(entry)
  }

  private func offer(_ entry: Entry) -> RunCore.Refusal {
    guard !entry.sample.isEmpty else { return .none }
    return entry.core.offer(.stats, json: entry.sample.json(suffix: entry.options.suffix))
  }

  private func wait(until end: Int64, _ isReady: () -> Bool) {
    pthread_mutex_lock(lock)
    var time = ProcessState.deadline(end)
    while !isReady(), !entries.isEmpty, Clock.monotonic() < end {
      pthread_cond_timedwait(wake, lock, &time)
    }
    pthread_mutex_unlock(lock)
  }

  /// Adds what the GPUs told, if it has come.
  private func takeGPU(_ entry: Entry, _ gpu: GPUThread) {
    let last = gpu.last
    if let awaited = entry.awaited, last.number >= awaited {
      entry.awaited = nil
      for reading in last.readings where entry.options.gpuIDs?.contains(Int64(reading.index)) ?? true {
        let isUsed = reading.processes.contains { ProcessTree.descends($0, from: entry.options.processID, root: root) }
        reading.add(to: &entry.sample, isUsed: isUsed)
      }
    }
    if var record = entry.facts, last.facts != nil || last.isAbsent {
      entry.facts = nil
      last.facts?.fill(&record)
      if let count = entry.options.gpuCount { record.gpuCount = count }
      if let type = entry.options.gpuType { record.gpuType = type }
      if record.gpuCount > 0 || !record.gpuType.isEmpty { _ = entry.core.offer(Record(num: 0, .environment(record))) }
    }
  }

  // MARK: Fork

  private func resetInChild() {
    lock = ProcessState.makeMutex()
    wake = ProcessState.makeCondition()
    for entry in entries {
      entry.host?.close()
      // Never released: the run it holds is the parent's.
      _ = Unmanaged.passRetained(entry)
    }
    entries = []
    hasThread = false
    // Its lock may be held, its driver call may be under way.
    if let gpu { _ = Unmanaged.passRetained(gpu) }
    gpu = nil
  }
}
