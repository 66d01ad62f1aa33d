import Testing

@testable import QuipuMedia

@Suite struct ArrayViewTests {
  private func elements(_ view: ArrayView) throws -> [Double] { try view.doubles() }

  @Test func keepsTheNumbersOfTheElementTypes() {
    #expect(DType.allCases.map(\.rawValue) == Array(1...15))
    #expect(DType.allCases.map(\.itemSize) == [1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16])
  }

  @Test func readsContiguousReversedBroadcastAndOverlappingAxes() throws {
    let values: [Int32] = Array(0..<12)
    try values.withUnsafeBytes { raw in
      let base = try #require(raw.baseAddress)
      func view(_ shape: [Int], _ strides: [Int]?, from offset: Int = 0) throws -> ArrayView {
        try ArrayView(base: base + offset, dtype: .i32, shape: shape, strides: strides)
      }
      #expect(try elements(view([3, 4], nil)) == values.map { Double($0) })
      #expect(try elements(view([4, 3], [4, 16])) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
      #expect(try elements(view([12], [-4], from: 44)) == values.reversed().map { Double($0) })
      #expect(try elements(view([2, 2], [-16, 8], from: 16)) == [4, 6, 0, 2])
      #expect(try elements(view([2, 3], [0, 4])) == [0, 1, 2, 0, 1, 2])
      #expect(try elements(view([3, 3], [4, 4])) == [0, 1, 2, 1, 2, 3, 2, 3, 4])
      #expect(try elements(view([], [])) == [0])
      #expect(try elements(view([1, 1], [999_999_999, 7])) == [0])
      #expect(try elements(view([2, 0, 5], nil)).isEmpty)
    }
  }

  @Test func readsMisalignedAndForeignByteOrder() throws {
    var bytes: [UInt8] = [0xAA]
    for value in [1.5, -2.25] { withUnsafeBytes(of: value.bitPattern.bigEndian) { bytes.append(contentsOf: $0) } }
    try bytes.withUnsafeBytes { raw in
      let view = try ArrayView(
        base: try #require(raw.baseAddress) + 1, dtype: .f64, shape: [2], byteSwapped: true)
      #expect(try elements(view) == [1.5, -2.25])
    }
    // Complex numbers swap each part.
    var parts: [UInt8] = []
    for value: Float in [3, 4] { withUnsafeBytes(of: value.bitPattern.bigEndian) { parts.append(contentsOf: $0) } }
    try parts.withUnsafeBytes { raw in
      let view = try ArrayView(base: raw.baseAddress, dtype: .c64, shape: [1], byteSwapped: true)
      #expect(try NumberList(view) == .complex([SIMD2(3, 4)], .c64))
    }
  }

  @Test func blocksHaveTheirSizeWhateverTheStrides() throws {
    let values = (0..<1000).map { Int16($0) }
    try values.withUnsafeBytes { raw in
      for strides in [[2 * 25, 2], [2, 2 * 40]] {
        let view = try ArrayView(base: raw.baseAddress, dtype: .i16, shape: [40, 25], strides: strides)
        var sizes: [Int] = []
        var all: [Int16] = []
        try view.forEachBlock(as: Int16.self, limit: 64) { (block) throws(MediaError) in
          sizes.append(block.count)
          all.append(contentsOf: block)
        }
        #expect(sizes == [Int](repeating: 64, count: 15) + [40])
        let expected = (0..<40).flatMap { y in (0..<25).map { x in Int16((y * strides[0] + x * strides[1]) / 2) } }
        #expect(all == expected)
      }
    }
  }

  @Test func widensEveryElementTypeExactly() throws {
    func check<T: BitwiseCopyable>(_ type: DType, _ values: [T], _ expected: [Double]) throws {
      try values.withUnsafeBytes { raw in
        let view = try ArrayView(base: raw.baseAddress, dtype: type, shape: [values.count])
        #expect(try elements(view) == expected, "\(type)")
      }
    }
    try check(.bool, [0, 1, 7] as [UInt8], [0, 1, 1])
    try check(.i8, [-128, 127] as [Int8], [-128, 127])
    try check(.i16, [-32768, 32767] as [Int16], [-32768, 32767])
    try check(.i32, [.min, .max] as [Int32], [-2_147_483_648, 2_147_483_647])
    try check(.i64, [.min, 1 << 53 + 1] as [Int64], [-9_223_372_036_854_775_808, 9_007_199_254_740_992])
    try check(.u8, [0, 255] as [UInt8], [0, 255])
    try check(.u16, [65535] as [UInt16], [65535])
    try check(.u32, [.max] as [UInt32], [4_294_967_295])
    try check(.u64, [.max] as [UInt64], [18_446_744_073_709_551_616])
    try check(.f16, [0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00] as [UInt16], [1, -2, 0x1p-24, 65504, .infinity])
    try check(.bf16, [0x3F80, 0xC000, 0x0001] as [UInt16], [1, -2, 0x1p-133])
    try check(.f32, [0.1] as [Float], [Double(Float(0.1))])
    try check(.f64, [0.1] as [Double], [0.1])
    try check(.c64, [SIMD2<Float>(1.5, 9)], [1.5])
    try check(.c128, [SIMD2<Double>(1.5, 9)], [1.5])
  }

  @Test func roundsToHalfOnceAndBack() {
    for bits in 0...UInt16.max {
      let value = SmallFloat.half(bits)
      if value.isNaN {
        #expect(SmallFloat.half(SmallFloat.halfBits(Double(value))).isNaN)
      } else if SmallFloat.halfBits(Double(value)) != bits {
        Issue.record("half \(bits) does not return")
      }
    }
    // Ties go to the even neighbour; a value just above a tie must not be rounded twice.
    #expect(SmallFloat.halfBits(1 + 0x1p-11) == 0x3C00)
    #expect(SmallFloat.halfBits((1 + 0x1p-11).nextUp) == 0x3C01)
    #expect(SmallFloat.halfBits(1 + 3 * 0x1p-11) == 0x3C02)
    #expect(SmallFloat.halfBits(0x1p-25) == 0)
    #expect(SmallFloat.halfBits(0x1p-25.nextUp) == 1)
    #expect(SmallFloat.halfBits(65519.99) == 0x7BFF)
    #expect(SmallFloat.halfBits(65520) == 0x7C00)
    #expect(SmallFloat.halfBits(-0.0) == 0x8000)
  }

  @Test func refusesImpossibleArrays() {
    func refuses(_ shape: [Int], _ strides: [Int]? = nil, base: UnsafeRawPointer? = UnsafeRawPointer(bitPattern: 4096))
      -> Bool
    {
      do throws(MediaError) {
        _ = try ArrayView(base: base, dtype: .f64, shape: shape, strides: strides)
        return false
      } catch {
        return error.code == .value
      }
    }
    #expect(refuses([Int](repeating: 1, count: 33)))
    #expect(refuses([2, -1]))
    #expect(refuses([1 << 40, 1 << 40]))
    #expect(refuses([1 << 61]))
    #expect(refuses([2, 2], [8]))
    #expect(refuses([3], nil, base: nil))
    #expect(refuses([2], [.max]))
    #expect(refuses([3], [.min]))
    #expect(refuses([1000], [-8]))  // reaches below address 0
    #expect(!refuses([0, 1 << 62, 1 << 62], nil, base: nil))
    #expect(!refuses([2, 0], [.max, .min]))
  }
}
