import RunFilters
import Testing

private func matches(_ pattern: String, _ text: String) throws -> Bool { try LinearRegex(pattern).matches(text) }

private func refusal(_ pattern: String) -> String? {
  do {
    _ = try LinearRegex(pattern)
    return nil
  } catch {
    return error.message
  }
}

struct LinearRegexTests {
  @Test(arguments: [
    ("", ""), ("", "abc"), ("b", "abc"), ("^abc$", "abc"), ("a.c", "abc"), ("a.c", "aéc"), ("a.c", "a😀c"),
    ("^foo.*", "foobar"), ("(?s)a.c", "a\nc"), ("(?m)^b$", "a\nb\nc"), ("\\Aab\\z", "ab"), ("a|b|c", "xc"),
    ("^(a|bc)+$", "abcbca"), ("^a*$", ""), ("^a+?$", "aa"), ("^a??b$", "ab"), ("^a{2}$", "aa"), ("^a{2,}$", "aaaa"),
    ("^a{2,3}$", "aaa"), ("^a{0}$", ""), ("^a{0,0}b$", "b"), ("^a{,3}$", "a{,3}"), ("^a{x}$", "a{x}"), ("^{", "{"),
    ("^[abc]$", "b"), ("^[a-c]$", "b"), ("^[^a-c]$", "d"), ("^[]a]$", "]"), ("^[^]a]$", "b"), ("^[a-]$", "-"),
    ("^[-a]$", "-"), ("^[a\\]b]$", "]"), ("^[\\d-z]$", "-"), ("^[a-\\x{7a}]$", "q"), ("^[\\n]$", "\n"),
    ("^[[:alpha:]_]+$", "ab_Z"), ("^[[:^digit:]]$", "x"), ("^[[:word:]]$", "_"), ("^[^[:space:]]$", "x"),
    ("^\\d+\\D$", "12x"), ("^\\w+\\W$", "a_1-"), ("^\\s\\S$", "\tx"), ("\\bfoo\\b", "a foo b"), ("\\Boo\\B", "foos"),
    ("\\b", "a"), ("\\B", ""), ("^\\pL+$", "aéß漢"), ("^\\p{Lu}\\P{Lu}$", "Éé"), ("^\\p{^Nd}$", "x"),
    ("^[\\pN\\pZ]+$", "1 ٣"), ("^\\p{Any}$", "😀"), ("(?i)straße", "STRAßE"), ("(?i)^É$", "é"), ("(?i)^[à-é]$", "É"),
    ("(?i)^σ$", "ς"), ("(?i)^ς$", "Σ"), ("(?i)^k$", "\u{212a}"), ("(?i)^[k]$", "\u{212a}"), ("(?i)^[^a]$", "b"),
    ("(?i)^\\x41$", "a"), ("(?i:a)b", "Ab"), ("a(?i)b", "aB"), ("(a(?i)b)c", "aBc"), ("(?i-i)a", "a"),
    ("(?im-s)^B$", "a\nb"), ("(?P<name>a)(?<other>b)", "ab"), ("(?:a)(b)", "ab"), ("\\Qa.b*\\E+$", "a.b***"),
    ("\\Qa\\nb", "a\\nb"), ("\\.\\*\\[\\]\\/\\-\\_\\ ", ".*[]/-_ "), ("\\x41\\x{1F600}", "A😀"), ("\\101\\07", "A\u{7}"),
    ("\\t\\n\\r\\f\\v\\a", "\t\n\r\u{c}\u{b}\u{7}"), ("^*a", "a"), ("(^|x)a", "a"), ("(a|)b", "b"), ("()", ""),
    ("a||b", ""), ("(?U)a*b", "aab"), ("x*(^a)", "a"), ("a$", "a"), ("(a*)*$", "b"), ("^(a*)+$", "aaa"),
    ("(|a)+b", "aab"), ("^e\u{301}$", "e\u{301}"), ("^\\x{e9}$", "é"), ("]", "]"), ("}", "}"), ("a{1,2}{", "a{"),
    ("[[]", "["), ("\r\n", "\r\n"),
  ])
  func matchesAnywhere(_ pattern: String, _ text: String) throws {
    #expect(try matches(pattern, text))
  }

  @Test(arguments: [
    ("a", ""), ("^b", "ab"), ("a$", "ab"), ("a$", "a\n"), ("a.c", "a\nc"), ("^b$", "a\nb"), ("\\Ab", "a\nb"),
    ("(?m)\\Ab", "a\nb"), ("^(ab)+$", "aba"), ("^a{2}$", "aaa"), ("^a{2,3}$", "a"), ("^a{2,3}$", "aaaa"),
    ("^[^a-c]$", "b"), ("^[^a]$", ""), ("^\\d$", "x"), ("^\\d$", "٣"), ("^\\w$", "é"), ("\\s", "\u{b}"),
    ("\\bfoo\\b", "foos"), ("\\b", ""), ("\\b", "é"), ("\\B", "a"), ("^\\p{Lu}$", "a"), ("^\\pL$", "1"),
    ("^\\PL$", "a"), ("(?i)^[^a]$", "A"), ("(?i)^\\W$", "k"), ("(?i)^[[:^lower:]]$", "A"), ("(?i)^\\P{Lu}$", "a"),
    ("a(?i)b", "AB"), ("(a(?i)b)c", "aBC"), ("(?i:a)b", "aB"), ("\\Qa.b\\E", "axb"), ("^e$", "e\u{301}"),
    ("^\\x{e9}$", "e\u{301}"), ("^[à-é]$", "É"), ("(?-s).", "\n"), ("^.$", "ab"), ("^.$", "\r\n"),
    ("^\\QA\\E(?i)b$", "ab"),
  ])
  func matchesNowhere(_ pattern: String, _ text: String) throws {
    #expect(try !matches(pattern, text))
  }

  @Test(arguments: [
    ("(a)\\1", "back reference"), ("(?P=a)", "back reference"), ("\\k<a>", "back reference"), ("\\8", "back reference"),
    ("(?=a)", "lookaround"), ("(?!a)", "lookaround"), ("(?<=a)", "lookaround"), ("(?<!a)", "lookaround"),
    ("(?>a)", "unknown kind"), ("(?#a)", "unknown kind"), ("(?i", "unknown kind"), ("(?-)a", "unknown kind"),
    ("(?", "unknown kind"), ("(?x)a", "unknown kind"), ("(?P<a", "malformed name"), ("(?P<>a)", "malformed name"),
    ("(?<a-b>a)", "malformed name"), ("(", "( without )"), ("(a", "( without )"), ("a)", ") without ("),
    ("[", "[ without ]"), ("[a", "[ without ]"), ("[]", "[ without ]"), ("[^]", "[ without ]"),
    ("[a\\]", "[ without ]"), ("[z-a]", "wrong way round"), ("[a-\\d]", "unknown escape"),
    ("[[:foo:]]", "unknown class"), ("[[:alpha]", "unknown class"), ("*", "nothing before *"),
    ("a|*", "nothing before *"), ("(+a)", "nothing before +"), ("(?i)?", "nothing before ?"),
    ("{2}", "nothing before {"), ("a(?i){2}", "nothing before {"), ("\\E", "unknown escape"),
    ("a**", "repetition of a repetition"), ("a+{2}", "repetition of a repetition"), ("a{2,1}", "wrong way round"),
    ("a{1001}", "more than 1000"), ("a{1,99999999999999999999}", "more than 1000"), ("(a{100}){100}", "larger than"),
    ("((((a{9}){9}){9}){9}){9}", "larger than"), ("(((()" + "{1000}){1000}){1000}){1000}", "repeats too much"),
    ("\\", "ends with a backslash"), ("\\y", "unknown escape"), ("\\é", "unknown escape"), ("\\Z", "\\z"),
    ("\\C", "\\C"), ("\\x", "malformed \\x"), ("\\x4", "malformed \\x"), ("\\x{}", "malformed \\x"),
    ("\\x{110000}", "malformed \\x"), ("\\x{d800}", "malformed \\x"), ("\\x{41", "malformed \\x"),
    ("\\x{fffffffffffff}", "malformed \\x"), ("\\p{Greek}", "general categories"), ("\\p", "general categories"),
    ("\\p{", "without }"), ("\\pX", "general categories"),
  ])
  func refusesAndSaysWhy(_ pattern: String, _ reason: String) {
    let message = refusal(pattern)
    #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
  }

  @Test func boundsPatterns() {
    #expect(refusal(String(repeating: "a", count: 4_999)) == nil)
    #expect(refusal(String(repeating: "a", count: 5_000))?.contains("larger than") == true)
    #expect(refusal(String(repeating: "a", count: 8_193))?.contains("longer than") == true)
    func groups(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "a" + String(repeating: ")", count: depth)
    }
    #expect(refusal(groups(199)) == nil)
    #expect(refusal(groups(200))?.contains("nested deeper") == true)
    #expect(refusal(String(repeating: "(", count: 8_000))?.contains("nested deeper") == true)
  }

  @Test func finishesOnPatternsThatBacktrackersHangOn() throws {
    let text = String(repeating: "a", count: 10_000)
    for pattern in [
      "(a*)*b", "(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*(.*)*b", "((a?){30}){10}b", "(a?){200}a{200}b", "(a*)*(a*)*$b",
    ] {
      #expect(try !matches(pattern, text), "\(pattern)")
    }
    #expect(try matches("^(a*)*$", text) && matches("(a?){100}a{100}", text))
  }

  @Test func appliesFlags() throws {
    #expect(try LinearRegex("^B.c", flags: "ims").matches("a\nb\nC"))
    #expect(try !LinearRegex("^B.c", flags: "im").matches("a\nb\nC"))
    #expect(try !LinearRegex("^B.c", flags: "is").matches("a\nb\nC"))
    #expect(try !LinearRegex("^B.c", flags: "ms").matches("a\nb\nC"))
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func agreesWithSetsOfEnds(_ seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    var matched = 0
    for _ in 0..<1500 {
      let tree = Tree.random(depth: 4, &random)
      let regex = try LinearRegex(tree.pattern)
      for _ in 0..<6 {
        let text = (0..<Int.random(in: 0..<8, using: &random)).map { _ in
          ["a", "b", "c", "-", "\n"][Int.random(in: 0..<5, using: &random)]
        }
        let scalars = text.joined().unicodeScalars.map { $0 }
        let expected = (0...scalars.count).contains { !tree.ends([$0], scalars).isEmpty }
        matched += expected ? 1 : 0
        #expect(regex.matches(text.joined()) == expected, "/\(tree.pattern)/ on \(text)")
      }
    }
    #expect(matched > 500 && matched < 8500)
  }

  @Test func survivesRandomPatterns() {
    let pieces = [
      "a", "b", "é", "(", ")", "(?:", "(?i)", "(?", "[", "]", "[^", "-", "*", "+", "?", "{", "}", "{2,3}", "{0}",
      "{1000}", "|",
      "^", "$", ".", "\\", "\\b", "\\B", "\\d", "\\pL", "\\p{", "\\x{", "\\x4", "\\Q", "\\E", "\\1", "[:alpha:]",
      "\\W", ",", "0", "<", "P",
    ]
    var random = SeededGenerator(state: 9)
    var accepted = 0
    for _ in 0..<20_000 {
      let pattern = (0..<Int.random(in: 1..<12, using: &random)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &random)]
      }.joined()
      guard let regex = try? LinearRegex(pattern) else { continue }
      accepted += 1
      _ = regex.matches("ab é-0\nABab")
    }
    #expect(accepted > 1000)
  }
}

/// A pattern with a meaning of its own: the set of places at which a match that begins at given places can end.
private indirect enum Tree {
  case text(String, (Unicode.Scalar) -> Bool)
  case place(String, (Int, [Unicode.Scalar]) -> Bool)
  case sequence([Tree])
  case either([Tree])
  case times(Tree, Int, Int?, String)

  var pattern: String {
    switch self {
    case .text(let pattern, _), .place(let pattern, _): pattern
    case .sequence(let parts): parts.map(\.pattern).joined()
    case .either(let parts): "(" + parts.map(\.pattern).joined(separator: "|") + ")"
    case .times(let part, _, _, let suffix): "(?:" + part.pattern + ")" + suffix
    }
  }

  func ends(_ starts: Set<Int>, _ text: [Unicode.Scalar]) -> Set<Int> {
    switch self {
    case .text(_, let accepts): Set(starts.filter { $0 < text.count && accepts(text[$0]) }.map { $0 + 1 })
    case .place(_, let accepts): starts.filter { accepts($0, text) }
    case .sequence(let parts): parts.reduce(starts) { $1.ends($0, text) }
    case .either(let parts): parts.reduce(into: []) { $0.formUnion($1.ends(starts, text)) }
    case .times(let part, let minimum, let maximum, _):
      {
        var current = starts
        for _ in 0..<minimum { current = part.ends(current, text) }
        var all = current
        for _ in 0..<(maximum.map { $0 - minimum } ?? text.count + 1) {
          current = part.ends(current, text)
          all.formUnion(current)
        }
        return all
      }()
    }
  }

  static func random(depth: Int, _ random: inout SeededGenerator) -> Tree {
    func isWord(_ at: Int, _ text: [Unicode.Scalar]) -> Bool {
      text.indices.contains(at) && ("a"..."z").contains(text[at])
    }
    switch Int.random(in: 0..<(depth == 0 ? 10 : 16), using: &random) {
    case 0, 1: return .text("a") { $0 == "a" }
    case 2: return .text("b") { $0 == "b" }
    case 3: return .text("[^a-b]") { $0 != "a" && $0 != "b" }
    case 4: return .text(".") { $0 != "\n" }
    case 5: return .place("^") { at, _ in at == 0 }
    case 6: return .place("$") { at, text in at == text.count }
    case 7: return .place("\\b") { at, text in isWord(at, text) != isWord(at - 1, text) }
    case 8: return .place("\\B") { at, text in isWord(at, text) == isWord(at - 1, text) }
    case 9: return .sequence([])
    case 10, 11: return .either((0..<3).map { _ in Tree.random(depth: depth - 1, &random) })
    case 12, 13:
      let (minimum, maximum, suffix) = [
        (0, nil, "*"), (1, nil, "+"), (0, 1, "?"), (2, 2, "{2}"), (1, 3, "{1,3}?"), (2, nil, "{2,}"), (0, 0, "{0}"),
      ][Int.random(in: 0..<7, using: &random)] as (Int, Int?, String)
      return .times(Tree.random(depth: depth - 1, &random), minimum, maximum, suffix)
    default: return .sequence((0..<3).map { _ in Tree.random(depth: depth - 1, &random) })
    }
  }
}
