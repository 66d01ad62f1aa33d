import QuipuBase

/// Turns the JSON of a filter into a tree of conditions, and notes what it reads.
struct FilterParser {
  static let operators =
    "$and, $or, $nor, $not, $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $options"

  var fields: Set<RunField> = []
  var needsConfig = false
  var needsSummary = false
  private var conditions = 0
  private var patternSteps = 0

  init() {}

  /// A whole filter, or one that `$and`, `$or`, `$nor` or `$not` holds.
  mutating func filter(_ json: JSON, depth: Int) throws(FilterError) -> Condition {
    guard case .object(let object) = json else { throw FilterError("a filter must be an object") }
    try check(depth: depth)
    if object.isEmpty { try count() }
    var parts: [Condition] = []
    for (key, value) in object.members {
      switch key.string {
      case "$and": parts.append(.all(try filters(value, of: key, depth: depth + 1)))
      case "$or": parts.append(.any(try filters(value, of: key, depth: depth + 1)))
      case "$nor": parts.append(.not(.any(try filters(value, of: key, depth: depth + 1))))
      case "$not": parts.append(.not(try filter(value, depth: depth + 1)))
      default:
        if key.string.utf8.first == UInt8(ascii: "$") { throw Self.unknownOperator(key) }
        parts.append(try tests(of: source(key.string), value, depth: depth + 1))
      }
    }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func filters(_ json: JSON, of key: Key, depth: Int) throws(FilterError) -> [Condition] {
    guard case .array(let elements) = json else { throw FilterError("\(key.string) needs a list of filters") }
    try check(depth: depth)
    if elements.isEmpty { try count() }
    var parts: [Condition] = []
    for element in elements { parts.append(try filter(element, depth: depth + 1)) }
    return parts
  }

  private mutating func source(_ name: String) throws(FilterError) -> RunSource {
    let source = try RunSource(named: name)
    switch source {
    case .field(let field): fields.insert(field)
    case .config: needsConfig = true
    case .summary: needsSummary = true
    }
    return source
  }

  /// What stands behind a field: an object of operators, or the value that it equals.
  private mutating func tests(of source: RunSource, _ json: JSON, depth: Int) throws(FilterError) -> Condition {
    guard case .object(let object) = json, object.members.contains(where: { Self.isOperator($0.key) }) else {
      try count()
      return .test(source, .equals(try operand(json, of: source, depth: depth)))
    }
    try check(depth: depth)
    var parts: [Condition] = []
    for (key, value) in object.members {
      parts.append(contentsOf: try test(key, of: source, value, beside: object, depth: depth + 1))
    }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  /// One operator; `$options` belongs to `$regex` and is no condition of its own.
  private mutating func test(
    _ key: Key, of source: RunSource, _ json: JSON, beside siblings: JSONObject, depth: Int
  ) throws(FilterError) -> [Condition] {
    try count()
    switch key.string {
    case "$eq": return [.test(source, .equals(try operand(json, of: source, depth: depth)))]
    case "$ne": return [.not(.test(source, .equals(try operand(json, of: source, depth: depth))))]
    case "$gt": return [.test(source, .isAbove(try bound(json, of: source, key), orEqual: false))]
    case "$gte": return [.test(source, .isAbove(try bound(json, of: source, key), orEqual: true))]
    case "$lt": return [.test(source, .isBelow(try bound(json, of: source, key), orEqual: false))]
    case "$lte": return [.test(source, .isBelow(try bound(json, of: source, key), orEqual: true))]
    case "$in": return [.test(source, .isIn(try list(json, of: source, key, depth: depth)))]
    case "$nin": return [.not(.test(source, .isIn(try list(json, of: source, key, depth: depth))))]
    case "$exists":
      // Numbers stand for booleans, as in MongoDB.
      guard let wanted = json.boolValue ?? json.doubleValue.map({ $0 != 0 }) else {
        throw FilterError("$exists needs true or false")
      }
      return [wanted ? .test(source, .exists) : .not(.test(source, .exists))]
    case "$regex": return [.test(source, .matches(try regex(json, options: siblings["$options"])))]
    case "$options":
      guard siblings["$regex"] != nil else { throw FilterError("$options needs $regex beside it") }
      return []
    case "$not":
      guard case .object(let object) = json, !object.isEmpty, object.members.allSatisfy({ Self.isOperator($0.key) })
      else { throw FilterError("$not needs an object of operators") }
      return [.not(try tests(of: source, json, depth: depth))]
    default:
      if Self.isOperator(key) { throw Self.unknownOperator(key) }
      throw FilterError("\(FilterError.quote(key.string)) stands beside operators")
    }
  }

  // MARK: Operands

  private func operand(_ json: JSON, of source: RunSource, depth: Int) throws(FilterError) -> FieldValue {
    try Self.check(json, depth: depth)
    guard case .field(let field) = source, field.isInstant else { return FieldValue(json) }
    if case .string(let text) = json {
      guard let seconds = instant(text) else {
        throw FilterError("\(field.rawValue) needs an ISO 8601 date, not \(FilterError.quote(text))")
      }
      return .number(seconds)
    }
    // No run is from the year 5138, and some programs count in milliseconds.
    if let number = json.doubleValue { return .number(abs(number) >= 1e11 ? number / 1000 : number) }
    return FieldValue(json)
  }

  private func bound(_ json: JSON, of source: RunSource, _ key: Key) throws(FilterError) -> FieldValue {
    switch json {
    case .array, .object: throw FilterError("\(key.string) needs a number, a text or a boolean")
    default: return try operand(json, of: source, depth: 0)
    }
  }

  private func list(_ json: JSON, of source: RunSource, _ key: Key, depth: Int) throws(FilterError) -> ValueSet {
    guard case .array(let elements) = json else { throw FilterError("\(key.string) needs a list") }
    var values: [FieldValue] = []
    for element in elements { values.append(try operand(element, of: source, depth: depth + 1)) }
    return ValueSet(values)
  }

  private mutating func regex(_ json: JSON, options: JSON?) throws(FilterError) -> LinearRegex {
    guard case .string(let pattern) = json else { throw FilterError("$regex needs a text") }
    var flags = ""
    if let options {
      guard case .string(let letters) = options, letters.utf8.allSatisfy({ "ims".utf8.contains($0) }) else {
        throw FilterError("$options needs a text of the letters i, m and s")
      }
      flags = letters
    }
    let regex = try LinearRegex(pattern, flags: flags)
    patternSteps += regex.stepCount
    guard patternSteps <= RunFilter.maximumPatternSteps else {
      throw FilterError("patterns have more than \(RunFilter.maximumPatternSteps) steps together")
    }
    return regex
  }

  // MARK: Limits

  private mutating func count() throws(FilterError) {
    conditions += 1
    guard conditions <= RunFilter.maximumConditions else {
      throw FilterError("more than \(RunFilter.maximumConditions) conditions")
    }
  }

  private func check(depth: Int) throws(FilterError) {
    guard depth <= RunFilter.maximumDepth else {
      throw FilterError("nested deeper than \(RunFilter.maximumDepth)")
    }
  }

  private static func check(_ json: JSON, depth: Int) throws(FilterError) {
    switch json {
    case .array(let elements):
      guard depth <= RunFilter.maximumDepth else { break }
      for element in elements { try check(element, depth: depth + 1) }
      return
    case .object(let object):
      guard depth <= RunFilter.maximumDepth else { break }
      for (_, value) in object.members { try check(value, depth: depth + 1) }
      return
    default: return
    }
    throw FilterError("nested deeper than \(RunFilter.maximumDepth)")
  }

  private static func isOperator(_ key: Key) -> Bool { key.string.utf8.first == UInt8(ascii: "$") }

  private static func unknownOperator(_ key: Key) -> FilterError {
    FilterError("unknown operator \(FilterError.quote(key.string)); there are \(operators)")
  }
}
