import Glibc
import QuipuBase
import QuipuRecords
import Testing

/// The conformance vectors of the transaction log: `Tests/Vectors/transaction-log`, or below `QUIPU_VECTORS`.
enum Vectors {
  static let folder: String = {
    if let root = getenv("QUIPU_VECTORS") { return String(cString: root) + "/transaction-log" }
    let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return here.dropLast(2).joined(separator: "/") + "/Vectors/transaction-log"
  }()

  /// What `expected.json` says about one file.
  struct Expected: Sendable, CustomTestStringConvertible {
    var name: String
    var size: Int
    var records: Int
    /// Each as `{offset, event, detail?, resume?}`.
    var events: [JSONObject]
    var end: String
    var testDescription: String { name }
  }

  static let all: [Expected] = {
    guard let root = try? JSON(parsing: String(decoding: bytes("expected.json"), as: UTF8.self)),
      let members = root.objectValue?.members
    else { return [] }
    return members.map { key, value in
      let entry = value.objectValue ?? [:]
      return Expected(
        name: key.string, size: Int(entry["size"]?.intValue ?? -1), records: Int(entry["records"]?.intValue ?? -1),
        events: (entry["events"]?.arrayValue ?? []).compactMap(\.objectValue), end: entry["end"]?.stringValue ?? "")
    }
  }()

  static func bytes(_ name: String) -> [UInt8] { readFile(folder + "/" + name) ?? [] }

  static func log(_ name: String) -> [UInt8] { bytes(name + ".wandb") }

  /// The records that the official reader finds.
  static func records(_ name: String) -> [JSON] {
    (try? JSON(parsing: String(decoding: bytes(name + ".json"), as: UTF8.self)))?.arrayValue ?? []
  }
}

/// The content of a file, nil if it cannot be read.
func readFile(_ path: String) -> [UInt8]? {
  guard let file = try? LogFile.openForReading(path: path), let size = try? file.size() else { return nil }
  var bytes = [UInt8](repeating: 0, count: Int(size))
  let count = bytes.withUnsafeMutableBytes { (try? file.read(at: 0, into: $0)) ?? -1 }
  return count == bytes.count ? bytes : nil
}

/// Everything that a `LogReader` reports about some bytes.
struct Reading {
  var payloads: [[UInt8]] = []
  var spans: [RecordSpan] = []
  var damage: [LogDamage] = []
  var end: LogEvent = .endOfFile
  /// Calls of `next`, the last included.
  var calls = 0

  init(_ bytes: [UInt8], maximumRecordSize: Int = LogFormat.maximumRecordSize) throws {
    var reader = LogReader(MemoryLogSource(bytes), maximumRecordSize: maximumRecordSize)
    while true {
      calls += 1
      switch try reader.next() {
      case .record(let span):
        spans.append(span)
        payloads.append(Array(reader.payload))
      case .damage(let found): damage.append(found)
      case let event:
        end = event
        return
      }
    }
  }

  /// As `expected.json` spells it.
  var endName: String {
    switch end {
    case .endOfFile: "eof"
    case .unexpectedEnd: "unexpected_eof"
    case .badHeader: "bad_header"
    default: "?"
    }
  }
}

/// Frames payloads into a complete file.
func makeLog(_ payloads: [[UInt8]]) -> [UInt8] {
  var out = ByteBuffer()
  BlockWriter.appendFileHeader(to: &out)
  var writer = BlockWriter()
  for payload in payloads { payload.withUnsafeBytes { writer.append($0, to: &out) } }
  return out.array()
}

/// SplitMix64: the same sequence on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A fresh empty folder, removed with its content at the end of the value's life.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/quipu-records-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw LogFileError(.create, code: errno) }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { unlink(path + "/" + name) }
    }
    closedir(folder)
    rmdir(path)
  }
}
