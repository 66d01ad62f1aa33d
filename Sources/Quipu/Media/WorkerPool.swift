import Glibc
import QuipuBase

/// A few threads for encoding, started as jobs come. Jobs are begun in order of arrival.
final class WorkerPool: @unchecked Sendable {
  // @unchecked: the queue is guarded by the pthread mutex.
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let wake: UnsafeMutablePointer<pthread_cond_t>
  private var jobs: [(() -> Void)?] = []
  /// Jobs before this one have begun.
  private var nextJob = 0
  private var threads = 0
  private var idle = 0
  /// Called after each job, on the worker.
  private let finished: @Sendable () -> Void
  private var maximum = defaultThreads

  /// Setting `media_threads`.
  static let defaultThreads = 2

  init(finished: @escaping @Sendable () -> Void) {
    lock = .allocate(capacity: 1)
    wake = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wake, nil)
    self.finished = finished
  }

  /// More threads start with the next job; surplus ones stay until the process ends, without work.
  func setMaximum(_ threads: Int) {
    pthread_mutex_lock(lock)
    maximum = max(1, min(threads, 64))
    pthread_mutex_unlock(lock)
  }

  /// True while a job runs or waits.
  var isBusy: Bool {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return nextJob < jobs.count || idle < threads
  }

  func run(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(lock)
    jobs.append(job)
    let start = idle == 0 && threads < maximum
    if start { threads += 1 }
    pthread_cond_signal(wake)
    pthread_mutex_unlock(lock)
    if start, !Thread.start(name: "quipu-encode", { [self] in work() }) {
      pthread_mutex_lock(lock)
      threads -= 1
      let none = threads == 0
      pthread_mutex_unlock(lock)
      // No thread to be had: better late on this one than never.
      if none { drain() }
    }
  }

  private func next(wait: Bool) -> (() -> Void)? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while nextJob == jobs.count {
      jobs.removeAll(keepingCapacity: jobs.count < 1024)
      nextJob = 0
      if !wait { return nil }
      idle += 1
      pthread_cond_wait(wake, lock)
      idle -= 1
    }
    let job = jobs[nextJob]
    jobs[nextJob] = nil
    nextJob += 1
    return job
  }

  private func work() {
    while let job = next(wait: true) {
      job()
      finished()
    }
  }

  private func drain() {
    while let job = next(wait: false) {
      job()
      finished()
    }
  }
}
