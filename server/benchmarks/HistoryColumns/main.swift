import Glibc
import HistoryColumns
import QuipuBase

// Speed and size of history segments on one core. Build with -c release; no arguments.

struct Random: RandomNumberGenerator {
  var state: UInt64 = 42
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Processor seconds: other programs on the machine do not count.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func wall() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func fixed(_ value: Double, _ digits: Int = 1) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let whole = Int((value * scale).rounded())
  if digits == 0 { return "\(whole)" }
  let fraction = "\(whole % Int(scale))"
  return "\(whole / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
}

func residentPeak() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss / 1024
}

/// The least of several runs.
func best(_ runs: Int, _ body: () throws -> Void) rethrows -> Double {
  var least = Double.infinity
  for _ in 0..<runs {
    let start = now()
    try body()
    least = min(least, now() - start)
  }
  return least
}

func line(_ step: Int, _ metrics: Int, _ random: inout Random) -> [UInt8] {
  var out = ByteBuffer(capacity: 4096)
  out.append("{\"_timestamp\":")
  out.appendDouble(1.7952929307e9 + Double(step) * 0.1 + .random(in: 0..<0.01, using: &random), style: .core)
  out.append(",\"_runtime\":")
  out.appendDouble(Double(step) * 0.1 + .random(in: 0..<0.01, using: &random), style: .core)
  out.append(",\"_step\":\(step)")
  for metric in 0..<metrics {
    out.append(",\"train/metric_\(metric)\":")
    out.appendDouble(.random(in: 0..<1, using: &random), style: .core)
  }
  out.append("}")
  return out.array()
}

func batch(_ lines: [[UInt8]]) throws -> HistoryBatch {
  var batch = HistoryBatch()
  for line in lines { try line.withUnsafeBytes { _ = try batch.append(line: $0, defaultStep: 0) } }
  return batch
}

func segments(_ metrics: Int, rows: Int, each: Int, _ random: inout Random) throws -> [HistorySegment] {
  try stride(from: 0, to: rows, by: each).map { first in
    let lines = (first..<min(rows, first + each)).map { line($0, metrics, &random) }
    return try HistorySegment(SegmentBytes(batch(lines).encode()))
  }
}

func report(_ name: String, _ figure: String) {
  print(name + String(repeating: " ", count: max(1, 62 - name.count)) + figure)
}

var random = Random()

// Parse and encode.
for (metrics, rows) in [(100, 1000), (100, 15), (3, 1000)] {
  let lines = (0..<rows).map { line($0, metrics, &random) }
  let values = Double(rows * (metrics + 3))
  let bytes = Double(lines.reduce(0) { $0 + $1.count })
  var encoded: [UInt8] = []
  let repeats = max(1, 1000 / rows)
  let parse = try best(7) { for _ in 0..<repeats { _ = try batch(lines) } } / Double(repeats)
  let ready = try batch(lines)
  let encode = best(7) { for _ in 0..<repeats { encoded = ready.encode() } } / Double(repeats)
  report(
    "parse \(rows) rows of \(metrics) metrics",
    "\(fixed(values / parse / 1e6)) M values/s, \(fixed(bytes / parse / 1e6, 0)) MB/s")
  report("encode", "\(fixed(values / encode / 1e6)) M values/s")
  report("parse and encode", "\(fixed(values / (parse + encode) / 1e6)) M values/s")
  report("size", "\(fixed(Double(encoded.count) / values, 2)) bytes a value")
}
do {
  var wide = "{\"_step\":1"
  for key in 0..<10_000 { wide += ",\"layer.\(key).weight/norm\":\(Double.random(in: 0..<1, using: &random))" }
  let lines = [Array((wide + "}").utf8)]
  var encoded: [UInt8] = []
  let time = try best(5) { encoded = try batch(lines).encode() }
  let open = try best(5) { _ = try HistorySegment(SegmentBytes(encoded)) }
  report(
    "one row of 10,000 keys",
    "\(fixed(time * 1e3, 2)) ms, opened in \(fixed(open * 1e3, 2)) ms, "
      + "\(fixed(Double(encoded.count) / 1e4)) bytes a value")
}

// Merge.
for (metrics, rows, each) in [(100, 20_000, 150), (3, 65_536, 150)] {
  let small = try segments(metrics, rows: rows, each: each, &random)
  var merged: [UInt8] = []
  let values = Double(rows * (metrics + 3))
  let time = try best(3) { merged = try mergeSegments(small) }
  report(
    "merge \(small.count) segments of \(each) rows, \(metrics) metrics",
    "\(fixed(values / time / 1e6)) M values/s, \(fixed(Double(merged.count) / values, 2)) bytes a value")
}

// Buckets over ten million rows in mapped files.
do {
  let folder = "/tmp/history-columns-benchmark-\(getpid())"
  mkdir(folder, 0o700)
  var paths: [String] = []
  let rows = 10_000_000, each = 65_536
  var first = 0
  while first < rows {
    let end = min(rows, first + each)
    var parts: [HistorySegment] = []
    for start in stride(from: first, to: end, by: 4096) {
      let lines = (start..<min(end, start + 4096)).map { line($0, 1, &random) }
      parts.append(try HistorySegment(SegmentBytes(batch(lines).encode())))
    }
    let bytes = try mergeSegments(parts)
    let path = "\(folder)/\(paths.count)"
    guard let file = fopen(path, "w") else { fatalError("cannot write \(path)") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    paths.append(path)
    first = end
  }
  let peak = residentPeak()
  func view() throws -> HistoryView {
    try HistoryView(paths.map { ("w", try HistorySegment(SegmentBytes(mapping: $0))) })
  }
  let open = try best(5) { _ = try view() }
  report("open \(paths.count) mapped segments of 10 M rows", "\(fixed(open * 1e3, 2)) ms")
  for (low, high) in [(0, rows), (12_345, 6_543_210), (5_000_000, 5_010_000)] {
    let start = wall()
    var found = 0
    let time = try best(5) {
      found = try view().buckets(key: "train/metric_0", steps: Int64(low)...Int64(high), count: 1000).count
    }
    report(
      "open and 1000 buckets of steps \(low)...\(high)",
      "\(fixed(time * 1e3, 2)) ms (wall \(fixed((wall() - start) * 200, 2)) ms), \(found) found")
  }
  let ready = try view()
  var out = ByteBuffer()
  let sampled = try best(5) {
    out.removeAll()
    try ready.write(samples: 1000, steps: 0..<Int64(rows), as: .strings, to: &out)
  }
  report("1000 sampled rows of 10 M", "\(fixed(sampled * 1e3, 2)) ms")
  let withKeys = try best(5) {
    out.removeAll()
    try ready.write(
      samples: 1000, steps: 0..<Int64(rows), keys: ["_step", "train/metric_0"], requireAll: true, as: .objects,
      to: &out)
  }
  report("the same, two keys", "\(fixed(withKeys * 1e3, 2)) ms")
  let keys = try best(5) { _ = try ready.keySummaries() }
  report("key summaries of 10 M rows", "\(fixed(keys * 1e3, 2)) ms")
  report("peak memory before and after", "\(peak) MB, \(residentPeak()) MB")
  for path in paths { unlink(path) }
  rmdir(folder)
}

// Two writers whose steps alternate.
do {
  var parts: [(writer: String, segment: HistorySegment)] = []
  let rows = 1 << 20
  for first in stride(from: 0, to: rows, by: 1 << 16) {
    for writer in 0..<2 {
      let lines = stride(from: first + writer, to: first + 1 << 16, by: 2).map { line($0, 1, &random) }
      parts.append(("w\(writer)", try HistorySegment(SegmentBytes(batch(lines).encode()))))
    }
  }
  let view = try HistoryView(parts)
  var out = ByteBuffer()
  let buckets = try best(3) { _ = try view.buckets(key: "train/metric_0", steps: 0...Int64(rows), count: 1000) }
  report("1000 buckets of 1 M rows of two alternating writers", "\(fixed(buckets * 1e3, 2)) ms")
  let samples = try best(3) {
    out.removeAll()
    try view.write(samples: 1000, steps: 0..<Int64(rows), as: .strings, to: &out)
  }
  report("1000 sampled rows of them", "\(fixed(samples * 1e3, 2)) ms")
  let keys = try best(3) { _ = try view.keySummaries() }
  report("their key summaries", "\(fixed(keys * 1e3, 2)) ms")
}

// 12 columns of 1000 rows of 100 runs.
do {
  let one = try mergeSegments(segments(100, rows: 1000, each: 100, &random))
  let runs = (0..<100).map { _ in SegmentBytes(one) }
  let keys = ["_step", "_runtime"] + (0..<10).map { "train/metric_\($0 * 7)" }
  var out = ByteBuffer(capacity: 100 << 20)
  for form in [HistoryForm.objects, .strings] {
    let time = try best(5) {
      out.removeAll()
      for run in runs {
        try HistoryView([("w", HistorySegment(run))]).write(
          steps: 0..<Int64.max, keys: keys, requireAll: true, as: form, to: &out)
      }
    }
    report("12 columns × 1000 rows × 100 runs as \(form)", "\(fixed(time * 1e3)) ms, \(out.count >> 20) MB")
  }
  let small = try segments(100, rows: 1000, each: 15, &random)
  let pieces = try best(5) {
    out.removeAll()
    try HistoryView(small.map { ("w", $0) }).write(
      steps: 0..<Int64.max, keys: keys, requireAll: true, as: .objects, to: &out)
  }
  report("12 columns of 1000 rows in segments of 15 rows", "\(fixed(pieces * 1e3, 2)) ms")
  let view = try HistoryView([("w", HistorySegment(runs[0]))])
  let all = try best(5) {
    out.removeAll()
    try view.write(steps: 0..<Int64.max, as: .strings, to: &out)
  }
  report("1000 rows of 103 values as strings", "\(fixed(0.103 / all)) M values/s")
  // A replay.
  let lines = (0..<1000).map { line($0, 100, &random) }
  let stored = try HistoryView([("w", HistorySegment(SegmentBytes(batch(lines).encode())))])
  let again = try batch(lines)
  var counts = (new: 0, changed: 0, same: 0)
  let replay = try best(5) {
    var copy = again
    counts = try copy.removeRows(storedIn: stored, writer: "w")
  }
  report("1000 rows of 100 metrics again", "\(fixed(replay * 1e3, 2)) ms, \(counts)")
}
