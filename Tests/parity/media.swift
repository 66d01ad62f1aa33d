// Every kind of media from Swift; see media.c. Argument: the directory of the run.
import Quipu
import QuipuBase
import QuipuMedia

/// A medium from an array of numbers.
func with<T>(
  _ values: [T], _ type: DType, _ shape: [Int], _ make: (ArrayView) throws -> Media
) throws -> Media {
  try values.withUnsafeBytes { try make(ArrayView(base: $0.baseAddress, dtype: type, shape: shape)) }
}

@main
struct MediaParity {
  static func main() throws {
    guard CommandLine.arguments.count >= 2 else { return }
    let run = try Run.start(
      RunOptions(
        project: "parity", id: "media001", name: "media", mode: .offline, dir: CommandLine.arguments[1],
        settings: ["console": "off", "x_disable_stats": true]))

    var pixels: [UInt8] = []
    var mask: [UInt8] = []
    var fractions: [Float] = []
    for y in 0..<6 {
      for x in 0..<8 {
        pixels += [UInt8(x * 30), UInt8(y * 40), 128]
        mask.append(UInt8(x / 4 + y / 3 * 2))
        fractions.append(Float(x * y) / 35)
      }
    }
    var frames: [UInt8] = []
    for t in 0..<4 {
      for c in 0..<3 {
        for y in 0..<8 { for x in 0..<8 { frames.append(UInt8((t * 60 + x * 8 + y * 4 + c * 20) % 256)) } }
      }
    }
    let points = (0..<12).map { Float($0) * 0.5 }
    let samples = (0..<800).map { Int16(($0 * 397 % 2000 - 1000) * 16) }
    func picture(_ caption: String?) throws -> Media {
      try with(pixels, .u8, [6, 8, 3]) { try .image($0, caption: caption) }
    }

    let image = try picture("a picture")
    let classes = try Media.classes(["0": "sky", "1": "road", "2": "car", "3": "tree"] as JSON)
    try image.add(with(mask, .u8, [6, 8]) { try .mask($0, classes: classes) }, name: "truth")
    let position: JSON = ["minX": 0.125, "maxX": 0.5, "minY": 0.25, "maxY": 0.75]
    let box: JSON = [
      "position": position, "class_id": 1, "box_caption": "a car", "scores": ["score": 0.5] as JSON,
    ]
    let boxes = try Media.boxes(json: ["box_data": .array([box]), "class_labels": ["1": "car"] as JSON])
    try image.add(boxes, name: "found")
    try run.log(["image": image])
    try run.log(["gray": with(fractions, .f32, [6, 8]) { try .image($0) }])
    let another = try with(fractions, .f32, [6, 8]) { try .image($0, caption: "another") }
    try run.log(["images": Media.list([picture("a picture"), another])])

    try run.log(["cloud": with(points, .f32, [4, 3]) { try .pointCloud($0, caption: "four points") }])
    let car = try SceneBox(
      center: [0, 0, 0], size: [2, 2, 2], orientation: [1, 0.5, 0, 0], color: [255, 0, 0], label: "car", score: 0.5)
    try run.log([
      "scene": with(points, .f32, [4, 3]) {
        try .scene(points: $0, boxes: [car], vectors: [(start: [0, 0, 0], end: [1, 1, 1])])
      }
    ])
    try run.log(["model": Media.object3D(text: "v 0 0 0\n", fileType: "obj")])
    try run.log(["molecule": Media.molecule(text: "ATOM\n", fileType: "pdb", caption: "an atom")])
    try run.log(["page": Media.html("<p>page</p>")])

    try run.log(["audio": with(samples, .i16, [400, 2]) { try .audio($0, sampleRate: 8000, caption: "a tone") }])
    try run.log([
      "video": with(frames, .u8, [4, 3, 8, 8]) { try .video($0, format: .gif, fps: 10, caption: "a film") }
    ])

    let values = (0..<100).map { Double($0 * $0) }
    try run.log(["histogram": with(values, .f64, [100]) { try .histogram($0, bins: 10) }])
    let table = Media.table(columns: ["id", "score", "label", "picture"])
    let cell = try picture(nil)
    for x in 0..<2 {
      try table.addRow([.int(Int64(x)), .double(Double(x) * 0.25), .string(x == 0 ? "none" : "one"), table.cell(cell)])
    }
    try run.log(["table": table])
    let line = Media.table(columns: ["x", "y"])
    for x in 0..<3 { try line.addRow([.int(Int64(x)), .double(Double(x) * 0.5)]) }
    try run.log(["line": Media.chart(line, .line(x: "x", y: "y", title: "a line"))])

    let labels = [[0, 1, 0, 1, 1, 0], [0, 1, 0, 1, 0, 0]] as [[Int64]]
    let columns = try labels.map { list in
      try list.withUnsafeBytes {
        try ChartLabels(ArrayView(base: $0.baseAddress, dtype: .i64, shape: [6]), argument: "labels")
      }
    }
    let names = ChartLabels(texts: ["cat", "dog"], argument: "names")
    let scores = [0.9, 0.1, 0.4, 0.6, 0.65, 0.35, 0.3, 0.7, 0.55, 0.45, 0.8, 0.2]
    for (key, kind) in [("pr", CurveJob.Kind.precisionRecall(points: 21)), ("roc", .roc)] {
      try run.log([
        key: with(scores, .f64, [6, 2]) { try .curve(kind, truth: columns[0], scores: $0, names: names) }
      ])
    }
    try run.log(["confusion": Media.confusionMatrix(truth: columns[0], predictions: columns[1], names: names)])
    try run.finish()
  }
}
