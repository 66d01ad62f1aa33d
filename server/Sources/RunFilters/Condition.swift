import QuipuBase

/// A filter as a tree.
indirect enum Condition: Sendable {
  case all([Condition])
  case any([Condition])
  case not(Condition)
  case test(RunSource, ValueTest)

  func holds(for run: some RunFields) -> Bool {
    switch self {
    case .all(let parts): parts.allSatisfy { $0.holds(for: run) }
    case .any(let parts): parts.contains { $0.holds(for: run) }
    case .not(let part): !part.holds(for: run)
    case .test(let source, let test): test.holds(for: source.value(in: run))
    }
  }
}

/// What a filter asks of one value. Of a list any element may hold to it.
enum ValueTest: Sendable {
  case equals(FieldValue)
  case isIn(ValueSet)
  case isAbove(FieldValue, orEqual: Bool)
  case isBelow(FieldValue, orEqual: Bool)
  case exists
  case matches(LinearRegex)

  func holds(for value: FieldValue) -> Bool {
    if holds(forOne: value) { return true }
    guard case .list(let elements) = value else { return false }
    return elements.contains { holds(forOne: $0) }
  }

  private func holds(forOne value: FieldValue) -> Bool {
    switch self {
    case .equals(let operand): Self.isEqual(value, operand)
    case .isIn(let set): set.contains(value)
    case .isAbove(let operand, let orEqual):
      (orEqual && Self.isEqual(value, operand)) || Self.precedes(operand, value)
    case .isBelow(let operand, let orEqual):
      (orEqual && Self.isEqual(value, operand)) || Self.precedes(value, operand)
    case .exists: !value.isMissing
    case .matches(let regex): if case .string(let text) = value { regex.matches(text) } else { false }
    }
  }

  /// As in MongoDB, null stands for a missing value too.
  private static func isEqual(_ value: FieldValue, _ operand: FieldValue) -> Bool {
    if case .null = operand, case .missing = value { return true }
    return value.equals(operand)
  }

  /// Strictly; false between different types.
  private static func precedes(_ a: FieldValue, _ b: FieldValue) -> Bool {
    switch (a, b) {
    case let (.number(a), .number(b)): a < b
    case let (.string(a), .string(b)): Key(a) < Key(b)
    case let (.bool(a), .bool(b)): !a && b
    default: false
    }
  }
}

/// The operand of `$in`: found in constant time, since lists of thousands of run names are common.
struct ValueSet: Sendable {
  private var strings: Set<Key> = []
  private var numbers: Set<Double> = []
  /// Booleans, lists, objects.
  private var others: [FieldValue] = []
  private(set) var hasNull = false

  init(_ values: [FieldValue]) {
    for value in values {
      switch value {
      case .string(let text): strings.insert(Key(text))
      // NaN equals nothing, and every one would take a place of its own.
      case .number(let number): if !number.isNaN { numbers.insert(number) }
      case .null, .missing: hasNull = true
      case .bool, .list, .object: others.append(value)
      }
    }
  }

  func contains(_ value: FieldValue) -> Bool {
    switch value {
    case .string(let text): strings.contains(Key(text))
    case .number(let number): numbers.contains(number)
    case .null, .missing: hasNull
    case .bool, .list, .object: others.contains { value.equals($0) }
    }
  }

  /// All of them, if they are finite numbers, strings and booleans.
  var scalars: [FieldValue]? {
    var values: [FieldValue] = []
    guard !hasNull else { return nil }
    for other in others {
      guard case .bool = other else { return nil }
      values.append(other)
    }
    guard numbers.allSatisfy(\.isFinite) else { return nil }
    return values + numbers.sorted().map { .number($0) } + strings.sorted().map { .string($0.string) }
  }
}
