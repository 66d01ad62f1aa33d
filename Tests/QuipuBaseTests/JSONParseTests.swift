import Glibc
import QuipuBase
import Testing

@Suite struct JSONParseTests {
  static let accepted: [(String, JSON)] = [
    ("null", nil),
    ("true", true),
    (" \t\r\n false \n", false),
    ("0", 0),
    ("-0", 0),
    ("007", 7),
    ("-12", -12),
    ("9223372036854775807", .int(.max)),
    ("-9223372036854775808", .int(.min)),
    ("9223372036854775808", .bigInteger("9223372036854775808")),
    ("-9223372036854775809", .bigInteger("-9223372036854775809")),
    ("18446744073709551616", .bigInteger("18446744073709551616")),
    ("00123456789012345678901234567890", .bigInteger("123456789012345678901234567890")),
    ("0000000000000000000000000000001", 1),
    ("1.0", 1.0),
    ("-0.0", .double(-0.0)),
    ("01.5", 1.5),
    ("1e3", 1000.0),
    ("1E+3", 1000.0),
    ("25e-1", 2.5),
    ("1e400", .double(.infinity)),
    ("-1e400", .double(-.infinity)),
    ("1e-400", 0.0),
    ("0e999999999999999999999999", 0.0),
    ("1e99999999999999999999999999999999", .double(.infinity)),
    ("1e-99999999999999999999999999999999", 0.0),
    ("NaN", .double(.nan)),
    ("Infinity", .double(.infinity)),
    ("-Infinity", .double(-.infinity)),
    ("Inf", .double(.infinity)),
    ("-Inf", .double(-.infinity)),
    ("[Inf,NaN , -Inf]", [.double(.infinity), .double(.nan), .double(-.infinity)]),
    (#""""#, ""),
    (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"),
    (#""\u0041\u00e9\u20AC\ud83d\ude00\u0000""#, "Aé€😀\0"),
    (#""\ud800""#, "\u{fffd}"),
    (#""\udc00x""#, "\u{fffd}x"),
    (#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
    (#""\ud800\u0041""#, "\u{fffd}A"),
    (#""\ud800\n""#, "\u{fffd}\n"),
    ("\"\u{7f}\u{2028}é😀\"", "\u{7f}\u{2028}é😀"),
    ("[]", []),
    ("[ ]", []),
    ("{}", [:]),
    ("{ }", [:]),
    ("[[],{},[1]]", [[], [:], [1]]),
    (#"{"a":1,"b":{"c":[true,null]}}"#, ["a": 1, "b": ["c": [true, nil]]]),
    (#" { "a" : 1 , "b" : [ 1 , 2 ] } "#, ["a": 1, "b": [1, 2]]),
    (#"{"a":1,"b":2,"a":3}"#, ["a": 3, "b": 2]),
    (#"{"":0}"#, ["": 0]),
    ("{\"\u{e9}\":1,\"e\u{301}\":2}", ["\u{e9}": 1, "e\u{301}": 2]),
  ]

  @Test(arguments: accepted.indices) func accepts(at: Int) throws {
    let (text, expected) = Self.accepted[at]
    #expect(try parsed(text) == expected)
  }

  /// text, offset of the error.
  static let rejected: [(String, Int)] = [
    ("", 0), ("  ", 2), ("nul", 0), ("nan", 0), ("inf", 0), ("+1", 0), ("-", 1), ("--1", 1), ("-NaN", 1), ("-Infx", 4),
    ("1 2", 2), ("1.", 2), (".5", 0), ("1.e5", 2), ("1e", 2), ("1e+", 3), ("1..2", 2), ("0x10", 1), ("truex", 4),
    ("[", 1), ("[1", 2), ("[1,", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("[1}", 2), ("]", 0), ("}", 0),
    ("{", 1), ("{1:2}", 1), (#"{"a"}"#, 4), (#"{"a":}"#, 5), (#"{"a":1"#, 6), (#"{"a":1,}"#, 7), (#"{"a":1]"#, 6),
    (#"{"a" 1}"#, 5), (#"{"a"::1}"#, 5), (#"{,}"#, 1), (#"{a:1}"#, 1),
    (#"""#, 1), (#""abc"#, 4), (#""\"#, 2), (#""\x""#, 2), (#""\u12"#, 5), (#""\u12g4""#, 5), (#""\ud800\u12""#, 11),
    ("\"a\nb\"", 2), ("\"long enough for a word \u{1}\"", 24), ("\"\0\"", 1), ("\0", 0), ("1\0", 1), ("'a'", 0),
    ("\u{feff}1", 0), ("[1] x", 4), ("/*c*/1", 0), ("\u{a0}1", 0),
  ]

  @Test(arguments: rejected.indices) func rejectsAtTheOffset(at: Int) {
    let (text, offset) = Self.rejected[at]
    let error = #expect(throws: JSONError.self) { try parsed(text) }
    #expect(error?.offset == offset, "\(text.debugDescription): \(error?.reason ?? "accepted")")
  }

  static let badUTF8: [[UInt8]] = [
    [0x80], [0xc3], [0xc0, 0x80], [0xff], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82],
    [0xf0, 0x80, 0x80, 0x80],
  ]

  @Test(arguments: badUTF8) func rejectsStringsThatAreNotUTF8(bytes: [UInt8]) {
    let quote = UInt8(ascii: "\"")
    for text in [[quote] + bytes + [quote], [quote] + Array("\\n".utf8) + bytes + [quote]] {
      let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
      #expect(error?.offset == 0)
    }
    #expect(throws: JSONError.self) { try JSON(parsing: bytes) }
    let member = Array("{\"".utf8) + bytes + Array("\":1}".utf8)
    #expect(throws: JSONError.self) { try JSON(parsing: member) }
  }

  @Test func nestsFiveHundredDeepAndNoDeeper() throws {
    func nest(_ open: String, _ close: String, _ depth: Int) -> String {
      String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    }
    var value = try parsed(nest("[", "]", 500))
    var depth = 0
    while case .array(let elements) = value, let first = elements.first {
      value = first
      depth += 1
    }
    #expect(depth == 500)
    #expect(value == 1)
    _ = try parsed(nest(#"{"a":"#, "}", 500))
    #expect(throws: JSONError.self) { try parsed(nest("[", "]", 501)) }
    #expect(throws: JSONError.self) { try parsed(nest(#"{"a":"#, "}", 501)) }
    #expect(throws: JSONError.self) { try parsed(String(repeating: "[", count: 1_000_000)) }
    #expect(throws: JSONError.self) { try parsed(String(repeating: #"[{"a":"#, count: 300_000)) }
  }

  @Test func keepsMembersInOrderAndALaterDuplicateAtTheFirstPlace() throws {
    var object = try #require(try parsed(#"{"b":1,"a":2,"b":3}"#).objectValue)
    #expect(object.keys == ["b", "a"])
    #expect(object["b"] == 3)
    let text = "{" + (0..<40).map { #""k\#($0 % 20)":\#($0)"# }.joined(separator: ",") + "}"
    object = try #require(try parsed(text).objectValue)
    #expect(object.keys == (0..<20).map { Key("k\($0)") })
    #expect(object.members.map(\.value) == (20..<40).map { JSON.int($0) })
  }

  /// Texts whose nearest double is decided far behind the 17th digit.
  static let decimals: [String] = [
    "0.1", "123456789012345678e-5", "9007199254740993.0", "9007199254740993.00000000000000000000000000000001",
    "9007199254740992.99999999999999999999999999999999", "1e23", "8.5e22", "1.7976931348623158e308",
    "1.7976931348623159e308", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
    "2.2250738585072011e-308", "2.2250738585072012e-308", "0.500000000000000166533453693773481063544750213623046875",
    "3.518437208883201171875e13", "62.5364939768271845828", "8.10109172351e-10", "1.50000000000000011102230246251565",
    "6929495644600919.5e0", "0.000000000000000000000000000000000000000000001e45", "100000000000000000000000e-23",
    "12345678901234567890.5", "0.00000000000000000000123456789012345678901234567890", "1e22", "1e-22", "9e22", "1e-23",
    "9007199254740991e22", "9007199254740993e0", "18446744073709551615e0", "18446744073709551616e0",
    "99999999999999999999e-1",
  ]

  @Test(arguments: decimals) func readsTheNearestDouble(text: String) throws {
    #expect(try parsed(text) == .double(cValue(text)))
    #expect(try parsed("-" + text) == .double(cValue("-" + text)))
  }

  @Test func readsTheNearestDoubleOfRandomDigits() throws {
    var random = SplitMix(state: 3)
    var wrong: [String] = []
    for _ in 0..<100_000 {
      let digits = String(random.next() >> (random.next() & 63))
      var text = digits
      if random.next() & 1 == 0 { text += "." + String(random.next()) }
      text += "e\(Int(random.next() % 700) - 350)"
      guard case .double(let value) = try parsed(text), value == cValue(text) else {
        wrong.append(text)
        continue
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test func readsTheNearestDoubleOfShortestTexts() throws {
    var random = SplitMix(state: 4)
    var wrong: [Double] = []
    for _ in 0..<200_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      for style in [JSONStyle.client, .core] {
        switch try parsed(spelled(value, style)) {
        case .double(let back) where back.bitPattern == value.bitPattern: break
        case .int(let back) where style == .core && Double(back) == value: break
        default: wrong.append(value)
        }
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test func decidesTiesByDigitsBehindTheEightHundredth() throws {
    // 2^53 + 1 lies half way between two doubles; one digit anywhere behind it decides.
    let zeros = String(repeating: "0", count: 2000)
    #expect(try parsed("9007199254740993." + zeros + "e0") == .double(9_007_199_254_740_992))
    #expect(try parsed("9007199254740993." + zeros + "1") == .double(9_007_199_254_740_994))
    #expect(try parsed("9007199254740993" + zeros + "e-2000") == .double(9_007_199_254_740_992))
    #expect(try parsed("9007199254740993" + zeros + "1e-2001") == .double(9_007_199_254_740_994))
    #expect(try parsed("0." + zeros + "1e2001") == 1.0)
    #expect(try parsed("1" + zeros + "e-2000") == 1.0)
  }

  /// A locale with a comma as decimal point, if the machine has one.
  static let commaLocale: String? = ["de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"].first { name in
    guard let locale = newlocale(everyCategory, name, nil) else { return false }
    freelocale(locale)
    return true
  }

  @Test(.enabled(if: commaLocale != nil, "no locale with a decimal comma is installed"))
  func doublesDoNotDependOnTheLocaleOfTheHost() throws {
    let name = try #require(Self.commaLocale)
    let comma = try #require(newlocale(everyCategory, name, nil))
    // Switches this thread only.
    let before = uselocale(comma)
    defer {
      _ = uselocale(before)
      freelocale(comma)
    }
    #expect(strtod("1,5", nil) == 1.5)
    #expect(try parsed("9007199254740993.5") == .double(9_007_199_254_740_994))
    #expect(spelled(1.5, .client) == "1.5")
  }

  @Test func takesNoTextCutShort() throws {
    let text = Array(#"{"name":["é😀\n\ud83d\ude00",-12.5e-3,true,null,{"a":NaN}],"b":-Infinity}"#.utf8)
    _ = try JSON(parsing: text)
    for count in 0..<text.count {
      #expect(throws: JSONError.self) { try JSON(parsing: Array(text.prefix(count))) }
    }
  }

  /// Any answer is right as long as there is one; what is accepted must survive a round trip.
  @Test func survivesRandomAndDamagedBytes() throws {
    var random = SplitMix(state: 5)
    let alphabet = Array(#"{}[]":,.-+eE0123456789truefalsnINy \u"#.utf8) + [0, 0x1f, 0x80, 0xc3, 0xa9, 0xff, 0x0a]
    let base = Array(#"{"a":[1,2.5,"x\u00e9",null,true],"b":{"c":NaN,"d":-Inf},"e":123456789012345678901}"#.utf8)
    var acceptedCount = 0
    for turn in 0..<100_000 {
      var bytes: [UInt8]
      if turn % 2 == 0 {
        bytes = (0..<Int(random.next() % 24)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
      } else {
        bytes = base
        for _ in 0..<(1 + random.next() % 3) {
          bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        }
      }
      guard let value = try? JSON(parsing: bytes) else { continue }
      acceptedCount += 1
      #expect(try parsed(value.text(style: .client)) == value)
      #expect(try parsed(value.text(style: .artifact)) == value)
    }
    #expect(acceptedCount > 100)
  }
}

/// `LC_ALL_MASK`, a macro that Swift does not import.
private let everyCategory: Int32 = 0x1fbf
