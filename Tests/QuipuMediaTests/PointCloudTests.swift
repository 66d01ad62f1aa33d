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
    let encoded = try array.withView { try PointCloud($0).encode() }
    #expect(try encoded == MediaVectors.onlyFile("object3d/\(name)/files"))
  }

  @Test func recordedScenesHaveTheirBytes() throws {
    #expect(try Scene().encode() == MediaVectors.onlyFile("object3d/scene_empty/files"))
    let points = try NPY(contentsOf: MediaVectors.url("object3d/scene_points_only/input/p.npy"))
    let scene = try points.withView { try Scene(points: PointCloud($0)).encode() }
    #expect(try scene == MediaVectors.onlyFile("object3d/scene_points_only/files"))
    for name in ["from_point_cloud", "from_point_cloud_no_vectors"] {
      let call = try MediaVectors.json("object3d/\(name)/case.json")["script"]?[0]?["log"]?["o"]
      let arguments = try #require(call?["args"]?.arrayValue)
      let vectors = arguments.count > 2 ? arguments[2] : call?["kwargs"]?["vectors"]
      let rows = try #require(arguments[0].arrayValue)
      let numbers = rows.flatMap { $0.arrayValue ?? [] }
      let shape = [rows.count, numbers.count / rows.count]
      let integers = numbers.compactMap(\.intValue)
      let points = if integers.count == numbers.count {
        try NPY(integers, .i64, shape: shape).withView { try PointCloud($0) }
      } else {
        try NPY(numbers.compactMap(\.doubleValue), .f64, shape: shape).withView { try PointCloud($0) }
      }
      let bytes = try Scene(points: points, boxesJSON: arguments[1], vectorsJSON: vectors).encode()
      #expect(try bytes == MediaVectors.onlyFile("object3d/\(name)/files"))
    }
  }

  @Test func recordedBoxesHaveTheirCorners() throws {
    let call = try #require(try MediaVectors.json("object3d/box3d/case.json")["script"]?[0]?["log"]?["o"])
    let boxes = try #require(call["args"]?[1]?.arrayValue)
    let made = try boxes.map { box in
      let keywords = try #require(box["kwargs"])
      func list(_ key: Key) -> [Double] { keywords[key]?.arrayValue?.compactMap(\.doubleValue) ?? [] }
      return try SceneBox(
        center: list("center"), size: list("size"), orientation: list("orientation"),
        color: (keywords["color"]?["$tuple"] ?? keywords["color"])?.arrayValue ?? [],
        label: keywords["label"]?.stringValue, score: keywords["score"] ?? .null
      ).json
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
      #expect(text(try PointCloud(columns).encode()) == "[[0,4,8],[1,5,9],[2,6,10],[3,7,11]]")
    }
    let flags = NPY([1, 0, 1] as [UInt8], .bool, shape: [1, 3])
    #expect(text(try flags.withView { try PointCloud($0).encode() }) == "[[true,false,true]]")
  }

  @Test(arguments: [DType.f64, .f32, .i64, .i8, .u64, .u16], [3, 4, 6])
  func manyPointsReadBackAsTheyWere(type: DType, columns: Int) throws {
    var random = SplitMix(state: UInt64(columns))
    let count = columns * 2_500
    let bytes = (0..<count * type.itemSize).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    try bytes.withUnsafeBytes { raw in
      let view = try ArrayView(base: raw.baseAddress, dtype: type, shape: [count / columns, columns])
      let read = try PointCloud(view).encode().withUnsafeBytes { try JSON(parsing: $0) }
      let rows = try #require(read.arrayValue)
      #expect(rows.count == 2_500)
      let flat = rows.flatMap { $0.arrayValue ?? [] }
      let wanted = try NumberList(view).json
      #expect(flat.count == count)
      let same = zip(flat, wanted).allSatisfy { mine, theirs in
        mine == theirs || mine.doubleValue?.isNaN == true && theirs.doubleValue?.isNaN == true
      }
      #expect(same)
    }
  }

  @Test func scenesTellWhichPartIsWrong() {
    let bad: [(boxes: JSON?, vectors: JSON?, word: String)] = [
      (.array([.int(1)]), nil, "boxes[0]"), (.object([:]), nil, "boxes"), (nil, .array([.object([:])]), "vectors[0]"),
      (.array([.object(["corners": .array([])])]), nil, "corners"), (.array([.object(["label": 3])]), nil, "label"),
      (.array([.object(["score": "high"])]), nil, "score"), (.array([.object(["color": [1, 2]])]), nil, "color"),
      (nil, .array([.object(["start": [0, 0, 0], "end": [1, 1]])]), "end"),
    ]
    for (boxes, vectors, word) in bad {
      #expect {
        try Scene(points: nil, boxesJSON: boxes, vectorsJSON: vectors)
      } throws: {
        ($0 as? MediaError)?.message.contains(word) == true
      }
    }
  }

  @Test func refusesOtherShapes() {
    for shape in [[3], [2, 5], [2, 2], [1, 2, 3]] {
      let array = NPY([UInt8](repeating: 0, count: shape.reduce(1, *)), .u8, shape: shape)
      #expect { try array.withView { try PointCloud($0).encode() } } throws: { ($0 as? MediaError)?.code == .value }
    }
    let complex = NPY([SIMD2<Float>(1, 2), SIMD2(1, 2), SIMD2(1, 2)], .c64, shape: [1, 3])
    #expect { try complex.withView { try PointCloud($0).encode() } } throws: { ($0 as? MediaError)?.code == .type }
    #expect {
      try SceneBox(center: [0, 0, 0], size: [1, 1, 1], orientation: [0, 0, 0, 0], color: [0, 0, 0])
    } throws: {
      ($0 as? MediaError)?.code == .value
    }
  }
}
