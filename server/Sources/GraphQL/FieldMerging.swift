import QuipuBase

/// Checks that selections with one response key can be answered with one value.
///
/// All fields with one key are compared with the first of them, and their selections merged and checked in turn, so
/// that the work is linear in the number of selections with fragments expanded; that number is bounded.
/// Source: GraphQL specification of October 2021, section 5.3.2, FieldsInSetCanMerge and SameResponseShape.
struct FieldMerging {
  /// What has to agree. Fields of two object types never meet in one object: they may differ in name and arguments, not
  /// in the shape of their values.
  private enum Rule { case shape, nameAndArguments, both }

  private let schema: Schema
  private let document: Document
  private let limits: GraphQLEngine.Limits
  private var selectionsLeft: Int

  init(schema: Schema, document: Document, limits: GraphQLEngine.Limits) {
    self.schema = schema
    self.document = document
    self.limits = limits
    selectionsLeft = limits.selections
  }

  mutating func check(_ operation: Operation) throws(GraphQLError) {
    try check([operation.selections], .both)
  }

  private mutating func check(_ sets: [[Selection]], _ rule: Rule) throws(GraphQLError) {
    var groups: [[Selection.Field]] = []
    var indices: [String: Int] = [:]
    var visited = Set<String>()
    for set in sets { try collect(set, &groups, &indices, &visited) }
    for group in groups { try check(group, rule) }
  }

  private mutating func collect(
    _ selections: [Selection], _ groups: inout [[Selection.Field]], _ indices: inout [String: Int],
    _ visited: inout Set<String>
  ) throws(GraphQLError) {
    for selection in selections {
      selectionsLeft -= 1
      guard selectionsLeft >= 0 else {
        throw GraphQLError("The operation has more than \(limits.selections) selections.")
      }
      switch selection {
      case .field(let field):
        if let index = indices[field.key] {
          groups[index].append(field)
        } else {
          indices[field.key] = groups.count
          groups.append([field])
        }
      case .inline(let inline): try collect(inline.selections, &groups, &indices, &visited)
      case .spread(let spread):
        guard visited.insert(spread.name).inserted, let fragment = document.fragments[spread.name] else { continue }
        try collect(fragment.selections, &groups, &indices, &visited)
      }
    }
  }

  /// - Parameter group: fields with one response key.
  private mutating func check(_ group: [Selection.Field], _ rule: Rule) throws(GraphQLError) {
    guard let first = group.first else { return }
    if rule != .nameAndArguments {
      for other in group.dropFirst() where !haveSameShape(first, other) {
        throw conflict(first, other, "their types differ")
      }
    }
    let parties = rule == .shape ? [] : Self.parties(group)
    for party in parties {
      guard let first = party.first else { continue }
      for other in party.dropFirst() {
        if other.name != first.name { throw conflict(first, other, "they are different fields") }
        if !Self.haveSameArguments(first, other) { throw conflict(first, other, "their arguments differ") }
      }
    }
    if rule == .both && parties.count == 1 {
      try descend(group, .both)
    } else {
      if rule != .nameAndArguments { try descend(group, .shape) }
      for party in parties { try descend(party, .nameAndArguments) }
    }
  }

  private mutating func descend(_ fields: [Selection.Field], _ rule: Rule) throws(GraphQLError) {
    let sets = fields.map(\.selections).filter { !$0.isEmpty }
    if !sets.isEmpty { try check(sets, rule) }
  }

  /// The sets of fields that can meet in one object: for each object type its own and those of interfaces.
  private static func parties(_ group: [Selection.Field]) -> [[Selection.Field]] {
    var abstract: [Selection.Field] = []
    var order: [String] = []
    var concrete: [String: [Selection.Field]] = [:]
    for field in group {
      if let parent = field.parent, parent.kind == .object {
        if concrete[parent.name] == nil { order.append(parent.name) }
        concrete[parent.name, default: []].append(field)
      } else {
        abstract.append(field)
      }
    }
    return order.count <= 1 ? [group] : order.map { (concrete[$0] ?? []) + abstract }
  }

  private func haveSameShape(_ a: Selection.Field, _ b: Selection.Field) -> Bool {
    guard let a = a.definition?.type, let b = b.definition?.type else { return true }
    return haveSameShape(a, b)
  }

  private func haveSameShape(_ a: TypeReference, _ b: TypeReference) -> Bool {
    switch (a, b) {
    case (.nonNull(let a), .nonNull(let b)), (.list(let a), .list(let b)): haveSameShape(a, b)
    case (.named(let a), .named(let b)):
      a == b || schema.types[a]?.isComposite == true && schema.types[b]?.isComposite == true
    default: false
    }
  }

  private static func haveSameArguments(_ a: Selection.Field, _ b: Selection.Field) -> Bool {
    a === b
      || a.arguments.count == b.arguments.count
        && a.arguments.allSatisfy { argument in
          b.arguments.contains { $0.name == argument.name && $0.value.isSame(as: argument.value) }
        }
  }

  private func conflict(_ a: Selection.Field, _ b: Selection.Field, _ reason: String) -> GraphQLError {
    GraphQLError(
      "Fields \"\(a.key)\" conflict: \(reason). Give them different aliases.",
      locations: [document.source.location(of: a.at), document.source.location(of: b.at)])
  }
}

extension Literal {
  /// Whether both are written alike; fields of objects in the same order.
  func isSame(as other: Literal) -> Bool {
    switch (kind, other.kind) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)), (.float(let a), .float(let b)), (.enumValue(let a), .enumValue(let b)),
      (.variable(let a), .variable(let b)):
      a == b
    case (.string(let a), .string(let b)): Key(a) == Key(b)
    case (.list(let a), .list(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
    case (.object(let a), .object(let b)):
      a.count == b.count && zip(a, b).allSatisfy { $0.name == $1.name && $0.value.isSame(as: $1.value) }
    default: false
    }
  }
}
