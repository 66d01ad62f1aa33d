import Foundation
import QuipuBase
import Testing

@testable import QuipuMedia

/// The recorded pictures that come from an array: decoded pixels and channel layout must be equal.
@Suite struct ImageVectorTests {
  /// Cases of the folder that are not about an array of pixels in PNG or BMP, with the reason.
  private static let skipped: [String: String] = [
    "err_list": "not an array; the binding's matter", "err_normalize": "an argument; the binding's matter",
    "rgb_mode_1": "informative only: rounding of the error diffusion is not specified",
  ]

  @Test func reproducesEveryRecordedArrayPicture() throws {
    let root = MediaVectors.url("image")
    var compared = 0
    var refused = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: root.path).sorted() {
      if Self.skipped[name] != nil { continue }
      let entry = try MediaVectors.json("image/\(name)/case.json")
      // One log call of one new picture made from an array.
      guard let script = entry["script"]?.arrayValue, script.count == 1,
        let call = script[0]["log"]?.objectValue?.members.first?.value,
        let arguments = call["args"]?.arrayValue, let first = arguments.first,
        let file = (first["$npy"] ?? first["$torch"])?.stringValue
      else { continue }
      let keywords = call["kwargs"]
      let error = try MediaVectors.json("image/\(name)/expected.json")["error"]?["type"]?.stringValue
      do {
        let array = try NPY(contentsOf: root.appendingPathComponent("\(name)/input/\(file)"))
        let type = try ImageFileType(named: keywords?["file_type"]?.stringValue)
        var rule = ImageRule()
        rule.normalize = false
        rule.mode = keywords?["mode"]?.stringValue
        rule.channelsFirst = first["$torch"] != nil
        rule.dropAlpha = type == .jpg || type == .jpeg
        let pixels = try array.withView { try ImagePixels(array: $0, rule) }
        let encoded = try type.encode(pixels)
        #expect(error == nil, "\(name): expected \(error ?? "")")
        if error != nil { continue }
        let recorded = try MediaVectors.onlyFile("image/\(name)/files")
        if type == .bmp {
          #expect(encoded == recorded, "\(name)")
        } else if type != .png {
          // Decoded pixels are compared by the conformance tests, with a decoder that is not ours.
          let info = try ImageInfo(array: encoded)
          #expect(try info == ImageInfo(array: recorded), "\(name)")
        } else {
          let picture = try DecodedPNG(encoded)
          #expect(try picture == DecodedPNG(recorded), "\(name)")
          #expect(picture == DecodedPNG(pixels), "\(name)")
          #expect(encoded[25] == recorded[25], "\(name): colour type")
        }
        compared += 1
      } catch let failure as MediaError {
        let expected: [String: MediaError.Code] = [
          "ValueError": .value, "TypeError": .type, "IndexError": .index, "OSError": .io, "RuntimeError": .runtime,
        ]
        #expect(error.flatMap { expected[$0] } == failure.code, "\(name): \(failure)")
        refused += 1
      }
    }
    #expect(compared >= 39)
    #expect(refused >= 10)
  }
}
