import QuipuBase

/// A filter over runs in MongoDB's style.
///
/// Operators: equality, `$and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $exists $regex` with `$options`. Values
/// of different types never match except by `$ne` and `$nin`; null matches a missing field; of a list (tags too) any
/// element may match; NaN equals nothing. Instants compare as such, given as ISO 8601 text or as seconds since 1970
/// (milliseconds from 1e11 on).
/// Source: §15.2 of the protocol, and MongoDB's query language where that is silent.
public struct RunFilter: Sendable {
  /// Deepest nesting of objects and lists in a filter.
  public static let maximumDepth = 32
  /// Most conditions in a filter; a list behind `$in` is one.
  public static let maximumConditions = 10_000
  /// Most steps of all patterns of a filter together: what matching one character can cost.
  public static let maximumPatternSteps = 20_000

  let condition: Condition
  /// The columns that are read.
  public let fields: Set<RunField>
  public let needsConfig: Bool
  public let needsSummary: Bool
  /// What holds of plain columns for every match. Filters that match by other means have none.
  public let columnConditions: [ColumnCondition]

  /// - Parameter json: an object; an empty one or null matches every run.
  /// - Throws: for unknown operators and fields, wrong shapes, and sizes beyond the limits.
  public init(json: JSON) throws(FilterError) {
    var parser = FilterParser()
    if case .null = json {
      condition = .all([])
    } else {
      condition = try parser.filter(json, depth: 1)
    }
    fields = parser.fields
    needsConfig = parser.needsConfig
    needsSummary = parser.needsSummary
    columnConditions = Self.columnConditions(of: condition)
  }

  public func matches(_ run: some RunFields) -> Bool { condition.holds(for: run) }

  private static func columnConditions(of condition: Condition) -> [ColumnCondition] {
    switch condition {
    case .all(let parts): parts.flatMap { columnConditions(of: $0) }
    case .any(let parts): parts.count == 1 ? columnConditions(of: parts[0]) : []
    case .not: []
    case .test(.field(let field), let test):
      field == .tags || field == .duration
        ? [] : columnTest(test).map { [ColumnCondition(field: field, test: $0)] } ?? []
    case .test: []
    }
  }

  private static func columnTest(_ test: ValueTest) -> ColumnCondition.Test? {
    switch test {
    case .equals(let value): ValueSet([value]).scalars.flatMap { $0.isEmpty ? nil : .isIn($0) }
    case .isIn(let set): set.scalars.flatMap { $0.isEmpty ? nil : .isIn($0) }
    case .isAbove(let value, let orEqual): isScalar(value) ? .isAbove(value, orEqual: orEqual) : nil
    case .isBelow(let value, let orEqual): isScalar(value) ? .isBelow(value, orEqual: orEqual) : nil
    case .exists, .matches: nil
    }
  }

  private static func isScalar(_ value: FieldValue) -> Bool {
    switch value {
    case .bool, .string: true
    case .number(let number): number.isFinite
    default: false
    }
  }
}
