import QuipuBase

/// Finds one value inside a JSON text without building a tree.
///
/// A key may itself contain dots: `["a", "b"]` leads to `{"a": {"b": 1}}` as well as to `{"a.b": 1}`, which wins if
/// both are there. Of members with equal keys the last counts. A part that is a number leads into a list.
/// - Parameters:
///   - path: keys from the outermost inwards.
///   - text: one valid JSON text, NaN and infinities included. Of an invalid text any value may come back.
/// - Complexity: linear in the text for each part of the path; only the value found is decoded.
public func findJSON(path: [String], in text: UnsafeRawBufferPointer) -> FieldValue {
  let path = Array(path.joined(separator: ".").utf8)
  let finder = JSONFinder(bytes: text)
  return path.withUnsafeBytes { path in
    finder.offset(of: path, at: finder.skipSpace(0)).map { finder.value(at: $0) } ?? .missing
  }
}

/// Finds one value inside a run's config, whose text is `{"KEY": {"value": V}, ...}` (§9.2 of the protocol).
///
/// The path is `KEY`, `KEY.value`, `KEY.SUB` or `KEY.value.SUB`, where the second and the fourth mean the same as the
/// first and the third. Otherwise as `findJSON`.
public func findConfig(path: [String], in text: UnsafeRawBufferPointer) -> FieldValue {
  let path = Array(path.joined(separator: ".").utf8)
  let finder = JSONFinder(bytes: text)
  return path.withUnsafeBytes { path in
    for candidate in finder.candidates(for: path, at: finder.skipSpace(0)) {
      let wrapped = Array("value".utf8).withUnsafeBytes { finder.offset(of: $0, at: candidate.offset) }
      guard let value = wrapped else { continue }
      if candidate.length == path.count { return finder.value(at: value) }
      let rest = path[(candidate.length + 1)...]
      if rest.elementsEqual("value".utf8) { return finder.value(at: value) }
      if rest.starts(with: "value.".utf8) {
        let inner = UnsafeRawBufferPointer(rebasing: rest.dropFirst(6))
        if let found = finder.offset(of: inner, at: value) { return finder.value(at: found) }
      }
      if let found = finder.offset(of: UnsafeRawBufferPointer(rebasing: rest), at: value) {
        return finder.value(at: found)
      }
    }
    return .missing
  }
}
