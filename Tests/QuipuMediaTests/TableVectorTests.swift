import QuipuBase
import Testing

@testable import QuipuMedia

/// Every table vector that needs no Python object, against what the official client wrote: bytes of both files,
/// logged values, artifact names, entries and digests, error classes.
@Suite struct TableVectorTests {
  @Test func vectorsAreThere() {
    #expect(TableVector.names.count >= 80)
  }

  @Test(arguments: TableVector.names)
  func reproducesVector(_ name: String) throws {
    let vector = try TableVector(name)
    var run = VectorRun(vector)
    try run.run()
    let outcome = run.outcome

    if let error = vector.expected["error"]?.objectValue {
      let (statement, found) = try #require(outcome.error)
      #expect(Int64(statement) == error["statement"]?.intValue)
      let categories: [String: MediaError.Code] = [
        "TypeError": .type, "ValueError": .value, "AssertionError": .assertion, "Error": .unsupported,
      ]
      #expect(found.code == categories[error["type"]?.stringValue ?? ""], "\(found)")
      #expect(!found.message.contains("\n"))
    } else {
      let found = outcome.error?.error
      #expect(found == nil)
    }

    // Logged values, as text.
    let texts = vector.expected["client_json"]?.arrayValue ?? []
    let expectedTexts = texts.map { call in
      (call.objectValue?.members ?? []).map { $0.key.string + " " + ($0.value.stringValue ?? "") }
    }
    let foundTexts = outcome.clientJSON.map { call in
      (call.objectValue?.members ?? []).map { $0.key.string + " " + anonymous($0.value.text(style: .client)) }
    }
    #expect(foundTexts == expectedTexts)

    // Run files, byte for byte, under their names.
    let expectedFiles = (vector.expected["files"]?.arrayValue ?? []).compactMap { $0.objectValue?["path"]?.stringValue }
    #expect(outcome.files.keys.sorted() == expectedFiles.sorted())
    for (path, bytes) in outcome.files {
      #expect(bytes == (try readFile(vector.folder + "/files/" + path)))
    }
    let recorded = vector.expected["files_record"]?.arrayValue ?? []
    let records = recorded.compactMap { $0.objectValue?["path"]?.stringValue }
    #expect(outcome.fileRecords == records)

    // Artifacts: names, types, entries with digests and sizes, contents, digest of the whole.
    let expectedArtifacts = vector.expected["artifacts"]?.arrayValue ?? []
    #expect(outcome.artifacts.count == expectedArtifacts.count)
    for (number, (found, expected)) in zip(outcome.artifacts, expectedArtifacts).enumerated() {
      let expected = try #require(expected.objectValue)
      let isIncremental = expected["incremental"]?.boolValue == true
      #expect(found.name == expected["name"]?.stringValue)
      #expect(found.type == expected["type"]?.stringValue)
      let entries = (expected["entries"]?.arrayValue ?? []).compactMap(\.objectValue)
      #expect(found.content.files.map { anonymous($0.path) } == entries.compactMap { $0["path"]?.stringValue })
      for (file, entry) in zip(found.content.files, entries) {
        let path = vector.folder + "/artifacts/\(number)/" + anonymous(file.path)
        let stored = try readFile(path)
        let bytes: [UInt8]
        switch file.content {
        case .bytes(let content): bytes = content
        case .file(let source): bytes = try readFile(source)
        case .held, .reference: bytes = []
        }
        if isIncremental {
          // Random ids and times of the recording are in these files.
          let a = anonymous(String(decoding: bytes, as: UTF8.self))
          let b = anonymous(String(decoding: stored, as: UTF8.self))
          #expect(a == b)
        } else {
          #expect(bytes == stored, "\(file.path)")
          #expect(file.digest == entry["digest"]?.stringValue)
          #expect(Int64(file.size) == entry["size"]?.intValue)
        }
      }
      if !isIncremental { #expect(found.content.digest == expected["digest"]?.stringValue) }
    }
  }

  /// Random ids and times replaced by the vectors' placeholders.
  private func anonymous(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      var end = at
      while end < bytes.count, bytes[end] >= 48, bytes[end] <= 57 { end += 1 }
      if end - at == 13, bytes[at] == 49 {
        out += Array("{EPOCH_MS}".utf8)
        at = end
        continue
      }
      // An id: 128 letters and digits, in our own paths a placeholder already.
      end = at
      while end < bytes.count, (bytes[end] >= 97 && bytes[end] <= 122) || (bytes[end] >= 48 && bytes[end] <= 57) {
        end += 1
      }
      if end - at == 128 {
        out += Array("{CLIENT_ID_\(idNumber(bytes, before: at))}".utf8)
        at = end
        continue
      }
      out += bytes[at..<max(end, at + 1)]
      at = max(end, at + 1)
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The how manieth path of the text this is: increments list the ids of earlier ones in order.
  private func idNumber(_ bytes: [UInt8], before at: Int) -> Int {
    let mark = Array("wandb-client-artifact://".utf8)
    var count = 0
    var here = 0
    while here + mark.count < at {
      if bytes[here..<(here + mark.count)].elementsEqual(mark) { count += 1 }
      here += 1
    }
    return count
  }
}
