import QuipuBase
import Testing

@Suite struct JSONWriteTests {
  static let value: JSON = [
    "b": [1, 2.0, nil, true, false, [:], []],
    "a": ["é": "\u{1f600}", "z": .double(.nan), "Z": .double(-.infinity)],
    "\u{ffff}": 1,
    "😀": 2,
  ]

  @Test func clientTextKeepsOrderAndUsesNoSpaces() {
    #expect(
      Self.value.text(style: .client)
        == #"{"b":[1,2.0,null,true,false,{},[]],"a":{"é":"😀","z":NaN,"Z":-Infinity},"\#u{ffff}":1,"😀":2}"#)
  }

  @Test func artifactTextSortsByCodePointAtEveryLevelAndIsASCII() {
    // U+FFFF before U+1F600: by code point, not by UTF-16 unit.
    #expect(
      Self.value.text(style: .artifact)
        == #"{"a": {"Z": -Infinity, "z": NaN, "\u00e9": "\ud83d\ude00"}, "#
        + #""b": [1, 2.0, null, true, false, {}, []], "#
        + #""\uffff": 1, "\ud83d\ude00": 2}"#)
  }

  @Test func coreTextDropsTheFraction() {
    #expect(
      Self.value.text(style: .core)
        == #"{"b":[1,2,null,true,false,{},[]],"a":{"é":"😀","z":NaN,"Z":-Infinity},"\#u{ffff}":1,"😀":2}"#)
  }

  @Test func escapesQuotesBackslashAndControlCharacters() {
    let text = (0..<0x20).map { String(UnicodeScalar(UInt8($0))) }.joined() + "\"\\/\u{7f}<\u{2028}"
    let controls =
      #"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014"#
      + #"\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f\"\\/"#
    let raw = "\"" + controls + "\u{7f}<\u{2028}\""
    #expect(JSON.string(text).text(style: .client) == raw)
    #expect(JSON.string(text).text(style: .core) == raw)
    #expect(JSON.string(text).text(style: .artifact) == "\"" + controls + #"\u007f<\u2028""#)
  }

  @Test func escapesAtEveryPositionOfALongString() throws {
    for length in 0..<40 {
      for special in ["\"", "\\", "\n", "\u{1f}", "é", "\u{7f}"] {
        for at in 0...length {
          let text = String(repeating: "a", count: at) + special + String(repeating: "b", count: length - at)
          for style in [JSONStyle.client, .artifact] {
            #expect(try parsed(JSON.string(text).text(style: style)) == .string(text))
          }
        }
      }
    }
  }

  @Test func bytesThatAreNotUTF8StayRawAndAreRepairedInArtifacts() {
    let bytes: [UInt8] = [0x61, 0xff, 0x62, 0xc3]
    for (style, expected) in [
      (JSONStyle.client, [0x22] + bytes + [0x22]), (.core, [0x22] + bytes + [0x22]),
      (.artifact, Array(#""a\ufffdb\ufffd""#.utf8)),
    ] {
      var out = ByteBuffer()
      bytes.withUnsafeBytes { JSON.writeString($0, to: &out, style: style) }
      #expect(out.array() == expected)
    }
  }

  @Test func integersBeyondSixtyFourBitsAreDigitsExceptInTheCore() {
    let value = JSON.bigInteger("9223372036854775808")
    #expect(value.text(style: .client) == "9223372036854775808")
    #expect(value.text(style: .artifact) == "9223372036854775808")
    #expect(value.text(style: .core) == "9.223372036854776e+18")
    #expect(JSON.bigInteger("-18446744073709551616").text(style: .core) == "-1.8446744073709552e+19")
    #expect(JSON.bigInteger("1" + String(repeating: "0", count: 400)).text(style: .core) == "Infinity")
    #expect(JSON.int(.min).text(style: .core) == "-9223372036854775808")
    #expect(JSON.int(.max).text(style: .core) == "9223372036854775807")
  }

  @Test func everyStyleReadsBackAsTheSameValue() throws {
    var random = SplitMix(state: 6)
    for _ in 0..<300 {
      let value = Self.randomValue(&random, depth: 0)
      #expect(try parsed(value.text(style: .client)) == value)
      #expect(try parsed(value.text(style: .artifact)) == value)
      // The core's text is the same value again once it has been through it.
      let core = try parsed(value.text(style: .core))
      #expect(try parsed(core.text(style: .core)) == core)
    }
  }

  static func randomValue(_ random: inout SplitMix, depth: Int) -> JSON {
    switch random.next() % (depth < 4 ? 9 : 6) {
    case 0: return nil
    case 1: return .bool(random.next() & 1 == 0)
    case 2: return .int(Int64(bitPattern: random.next() >> (random.next() & 63)))
    case 3: return .double(Double(bitPattern: random.next()))
    case 4: return .bigInteger("-" + String(UInt64.max - random.next() % 1000) + "123")
    case 5: return .string(randomText(&random))
    case 6: return .array((0..<random.next() % 6).map { _ in randomValue(&random, depth: depth + 1) })
    default:
      var object = JSONObject()
      for _ in 0..<random.next() % 20 { object[Key(randomText(&random))] = randomValue(&random, depth: depth + 1) }
      return .object(object)
    }
  }

  static func randomText(_ random: inout SplitMix) -> String {
    var text = ""
    for _ in 0..<random.next() % 20 {
      let limit: UInt32 = [0x80, 0x800, 0x10000, 0x110000][Int(random.next() & 3)]
      if let scalar = Unicode.Scalar(UInt32(truncatingIfNeeded: random.next()) % limit) {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
