/// Shell patterns `* ? []`. `**` is like `*`, and neither knows what a slash is; names are compared code point by code
/// point.
package enum Glob {
  /// True if the text has a character with a meaning.
  package static func isPattern(_ text: String) -> Bool {
    text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
  }

  /// - Complexity: pattern length times name length at worst.
  package static func matches(_ pattern: [Unicode.Scalar], _ name: [Unicode.Scalar]) -> Bool {
    var p = 0, n = 0
    // Where to go back to: behind the last star, and the first character it has not swallowed.
    var star = -1, mark = 0
    while n < name.count {
      if p < pattern.count {
        if pattern[p] == "*" {
          p += 1
          star = p
          mark = n
          continue
        }
        if let next = matchOne(pattern, p, name[n]) {
          p = next
          n += 1
          continue
        }
      }
      if star < 0 { return false }
      mark += 1
      n = mark
      p = star
    }
    while p < pattern.count && pattern[p] == "*" { p += 1 }
    return p == pattern.count
  }

  /// Position behind the element at `p` if it matches the character.
  private static func matchOne(_ pattern: [Unicode.Scalar], _ p: Int, _ character: Unicode.Scalar) -> Int? {
    if pattern[p] == "?" { return p + 1 }
    guard pattern[p] == "[", let end = closing(pattern, p) else { return pattern[p] == character ? p + 1 : nil }
    var at = p + 1
    let negated = pattern[at] == "!"
    if negated { at += 1 }
    var hit = false
    while at < end {
      if at + 2 < end && pattern[at + 1] == "-" {
        if pattern[at].value <= character.value && character.value <= pattern[at + 2].value { hit = true }
        at += 3
      } else {
        if pattern[at] == character { hit = true }
        at += 1
      }
    }
    return hit != negated ? end + 1 : nil
  }

  /// Index of the bracket that closes the one at `p`; nil if there is none (then `[` is an ordinary character).
  private static func closing(_ pattern: [Unicode.Scalar], _ p: Int) -> Int? {
    var at = p + 1
    if at < pattern.count && pattern[at] == "!" { at += 1 }
    // A bracket right at the start stands for itself.
    if at < pattern.count && pattern[at] == "]" { at += 1 }
    while at < pattern.count {
      if pattern[at] == "]" { return at }
      at += 1
    }
    return nil
  }
}
