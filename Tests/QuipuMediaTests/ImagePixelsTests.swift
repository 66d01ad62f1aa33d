import Foundation
import Testing

@testable import QuipuMedia

@Suite struct ImagePixelsTests {
  private func pixels(
    _ array: NPY, mode: String? = nil, channelsFirst: Bool = false, normalize: Bool = false, bitDepth: Int = 8
  ) throws -> DecodedPNG {
    var rule = ImageRule()
    rule.mode = mode
    rule.channelsFirst = channelsFirst
    rule.normalize = normalize
    rule.bitDepth = bitDepth
    return try array.withView { DecodedPNG(try ImagePixels(array: $0, rule)) }
  }

  private func code(_ shape: [Int], mode: String? = nil, channelsFirst: Bool = false) -> MediaError.Code? {
    let array = NPY([UInt8](repeating: 9, count: shape.reduce(1, *)), .u8, shape: shape)
    do {
      _ = try pixels(array, mode: mode, channelsFirst: channelsFirst)
      return nil
    } catch {
      return (error as? MediaError)?.code
    }
  }

  @Test func rawCastsKeepTheLowBitsOfEveryElementType() throws {
    func samples<T: BitwiseCopyable>(_ type: DType, _ values: [T]) throws -> [UInt8] {
      try pixels(NPY(values, type, shape: [1, values.count])).samples
    }
    #expect(try samples(.bool, [0, 1, 3] as [UInt8]) == [0, 1, 1])
    #expect(try samples(.i8, [-1, 5] as [Int8]) == [255, 5])
    #expect(try samples(.i16, [-1, 256, 300] as [Int16]) == [255, 0, 44])
    #expect(try samples(.i32, [-2, 65_543] as [Int32]) == [254, 7])
    #expect(try samples(.i64, [-3, 1 << 40 | 9] as [Int64]) == [253, 9])
    #expect(try samples(.u8, [0, 200] as [UInt8]) == [0, 200])
    #expect(try samples(.u16, [511] as [UInt16]) == [255])
    #expect(try samples(.u32, [.max] as [UInt32]) == [255])
    #expect(try samples(.u64, [.max - 1] as [UInt64]) == [254])
    let floats: [Double] = [0.999, 254.9, -0.9, -1, 256, 300.7, 65_543, 2_147_483_653, -2_147_483_649, .nan, .infinity]
    let reduced: [UInt8] = [0, 254, 0, 255, 0, 44, 7, 0, 0, 0, 0]
    #expect(try samples(.f64, floats) == reduced)
    #expect(try samples(.f32, floats.map { Float($0) })[0..<7].elementsEqual(reduced[0..<7]))
    #expect(try samples(.f16, [0x5BF8, 0xBC00, 0x7E00] as [UInt16]) == [255, 255, 0])
    #expect(try samples(.bf16, [0x437F, 0xBF80] as [UInt16]) == [255, 255])
    #expect(try samples(.c64, [SIMD2<Float>(7.5, 99)]) == [7])
    #expect(try samples(.c128, [SIMD2<Double>(-1, 99)]) == [255])
  }

  @Test func longFloatRowsAreTruncatedLikeSingleValues() throws {
    var random = SplitMix(state: 3)
    var values: [Float] = []
    for round in 0..<4_000 {
      let unit = Float(random.next() >> 40) / Float(1 << 24)
      let whole = Float(random.next() % 256)
      values.append([unit * 256, whole, whole.nextDown, whole.nextUp, unit, -0.0][round % 6])
    }
    for at in stride(from: 100, to: 4_000, by: 97) { values[at] = [-3.7, .nan, 5e9, 4_194_305, -.infinity][at % 5] }
    let singles = try pixels(NPY(values, .f32, shape: [40, 100])).samples
    let doubles = try pixels(NPY(values.map { Double($0) }, .f64, shape: [40, 100])).samples
    let expected = values.map { value -> UInt8 in
      value.magnitude < 0x1p31 ? UInt8(truncatingIfNeeded: Int(value)) : 0
    }
    #expect(singles == expected)
    #expect(doubles == expected)
  }

  @Test func axesOfLengthOneAreRemovedOnlyBeyondTwo() throws {
    let values = (0..<15).map { UInt8($0) }
    let squeezed = try pixels(NPY(values, .u8, shape: [1, 5, 3]))
    #expect((squeezed.width, squeezed.height, squeezed.channels) == (3, 5, 1))
    let column = try pixels(NPY([1, 2, 3] as [UInt8], .u8, shape: [1, 1, 3]))
    #expect((column.width, column.height, column.channels) == (1, 3, 3))
    let row = try pixels(NPY([1, 2, 3] as [UInt8], .u8, shape: [1, 3]))
    #expect((row.width, row.height, row.channels) == (3, 1, 1))
  }

  @Test func channelsFirstIsReordered() throws {
    let values = (0..<12).map { UInt8($0) }
    let picture = try pixels(NPY(values, .u8, shape: [3, 2, 2]), channelsFirst: true)
    #expect(picture.samples == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    #expect(code([3, 2], channelsFirst: true) == .runtime)
    #expect(code([2, 2, 2], channelsFirst: true) == .value)
  }

  @Test func refusesShapesAndModesAsTheReferenceDoes() {
    #expect(code([4, 4, 5]) == .value)
    #expect(code([4, 4, 2]) == .value)
    #expect(code([4, 4, 2], mode: "LA") == nil)
    #expect(code([1, 1, 1]) == .index)
    #expect(code([2, 3, 4, 3]) == .type)
    #expect(code([0, 5]) == .value)
    #expect(code([5, 0, 3]) == .value)
    #expect(code([7]) == .value)
    #expect(code([4]) == nil)
    #expect(code([2, 2, 3], mode: "CMYK") == .io)
    #expect(code([2, 2, 3], mode: "bogus") == .value)
    #expect(code([2, 2, 3], mode: "rgb") == .value)
    #expect(code([2, 2, 3], mode: "P") == .unsupported)
    #expect(code([2, 2, 3], mode: "I;16") == nil)
    #expect(code([2, 2, 3], mode: "1") == nil)
  }

  @Test func refusesPicturesAboveTheLimitWithoutTouchingMemory() throws {
    var byte: UInt8 = 1
    try withUnsafeBytes(of: &byte) { raw in
      // Broadcast: 2^40 pixels over one byte.
      let view = try ArrayView(base: raw.baseAddress, dtype: .u8, shape: [1 << 20, 1 << 20], strides: [0, 0])
      #expect { try ImagePixels(array: view) } throws: { ($0 as? MediaError)?.code == .value }
      let wide = try ArrayView(base: raw.baseAddress, dtype: .u8, shape: [2, 65_536, 3], strides: [0, 0, 0])
      #expect(try ImagePixels(array: wide).byteCount == 2 * 65_536 * 3)
    }
  }

  @Test func blackAndWhiteKeepsTheMeanBrightness() throws {
    let gray = [UInt8](repeating: 64, count: 64 * 64)
    let picture = try pixels(NPY(gray, .u8, shape: [64, 64]), mode: "1")
    #expect(picture.samples.allSatisfy { $0 == 0 || $0 == 255 })
    let white = picture.samples.filter { $0 == 255 }.count
    #expect((900...1150).contains(white))
  }

  /// The samples that a row of values becomes, 16-bit ones put together again.
  private func normalized<T: BitwiseCopyable>(_ type: DType, _ values: [T], bitDepth: Int = 8) throws -> [Int] {
    let samples = try pixels(
      NPY(values, type, shape: [1, values.count]), normalize: true, bitDepth: bitDepth
    ).samples.map { Int($0) }
    guard bitDepth == 16 else { return samples }
    return stride(from: 0, to: samples.count, by: 2).map { samples[$0] << 8 | samples[$0 + 1] }
  }

  @Test func floatsInTheUnitRangeAreScaledAndOthersClipped() throws {
    let unit: [Double] = [0, 0.25, 0.5, 0.999, 1, .nan, .infinity, -.infinity, -0.0]
    let scaled = [0, 63, 127, 254, 255, 0, 255, 0, 0]
    #expect(try normalized(.f64, unit) == scaled)
    #expect(try normalized(.f32, unit.map { Float($0) }) == scaled)
    #expect(try normalized(.c128, unit.map { SIMD2<Double>($0, 7) }) == scaled)
    #expect(try normalized(.c64, unit.map { SIMD2<Float>(Float($0), 7) }) == scaled)
    #expect(try normalized(.f16, [0x3800, 0x3C00, 0x7E00, 0x7C00] as [UInt16]) == [127, 255, 0, 255])
    #expect(try normalized(.bf16, [0x3F00, 0x3F80, 0xFF80] as [UInt16]) == [127, 255, 0])
    let wide: [Double] = [0.5, 1.5, 254.9, 255, 255.5, 300, -1, 1e30, .nan, .infinity, -.infinity]
    let clipped = [0, 1, 254, 255, 255, 255, 0, 255, 0, 255, 0]
    #expect(try normalized(.f64, wide) == clipped)
    #expect(try normalized(.f32, wide.map { Float($0) }) == clipped)
    #expect(try normalized(.f32, [-0.001, 0.5, 1] as [Float]) == [0, 0, 1])
    #expect(try normalized(.f32, [Float](repeating: .nan, count: 3)) == [0, 0, 0])
  }

  @Test func integersAreClippedAndBooleansAreBlackAndWhite() throws {
    #expect(try normalized(.bool, [0, 1, 3] as [UInt8]) == [0, 255, 255])
    #expect(try normalized(.u8, [0, 1, 255] as [UInt8]) == [0, 1, 255])
    #expect(try normalized(.i8, [-1, 5, 127] as [Int8]) == [0, 5, 127])
    #expect(try normalized(.i16, [-1, 256, 77] as [Int16]) == [0, 255, 77])
    #expect(try normalized(.u16, [65_535, 255] as [UInt16]) == [255, 255])
    #expect(try normalized(.i32, [.min, .max, 9] as [Int32]) == [0, 255, 9])
    #expect(try normalized(.u32, [.max, 9] as [UInt32]) == [255, 9])
    #expect(try normalized(.i64, [.min, .max, 200] as [Int64]) == [0, 255, 200])
    #expect(try normalized(.u64, [.max, 0] as [UInt64]) == [255, 0])
  }

  @Test func sixteenBitSamplesUseTheirWholeRange() throws {
    #expect(try normalized(.f64, [0, 0.5, 1, .nan], bitDepth: 16) == [0, 32_767, 65_535, 0])
    #expect(try normalized(.f32, [0.25, 70_000, -4] as [Float], bitDepth: 16) == [0, 65_535, 0])
    #expect(try normalized(.u16, [1, 40_000, 65_535] as [UInt16], bitDepth: 16) == [1, 40_000, 65_535])
    #expect(try normalized(.u8, [0, 1, 255] as [UInt8], bitDepth: 16) == [0, 257, 65_535])
    #expect(try normalized(.bool, [0, 1] as [UInt8], bitDepth: 16) == [0, 65_535])
    #expect(try normalized(.i64, [-1, 1 << 40, 500] as [Int64], bitDepth: 16) == [0, 65_535, 500])
    let raw = try pixels(NPY([-1, 1 << 40 | 258] as [Int64], .i64, shape: [1, 2]), bitDepth: 16)
    #expect(raw.samples == [255, 255, 1, 2])
    #expect(try pixels(NPY([3.7, -1] as [Double], .f64, shape: [1, 2]), bitDepth: 16).samples == [0, 3, 255, 255])
  }

  @Test func longNormalizedRowsAreWhatSingleValuesAre() throws {
    var random = SplitMix(state: 8)
    for round in 0..<60 {
      let unit = round % 2 == 0
      let count = 1 + Int(random.next() % 300)
      var values = (0..<count).map { _ -> Float in
        let value = Float(random.next() >> 40) / Float(1 << 24)
        return unit ? value : value * 600 - 200
      }
      for at in values.indices where random.next() % 17 == 0 {
        values[at] = [Float.nan, .infinity, -.infinity, -0.0][Int(random.next() % 4)]
      }
      if !unit { values[count / 2] = 256 }
      let expected = values.map { value -> Int in
        let scaled = unit ? value * 255 : value
        return scaled > 0 ? Int(min(scaled, 255)) : 0
      }
      #expect(try normalized(.f32, values) == expected)
      let doubles = values.map { Double($0) }
      let wanted = doubles.map { value -> Int in
        let scaled = unit ? value * 255 : value
        return scaled > 0 ? Int(min(scaled, 255)) : 0
      }
      #expect(try normalized(.f64, doubles) == wanted)
    }
  }

  @Test func batchesAreOnePictureForEachEntryOfTheFirstAxis() throws {
    let values = (0..<48).map { UInt8($0) }
    func pictures(_ shape: [Int], channelsFirst: Bool = false, mode: String? = nil) throws -> [DecodedPNG] {
      var rule = ImageRule()
      rule.channelsFirst = channelsFirst
      rule.mode = mode
      return try NPY(Array(values.prefix(shape.reduce(1, *))), .u8, shape: shape).withView {
        try ImagePixels.batch(array: $0, rule).map { DecodedPNG($0) }
      }
    }
    let gray = try pictures([3, 4, 4])
    #expect(gray.map(\.samples) == [Array(values[0..<16]), Array(values[16..<32]), Array(values[32..<48])])
    let colour = try pictures([2, 2, 4, 3])
    #expect(colour.map(\.channels) == [3, 3])
    #expect(colour[1].samples == Array(values[24..<48]))
    let first = try pictures([2, 3, 2, 4], channelsFirst: true)
    #expect(first[0].samples.prefix(6).elementsEqual([0, 8, 16, 1, 9, 17]))
    #expect(try pictures([1, 1, 1, 3]).first?.samples == [0, 1, 2])
    #expect(try pictures([2, 2, 4, 3], mode: "L").map(\.channels) == [1, 1])
    for shape in [[4], [4, 4], [0, 4, 4], [2, 2, 2, 5], [2, 2, 2, 2, 3]] {
      #expect(throws: MediaError.self) { try pictures(shape) }
    }
  }

  @Test func fileTypesAreTakenLiterally() {
    func code(_ name: String?) -> MediaError.Code? {
      do throws(MediaError) {
        _ = try ImageFileType(named: name)
        return nil
      } catch { return error.code }
    }
    #expect(code(nil) == nil)
    #expect(code("") == nil)
    #expect(code("bmp") == nil)
    #expect(code("PNG") == .value)
    #expect(code("gif") == .value)
  }
}
