/// Lets so many transfers of a run happen at once, first come, first served.
///
/// Threads: the loop's thread only.
package final class TransferQueue {
  /// Calls its argument when the transfer is over.
  package typealias Start = (_ ended: @escaping () -> Void) -> Void

  private let limit: Int
  private var waiting: [Start] = []
  private var first = 0
  package private(set) var running = 0
  /// A transfer that ends while it is started must not start the next one from inside.
  private var isGoing = false

  /// - Parameter limit: at least 1.
  package init(limit: Int) { self.limit = max(1, limit) }

  package var waitingCount: Int { waiting.count - first }

  package func enqueue(_ start: @escaping Start) {
    waiting.append(start)
    go()
  }

  private func go() {
    guard !isGoing else { return }
    isGoing = true
    defer { isGoing = false }
    while running < limit, first < waiting.count {
      let start = waiting[first]
      waiting[first] = { $0() }
      first += 1
      if first == waiting.count || first > 1024 {
        waiting.removeFirst(first)
        first = 0
      }
      running += 1
      var isOver = false
      start { [weak self] in
        guard let self, !isOver else { return }
        isOver = true
        running -= 1
        go()
      }
    }
  }
}
