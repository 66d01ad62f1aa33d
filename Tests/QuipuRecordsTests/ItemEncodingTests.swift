import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct ItemEncodingTests {
  private static func key(_ path: [String]) -> [UInt8] {
    var out = ByteBuffer()
    out.appendItemKey(path: path)
    return out.array()
  }

  private static func history(_ items: [([String], String)], num: Int64, step: Int64) -> Record {
    var row = HistoryRecord()
    row.item = items.map { path, text in
      var item = HistoryItem()
      item.nestedKey = path
      item.valueJSON = text
      return item
    }
    var number = HistoryStep()
    number.num = step
    row.step = number
    return Record(num: num, .history(row))
  }

  /// All length widths: value and item and record below and above 128 and 16384 bytes.
  @Test(arguments: [0, 1, 50, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 126, 127, 128, 129, 16_000, 16_380,
    16_383, 16_384, 16_400, 70_000])
  func writesTheSameBytesAsTheRecordStructs(size: Int) {
    let text = "\"" + String(repeating: "x", count: size) + "\""
    let items = [(["loss"], "0.5"), (["a", "b", ""], text), (["_step"], "3")]
    for (num, step) in [(1, 0), (300, 1), (70_000, Int64.max), (5, -2)] as [(Int64, Int64)] {
      let expected = encode(Self.history(items, num: num, step: step))
      for form in 0..<3 {
        var out = ByteBuffer()
        out.append("before")
        let row = out.beginHistoryRecord(num: num)
        for (path, text) in items {
          Self.key(path).withUnsafeBytes { key in
            switch form {
            case 0: out.appendItem(key: key) { $0.append(text) }
            case 1:
              let bytes = Array(text.utf8)
              bytes.withUnsafeBytes { out.appendItem(key: key, valueJSON: $0) }
            default:
              out.appendItem(key: key, capacity: text.utf8.count + 40) { place in
                for (at, byte) in text.utf8.enumerated() {
                  place.storeBytes(of: byte, toByteOffset: at, as: UInt8.self)
                }
                return text.utf8.count
              }
            }
          }
        }
        out.endHistoryRecord(row, step: step)
        #expect(out.array() == Array("before".utf8) + expected, "form \(form)")
      }
    }
  }

  @Test func writesARowWithoutItems() {
    var out = ByteBuffer()
    let row = out.beginHistoryRecord(num: 1)
    out.endHistoryRecord(row, step: 0)
    #expect(out.array() == [0x08, 0x01, 0x12, 0x02, 0x12, 0x00])
  }

  @Test func writesSummaryUpdatesAndRemovals() {
    var out = ByteBuffer()
    let mark = out.beginSummaryRecord(num: 9)
    Self.key(["acc", "max"]).withUnsafeBytes { out.appendItem(key: $0) { $0.append("1") } }
    Self.key(["gone"]).withUnsafeBytes { out.appendRemovedItem(key: $0) }
    out.endSummaryRecord(mark)
    #expect(
      decodeRecord(out.array())?.protoJSON == [
        "num": "9",
        "summary": [
          "update": [["nested_key": ["acc", "max"], "value_json": "1"]], "remove": [["nested_key": ["gone"]]],
        ],
      ])
  }

  @Test func lengthsAreRightAtEveryWidthAndGuess() throws {
    for size in [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152] {
      for width in [LengthWidth.oneByte, .twoBytes] {
        var out = ByteBuffer()
        out.append("x")
        let mark = out.beginMessage(19, expecting: width)
        out.append(repeating: 65, count: size)
        out.endMessage(mark)
        let bytes = Array(out.array().dropFirst())
        #expect(bytes.count == 2 + Wire.varintSize(UInt64(size)) + size)
        #expect(decodeRecord(bytes)?.uuid.utf8.count == size)
      }
    }
  }

  @Test func varintSizesAreExact() {
    for shift in 0..<64 {
      for value in [UInt64(1) << UInt64(shift), (UInt64(1) << UInt64(shift)) &- 1, UInt64.max >> UInt64(shift)] {
        var out = ByteBuffer()
        out.appendVarint(value)
        #expect(out.count == Wire.varintSize(value))
      }
    }
    for value in [Int64.min, -1, 0, 1, .max] { #expect(Wire.zigZagDecoded(Wire.zigZag(value)) == value) }
  }
}
