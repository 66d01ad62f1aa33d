import Glibc

/// Asks the GPUs' drivers, on a thread of its own: "quipu-gpu". A driver that hangs holds up this thread and nothing
/// else; at the exit of the process it is left behind.
///
/// Threads: all methods from any thread; the sources are used by the GPU thread only.
final class GPUThread: @unchecked Sendable {
  // @unchecked: mutable members are guarded by `lock`.

  /// What the drivers told last.
  struct Delivery: Sendable {
    /// Counts requests: the one that this answers.
    var number: UInt64 = 0
    var readings: [GPUReading] = []
    /// Nil until they are known.
    var facts: GPUFacts?
    /// True once it is known that there is no GPU.
    var isAbsent = false
  }

  private let open: @Sendable () -> [any GPUSource]
  /// Called on the GPU thread after each delivery.
  private let delivered: @Sendable () -> Void
  private let lock = ProcessState.makeMutex()
  private let wake = ProcessState.makeCondition()
  private var requested: UInt64 = 0
  private var delivery = Delivery()
  private var hasThread = false
  private var isStopping = false
  /// Kept when the thread ends between two runs.
  private var sources: [any GPUSource]?

  /// - Parameter open: finds the GPUs; runs on the GPU thread, once.
  init(open: @escaping @Sendable () -> [any GPUSource], delivered: @escaping @Sendable () -> Void) {
    self.open = open
    self.delivered = delivered
  }

  convenience init(
    library: String = NVMLSource.standardPath, root: SystemRoot = SystemRoot(),
    delivered: @escaping @Sendable () -> Void
  ) {
    self.init(
      open: {
        var found: [any GPUSource] = []
        if let source = NVMLSource(path: library) { found.append(source) }
        if let source = AMDSource(root: root) { found.append(source) }
        return found
      }, delivered: delivered)
  }

  /// Asks for a sample.
  ///
  /// - Returns: the number that its delivery will have; nil if there is no GPU. A request that finds the thread at work
  ///   is answered by the sample after that.
  func request() -> UInt64? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if delivery.isAbsent { return nil }
    requested &+= 1
    isStopping = false
    if hasThread {
      pthread_cond_signal(wake)
    } else {
      hasThread = Thread.start(name: "quipu-gpu") { [self] in loop() }
      if !hasThread { return nil }
    }
    return requested
  }

  var last: Delivery {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return delivery
  }

  /// Lets the thread end when it has come back from the driver.
  func stop() {
    pthread_mutex_lock(lock)
    isStopping = true
    pthread_cond_signal(wake)
    pthread_mutex_unlock(lock)
  }

  private func loop() {
    pthread_mutex_lock(lock)
    while !isStopping {
      if delivery.number == requested {
        pthread_cond_wait(wake, lock)
        continue
      }
      let number = requested
      let known = sources
      pthread_mutex_unlock(lock)

      let found = known ?? open()
      // The first time types come to life in the run-time, under its locks; later there is nothing a fork could meet.
      if known == nil { WorkGate.shared.enter() }
      var next = Delivery(number: number, isAbsent: found.isEmpty)
      var first = 0
      for source in found {
        next.readings += source.sample(first: first)
        first += source.count
      }
      if known == nil, !found.isEmpty {
        var facts = GPUFacts()
        for source in found { source.facts(&facts) }
        next.facts = facts
      }
      if known == nil { WorkGate.shared.leave() }

      pthread_mutex_lock(lock)
      sources = found
      if next.facts == nil { next.facts = delivery.facts }
      delivery = next
      if next.isAbsent { isStopping = true }
      pthread_mutex_unlock(lock)
      delivered()
      pthread_mutex_lock(lock)
    }
    hasThread = false
    pthread_mutex_unlock(lock)
  }
}
