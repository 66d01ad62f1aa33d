import Foundation
import QuipuBase
import Testing

@testable import QuipuMedia

@Suite struct PointCloudTests {
  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test(arguments: ["from_numpy", "nx3_f32", "nx3_f64", "nx3_i64", "nx4", "nx6", "nan_inf", "empty"])
  func recordedArraysHaveTheirBytes(name: String) throws {
    let folder = MediaVectors.url("object3d/\(name)/input")
    let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first)
    let array = try NPY(contentsOf: folder.appendingPathComponent(file))
    let encoded = try array.withView { try PointCloud.encode($0) }
    #expect(try encoded == MediaVectors.onlyFile("object3d/\(name)/files"))
  }

  @Test func recordedScenesHaveTheirBytes() throws {
    #expect(try PointCloud.encodeScene(points: nil) == MediaVectors.onlyFile("object3d/scene_empty/files"))
    let points = try NPY(contentsOf: MediaVectors.url("object3d/scene_points_only/input/p.npy"))
    let scene = try points.withView { try PointCloud.encodeScene(points: $0) }
    #expect(try scene == MediaVectors.onlyFile("object3d/scene_points_only/files"))
    for name in ["from_point_cloud", "from_point_cloud_no_vectors"] {
      let call = try MediaVectors.json("object3d/\(name)/case.json")["script"]?[0]?["log"]?["o"]
      let arguments = try #require(call?["args"]?.arrayValue)
      let vectors = arguments.count > 2 ? arguments[2] : call?["kwargs"]?["vectors"]
      let bytes = PointCloud.encodeScene(points: arguments[0], boxes: arguments[1], vectors: vectors)
      #expect(try bytes == MediaVectors.onlyFile("object3d/\(name)/files"))
    }
  }

  @Test func recordedBoxesHaveTheirCorners() throws {
    let call = try #require(try MediaVectors.json("object3d/box3d/case.json")["script"]?[0]?["log"]?["o"])
    let boxes = try #require(call["args"]?[1]?.arrayValue)
    let made = try boxes.map { box in
      let keywords = try #require(box["kwargs"])
      func list(_ key: Key) -> [Double] { keywords[key]?.arrayValue?.compactMap(\.doubleValue) ?? [] }
      return try PointCloud.box(
        center: list("center"), size: list("size"), orientation: list("orientation"),
        color: keywords["color"]?["$tuple"] ?? .null, label: keywords["label"] ?? .null,
        score: keywords["score"] ?? .null)
    }
    let recorded = try MediaVectors.onlyFile("object3d/box3d/files").withUnsafeBytes { try JSON(parsing: $0) }
    for (box, expected) in zip(made, try #require(recorded["boxes"]?.arrayValue)) {
      #expect(box.objectValue?.keys == expected.objectValue?.keys)
      for key: Key in ["color", "label", "score"] { #expect(box[key] == expected[key]) }
      for corner in 0..<8 {
        for axis in 0..<3 {
          let a = try #require(box["corners"]?[corner]?[axis]?.doubleValue)
          let b = try #require(expected["corners"]?[corner]?[axis]?.doubleValue)
          #expect(abs(a - b) <= 1e-12)
        }
      }
    }
    #expect(made.count == 3)
  }

  @Test func stridedAndNarrowPointsAreWrittenInOrder() throws {
    let values = (0..<12).map { Int8($0) }
    try values.withUnsafeBytes { raw in
      let columns = try ArrayView(base: raw.baseAddress, dtype: .i8, shape: [4, 3], strides: [1, 4])
      #expect(text(try PointCloud.encode(columns)) == "[[0,4,8],[1,5,9],[2,6,10],[3,7,11]]")
    }
    let flags = NPY([1, 0, 1] as [UInt8], .bool, shape: [1, 3])
    #expect(text(try flags.withView { try PointCloud.encode($0) }) == "[[true,false,true]]")
  }

  @Test func nestsOtherShapesInScenes() throws {
    for (shape, list) in [([4], "[0,1,2,3]"), ([2, 1, 2], "[[[0,1]],[[2,3]]]"), ([2, 0], "[[],[]]")] {
      let points = NPY((0..<shape.reduce(1, *)).map { UInt8($0) }, .u8, shape: shape)
      let scene = text(try points.withView { try PointCloud.encodeScene(points: $0) })
      #expect(scene.contains("\"points\":\(list),"))
    }
  }

  @Test func refusesOtherShapes() {
    for shape in [[3], [2, 5], [2, 2], [1, 2, 3]] {
      let array = NPY([UInt8](repeating: 0, count: shape.reduce(1, *)), .u8, shape: shape)
      #expect { try array.withView { try PointCloud.encode($0) } } throws: { ($0 as? MediaError)?.code == .value }
    }
    let complex = NPY([SIMD2<Float>(1, 2), SIMD2(1, 2), SIMD2(1, 2)], .c64, shape: [1, 3])
    #expect { try complex.withView { try PointCloud.encode($0) } } throws: { ($0 as? MediaError)?.code == .type }
    #expect {
      try PointCloud.box(center: [0, 0, 0], size: [1, 1, 1], orientation: [0, 0, 0, 0], color: .null)
    } throws: {
      ($0 as? MediaError)?.code == .value
    }
  }
}
