import QuipuBase
import Testing

@testable import HistoryColumns

@Suite struct NumberTests {
  private func read(_ text: String) -> NumberText.Outcome {
    var at = 0
    return Array(text.utf8).withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return .malformed }
      return NumberText.read(base, &at, bytes.count)
    }
  }

  private func double(_ text: String) -> Double? {
    if case .number(let number) = read(text) { number.double } else { nil }
  }

  /// By the library's parser, which rounds through `strtod` where arithmetic is not exact.
  private func reference(_ text: String) -> Double? { (try? JSON(parsing: text))?.doubleValue }

  @Test func shortestTextsReadBackExactly() {
    var random = SeededGenerator(1)
    for round in 0..<40_000 {
      var value = Double(bitPattern: random.next())
      // Every other one of a usual magnitude.
      if round % 2 == 0 { value = .random(in: -1...1, using: &random) * [1e-30, 1e-9, 1, 1e5, 1e20][round / 2 % 5] }
      guard value.isFinite else { continue }
      for style in [JSONStyle.client, .core] {
        let text = JSON.double(value).text(style: style)
        #expect(double(text)?.bitPattern == value.bitPattern, "\(text)")
      }
    }
  }

  @Test func decimalsRoundToTheNearestDouble() {
    var random = SeededGenerator(2)
    for _ in 0..<40_000 {
      let digits = String(UInt64.random(in: 0 ... .max, using: &random) >> UInt64.random(in: 0..<64, using: &random))
      let point = Int.random(in: 0...digits.count, using: &random)
      var text = digits.prefix(point).isEmpty ? "0" : String(digits.prefix(point))
      if point < digits.count { text += "." + digits.dropFirst(point) }
      if Bool.random(using: &random) { text += "e\(Int.random(in: -40...40, using: &random))" }
      if text.hasPrefix("0") && text.count > 1 && !text.hasPrefix("0.") && !text.hasPrefix("0e") { continue }
      let read = Array(text.utf8).withUnsafeBytes { NumberText.double($0) }
      #expect(read == reference(text), "\(text)")
    }
  }

  @Test func tiesRoundToEven() {
    // Halfway between neighbours, and a little above and below.
    for (text, value) in [
      ("9007199254740993.0", 9007199254740992.0), ("9007199254740993.00001", 9007199254740994),
      ("9007199254740995.0", 9007199254740996), ("9007199254740994.99999", 9007199254740994),
      ("4503599627370496.5", 4503599627370496), ("4503599627370497.5", 4503599627370498),
      ("1125899906842624.125", 1125899906842624), ("1125899906842624.375", 1125899906842624.5),
      ("0.500000000000000055511151231257827021181583404541015625", 0.5),
      ("0.5000000000000001665334536937734810635447502136230468750", 0.5000000000000002),
      ("18446744073709550591e0", 18446744073709549568), ("18446744073709550592e0", 18446744073709551616),
      ("18446744073709552639e0", 18446744073709551616),
      ("1e27", 1e27), ("123456789012345678e27", 123456789012345678e27), ("1e-27", 1e-27), ("1e400", .infinity),
      ("-1e-400", -0.0), ("0e999999999999", 0), ("0.000000000000000000000000000000000000001", 1e-39),
    ] {
      #expect(double(text)?.bitPattern == value.bitPattern, "\(text)")
      #expect(reference(text) == value)
    }
  }

  @Test func wholeNumbersHaveOneForm() {
    #expect(Number(1.0) == Number(1 as Int64) && Number(1.0).kind == .integer)
    #expect(Number(-0.0).kind == .double && Number(-0.0) == Number(0 as Int64))
    #expect(Number(0x1p53).kind == .integer && Number(0x1p54).kind == .double)
    #expect(Number(0x1p54) == Number(1 << 54 as Int64))
    #expect(Number(0x1p63) != Number(Int64.max))
    #expect(Number(Double.nan) == Number(-Double.nan))
    #expect(Number(0.5) != Number(0 as Int64))
  }
}
