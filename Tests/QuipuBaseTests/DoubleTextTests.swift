import Testing
import QuipuBase

@Suite struct DoubleTextTests {
  /// value, client, artifact, core. The examples of both references, Python's `repr` for the artifact column.
  static let spellings: [(Double, String, String, String)] = [
    (1.0, "1.0", "1.0", "1"),
    (0.00001, "0.00001", "1e-05", "1e-05"),
    (0.0001, "0.0001", "0.0001", "0.0001"),
    (0.000001, "1e-6", "1e-06", "1e-06"),
    (1e-7, "1e-7", "1e-07", "1e-07"),
    (1e15, "1000000000000000.0", "1000000000000000.0", "1e+15"),
    (1e16, "1e+16", "1e+16", "1e+16"),
    (1e20, "1e+20", "1e+20", "1e+20"),
    (1e22, "1e+22", "1e+22", "1e+22"),
    (1e100, "1e+100", "1e+100", "1e+100"),
    (1e-100, "1e-100", "1e-100", "1e-100"),
    (.leastNonzeroMagnitude, "5e-324", "5e-324", "5e-324"),
    (0.1, "0.1", "0.1", "0.1"),
    (0.0, "0.0", "0.0", "0"),
    (-0.0, "-0.0", "-0.0", "-0"),
    (-1.5, "-1.5", "-1.5", "-1.5"),
    (100_000.0, "100000.0", "100000.0", "100000"),
    (123_456.0, "123456.0", "123456.0", "123456"),
    (999_999.0, "999999.0", "999999.0", "999999"),
    (100_000.5, "100000.5", "100000.5", "100000.5"),
    (123_456.7, "123456.7", "123456.7", "123456.7"),
    (999_999.9, "999999.9", "999999.9", "999999.9"),
    (1_000_000.0, "1000000.0", "1000000.0", "1e+06"),
    (1_234_567.0, "1234567.0", "1234567.0", "1.234567e+06"),
    (1_234_567.5, "1234567.5", "1234567.5", "1.2345675e+06"),
    (1_234_567.8, "1234567.8", "1234567.8", "1.2345678e+06"),
    (9_223_372_036_854_775_808.0, "9.223372036854776e+18", "9.223372036854776e+18", "9.223372036854776e+18"),
    (0.10000000149011612, "0.10000000149011612", "0.10000000149011612", "0.10000000149011612"),
    (1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308", "1.7976931348623157e+308"),
    (.leastNormalMagnitude, "2.2250738585072014e-308", "2.2250738585072014e-308", "2.2250738585072014e-308"),
    (
      Double.leastNormalMagnitude.nextDown, "2.225073858507201e-308", "2.225073858507201e-308",
      "2.225073858507201e-308"
    ),
    (9_007_199_254_740_993.0, "9007199254740992.0", "9007199254740992.0", "9.007199254740992e+15"),
    (9_999_999_999_999_998.0, "9999999999999998.0", "9999999999999998.0", "9.999999999999998e+15"),
    (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"),
    (1.2345678901234567e-5, "0.000012345678901234568", "1.2345678901234568e-05", "1.2345678901234568e-05"),
    (1.2345678901234567e-4, "0.00012345678901234567", "0.00012345678901234567", "0.00012345678901234567"),
    (-1.2345678901234567e-300, "-1.2345678901234568e-300", "-1.2345678901234568e-300", "-1.2345678901234568e-300"),
    (12_345_678.901234567, "12345678.901234567", "12345678.901234567", "1.2345678901234567e+07"),
    (.nan, "NaN", "NaN", "NaN"),
    (-.nan, "NaN", "NaN", "NaN"),
    (.infinity, "Infinity", "Infinity", "Infinity"),
    (-.infinity, "-Infinity", "-Infinity", "-Infinity"),
  ]

  @Test(arguments: spellings.indices) func spellsTheReferenceExamplesInEachStyle(at: Int) {
    let (value, client, artifact, core) = Self.spellings[at]
    #expect(spelled(value, .client) == client)
    #expect(spelled(value, .artifact) == artifact)
    #expect(spelled(value, .core) == core)
  }

  /// Known to be hard: boundaries of binades, halved intervals, ties, subnormals, 17-digit numbers.
  static let hard: [Double] =
    [
      "9.5e-322", "4.9406564584124654e-324", "1.4821969375237396e-323", "2.2250738585072011e-308",
      "9.5367431640625e-07", "8.98846567431158e307", "5.8339553793802237e-23", "1.1158945868932055e-21",
      "2.98023223876953125e-8", "1.8014398509481984e16", "9.007199254740991e15", "9.007199254740992e15",
      "9.007199254740994e15", "4.503599627370496e15", "4.5035996273704955e15", "2.0019361640950000e-200",
      "1.3076743680000000e12", "1e23", "9.999999999999999e22", "8.41e21", "2.0e-3", "4.35", "0.3", "6.0221409e23",
      "1.0e-10", "5e-5", "2.109808898695963e16", "4.940656e-318", "1.18575755e-316", "2.989102097996e-312",
      "9.0608011534336e15", "4.708356024711512e18", "9.409340012568248e18", "1.2345678", "4.294967294", "4.294967295",
      "4.294967296", "4.294967297", "4.294967298", "1.8531501765868567e21", "-3.347727380279489e33",
      "1.9430376160308388e16", "-6.9741824662760956e19", "4.3816050601147837e18", "0.6666666666666666",
    ].map { cValue($0) }
    + (-1074...1023).flatMap { exponent -> [Double] in
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      return [power.nextDown, power, power.nextUp]
    }
    + (-323...308).flatMap { exponent -> [Double] in
      let power = cValue("1e\(exponent)")
      return [power.nextDown, power, power.nextUp, power * 3, power * 9]
    }

  @Test func hardCasesAreShortestNearestAndReadBack() {
    for value in Self.hard where value.isFinite { check(value) }
  }

  @Test func aMillionRandomBitPatternsAreShortestNearestAndReadBack() {
    var random = SplitMix(state: 1)
    checkAll((0..<1_000_000).lazy.map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite))
  }

  @Test func roundDecimalsAndSmallNumbersAreShortestNearestAndReadBack() {
    var random = SplitMix(state: 2)
    var values: [Double] = []
    for _ in 0..<50_000 {
      let bits = random.next()
      values.append(Double(bits >> 11) * 0x1p-53)
      values.append(Double(bits % 100_000) / 1000)
      values.append(Double(bits >> (bits & 63)))
      values.append(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits & 0x7f7f_ffff))))
    }
    checkAll(values)
  }

  /// One comparison for each value, so that a million of them stay cheap.
  private func checkAll(_ values: some Sequence<Double>) {
    var wrong: [Double] = []
    var buffer = ByteBuffer()
    for value in values {
      let expected = Digits(value.description)
      for style in [JSONStyle.client, .artifact, .core] {
        buffer.removeAll()
        buffer.appendDouble(value, style: style)
        let isSame = Digits(buffer.bytes) == expected
        buffer.append(0)
        let back = buffer.bytes.withMemoryRebound(to: CChar.self) { cValue($0.baseAddress) }
        if !isSame || back.bitPattern != value.bitPattern { wrong.append(value) }
      }
    }
    #expect(wrong.isEmpty)
  }

  private func check(_ value: Double) { checkAll([value, -value]) }

  @Test func appendsBehindPresentContentAndKeepsIt() {
    var buffer = ByteBuffer(capacity: 64)
    for at in 0..<1000 {
      buffer.appendDouble(Double(at) / 8, style: .client)
      buffer.append(UInt8(ascii: ","))
    }
    let expected = (0..<1000).map { "\(Double($0) / 8)," }.joined()
    #expect(buffer.string() == expected)
  }
}
