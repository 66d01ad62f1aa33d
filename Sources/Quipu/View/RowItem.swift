import QuipuBase
import QuipuRecords

/// One value of a row as readers see it.
package struct RowItem {
  package var path: [String]
  package var value: JSON

  /// Nil for an item that readers drop: no key, no value, or a text that is not JSON. The typed value wins.
  package init?(_ item: HistoryItem) {
    let path = item.nestedKey.isEmpty ? (item.key.isEmpty ? [] : [item.key]) : item.nestedKey
    guard !path.isEmpty else { return nil }
    self.path = path
    switch item.value {
    case .null: value = .null
    case .boolean(let bool): value = .bool(bool)
    case .integer(let integer): value = .int(integer)
    case .number(let number): value = .double(number)
    case .text(let text): value = .string(text)
    case .json(let text):
      guard let parsed = try? JSON(parsing: text) else { return nil }
      value = parsed
    case nil:
      guard !item.valueJSON.isEmpty, let parsed = try? JSON(parsing: item.valueJSON) else { return nil }
      value = parsed
    }
  }

  /// The path with its parts joined by dots.
  package var name: String { path.count == 1 ? path[0] : path.joined(separator: ".") }
}

extension RowItem {
  /// The `_step` item of a row that has its step only in the record.
  package init?(step: Int64) {
    path = ["_step"]
    value = .int(step)
  }
}
