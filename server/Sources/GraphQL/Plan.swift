import QuipuBase

/// What to execute on an object of one type: the selections that apply to it, merged by response key.
///
/// Source: GraphQL specification of October 2021, section 6.3.2, CollectFields.
struct Plan {
  var fields: [PlannedField]

  init(_ sets: [[Selection]], on type: NamedType, schema: Schema, document: Document) {
    var collected: [Selection.Field] = []
    SelectionWalk.fields(
      of: sets, in: document, where: { schema.types[$0]?.includes(type.name) == true }, visit: { collected.append($0) })
    var order: [[Selection.Field]] = []
    var indices: [String: Int] = [:]
    for field in collected {
      if let index = indices[field.key] {
        order[index].append(field)
      } else {
        indices[field.key] = order.count
        order.append([field])
      }
    }
    fields = order.compactMap { PlannedField($0, on: type, schema: schema, document: document) }
  }
}

/// One response key of an object. Plans of its value are made when the first object of a type turns up.
final class PlannedField {
  let key: String
  let definition: FieldDefinition
  let field: GraphQLField
  /// The type within lists and exclamation marks.
  let type: NamedType
  let at: Int
  /// "Type.field".
  let place: String

  private let selections: [[Selection]]
  private var plans: [String: Plan] = [:]

  /// - Parameter merged: not empty; all are the same field with the same arguments.
  init?(_ merged: [Selection.Field], on parent: NamedType, schema: Schema, document: Document) {
    guard let first = merged.first, let definition = schema.field(first.name, on: parent),
      let type = schema.types[definition.type.name]
    else { return nil }
    key = first.key
    self.definition = definition
    self.type = type
    at = first.at
    place = "\(parent.name).\(definition.name)"
    selections = merged.map(\.selections)
    var names = Set<String>()
    if type.isComposite {
      SelectionWalk.fields(of: selections, in: document, where: { _ in true }, visit: { names.insert($0.name) })
    }
    field = GraphQLField(name: definition.name, arguments: first.values, selectedNames: names)
  }

  func plan(for type: NamedType, schema: Schema, document: Document) -> Plan {
    if let known = plans[type.name] { return known }
    let plan = Plan(selections, on: type, schema: schema, document: document)
    plans[type.name] = plan
    return plan
  }
}

/// Goes through selections that are included, into fragments, each named one once.
enum SelectionWalk {
  /// - Parameter applies: whether a fragment with this type condition is entered.
  static func fields(
    of sets: [[Selection]], in document: Document, where applies: (String) -> Bool,
    visit: (Selection.Field) -> Void
  ) {
    var visited = Set<String>()
    for set in sets { walk(set, document, applies, visit, &visited) }
  }

  private static func walk(
    _ selections: [Selection], _ document: Document, _ applies: (String) -> Bool, _ visit: (Selection.Field) -> Void,
    _ visited: inout Set<String>
  ) {
    for selection in selections {
      switch selection {
      case .field(let field): if field.isIncluded { visit(field) }
      case .inline(let inline):
        guard inline.isIncluded && inline.typeName.map(applies) ?? true else { continue }
        walk(inline.selections, document, applies, visit, &visited)
      case .spread(let spread):
        guard spread.isIncluded, let fragment = document.fragments[spread.name], applies(fragment.typeName),
          visited.insert(spread.name).inserted
        else { continue }
        walk(fragment.selections, document, applies, visit, &visited)
      }
    }
  }
}
