/// Where a filter or an order takes a value from.
public enum RunSource: Sendable, Equatable {
  case field(RunField)
  /// The path behind `config.`, split at dots.
  case config([String])
  /// The path behind `summary_metrics.`, split at dots.
  case summary([String])

  /// Every part of a path can cost a scan of what it leads through.
  static let maximumParts = 32

  /// - Throws: for a name that is none of the above, listing what there is.
  init(named name: String) throws(FilterError) {
    if let field = RunField(spelled: name) {
      self = .field(field)
    } else if let path = try Self.path(in: name, behind: ["config."]) {
      self = .config(path)
    } else if let path = try Self.path(in: name, behind: ["summary_metrics.", "summaryMetrics.", "summary."]) {
      self = .summary(path)
    } else {
      let fields = RunField.allCases.map(\.rawValue).joined(separator: ", ")
      throw FilterError(
        "unknown field \(FilterError.quote(name)); there are \(fields), config.KEY and summary_metrics.KEY")
    }
  }

  private static func path(in name: String, behind prefixes: [String]) throws(FilterError) -> [String]? {
    guard let prefix = prefixes.first(where: { name.utf8.starts(with: $0.utf8) }) else { return nil }
    let parts = name.utf8.dropFirst(prefix.utf8.count).split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count <= maximumParts else {
      throw FilterError("field \(FilterError.quote(name)) has more than \(maximumParts) parts")
    }
    guard parts.contains(where: { !$0.isEmpty }) else {
      throw FilterError("field \(FilterError.quote(name)) names no key")
    }
    return parts.map { String(Substring($0)) }
  }

  func value(in run: some RunFields) -> FieldValue {
    switch self {
    case .field(let field):
      let value = run.field(field)
      guard field.isInstant, case .string(let text) = value, let seconds = instant(text) else { return value }
      return .number(seconds)
    case .config(let path): return run.config(path)
    case .summary(let path): return run.summary(path)
    }
  }
}
