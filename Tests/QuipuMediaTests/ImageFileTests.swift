import Foundation
import QuipuBase
import Testing

@testable import QuipuMedia

/// What a picture file is, by its content.
@Suite struct ImageFileTests {
  private func info(_ bytes: [UInt8]) throws -> ImageInfo { try ImageInfo(array: bytes) }

  /// The refusal's text; nil if the file was accepted.
  private func refusal(_ bytes: [UInt8]) -> String? {
    do {
      _ = try info(bytes)
      return nil
    } catch {
      #expect((error as? MediaError)?.code == .unidentifiedImage)
      return (error as? MediaError)?.message
    }
  }

  @Test func measuresFilesOfEveryFormat() throws {
    for (name, format, bytes) in PictureFiles.all {
      let found = try info(bytes)
      #expect(found.format.rawValue == format, "\(name)")
      #expect((found.width, found.height) == (9, 7), "\(name)")
    }
  }

  @Test func measuresRecordedFiles() throws {
    for (name, format) in [
      ("file_in_png", "png"), ("file_in_jpg", "jpeg"), ("file_in_gif", "gif"), ("file_two_dots_bmp", "bmp"),
    ] {
      let found = try info(try MediaVectors.onlyFile("image/\(name)/input"))
      #expect(found.format.rawValue == format)
      let expected = try #require(try MediaVectors.json("image/\(name)/expected.json")["history"]?[0]?["img"])
      #expect(expected["width"]?.intValue == Int64(found.width))
      #expect(expected["height"]?.intValue == Int64(found.height))
    }
  }

  @Test func findsOutFilesThatWereCutOff() {
    for (name, _, bytes) in PictureFiles.all {
      // The last byte of a GIF, and what a TIFF file has behind its pixels, can be missed.
      let margin = name.lowercased().contains("gif") ? 2 : (name.lowercased().contains("tiff") ? 140 : 1)
      for length in 0...(bytes.count - margin) {
        // Cut between frames, it is a whole GIF without the last byte, as many programs write it.
        if name == "animatedGIF", length == 92 || length == 100 { continue }
        #expect(refusal(Array(bytes.prefix(length))) != nil, "\(name): \(length) of \(bytes.count)")
      }
    }
  }

  @Test func namesTheFormatThatWasCutOff() {
    #expect(refusal(Array(PictureFiles.jpeg.dropLast(9)))?.hasPrefix("is a JPEG picture that was cut off") == true)
    #expect(refusal(Array("hello, world: no picture".utf8))?.hasPrefix("is not a PNG") == true)
    #expect(refusal([]) != nil)
  }

  @Test func refusesSizesOfZero() {
    var png = PictureFiles.png
    png.replaceSubrange(16..<20, with: [0, 0, 0, 0])
    #expect(refusal(png)?.contains("0x7") == true)
    var bmp = PictureFiles.bmp
    bmp.replaceSubrange(18..<26, with: [UInt8](repeating: 0xFF, count: 8))
    #expect(refusal(bmp) != nil)
    // A size that its file cannot hold, and whose bytes no integer can.
    bmp.replaceSubrange(18..<26, with: [0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F])
    #expect(refusal(bmp) != nil)
  }

  @Test(arguments: 0..<11) func survivesDamagedFiles(number: Int) {
    let original = PictureFiles.all[number].bytes
    var random = SplitMix(state: UInt64(number) + 77)
    for _ in 0..<4_000 {
      var bytes = original
      for _ in 0..<(1 + random.next() % 6) {
        let at = Int(random.next() % UInt64(bytes.count))
        bytes[at] = random.next() % 3 == 0 ? 0xFF : UInt8(truncatingIfNeeded: random.next())
      }
      if random.next() % 2 == 0 { bytes = Array(bytes.prefix(Int(random.next() % UInt64(bytes.count)))) }
      if let found = try? info(bytes) { #expect(found.width > 0 && found.height > 0) }
    }
  }

  @Test func endsWhereEveryPositionLeadsBack() {
    // Chunks, segments and blocks of length nothing, for as long as the file goes on.
    for start in [PictureFiles.gif.prefix(13), PictureFiles.jpeg.prefix(2), PictureFiles.png.prefix(33)] {
      for filler: UInt8 in [0, 0x21, 0x2C, 0xFF, 0xD0, 0x3B] {
        _ = refusal(Array(start) + [UInt8](repeating: filler, count: 200_000))
      }
    }
  }

  @Test func readsThroughSmallWindows() throws {
    for (_, _, bytes) in PictureFiles.all {
      let found = try ImageInfo(size: bytes.count) { offset, count throws(MediaError) in
        Array(bytes[min(offset, bytes.count)..<min(offset + min(count, 3), bytes.count)])
      }
      #expect(try found == info(bytes))
    }
    #expect(throws: MediaError(.io, "gone")) {
      try ImageInfo(size: 100) { _, _ throws(MediaError) in throw MediaError(.io, "gone") }
    }
  }

  @Test func knowsWhatNamesPromise() {
    #expect(ImageInfo.Format(fileExtension: ".JPEG") == .jpeg)
    #expect(ImageInfo.Format(fileExtension: ".tif") == .tiff)
    #expect(ImageInfo.Format(fileExtension: ".dat") == nil)
    #expect(ImageInfo.Format(fileExtension: "") == nil)
  }
}
