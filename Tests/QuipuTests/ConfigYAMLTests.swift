import QuipuBase
import Testing

@testable import Quipu

@Suite struct ConfigYAMLTests {
  private func failure(_ text: String) -> YAMLError? {
    do throws(YAMLError) {
      _ = try YAMLReader.read(Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: ConfigYAMLCases.scalars)
  func readsPlainScalarsAsPyYAMLDoes(text: String, json: String) throws {
    // Only what is a text in Python too may come back as one: dates are compared in their ISO form.
    for document in ["- \(text)\n", "-\n  \(text)", "- \(text) # comment"] {
      #expect(try YAMLReader.read(Array(document.utf8)).root == [try JSON(parsing: json)], "\(document)")
    }
  }

  @Test(arguments: ConfigYAMLCases.documents)
  func readsDocumentsAsPyYAMLDoes(text: String, json: String) throws {
    #expect(try YAMLReader.read(Array(text.utf8)).root == JSON(parsing: json))
  }

  @Test func namesLineAndColumn() {
    #expect(failure("a: 1\nb: [1\nc: 2")?.line == 2)
    #expect(failure("é: \"\\q\"") == YAMLError(line: 1, column: 6, reason: "there is no such escape"))
    #expect(failure("a: 1\n\tb: 1")?.description == "line 2, column 1: a tab cannot indent")
    #expect(failure("a: 1\n---\nb: 1")?.reason == "there is more than one document")
    #expect(failure("a: *x")?.reason == "there is no anchor 'x' above")
    #expect(failure("a: 'x")?.line == 1)
  }

  @Test(arguments: [
    "? a\n: b", "[a]: b", "{a: b}: c", "a: !!python/object:os.system x", "a: !mine 1", "a: !!int x", "a: b: c",
    "a: - b", "- a\nb", "a: [1 2, {]", "a: @x", "a: `x`", "a:\n    b: 1\n  c: 2", "%YAML 1.1\na: 1", "a: 2024-02-30",
    "a: 0x_", "<<: 1", "<<: [1]", "\"a\\x4\"", "a: |x\n", "a: \u{1}", "*a", "&a *a",
  ])
  func refuses(text: String) { #expect(failure(text) != nil) }

  @Test func refusesWhatIsNotUTF8() {
    for bytes: [UInt8] in [[0xFF, 0xFE, 0x61, 0], [0x61, 0x3A, 0x20, 0xC3], [0x61, 0], [0xED, 0xA0, 0x80]] {
      #expect((try? YAMLReader.read(bytes)) == nil)
    }
  }

  @Test func keepsTheLastOfEqualKeysAtTheFirstPlace() throws {
    let root = try YAMLReader.read(Array("a: 1\nb: 2\na: 3\n".utf8)).root
    #expect(root.text(style: .core) == "{\"a\":3,\"b\":2}")
  }

  @Test func mergesBelowOwnKeys() throws {
    let text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n"
    let root = try YAMLReader.read(Array(text.utf8)).root
    #expect(root.objectValue?["z"] == ["a": 1, "b": 1, "c": 3])
  }

  @Test func saysWhichKeysAreNoText() throws {
    let document = try YAMLReader.read(Array("yes: 1\n'no': 2\n3: 4\na: {5: 6}\n".utf8))
    #expect(document.nonTextKeys == ["true", "3"])
  }

  @Test func limitsDepthAndSize() throws {
    #expect(failure(String(repeating: "[", count: 100_000))?.reason == "collections are nested too deeply")
    #expect(failure(String(repeating: "- ", count: 100_000))?.reason == "collections are nested too deeply")
    #expect(failure(String(repeating: "{a: ", count: 100_000))?.reason == "collections are nested too deeply")
    #expect(failure((0..<200).map { String(repeating: " ", count: $0) + "a:\n" }.joined()) != nil)
    #expect(failure(String(repeating: "[", count: 100) + String(repeating: "]", count: 100)) == nil)
    var bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in 1...9 {
      let uses = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      bomb += "a\(level): &a\(level) [\(uses)]\n"
    }
    #expect(failure(bomb)?.reason == "the document has more than 1000000 values")
    #expect(failure("a: " + String(repeating: "9", count: 5000))?.reason == "the number is too long")
    #expect(failure(String(repeating: "k", count: 1100) + ": 1")?.reason == "the key is too long")
  }

  @Test func takesLinearTimeOnLongLines() throws {
    // A quadratic reader would need minutes for these.
    let long = String(repeating: "x ", count: 1 << 17)
    #expect(try YAMLReader.read(Array("a: \(long)\nb: '\(long)'\n".utf8)).root.objectValue?.count == 2)
    let blank = String(repeating: " ", count: 1 << 19)
    #expect(failure("a: |\n\(blank)\n\(blank)x\n") == nil)
    let list = String(repeating: "1, ", count: 1 << 16)
    #expect(try YAMLReader.read(Array("[\(list)]".utf8)).root.arrayValue?.count == 1 << 16)
  }

  @Test func survivesAnyBytes() {
    var random = SettingsRandom(seed: 7)
    let marks = Array(" \n\n  :-#[]{}\"'|>&*!,?a1.%@\\~<=\t\r".utf8)
    let seed = Array(
      "a: 1\nb:\n  - [x, {y: 'z'}]\n  - |\n    t\n     u\nc: &d \"e\\n\"\nf: *d\n<<: {g: 2024-01-02}\n".utf8)
    var accepted = 0
    for round in 0..<20_000 {
      var bytes = round % 2 == 0 ? seed : []
      for _ in 0..<Int(random.next() % 24) {
        let byte =
          random.next() % 16 == 0
          ? UInt8(truncatingIfNeeded: random.next()) : marks[Int(random.next() % UInt64(marks.count))]
        let place = Int(random.next() % UInt64(bytes.count + 1))
        if random.next() % 3 == 0, place < bytes.count {
          bytes.remove(at: place)
        } else {
          bytes.insert(byte, at: place)
        }
      }
      if let document = try? YAMLReader.read(bytes) {
        accepted += 1
        _ = document.root.text(style: .core)
      }
    }
    #expect(accepted > 1000)
  }
}
