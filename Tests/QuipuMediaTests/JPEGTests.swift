import QuipuBase
import Testing

@testable import QuipuMedia

/// The structure of JPEG files. What they show is compared with a decoder in the Python tests and in conformance.
@Suite struct JPEGTests {
  private func picture(_ width: Int, _ height: Int, _ channels: Int, _ random: inout SplitMix) throws -> ImagePixels {
    let kind = random.next() % 4
    let samples = (0..<(width * height * channels)).map { at -> UInt8 in
      switch kind {
      case 0: UInt8(truncatingIfNeeded: random.next())
      case 1: at / channels % 2 == 0 ? 0 : 255
      case 2: UInt8(truncatingIfNeeded: at / 3)
      default: 77
      }
    }
    return try ImagePixels(width: width, height: height, channels: channels, samples: samples)
  }

  @Test func writesWholeFilesOfEverySizeAndQuality() throws {
    var random = SplitMix(state: 21)
    for round in 0..<150 {
      let width = 1 + Int(random.next() % 70), height = 1 + Int(random.next() % 40)
      let channels = round % 3 == 0 ? 1 : 3
      let pixels = try picture(width, height, channels, &random)
      let quality = Int(random.next() % 120) - 10
      let file = try JPEGEncoder.encode(pixels, quality: quality)
      let info = try ImageInfo(array: file)
      #expect(info == ImageInfo(.jpeg, width, height), "\(width)x\(height)x\(channels) at \(quality)")
    }
  }

  @Test func encodesEqualPicturesEqually() throws {
    var one = SplitMix(state: 5), other = SplitMix(state: 5)
    #expect(try JPEGEncoder.encode(picture(50, 40, 3, &one)) == JPEGEncoder.encode(picture(50, 40, 3, &other)))
  }

  @Test func higherQualityTakesMoreBytes() throws {
    var random = SplitMix(state: 0)
    let samples = (0..<(96 * 96 * 3)).map { at in UInt8(truncatingIfNeeded: at / 9 + Int(random.next() % 40)) }
    let pixels = try ImagePixels(width: 96, height: 96, channels: 3, samples: samples)
    let sizes = try [1, 25, 50, 75, 95, 100].map { try JPEGEncoder.encode(pixels, quality: $0).count }
    #expect(sizes == sizes.sorted())
    #expect(Set(sizes).count == sizes.count)
  }

  @Test func aFlatPictureIsOnlyItsAverage() throws {
    // Every block has one coefficient: a code for the difference of nothing, and the end of the block.
    let flat = try ImagePixels(
      width: 8 * 40, height: 8, channels: 1, samples: [UInt8](repeating: 200, count: 8 * 40 * 8))
    let one = try ImagePixels(width: 8, height: 8, channels: 1, samples: .init(repeating: 200, count: 64))
    let more = try JPEGEncoder.encode(flat).count - JPEGEncoder.encode(one).count
    #expect((39 * 6 / 8...39 * 6 / 8 + 1).contains(more))
  }

  @Test func theTransformIsThatOfItsDefinition() {
    var random = SplitMix(state: 31)
    let plane = JPEGTransform(width: 64, rows: 8, quantisation: [UInt8](repeating: 1, count: 64))
    var samples = [[Double]](repeating: [], count: 8)
    for row in 0..<8 {
      for column in 0..<64 {
        let value = Double(random.next() % 256) - 128
        samples[row].append(value)
        plane.put(Float(value), row: row, column: column)
      }
    }
    plane.transform(row: 0, block: 0)
    for lane in [0, 3, 7] {
      for at in 0..<64 {
        let place = Int(JPEGTables.zigzag[at])
        let (v, u) = (place / 8, place % 8)
        var sum = 0.0
        for y in 0..<8 {
          for x in 0..<8 {
            sum += samples[y][8 * lane + x] * cosine(x, u) * cosine(y, v)
          }
        }
        sum *= (u == 0 ? 0.5.squareRoot() : 1) * (v == 0 ? 0.5.squareRoot() : 1) / 4
        #expect(abs(Double(plane.coefficient(at, set: 0, lane: lane)) - sum) < 0.51)
      }
    }
  }

  private func cosine(_ x: Int, _ u: Int) -> Double {
    // By the angle's symmetry, from a table of one quarter: no library function is needed.
    let quarter: [Double] = [
      1, 0.980_785_280_403_230_4, 0.923_879_532_511_286_7, 0.831_469_612_302_545_2, 0.707_106_781_186_547_6,
      0.555_570_233_019_602_2, 0.382_683_432_365_089_8, 0.195_090_322_016_128_3, 0,
    ]
    let angle = (2 * x + 1) * u % 32
    let folded = angle > 16 ? 32 - angle : angle
    return folded <= 8 ? quarter[folded] : -quarter[16 - folded]
  }

  @Test func refusesWhatTheFormatCannotHold() throws {
    func code(_ width: Int, _ channels: Int, _ bitDepth: Int = 8) throws -> MediaError.Code? {
      let pixels = try ImagePixels(width: width, height: 1, channels: channels, bitDepth: bitDepth) {
        (out) throws(MediaError) in out.initializeMemory(as: UInt8.self, repeating: 0)
      }
      do throws(MediaError) {
        try ImageFileType.jpg.check(pixels)
        return nil
      } catch { return error.code }
    }
    #expect(try code(9, 2) == .io)
    #expect(try code(9, 4) == .io)
    #expect(try code(9, 3, 16) == .io)
    #expect(try code(65_536, 1) == .value)
    #expect(try code(65_535, 1) == nil)
  }
}
