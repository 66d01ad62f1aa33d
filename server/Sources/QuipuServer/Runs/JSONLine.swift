import QuipuBase
import RunFilters

/// Looks into JSON texts without building a tree.
enum JSONLine {
  static func value(_ path: [String], in line: String) -> FieldValue {
    var text = line
    return text.withUTF8 { findJSON(path: path, in: UnsafeRawBufferPointer($0)) }
  }

  static func number(_ key: String, in line: String) -> Double? {
    if case .number(let value) = value([key], in: line) { value } else { nil }
  }
}
