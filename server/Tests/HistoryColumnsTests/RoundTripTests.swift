import QuipuBase
import Testing

@testable import HistoryColumns

@Suite struct RoundTripTests {
  @Test(arguments: [
    #"{"_step":0}"#,
    #"{"_step":7,"loss":0.1}"#,
    #"{"_step":7,"loss":1}"#,
    #"{"_step":1,"a":NaN,"b":Infinity,"c":-Infinity}"#,
    #"{"_step":1,"a":-0.0,"b":0,"c":0.0}"#,
    #"{"_step":1,"a":9007199254740993,"b":-9007199254740993,"c":9223372036854775807,"d":-9223372036854775808}"#,
    #"{"_step":1,"a":18446744073709551615,"b":-99999999999999999999999}"#,
    #"{"_step":1,"a":1e+300,"b":1e-300,"c":5e-324,"d":1.7976931348623157e+308,"e":2.2250738585072014e-308}"#,
    #"{"_step":1,"a":1.7952929307126925e+09,"b":0.213211761,"c":123456789012345678}"#,
    #"{"_step":1,"s":"text","e":"","q":"a\"b\\c\u0000\n\/","u":"å∂\ud83d\ude00😀"}"#,
    #"{"_step":1,"t":true,"f":false,"n":null,"l":[1,"two",[NaN,-Infinity],{"x":null}],"m":[]}"#,
    #"{"_step":1,"nested":{"y":0,"x":{"z":1,"w":"s"}},"nest":2,"nested2":{"y":3}}"#,
    #"{"_step":1,"a.b":1,"a":{"b":2,"c":{"d":3}},"a.b.c":4,"a.c":{"d":5}}"#,
    #"{"_step":1,"empty":{},"deep":{"empty":{},"list":[]}}"#,
    #"{"_step":1,"img":{"_type":"image-file","path":"p","size":3},"o":{"a":1,"h":{"b":[1],"_type":"histogram"}}}"#,
    #"{"_step":1,"":1,"a":{"":{"":2}},"\u0000":3,"\ud83d\ude00":4,"k\"ey\\":5,"\n":{"\t":6}}"#,
    #"{"_step":1,"é":1,"é":2}"#,
    #" { "_step" : 1 , "a" : [ 1 , 2 ] , "b" : { "c" : "d" } } "#,
  ])
  func rowComesBackAsLogged(_ line: String) throws {
    let view = try makeView(makeSegment([line]))
    let texts = try view.texts()
    #expect(texts.count == 1)
    #expect(canonical(try JSON(parsing: texts[0])) == (try canonical(line)))
    let step = try #require(view.lastStep)
    let text = try #require(try view.rowText(step: step, writer: "w"))
    #expect(String(decoding: text, as: UTF8.self) == texts[0])
  }

  @Test func wholeDoublesAreWrittenWithoutFraction() throws {
    let view = try makeView(makeSegment([#"{"_step":1.0,"a":1.0,"b":1e+06,"c":-2.50,"d":1E2}"#]))
    #expect(try view.texts() == [#"{"_step":1,"a":1,"b":1000000,"c":-2.5,"d":100}"#])
  }

  @Test func minusZeroKeepsItsSign() throws {
    let view = try makeView(makeSegment([#"{"_step":0,"a":-0.0,"b":-0}"#, #"{"_step":1,"a":0,"b":1}"#]))
    #expect(try view.texts() == [#"{"_step":0,"a":-0,"b":-0}"#, #"{"_step":1,"a":0,"b":1}"#])
  }

  @Test func stepsOfHistoryStandInForMissingOnes() throws {
    let view = try makeView(makeSegment([#"{"a":1}"#, #"{"a":2}"#]))
    #expect(try view.texts() == [#"{"_step":0,"a":1}"#, #"{"_step":1,"a":2}"#])
  }

  @Test func eventsKeepTheStepKeyAsAnyOther() throws {
    let view = try makeView(makeSegment([#"{"_step":"x","a":1}"#, #"{"a":2}"#], stepKey: nil))
    #expect(try view.texts() == [#"{"_step":"x","a":1}"#, #"{"a":2}"#])
    #expect(view.lastStep == 1)
  }

  @Test func lastOfEqualKeysWins() throws {
    let view = try makeView(
      makeSegment([
        #"{"_step":1,"_step":2,"a":1,"a":"x"}"#,
        #"{"_step":3,"a":{"b":1,"c":2},"a":{"c":3}}"#,
        #"{"_step":4,"a":{"b":1,"b":{"d":5}},"x":0,"a":7}"#,
        #"{"_step":5,"a":{"b":1,"_type":"t"},"y":1,"z":2,"a":{"b":2}}"#,
        #"{"_step":6,"a":{"b":2},"a":{"_type":"t","b":3},"b":1}"#,
        #"{"_step":7,"a":{"b":2},"a":{}}"#,
      ]))
    #expect(
      try view.texts() == [
        #"{"_step":2,"a":"x"}"#, #"{"_step":3,"a":{"c":3}}"#, #"{"_step":4,"a":7,"x":0}"#,
        #"{"_step":5,"a":{"b":2},"y":1,"z":2}"#, #"{"_step":6,"a":{"_type":"t","b":3},"b":1}"#, #"{"_step":7,"a":{}}"#,
      ])
  }

  @Test func nonFiniteNumbersAreStringsInObjects() throws {
    let line = #"{"_step":1,"a":NaN,"b":[NaN,{"x":-Infinity,"NaN":"Infinity\"NaN"}],"c":Infinity,"s":"NaN"}"#
    let view = try makeView(makeSegment([line, #"{"_step":2,"a":"x"}"#]))
    #expect(
      try view.objects(steps: 1..<2) == "["
        + #"{"_step":1,"a":"NaN","b":["NaN",{"x":"-Infinity","NaN":"Infinity\"NaN"}],"c":"Infinity","s":"NaN"}"# + "]")
    #expect(try view.texts(steps: 1..<2) == [line])
  }

  @Test func numbersAndOtherValuesShareAColumn() throws {
    let lines = [
      #"{"_step":0,"a":0.1}"#, #"{"_step":1,"a":9007199254740993}"#, #"{"_step":2,"a":"x"}"#, #"{"_step":3,"a":NaN}"#,
      #"{"_step":4,"a":{"b":1}}"#, #"{"_step":5,"a":-3}"#, #"{"_step":6,"a":[]}"#, #"{"_step":7,"a":null}"#,
      #"{"_step":8,"a":true}"#, #"{"_step":9,"a":-0}"#, #"{"_step":10,"a":[]}"#, #"{"_step":11,"a":[]}"#,
    ]
    #expect(try makeView(makeSegment(lines)).texts() == lines)
  }

  @Test func objectsBeyondTheLevelLimitStayWhole() throws {
    for depth in [31, 32, 33, 34, 400] {
      let line =
        #"{"_step":0,"a":"# + String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
        + "}"
      #expect(try makeView(makeSegment([line])).texts() == [line])
    }
  }

  @Test func rowsAreSortedAndTheLastOfAStepCounts() throws {
    let view = try makeView(
      makeSegment([#"{"_step":3,"a":1}"#, #"{"_step":1,"b":2}"#, #"{"_step":3,"c":3}"#, #"{"_step":-2,"d":4}"#]))
    #expect(view.rowCount == 3)
    #expect(view.firstStep == -2)
    #expect(try view.texts() == [#"{"_step":-2,"d":4}"#, #"{"_step":1,"b":2}"#, #"{"_step":3,"c":3}"#])
  }

  @Test func extremeStepsAreKept() throws {
    let view = try makeView(
      makeSegment([#"{"_step":9223372036854775807,"a":1}"#, #"{"_step":-9223372036854775808,"a":2}"#]))
    #expect(view.lastStep == .max)
    #expect(try view.rowText(step: .max, writer: "w").map { String(decoding: $0, as: UTF8.self) }
      == #"{"_step":9223372036854775807,"a":1}"#)
    #expect(try view.buckets(key: "a", steps: .min ... .max, count: 2).map(\.count) == [1, 1])
    #expect(try view.buckets(key: "_step", steps: .min ... .max, count: 1).map(\.count) == [2])
  }

  @Test func wideAndLongSegmentsAreSmall() throws {
    var random = SeededGenerator(3)
    var keySize = 0
    var wide = #"{"_step":0"#
    for number in 0..<10_000 {
      let key = "layer.\(number * 7919 % 10_000)"
      keySize += key.utf8.count
      wide += ",\"\(key)\":\(Double.random(in: 0..<1, using: &random))"
    }
    let segment = try makeSegment([wide + "}"])
    #expect(segment.valueCount == 10_000)
    #expect(segment.byteCount - keySize <= 10_000 * 15)
    #expect(try canonical(makeView(segment).texts()[0]) == canonical(wide + "}"))
    #expect(try makeView(segment).texts(keys: ["layer.77"]).count == 1)

    let long = (0..<5000).map { step in
      let time = 1.79e9 + Double(step) * 0.1 + Double.random(in: 0..<0.01, using: &random)
      let loss = Double.random(in: 0..<1, using: &random)
      return #"{"_step":\#(step),"_timestamp":\#(time),"_runtime":\#(time - 1.79e9),"loss":\#(loss)}"#
    }
    let thin = try makeSegment(long)
    #expect(thin.rowCount == 5000 && thin.valueCount == 15_000)
    #expect(thin.byteCount <= 15_000 * 7)
    let pieces = try stride(from: 0, to: 5000, by: 100).map { try makeSegment(Array(long[$0..<$0 + 100])) }
    let merged = try mergeSegments(pieces)
    #expect(merged.count == thin.byteCount)
  }

  @Test func emptyBatchMakesNoSegment() throws {
    #expect(HistoryBatch().encode().isEmpty)
    let view = try HistoryView([])
    #expect(view.lastStep == nil)
    #expect(try view.texts() == [])
    #expect(try view.samples(3) == [])
    #expect(try view.buckets(key: "a", steps: 0...9, count: 3) == [])
    #expect(try view.keySummaries() == [])
    #expect(try view.rowText(step: 0, writer: "w") == nil)
    #expect(try mergeSegments([]) == [])
  }

  @Test(arguments: [
    ("", 0), ("[]", 0), ("{", 1), (#"{"a":1"#, 6), (#"{"a":1}x"#, 7), (#"{"a":01}"#, 6), (#"{"a":1.}"#, 7),
    (#"{"a":.5}"#, 5), (#"{"a":+1}"#, 5), (#"{"a":1e}"#, 7), (#"{"a":nan}"#, 5), (#"{"a":Inf}"#, 5), (#"{"a":tru}"#, 5),
    (#"{"a":"x}"#, 8), (#"{"a":"\x"}"#, 7), (#"{"a":"\u12g4"}"#, 10), (#"{a:1}"#, 1), (#"{"a" 1}"#, 5),
    (#"{"a":1,}"#, 7), (#"{"a":[1,]}"#, 8), (#"{"a":[1 2]}"#, 8), (#"{"a":{"b":1]}"#, 11), (#"{"a":[}"#, 6),
    ("{\"a\":\"\n\"}", 6), (#"{"a":-}"#, 6), (#"{"a":-NaN}"#, 6), (#"{"_step":1.5}"#, 0), (#"{"_step":"1"}"#, 0),
  ])
  func rejectsMalformedLinesAndStaysUnchanged(_ line: String, _ offset: Int) throws {
    var batch = HistoryBatch()
    try batch.append(#"{"_step":0,"a":{"b":1}}"#)
    let error = #expect(throws: HistoryLineError.self) { try batch.append(line) }
    #expect(error?.offset == offset)
    try batch.append(#"{"_step":1,"a":{"b":2},"b":3}"#)
    let view = try makeView(HistorySegment(SegmentBytes(batch.encode())))
    #expect(try view.texts() == [#"{"_step":0,"a":{"b":1}}"#, #"{"_step":1,"a":{"b":2},"b":3}"#])
  }

  @Test func rejectsBrokenEncodingAndDeepNesting() {
    var batch = HistoryBatch()
    for bytes: [UInt8] in [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]] {
      let line = Array(#"{"a":"0123456789"#.utf8) + bytes + Array(#""}"#.utf8)
      let error = #expect(throws: HistoryLineError.self) {
        try line.withUnsafeBytes { _ = try batch.append(line: $0, defaultStep: 0) }
      }
      #expect(error?.reason == "not UTF-8")
      #expect(error?.offset == 16)
    }
    let deep = String(repeating: "[", count: 600)
    let error = #expect(throws: HistoryLineError.self) { try batch.append("{\"a\":\(deep)}") }
    #expect(error?.reason == "nesting deeper than 500")
    #expect(batch.rowCount == 0)
  }
}
