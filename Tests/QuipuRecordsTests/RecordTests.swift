import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct RecordTests {
  /// Decodes the records of a log, with nil for each that is not one.
  private static func decode(_ payloads: [[UInt8]]) -> [Record?] {
    payloads.map { payload in decodeRecord(payload) }
  }

  @Test(arguments: Vectors.all) func givesTheJSONOfTheOfficialReader(_ expected: Vectors.Expected) throws {
    let found = Self.decode(try Reading(Vectors.log(expected.name)).payloads).compactMap { $0?.protoJSON }
    let official = Vectors.records(expected.name)
    try #require(official.count == expected.records)
    try #require(found.count == official.count)
    for (index, (ours, theirs)) in zip(found, official).enumerated() {
      #expect(ours == theirs, "record \(index)")
    }
  }

  @Test(arguments: Vectors.all) func roundtripsWithoutAChangeOfMeaning(_ expected: Vectors.Expected) throws {
    for payload in try Reading(Vectors.log(expected.name)).payloads {
      guard let record = decodeRecord(payload) else { continue }
      let again = try #require(decodeRecord(encode(record)))
      #expect(again.protoJSON == record.protoJSON)
    }
  }

  /// Byte by byte. Records with a map of several entries (`environment`: disks) are left out: the official order of map
  /// entries is random.
  @Test(arguments: [
    "artifact", "empty", "events", "fork", "json_edges", "large_record", "media", "online_run", "resume_allow",
    "scalars", "shared_mode", "steps", "typed_values", "unfinished",
  ])
  func encodesLikeTheOfficialWriter(name: String) throws {
    var compared = 0
    for payload in try Reading(Vectors.log(name)).payloads {
      let record = try #require(decodeRecord(payload))
      if case .environment(let environment) = record.payload, environment.disk.count > 1 { continue }
      #expect(encode(record) == payload)
      compared += 1
    }
    #expect(compared > 5)
  }

  @Test func keepsPresenceOfEmptyMembers() {
    #expect(encode(Record(num: 0, .exit(RunExitRecord()))) == [0x92, 0x01, 0x00])
    var row = HistoryRecord()
    row.step = HistoryStep()
    var item = HistoryItem()
    item.value = .boolean(false)
    row.item = [item]
    let json = decodeRecord(encode(Record(num: 1, .history(row))))?.protoJSON
    #expect(json == ["num": "1", "history": ["item": [["boolean": false]], "step": [:]]])
  }

  @Test func keepsPresenceOfOptionalFields() {
    var board = TBRecord()
    #expect(Record(num: 0, .tbrecord(board)).protoJSON == ["tbrecord": [:]])
    board.namespace = ""
    let json = decodeRecord(encode(Record(num: 0, .tbrecord(board))))?.protoJSON
    #expect(json == ["tbrecord": ["namespace": ""]])
  }

  @Test(arguments: [
    HistoryItem.Value.null, .boolean(true), .integer(.min), .integer(.max), .integer(-1), .number(-0.0), .number(.nan),
    .number(-.infinity), .text(""), .text("é"), .json("[]"),
  ])
  func roundtripsTypedValues(value: HistoryItem.Value) throws {
    var item = HistoryItem()
    item.value = value
    var row = HistoryRecord()
    row.item = [item]
    let record = try #require(decodeRecord(encode(Record(num: 1, .history(row)))))
    guard case .history(let found) = record.payload else {
      Issue.record("not a history record")
      return
    }
    if case .number(let number) = value, number.isNaN {
      guard case .number(let again) = found.item.first?.value else {
        Issue.record("no number")
        return
      }
      #expect(again.isNaN)
    } else {
      #expect(found.item.first?.value == value)
    }
  }

  @Test func theLastMemberOfAOneofWinsAndEqualMembersMerge() {
    var bytes = encode(Record(num: 1, .exit(RunExitRecord())))
    bytes += encode(Record(num: 2, .final(FinalRecord())))
    #expect(decodeRecord(bytes)?.protoJSON == ["num": "2", "final": [:]])
    var a = RunRecord()
    a.runID = "a"
    a.tags = ["x"]
    var b = RunRecord()
    b.project = "p"
    b.tags = ["y"]
    let merged = decodeRecord(encode(Record(num: 0, .run(a))) + encode(Record(num: 0, .run(b))))
    #expect(merged?.protoJSON == ["run": ["run_id": "a", "project": "p", "tags": ["x", "y"]]])
  }

  @Test func negativeNumbersAndUnknownEnumsSurvive() {
    var exit = RunExitRecord()
    exit.exitCode = -9
    #expect(decodeRecord(encode(Record(num: 0, .exit(exit))))?.protoJSON == ["exit": ["exit_code": -9]])
    var item = FilesItem()
    item.policy = FilePolicy(rawValue: 7)
    item.type = .media
    var files = FilesRecord()
    files.files = [item]
    let json = decodeRecord(encode(Record(num: 0, .files(files))))?.protoJSON
    #expect(json == ["files": ["files": [["policy": 7, "type": "MEDIA"]]]])
  }

  @Test func flagsHaveTheNamesOfTheProtocol() {
    var telemetry = TelemetryRecord()
    telemetry.feature = [TelemetryFeature.offline, TelemetryFeature.setInitID]
    var imports = Flags<TelemetryImports>()
    let known = imports.insert(named: "torch")
    let unknown = imports.insert(named: "no such package")
    #expect(known && !unknown)
    imports.insert(107)
    telemetry.importsInit = imports
    let json = decodeRecord(encode(Record(num: 0, .telemetry(telemetry))))?.protoJSON
    #expect(
      json == [
        "telemetry": ["imports_init": ["torch": true, "dspy": true], "feature": ["offline": true, "set_init_id": true]]
      ])
    imports[1] = false
    #expect(imports == [107])
    imports.insert(200)
    #expect(imports == [107])
  }

  @Test func numbersTheUnknownFieldsOfARecordWithoutAType() {
    guard case .unknown(let numbers) = decodeRecord([0x08, 0x01, 0xF8, 0x2A, 0x05])?.payload else {
      Issue.record("should be unknown")
      return
    }
    #expect(numbers == [687])
    #expect(decodeRecord([])?.protoJSON == [:])
    #expect(decodeRecord([])?.payload.name == "unknown")
  }

  @Test(arguments: [
    ([0x08], RecordError.truncated), ([0x0A, 0x05, 0x00], .truncated), ([0x00], .badTag), ([0x04], .badTag),
    ([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02], .badVarint),
    // A field number of 2^29, a group closed by another one, text that is not UTF-8.
    ([0x80, 0x80, 0x80, 0x80, 0x10, 0x00], .badTag), ([0xFB, 0x01, 0x84, 0x02], .badTag),
    ([0x9A, 0x01, 0x01, 0xFF], .badText),
    // UTF-8 forms that are not allowed: overlong, surrogate, beyond U+10FFFF.
    ([0x9A, 0x01, 0x02, 0xC0, 0x80], .badText), ([0x9A, 0x01, 0x03, 0xED, 0xA0, 0x80], .badText),
    ([0x9A, 0x01, 0x04, 0xF4, 0x90, 0x80, 0x80], .badText),
  ] as [([UInt8], RecordError)])
  func rejects(bytes: [UInt8], error: RecordError) { #expect(decodingError(bytes) == error) }

  @Test func rejectsBadTextDeepInside() {
    // history { item { nested_key: FF } }
    #expect(decodingError([0x12, 0x05, 0x0A, 0x03, 0x12, 0x01, 0xFF]) == .badText)
  }

  @Test func rejectsGroupsNestedWithoutEnd() {
    #expect(decodingError([UInt8](repeating: 0x0B, count: 100_000)) == .tooDeep)
    #expect(decodingError([0xFB, 0x01, 0x08, 0x01, 0xFC, 0x01]) == nil)
  }

  /// Fields of another wire type than the known one are unknown fields.
  @Test func ignoresFieldsOfAnotherWireType() {
    #expect(decodeRecord([0x0A, 0x01, 0x41, 0x90, 0x01, 0x05, 0x08, 0x07])?.protoJSON == ["num": "7"])
  }

  @Test func encodesDeepMessages() {
    // Bytes made by hand from the field numbers.
    var info = JobGitInfo()
    info.commit = "c"
    var git = JobGitSource()
    git.gitInfo = info
    git.entrypoint = ["a", "b"]
    var origin = JobOrigin()
    origin.git = git
    var source = JobSource()
    source.source = origin
    var partial = PartialJobArtifact()
    partial.sourceInfo = source
    var use = UseArtifactRecord()
    use.partial = partial
    let bytes: [UInt8] = [
      0xCA, 0x01, 0x13, 0x22, 0x11, 0x12, 0x0F, 0x1A, 0x0D, 0x0A, 0x0B, 0x0A, 0x03, 0x12, 0x01, 0x63, 0x12, 0x01, 0x61,
      0x12, 0x01, 0x62,
    ]
    #expect(encode(Record(num: 0, .useArtifact(use))) == bytes)
  }

  @Test(arguments: [
    (0, 0, "1970-01-01T00:00:00Z"), (951_782_400, 0, "2000-02-29T00:00:00Z"),
    (-1, 500_000_000, "1969-12-31T23:59:59.500Z"),
    (1_795_292_824, 755_019_000, "2026-11-21T20:27:04.755019Z"), (253_402_300_799, 1, "9999-12-31T23:59:59.000000001Z"),
    (-62_135_596_800, 0, "0001-01-01T00:00:00Z"), (1_709_164_799, 0, "2024-02-28T23:59:59Z"),
    (1_709_251_200, 0, "2024-03-01T00:00:00Z"), (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
  ] as [(Int64, Int32, String)])
  func writesTimestamps(seconds: Int64, nanos: Int32, text: String) {
    #expect(Timestamp(seconds: seconds, nanos: nanos).text == text)
  }

  @Test func timestampsWithoutATextFormKeepTheirNumbers() {
    #expect(Timestamp(seconds: .max, nanos: -1).protoJSON == ["seconds": "9223372036854775807", "nanos": -1])
    #expect(Timestamp(seconds: .min, nanos: 0).text == nil)
  }
}

func encode(_ record: Record) -> [UInt8] {
  var out = ByteBuffer()
  record.encode(into: &out)
  return out.array()
}

func decodeRecord(_ bytes: [UInt8]) -> Record? { bytes.withUnsafeBytes { try? Record(decoding: $0) } }

func decodingError(_ bytes: [UInt8]) -> RecordError? {
  bytes.withUnsafeBytes { bytes in
    do throws(RecordError) { _ = try Record(decoding: bytes) } catch { return error }
    return nil
  }
}
