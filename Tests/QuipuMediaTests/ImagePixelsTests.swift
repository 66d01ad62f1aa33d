import Foundation
import Testing

@testable import QuipuMedia

@Suite struct ImagePixelsTests {
  private func pixels(
    _ array: NPY, mode: String? = nil, channelsFirst: Bool = false
  ) throws -> DecodedPNG {
    try array.withView { DecodedPNG(try ImagePixels(array: $0, mode: mode, channelsFirst: channelsFirst)) }
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

  @Test func everyElementTypeIsReducedToEightBits() throws {
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
    #expect(code([2, 2, 3], mode: "I;16") == .unsupported)
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

  @Test func readsTheHeaderOfPictureFiles() throws {
    let png = try PNGEncoder.encode(
      ImagePixels(width: 7, height: 5, channels: 3, samples: .init(repeating: 3, count: 105)))
    let bmp = try BMPEncoder.encode(
      ImagePixels(width: 6, height: 4, channels: 1, samples: .init(repeating: 3, count: 24)))
    func info(_ bytes: [UInt8]) -> [String] {
      bytes.withUnsafeBytes { ImageInfo(bytes: $0) }.map { [$0.format.rawValue, "\($0.width)", "\($0.height)"] } ?? []
    }
    #expect(info(png) == ["png", "7", "5"])
    #expect(info(bmp) == ["bmp", "6", "4"])
    #expect(info(Array("GIF89a".utf8) + [3, 1, 4, 0, 0]) == ["gif", "259", "4"])
    let webp = Array("RIFF____WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 49, 0, 0]
    #expect(info(webp) == ["webp", "100", "50"])
    let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC2, 0, 11, 8, 0, 20, 0, 30, 1, 1, 0x11, 0]
    #expect(info(jpeg) == ["jpeg", "30", "20"])
    for bytes in [png, bmp, webp, jpeg] {
      for length in 0..<min(bytes.count, 40) { _ = info(Array(bytes.prefix(length))) }
    }
    #expect(info(Array(jpeg.prefix(12))).isEmpty)
    #expect(info([]).isEmpty)
  }

  @Test func readsTheHeaderOfRecordedFiles() throws {
    for (name, format) in [
      ("file_in_png", "png"), ("file_in_jpg", "jpeg"), ("file_in_gif", "gif"), ("file_two_dots_bmp", "bmp"),
    ] {
      let folder = MediaVectors.url("image/\(name)/input")
      let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first)
      let info = try ImageInfo(path: folder.appendingPathComponent(file).path)
      #expect(info.format.rawValue == format)
      let expected = try #require(try MediaVectors.json("image/\(name)/expected.json")["history"]?[0]?["img"])
      #expect(expected["width"]?.intValue == Int64(info.width))
      #expect(expected["height"]?.intValue == Int64(info.height))
    }
    #expect { try ImageInfo(path: "/no/such/picture.png") } throws: { ($0 as? MediaError)?.code == .fileNotFound }
    #expect { try ImageInfo(path: #filePath) } throws: { ($0 as? MediaError)?.code == .unidentifiedImage }
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
