// The parity program in Swift. Arguments: the directory of the run, the directory of the input file.
import Quipu
import QuipuBase
import QuipuMedia

@main
struct Parity {
  static func main() throws {
    guard CommandLine.arguments.count >= 3 else { return }
    let directory = CommandLine.arguments[1]
    let input = CommandLine.arguments[2]
    let run = try Run.start(
      RunOptions(
        project: "parity", id: "parity01", name: "parity run", notes: "four languages", tags: ["a", "b"], group: "g",
        jobType: "train", config: ["rate": 0.1, "layers": [64, 10], "nested": ["a": "b"]], mode: .offline,
        dir: directory, settings: ["console": "off", "x_disable_stats": true]))

    try run.defineMetric("epoch")
    try run.defineMetric("val/*", stepMetric: "epoch", summary: "min,max")
    try run.updateConfig(["seed": 7])
    for step in 0..<10 {
      try run.log(
        ["loss": 1 / Double(step + 1), "count": step * step, "even": step % 2 == 0], step: Int64(step * 2))
    }
    for epoch in 0..<3 { try run.log(["val/accuracy": 0.5 + Double(epoch) * 0.125, "epoch": epoch]) }
    let tree: JSON = ["a": 1, "b": ["c": "text", "d": [1, 2, 3], "e": nil]]
    try run.log(["tree": tree, "text": "übung \"quoted\"", "odd": Double.nan, "large": 1e300])

    var pixels: [UInt8] = []
    for y in 0..<6 { for x in 0..<8 { pixels += [UInt8(x * 30), UInt8(y * 40), 128] } }
    let values = (0..<100).map { Double($0 * $0) }
    let points = (0..<12).map { Float($0) * 0.5 }
    let image = try pixels.withUnsafeBytes {
      try Media.image(ArrayView(base: $0.baseAddress, dtype: .u8, shape: [6, 8, 3]), caption: "a picture")
    }
    let histogram = try values.withUnsafeBytes {
      try Media.histogram(ArrayView(base: $0.baseAddress, dtype: .f64, shape: [100]), bins: 10)
    }
    let cloud = try points.withUnsafeBytes {
      try Media.pointCloud(ArrayView(base: $0.baseAddress, dtype: .f32, shape: [4, 3]))
    }
    let table = Media.table(columns: ["number", "text", "flag"])
    for x in 0..<3 {
      try table.changeTable { (table) throws(MediaError) in
        try table.addRow([.double(Double(x) * 0.5), .string("row \(x)"), .bool(x == 1)])
      }
    }
    try run.log(["image": image, "histogram": histogram, "cloud": cloud, "table": table])

    try run.setSummary("best", 0.25)
    try run.setSummary("deep", ["er": "x"] as JSON)
    try run.alert(title: "Done", text: "It is done.", level: "WARN")
    _ = try run.save(input + "/*.md", basePath: input, policy: "end")
    try run.setTags(["a", "c"])
    try run.setName("renamed")
    try run.finish()
    print(run.directory)
  }
}
