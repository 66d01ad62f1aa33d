/// Reads RE2's syntax.
struct RegexParser {
  /// Deepest nesting of groups: the parser and the compiler descend by recursion.
  static let maximumDepth = 200
  /// Largest number in `{m,n}`, as in RE2.
  static let maximumRepeat = 1000

  struct Flags {
    var ignoresCase = false
    var isMultiline = false
    var dotMatchesNewline = false
  }

  private let pattern: [Unicode.Scalar]
  private var at = 0
  private var flags = Flags()
  private var depth = 0
  private(set) var sets: [RegexSet] = []

  init(_ pattern: String, flags letters: String) {
    self.pattern = Array(pattern.unicodeScalars)
    flags.ignoresCase = letters.unicodeScalars.contains("i")
    flags.isMultiline = letters.unicodeScalars.contains("m")
    flags.dotMatchesNewline = letters.unicodeScalars.contains("s")
  }

  mutating func parse() throws(FilterError) -> RegexNode {
    let node = try alternatives()
    guard at == pattern.count else { throw fail("has a ) without (") }
    return node
  }

  // MARK: Text

  private var current: Unicode.Scalar? { at < pattern.count ? pattern[at] : nil }

  private func peek(_ offset: Int) -> Unicode.Scalar? { at + offset < pattern.count ? pattern[at + offset] : nil }

  private mutating func skip(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard pattern.count - at >= scalars.count, pattern[at..<(at + scalars.count)].elementsEqual(scalars) else {
      return false
    }
    at += scalars.count
    return true
  }

  private func fail(_ reason: String) -> FilterError {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: pattern.prefix(100))
    return FilterError("pattern \(FilterError.quote(String(text))) \(reason)")
  }

  // MARK: Structure

  private mutating func alternatives() throws(FilterError) -> RegexNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw fail("is nested deeper than \(Self.maximumDepth)") }
    var branches = [try sequence()]
    while skip("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws(FilterError) -> RegexNode {
    var parts: [RegexNode] = []
    while let scalar = current, scalar != "|", scalar != ")" {
      // Behind an atom, quantifiers are read with it; what is met here repeats nothing.
      guard try quantifier() == nil else { throw fail("has nothing before \(scalar) to repeat") }
      switch scalar {
      case "\\" where skip("\\Q"):
        let start = at
        while at < pattern.count, !(current == "\\" && peek(1) == "E") { at += 1 }
        var literals = pattern[start..<at].map { literal($0) }
        _ = skip("\\E")
        // A repetition behind \E applies to the last character only.
        if let last = literals.popLast() { literals.append(try repeated(last)) }
        parts.append(contentsOf: literals)
      case "(" where try skipFlags(): continue
      default:
        let atom = try atom()
        parts.append(try repeated(atom))
      }
    }
    switch parts.count {
    case 0: return .empty
    case 1: return parts[0]
    default: return .sequence(parts)
    }
  }

  private mutating func repeated(_ node: RegexNode) throws(FilterError) -> RegexNode {
    guard let (minimum, maximum) = try quantifier() else { return node }
    _ = skip("?")
    let start = at
    if try quantifier() != nil {
      at = start
      throw fail("has a repetition of a repetition; put the inner one into (?:...)")
    }
    return .repeat(node, minimum: minimum, maximum: maximum)
  }

  private mutating func quantifier() throws(FilterError) -> (Int, Int?)? {
    if skip("*") { return (0, nil) }
    if skip("+") { return (1, nil) }
    if skip("?") { return (0, 1) }
    let start = at
    guard skip("{"), let minimum = number() else {
      at = start
      return nil
    }
    var maximum: Int? = minimum
    if skip(",") { maximum = number() }
    guard skip("}") else {
      // Braces that are no repetition stand for themselves.
      at = start
      return nil
    }
    guard max(minimum, maximum ?? 0) <= Self.maximumRepeat else {
      throw fail("repeats more than \(Self.maximumRepeat) times")
    }
    if let maximum, maximum < minimum { throw fail("has a repetition whose bounds are the wrong way round") }
    return (minimum, maximum)
  }

  private mutating func number() -> Int? {
    let start = at
    var value = 0
    while let scalar = current, ("0"..."9").contains(scalar) {
      // Saturates far above the limit.
      if value < 1_000_000 { value = value * 10 + Int(scalar.value - 48) }
      at += 1
    }
    return at > start ? value : nil
  }

  /// `(?i)` and its like, which hold to the end of the group.
  private mutating func skipFlags() throws(FilterError) -> Bool {
    let start = at
    guard skip("(?"), let changed = changedFlags(), skip(")") else {
      at = start
      return false
    }
    flags = changed
    return true
  }

  /// The flags with the letters at the cursor applied; nil if there are none or unknown ones.
  private mutating func changedFlags() -> Flags? {
    var changed = flags
    var isOn = true
    var letters = 0
    while let scalar = current {
      switch scalar {
      case "i": changed.ignoresCase = isOn
      case "m": changed.isMultiline = isOn
      case "s": changed.dotMatchesNewline = isOn
      // Swaps greedy and lazy: no difference here.
      case "U": break
      case "-":
        guard isOn else { return nil }
        isOn = false
        letters = 0
        at += 1
        continue
      default: return letters > 0 ? changed : nil
      }
      letters += 1
      at += 1
    }
    return nil
  }

  private mutating func group() throws(FilterError) -> RegexNode {
    let outer = flags
    if skip("(?") {
      if skip("=") || skip("!") || skip("<=") || skip("<!") { throw fail("uses lookaround, which is not supported") }
      if skip("P=") { throw fail("uses a back reference, which is not supported") }
      if skip("P<") || skip("<") {
        try groupName()
      } else if !skip(":") {
        guard let changed = changedFlags(), skip(":") else {
          throw fail("has a group of an unknown kind behind (?")
        }
        flags = changed
      }
    } else {
      at += 1
    }
    let node = try alternatives()
    guard skip(")") else { throw fail("has a ( without )") }
    flags = outer
    return node
  }

  private mutating func groupName() throws(FilterError) {
    let start = at
    while let scalar = current, RegexSet.word.contains(where: { $0.contains(scalar.value) }) { at += 1 }
    guard at > start, skip(">") else { throw fail("has a group with a malformed name") }
  }

  // MARK: Atoms

  private mutating func atom() throws(FilterError) -> RegexNode {
    guard let scalar = current else { return .empty }
    switch scalar {
    case "(": return try group()
    case "[": return try bracket()
    case "\\": return try escape()
    case ".":
      at += 1
      var set = RegexSet()
      if flags.dotMatchesNewline { set.insert(0...RegexSet.last) } else { set.insert([10...10], isNegated: true) }
      return add(set)
    case "^":
      at += 1
      return .assert(flags.isMultiline ? .lineStart : .textStart)
    case "$":
      at += 1
      return .assert(flags.isMultiline ? .lineEnd : .textEnd)
    default:
      at += 1
      return literal(scalar)
    }
  }

  private mutating func literal(_ scalar: Unicode.Scalar) -> RegexNode {
    guard flags.ignoresCase, !RegexSet.otherCases(of: scalar.value).allSatisfy({ $0 == scalar.value }) else {
      return .scalar(scalar.value)
    }
    var set = RegexSet()
    set.insert(scalar.value...scalar.value)
    // Both ways: letters such as ς have no way back from their other cases.
    for other in RegexSet.otherCases(of: scalar.value) { set.insert(other...other) }
    set.ignoresCase = true
    return add(set)
  }

  private mutating func add(_ set: RegexSet) -> RegexNode {
    var set = set
    set.finish()
    sets.append(set)
    return .set(sets.count - 1)
  }

  /// Outside of brackets.
  private mutating func escape() throws(FilterError) -> RegexNode {
    switch peek(1) {
    case "A":
      at += 2
      return .assert(.textStart)
    case "z":
      at += 2
      return .assert(.textEnd)
    case "b":
      at += 2
      return .assert(.wordBoundary)
    case "B":
      at += 2
      return .assert(.noWordBoundary)
    case "Z": throw fail("uses \\Z, which is not supported; \\z means the end of the text")
    default:
      var set = RegexSet()
      set.ignoresCase = flags.ignoresCase
      if try escapedSet(into: &set) { return add(set) }
      return literal(try escapedScalar())
    }
  }

  /// `\d`, `\pL` and their like.
  private mutating func escapedSet(into set: inout RegexSet) throws(FilterError) -> Bool {
    switch peek(1) {
    case "d": set.insert(RegexSet.digits, isNegated: false)
    case "D": set.insert(RegexSet.digits, isNegated: true)
    case "w": set.insert(RegexSet.word, isNegated: false)
    case "W": set.insert(RegexSet.word, isNegated: true)
    case "s": set.insert(RegexSet.space, isNegated: false)
    case "S": set.insert(RegexSet.space, isNegated: true)
    case "p", "P":
      var isNegated = peek(1) == "P"
      at += 2
      var name = String.UnicodeScalarView()
      if skip("{") {
        if skip("^") { isNegated.toggle() }
        while let scalar = current, scalar != "}" {
          name.append(scalar)
          at += 1
        }
        guard skip("}") else { throw fail("has a \\p{ without }") }
      } else if let scalar = current {
        name.append(scalar)
        at += 1
      }
      guard let mask = RegexSet.categoryMask(String(name)) else {
        throw fail("names \(FilterError.quote(String(name))); \\p knows general categories only, such as \\p{Lu}")
      }
      set.insert(RegexSet.Category(mask: mask, isNegated: isNegated))
      return true
    default: return false
    }
    at += 2
    return true
  }

  /// An escape that stands for one scalar.
  private mutating func escapedScalar() throws(FilterError) -> Unicode.Scalar {
    at += 1
    guard let scalar = current else { throw fail("ends with a backslash") }
    at += 1
    switch scalar {
    case "a": return "\u{07}"
    case "f": return "\u{0c}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{0b}"
    case "x": return try hexadecimal()
    case "C": throw fail("uses \\C, which is not supported")
    case "k", "g": throw fail("uses a back reference, which is not supported")
    case "0"..."7":
      if scalar != "0" {
        guard let next = current, ("0"..."7").contains(next) else {
          throw fail("uses a back reference, which is not supported")
        }
      }
      var value = scalar.value - 48
      for _ in 0..<2 {
        guard let next = current, ("0"..."7").contains(next) else { break }
        value = value * 8 + next.value - 48
        at += 1
      }
      return Unicode.Scalar(value) ?? scalar
    case "8", "9": throw fail("uses a back reference, which is not supported")
    default:
      let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
      guard scalar.isASCII, !isLetter else { throw fail("has an unknown escape \(FilterError.quote("\\\(scalar)"))") }
      return scalar
    }
  }

  /// Behind `\x`: two digits, or any number in braces.
  private mutating func hexadecimal() throws(FilterError) -> Unicode.Scalar {
    let isBraced = skip("{")
    var value: UInt32 = 0
    var digits = 0
    while let digit = hexDigit(current), isBraced || digits < 2, value <= RegexSet.last {
      value = value * 16 + digit
      digits += 1
      at += 1
    }
    guard digits > (isBraced ? 0 : 1), !isBraced || skip("}"), let scalar = Unicode.Scalar(value) else {
      throw fail("has a malformed \\x")
    }
    return scalar
  }

  private func hexDigit(_ scalar: Unicode.Scalar?) -> UInt32? {
    switch scalar {
    case let scalar? where ("0"..."9").contains(scalar): scalar.value - 48
    case let scalar? where ("a"..."f").contains(scalar): scalar.value - 87
    case let scalar? where ("A"..."F").contains(scalar): scalar.value - 55
    default: nil
    }
  }

  // MARK: Brackets

  private mutating func bracket() throws(FilterError) -> RegexNode {
    at += 1
    var set = RegexSet()
    set.isNegated = skip("^")
    set.ignoresCase = flags.ignoresCase
    var isFirst = true
    while true {
      guard let scalar = current else { throw fail("has a [ without ]") }
      if scalar == "]" && !isFirst { break }
      isFirst = false
      if scalar == "[" && peek(1) == ":" {
        try posix(into: &set)
      } else if scalar == "\\", try escapedSet(into: &set) {
        continue
      } else {
        let low = try bracketScalar()
        var high = low
        // A minus at the end stands for itself.
        if current == "-", let next = peek(1), next != "]" {
          at += 1
          high = try bracketScalar()
        }
        guard low.value <= high.value else { throw fail("has a range whose bounds are the wrong way round") }
        set.insert(low.value...high.value)
      }
    }
    at += 1
    return add(set)
  }

  private mutating func bracketScalar() throws(FilterError) -> Unicode.Scalar {
    guard let scalar = current else { throw fail("has a [ without ]") }
    if scalar == "\\" { return try escapedScalar() }
    at += 1
    return scalar
  }

  private mutating func posix(into set: inout RegexSet) throws(FilterError) {
    at += 2
    let isNegated = skip("^")
    var name = String.UnicodeScalarView()
    while let scalar = current, ("a"..."z").contains(scalar) {
      name.append(scalar)
      at += 1
    }
    guard skip(":]"), let ranges = RegexSet.posix(String(name)) else {
      throw fail("names an unknown class \(FilterError.quote(String(name)))")
    }
    set.insert(ranges, isNegated: isNegated)
  }
}
