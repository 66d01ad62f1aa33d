import QuipuBase

/// Shell patterns over the file system: a leading dot is only matched by a dot.
extension Glob {
  /// Relative paths below `base` that match the pattern's parts, sorted by code point. Links to directories are
  /// followed.
  ///
  /// - Parameter literal: take the parts as names.
  package static func expand(base: String, parts: [String], literal: Bool = false) -> [String] {
    var found: [[UInt8]] = []
    walk(base: base, done: "", parts: parts[...], literal: literal, into: &found)
    return found.sorted { $0.lexicographicallyPrecedes($1) }.map { String(decoding: $0, as: UTF8.self) }
  }

  private static func walk(
    base: String, done: String, parts: ArraySlice<String>, literal: Bool, into found: inout [[UInt8]]
  ) {
    guard let part = parts.first else {
      if !done.isEmpty { found.append(Array(done.utf8)) }
      return
    }
    let rest = parts.dropFirst()
    let place = PathTools.join(base, done)
    func enter(_ name: String) {
      let next = PathTools.join(done, name)
      let path = PathTools.join(base, next)
      if rest.isEmpty {
        if FileTools.exists(path) { found.append(Array(next.utf8)) }
      } else if FileTools.kind(path) == .directory {
        walk(base: base, done: next, parts: rest, literal: literal, into: &found)
      }
    }
    if literal || !isPattern(part) {
      enter(part)
      return
    }
    let pattern = Array(part.unicodeScalars)
    let hidden = pattern.first == "."
    for name in FileTools.list(place) ?? [] where hidden || name.utf8.first != UInt8(ascii: ".") {
      if matches(pattern, Array(name.unicodeScalars)) { enter(name) }
    }
  }
}
