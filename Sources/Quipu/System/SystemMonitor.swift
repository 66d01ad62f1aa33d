import Glibc
import QuipuBase
import QuipuRecords
import Synchronization

/// Samples system metrics for all runs of the process, on one thread: "quipu-stats".
///
/// The thread starts with the first run that wants metrics and ends with the last. Nothing waits for it: a run that
/// ends is taken off its list, and a process that exits leaves it behind.
final class SystemMonitor: @unchecked Sendable {
  // @unchecked: mutable members are guarded by `lock`; an entry's sampler belongs to the thread.
  static let shared = SystemMonitor()

  private var lock = ProcessState.makeMutex()
  private var wake = ProcessState.makeCondition()
  private var entries: [Entry] = []
  private var hasThread = false

  /// One run.
  private final class Entry {
    let core: RunCore
    let options: StatsOptions
    /// CLOCK_MONOTONIC of the next sample.
    var due: Int64
    /// Made on the thread: opening its files is not the caller's time.
    var host: HostSampler?
    var sample = StatsSample()

    init(_ core: RunCore, _ options: StatsOptions, due: Int64) {
      self.core = core
      self.options = options
      self.due = due
    }
  }

  private init() { ProcessState.shared.inEveryChild { SystemMonitor.shared.resetInChild() } }

  /// Samples for a run from now on; the first sample is taken at once, on the thread.
  ///
  /// A process that can have no more threads goes without metrics.
  func add(_ core: RunCore, _ options: StatsOptions) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    entries.append(Entry(core, options, due: Clock.monotonic()))
    if hasThread {
      pthread_cond_signal(wake)
    } else {
      hasThread = Thread.start(name: "quipu-stats") { [self] in loop() }
      if !hasThread { entries.removeLast() }
    }
  }

  /// Takes a run off the list; one that is being sampled loses this sample.
  func remove(_ core: RunCore) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard entries.contains(where: { $0.core === core }) else { return }
    entries.removeAll { $0.core === core }
    if entries.isEmpty { pthread_cond_signal(wake) }
  }

  private func loop() {
    let generation = ProcessState.generation.load(ordering: .relaxed)
    pthread_mutex_lock(lock)
    while true {
      guard let next = entries.min(by: { $0.due < $1.due }) else { break }
      let now = Clock.monotonic()
      if next.due > now {
        var time = ProcessState.deadline(next.due)
        pthread_cond_timedwait(wake, lock, &time)
        continue
      }
      // Samples that were missed (the machine slept) are not made up for.
      next.due = next.due &+ next.options.interval
      if next.due <= now { next.due = now &+ next.options.interval }
      pthread_mutex_unlock(lock)
      let refusal = sample(next)
      // A diagnostics callback that forks takes a copy of this thread into the child.
      if generation != ProcessState.generation.load(ordering: .relaxed) { return }
      pthread_mutex_lock(lock)
      if refusal == .finished { entries.removeAll { $0 === next } }
    }
    hasThread = false
    pthread_mutex_unlock(lock)
  }

  private func sample(_ entry: Entry) -> RunCore.Refusal {
    entry.sample.removeAll()
    WorkGate.shared.enter()
    let host = entry.host ?? HostSampler(entry.options)
    entry.host = host
    host.sample(at: Clock.monotonic(), into: &entry.sample)
    WorkGate.shared.leave()
    host.sampleSpace(into: &entry.sample)
    guard !entry.sample.isEmpty else { return .none }
    WorkGate.shared.enter()
    defer { WorkGate.shared.leave() }
    return entry.core.offer(.stats, json: entry.sample.json(suffix: entry.options.suffix))
  }

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
  }
}
