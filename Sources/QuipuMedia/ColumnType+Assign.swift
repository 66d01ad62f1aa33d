import QuipuBase

extension ColumnType {
  /// The type of one value on its own.
  public init(of cell: TableCell) {
    switch cell {
    case .none: self = .none
    case .bool: self = .boolean
    case .int, .bigInteger, .numpyDouble: self = .number
    case .double(let value): self = value.isNaN ? .none : .number
    case .string(let text): self = text.utf8.starts(with: "wandb-artifact://".utf8) ? .artifactVersion : .string
    case .numpyString: self = .pythonObject(className: "str_")
    case .timestamp: self = .timestamp
    case .bytes: self = .pythonObject(className: "bytes")
    case .object(let object): self = object.type
    case .media(let medium): self = medium.type
    case .table(let table): self = .table(table.columnTypes)
    case .index(_, let table): self = .foreignIndex(table: table)
    case .array(let array): self = .ndarray(shape: array.shape, storage: nil)
    case .dict(let members):
      self = .typedDict(members.map { Field($0.key, ColumnType(of: $0.value)) })
    case .list(let elements):
      // Null makes the elements optional; a NaN, though of type none as well, does not.
      var element = ColumnType.unknown
      if elements.contains(where: { if case .none = $0 { true } else { false } }) { element = element.optional }
      for value in elements {
        guard let next = element.assigning(value) else {
          element = .invalid
          break
        }
        element = next
      }
      self = .list(element: element, length: elements.count)
    }
  }

  /// The type after a value has been added, or nil if the type refuses it.
  public func assigning(_ cell: TableCell) -> ColumnType? {
    switch self {
    case .union(let members):
      for (at, member) in members.enumerated() where !member.isUnknown {
        guard let next = member.assigning(cell) else { continue }
        var changed = members
        changed[at] = next
        return .union(of: changed)
      }
      guard let at = members.firstIndex(where: \.isUnknown) else { return nil }
      guard let next = ColumnType.unknown.assigning(cell) else { return nil }
      var changed = members
      changed[at] = next
      return .union(of: changed)
    case .list(let element, _):
      var element = element
      switch cell {
      case .list(let values):
        for value in values {
          guard let next = element.assigning(value) else { return nil }
          element = next
        }
        return .list(element: element, length: values.count)
      case .array(let array):
        guard let extent = array.shape.first else { return nil }
        for index in 0..<extent {
          // One row of a typed array speaks for all.
          if index > 0 && array.dtype != nil { break }
          guard let value = array.row(index), let next = element.assigning(value) else { return nil }
          element = next
        }
        return .list(element: element, length: extent)
      default: return nil
      }
    case .typedDict(let fields):
      guard case .dict(let members) = cell else { return nil }
      var values = [TableCell](repeating: .none, count: fields.count)
      var finder = FieldFinder(fields)
      for (at, member) in members.enumerated() {
        guard let field = finder.index(of: member.key, near: at) else { return nil }
        values[field] = member.value
      }
      var changed = fields
      for (at, value) in values.enumerated() {
        guard let next = fields[at].type.assigning(value) else { return nil }
        changed[at].type = next
      }
      return .typedDict(changed)
    case .ndarray(let shape, _):
      switch cell {
      case .array(let array): return array.shape == shape ? self : nil
      case .list: return cell.hasShape(shape[...]) ? self : nil
      default: return nil
      }
    case .const(let value, _): return cell.equals(value) ? self : nil
    case .primaryKey, .foreignKey:
      if case .string = cell { return self }
      return nil
    case .foreignIndex:
      switch cell {
      case .int: return self
      case .index: return assigning(type: ColumnType(of: cell))
      default: return nil
      }
    case .unknown: return assigning(type: ColumnType(of: cell))
    case .any:
      switch cell {
      case .list, .dict: return self
      default: return assigning(type: ColumnType(of: cell))
      }
    case .invalid: return nil
    default:
      // Lists and dictionaries are costly to type, and no type that is left takes them.
      switch cell {
      case .list, .dict: return nil
      default: return assigning(type: ColumnType(of: cell))
      }
    }
  }

  /// The type after a value of type `other` has been added, or nil if the type refuses it.
  public func assigning(type other: ColumnType) -> ColumnType? {
    if other.isInvalid { return nil }
    if case .union(let newcomers) = other {
      var result = self
      for newcomer in newcomers {
        guard let next = result.assigning(type: newcomer) else { return nil }
        result = next
      }
      return result
    }
    switch (self, other) {
    case (.union(let members), _):
      for (at, member) in members.enumerated() where !member.isUnknown {
        guard let next = member.assigning(type: other) else { continue }
        var changed = members
        changed[at] = next
        return .union(of: changed)
      }
      guard let at = members.firstIndex(where: \.isUnknown) else { return nil }
      guard let next = ColumnType.unknown.assigning(type: other) else { return nil }
      var changed = members
      changed[at] = next
      return .union(of: changed)
    case (.unknown, .none): return nil
    case (.unknown, _): return other
    case (.any, .none): return nil
    case (.any, _): return self
    case (.none, .none), (.string, .string), (.number, .number), (.boolean, .boolean), (.timestamp, .timestamp),
      (.artifactVersion, .artifactVersion), (.primaryKey, .primaryKey):
      return self
    case let (.list(element, length), .list(newElement, newLength)):
      // An empty or undeclared list has nothing to say about its elements.
      if newElement.isUnknown { return .list(element: element, length: length == newLength ? length : nil) }
      guard let next = element.assigning(type: newElement) else { return nil }
      return .list(element: next, length: length == newLength ? length : nil)
    case let (.typedDict(fields), .typedDict(newcomers)):
      guard fields.count == newcomers.count else { return nil }
      var changed = fields
      var finder = FieldFinder(fields)
      for (place, newcomer) in newcomers.enumerated() {
        guard let at = finder.index(of: newcomer.key, near: place),
          let next = fields[at].type.assigning(type: newcomer.type)
        else { return nil }
        changed[at].type = next
      }
      return .typedDict(changed)
    case let (.ndarray(a, _), .ndarray(b, _)): return a == b ? self : nil
    case let (.const(a, _), .const(b, _)): return a == b ? self : nil
    case let (.pythonObject(a), .pythonObject(b)): return Key(a) == Key(b) ? self : nil
    case let (.image(a), .image(b)): return .image(a.merged(with: b))
    case let (.media(a), .media(b)): return Key(a) == Key(b) ? self : nil
    case let (.table(a), .table(b)): return a.assigning(type: b).map { .table($0) }
    case let (.foreignKey(a, x), .foreignKey(b, y)): return a.identity == b.identity && Key(x) == Key(y) ? self : nil
    case let (.foreignIndex(a), .foreignIndex(b)): return a.identity == b.identity ? self : nil
    default: return nil
    }
  }

  /// Scalar values that leave the type as it is, for the quick path of adding rows.
  struct Accepted: OptionSet {
    let rawValue: UInt8
    static let none = Accepted(rawValue: 1)
    static let number = Accepted(rawValue: 2)
    static let string = Accepted(rawValue: 4)
    static let boolean = Accepted(rawValue: 8)
    static let timestamp = Accepted(rawValue: 16)
  }

  var accepted: Accepted {
    switch self {
    case .none: return .none
    case .number: return .number
    case .string: return .string
    case .boolean: return .boolean
    case .timestamp: return .timestamp
    case .any: return [.number, .string, .boolean, .timestamp]
    case .union(let members):
      // Which member accepts does not matter as long as it stays the same: constants do, too.
      return members.reduce(into: []) { $0.formUnion($1.accepted) }
    default: return []
    }
  }
}

/// Finds fields by key: mostly they come in the same order, else an index is made.
private struct FieldFinder {
  private let fields: [ColumnType.Field]
  private var places: [Key: Int]?

  init(_ fields: [ColumnType.Field]) { self.fields = fields }

  mutating func index(of key: Key, near place: Int) -> Int? {
    if place < fields.count, fields[place].key == key { return place }
    if fields.count <= 8 { return fields.firstIndex { $0.key == key } }
    if places == nil {
      var fresh: [Key: Int] = [:]
      for (at, field) in fields.enumerated() { fresh[field.key] = at }
      places = fresh
    }
    return places?[key]
  }
}

extension TableCell {
  /// Whether nested lists have exactly these extents.
  func hasShape(_ shape: ArraySlice<Int>) -> Bool {
    guard let extent = shape.first else {
      switch self {
      case .list, .dict, .array: return false
      default: return true
      }
    }
    guard case .list(let elements) = self, elements.count == extent else { return false }
    return elements.allSatisfy { $0.hasShape(shape.dropFirst()) }
  }

  /// Equality with a constant as Python sees it: numbers and booleans by value, NaN unequal to everything.
  func equals(_ constant: JSON) -> Bool {
    switch self {
    case .none: return constant == .null
    case .string(let text), .numpyString(let text): return constant.stringValue.map { Key($0) == Key(text) } ?? false
    case .bigInteger(let digits):
      if case .bigInteger(let other) = constant { return Key(other) == Key(digits) }
      return false
    case .list(let elements):
      guard let values = constant.arrayValue, values.count == elements.count else { return false }
      return zip(elements, values).allSatisfy { $0.equals($1) }
    case .bool, .int, .double, .numpyDouble:
      guard let a = exactNumber, let b = TableCell(scalar: constant)?.exactNumber else { return false }
      return a.0 == b.0 && a.1 == b.1
    default: return false
    }
  }

  private init?(scalar: JSON) {
    switch scalar {
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .double(let value): self = .double(value)
    default: return nil
    }
  }

  /// The number as an integer where it is one, beside its floating value (NaN stays unequal to itself).
  private var exactNumber: (Int64?, Double)? {
    switch self {
    case .bool(let value): (value ? 1 : 0, value ? 1 : 0)
    case .int(let value): (value, Double(value))
    case .double(let value), .numpyDouble(let value): (Int64(exactly: value), value)
    default: nil
    }
  }
}
