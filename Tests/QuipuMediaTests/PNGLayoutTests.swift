import QuipuBase
import Testing

@testable import QuipuMedia

/// Pictures of few colours in the smallest form, decoded by libpng.
@Suite struct PNGLayoutTests {
  /// Colour type and bits of a file.
  private func form(_ file: [UInt8]) -> [UInt8] { [file[25], file[24]] }

  private func picture(
    _ width: Int, _ height: Int, _ channels: Int, _ colours: [[UInt8]], seed: UInt64 = 1
  ) throws -> ImagePixels {
    var random = SplitMix(state: seed)
    var samples: [UInt8] = []
    for at in 0..<(width * height) {
      // Every colour occurs.
      samples += at < colours.count ? colours[at] : colours[Int(random.next() % UInt64(colours.count))]
    }
    return try ImagePixels(width: width, height: height, channels: channels, samples: samples)
  }

  private func checked(_ pixels: ImagePixels) throws -> [UInt8] {
    let file = try PNGEncoder.encode(pixels)
    #expect(try DecodedPNG(file).expanded == DecodedPNG(pixels).expanded)
    return form(file)
  }

  @Test func grayOfFewLevelsTakesFewBits() throws {
    func levels(_ values: [UInt8]) throws -> [UInt8] { try checked(picture(41, 37, 1, values.map { [$0] })) }
    #expect(try levels([0]) == [0, 1])
    #expect(try levels([0, 255]) == [0, 1])
    #expect(try levels([0, 85, 170, 255]) == [0, 2])
    #expect(try levels([0, 17, 255]) == [3, 2])
    #expect(try levels([0, 17, 34, 51, 68]) == [0, 4])
    #expect(try levels([7]) == [3, 1])
    #expect(try levels([0, 1]) == [3, 1])
    #expect(try levels([0, 1, 2]) == [3, 2])
    #expect(try levels((0..<16).map { $0 * 3 }) == [3, 4])
    #expect(try levels((0..<17).map { $0 * 3 }) == [0, 8])
    #expect(try levels((0...255).map { $0 }) == [0, 8])
  }

  @Test func coloursTakeAPalette() throws {
    func colours(_ count: Int, _ channels: Int, alpha: (Int) -> UInt8 = { _ in 255 }) throws -> [UInt8] {
      let list = (0..<count).map { at -> [UInt8] in
        let colour = [UInt8(at), UInt8(truncatingIfNeeded: at * 7), UInt8(truncatingIfNeeded: 200 - at)]
        return channels == 2 ? [colour[0], alpha(at)] : Array((colour + [alpha(at)]).prefix(channels))
      }
      return try checked(picture(53, 29, channels, list))
    }
    for (count, bits) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)] as [(Int, UInt8)] {
      #expect(try colours(count, 3) == [3, bits], "\(count)")
      #expect(try colours(count, 4) == [3, bits], "\(count)")
      #expect(try colours(count, 4, alpha: { UInt8($0) }) == [3, bits], "\(count)")
    }
    #expect(try colours(3, 2, alpha: { [0, 128, 255][$0] }) == [3, 2])
    #expect(try colours(4, 4, alpha: { $0 == 2 ? 0 : 255 }) == [3, 2])
  }

  @Test func moreThan256ColoursStayAsTheyAre() throws {
    let many = (0..<257).map { [UInt8($0 % 256), UInt8($0 / 256), 3] as [UInt8] }
    #expect(try checked(picture(40, 40, 3, many)) == [2, 8])
    #expect(try checked(picture(40, 40, 4, many.map { $0 + [9] })) == [6, 8])
  }

  @Test func colourPicturesWithoutColourBecomeGray() throws {
    let shades = (0..<200).map { [UInt8](repeating: UInt8($0), count: 3) }
    #expect(try checked(picture(40, 40, 3, shades)) == [0, 8])
    #expect(try checked(picture(40, 40, 4, shades.map { $0 + [255] })) == [0, 8])
    #expect(try checked(picture(40, 40, 4, [[0, 0, 0, 255], [255, 255, 255, 255]])) == [0, 1])
    #expect(try checked(picture(40, 40, 2, (0..<200).map { [UInt8($0), 255] })) == [0, 8])
  }

  @Test func smallPicturesAndThoseOfNumbersKeepTheirForm() throws {
    #expect(try checked(picture(31, 33, 3, [[1, 2, 3]])) == [2, 8])
    #expect(try checked(picture(32, 32, 3, [[1, 2, 3]])) == [3, 1])
    let mask = try picture(64, 64, 1, [[0], [1]])
    #expect(try form(PNGEncoder.encode(mask, reduced: false)) == [0, 8])
  }

  @Test func everyWidthIsPackedToWholeBytes() throws {
    for width in 1...35 {
      for count in [2, 3, 9, 40] {
        let list = (0..<count).map { [UInt8($0), 1, 2] as [UInt8] }
        let pixels = try picture(width, 1_100 / width + 1, 3, list, seed: UInt64(width))
        _ = try checked(pixels)
      }
    }
  }

  @Test func sixteenBitSamplesAreKept() throws {
    var random = SplitMix(state: 4)
    for channels in 1...4 {
      for (width, height) in [(1, 1), (7, 5), (40, 40)] {
        let count = width * height * channels * 2
        let samples = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let pixels = try ImagePixels(
          width: width, height: height, channels: channels, bitDepth: 16
        ) { (out) throws(MediaError) in out.copyBytes(from: samples) }
        let file = try PNGEncoder.encode(pixels)
        #expect(form(file) == [[0, 0, 4, 2, 6][channels], 16])
        #expect(try WidePNG(file).samples == samples)
      }
    }
  }
}
