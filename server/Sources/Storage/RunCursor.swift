import RunFilters

/// The place of one run in an ordered listing. It stays where it is when runs come and go around it.
public struct RunCursor: Sendable {
  public var key: OrderKey
  public var id: Int64

  public init(key: OrderKey, id: Int64) {
    self.key = key
    self.id = id
  }

  public init(of run: RunRecord, in query: RunQuery) {
    self.init(key: query.order.key(of: RunView(of: run, in: query)), id: run.id)
  }

  /// - Throws: for a text that `text` did not make.
  public init(text: String) throws(FilterError) {
    let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1)
    guard parts.count == 2, let id = Int64(Substring(parts[0])), let key = OrderKey(text: String(Substring(parts[1])))
    else { throw FilterError("the cursor does not come from this listing") }
    self.init(key: key, id: id)
  }

  /// Storage id, colon, order key.
  public var text: String { "\(id):\(key.text)" }

  /// Whether this place comes before another. Of runs with equal keys the older one does, or the newer one if the
  /// order descends.
  public func precedes(_ other: RunCursor, in order: RunOrder) -> Bool {
    let comparison = order.compare(key, other.key)
    guard comparison == 0 else { return comparison < 0 }
    return order.isDescending ? id > other.id : id < other.id
  }

  /// The key as a moment, if it is one.
  public var moment: Timestamp? {
    guard case .number(let seconds) = key, let microseconds = Int64(exactly: (seconds * 1e6).rounded())
    else { return nil }
    return Timestamp(microseconds: microseconds)
  }
}
