/// Work for later, ordered by when it is due.
struct TimerQueue {
  private struct Entry {
    let due: Int64
    let id: UInt64
    let work: () -> Void
  }

  /// The next one is last.
  private var entries: [Entry] = []

  var isEmpty: Bool { entries.isEmpty }
  /// CLOCK_MONOTONIC in nanoseconds; nil: nothing waits.
  var nextDue: Int64? { entries.last?.due }

  mutating func add(due: Int64, id: UInt64, _ work: @escaping () -> Void) {
    // Equal times keep their order.
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].due > due { low = middle + 1 } else { high = middle }
    }
    // `low` is the first with due <= the new one; the new one, being later asked for, goes before it.
    entries.insert(Entry(due: due, id: id, work: work), at: low)
  }

  mutating func remove(_ id: UInt64) { entries.removeAll { $0.id == id } }

  mutating func removeAll() { entries.removeAll() }

  /// Takes out what is due at `now`.
  mutating func takeDue(_ now: Int64) -> (id: UInt64, work: () -> Void)? {
    guard let last = entries.last, last.due <= now else { return nil }
    entries.removeLast()
    return (last.id, last.work)
  }
}
