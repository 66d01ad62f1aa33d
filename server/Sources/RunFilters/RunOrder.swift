/// The order of a listing: one field, ascending or descending.
///
/// Source: §15.2 of the protocol. Runs without the field come last in both directions.
public struct RunOrder: Sendable, Equatable {
  public var source: RunSource
  public var isDescending: Bool

  /// - Parameter text: a field, with `+` (ascending, the default) or `-` before it: `+created_at`,
  ///   `-summary_metrics.loss`, `config.lr.value`. Nil and the empty text mean `+created_at`.
  /// - Throws: for an unknown field.
  public init(_ text: String?) throws(FilterError) {
    var name = Substring(text ?? "")
    isDescending = name.utf8.first == UInt8(ascii: "-")
    if isDescending || name.utf8.first == UInt8(ascii: "+") { name = Substring(name.unicodeScalars.dropFirst()) }
    source = name.isEmpty ? .field(.createdAt) : try RunSource(named: String(name))
  }

  public var needsConfig: Bool { if case .config = source { true } else { false } }
  public var needsSummary: Bool { if case .summary = source { true } else { false } }

  public func key(of run: some RunFields) -> OrderKey { OrderKey(source.value(in: run)) }

  /// Negative if `a` comes first, positive if `b` does, 0 for a tie, which the caller breaks (by id).
  public func compare(_ a: OrderKey, _ b: OrderKey) -> Int {
    if a.rank != b.rank {
      let lastOrAscending = a == .none || b == .none || !isDescending
      return (a.rank < b.rank) == lastOrAscending ? -1 : 1
    }
    if a.precedes(b) { return isDescending ? 1 : -1 }
    if b.precedes(a) { return isDescending ? -1 : 1 }
    return 0
  }
}
