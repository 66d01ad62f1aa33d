import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

@Suite struct ConsoleChangesTests {
  private static let pieces = [
    "a line\n", "\r", "\n", "\n\n\n", "progress", "\u{1B}[A", "\u{1B}[B", "é\u{1F600}", "\u{1B}", "   ", "x\ry",
    String(repeating: "\n", count: 40), String(repeating: "long ", count: 1000),
  ]

  private func feed(_ console: inout ConsoleEmulator, _ dice: inout Dice) {
    let time = Timestamp(seconds: Int64.random(in: 0...99, using: &dice), nanos: 0)
    let piece = Self.pieces.randomElement(using: &dice) ?? ""
    if dice.chance(5) {
      console.addLines(piece, at: time)
    } else {
      console.feed(dice.chance(60) ? .stdout : .stderr, piece, at: time)
    }
  }

  /// Takes all that waits; nothing may seem to wait then, or an upload would ask for it for ever.
  private func drain(_ console: inout ConsoleEmulator, _ limit: Int, into lines: inout [Int: String]) throws -> Int? {
    var settled: Int?
    while true {
      var out = ByteBuffer()
      guard let block = console.takeChanges(into: &out, limit: limit) else { break }
      let texts = try Replayed.texts(out)
      #expect(texts.count == block.count)
      #expect(block.first >= console.known)
      for (at, text) in texts.enumerated() { lines[block.first + at] = text }
      settled = block.settled
    }
    #expect(console.changedBytes == 0)
    return settled
  }

  @Test(arguments: 0..<40) func linesThatAreTakenNowAndThenAreThoseThatAreTakenAtTheEnd(_ seed: Int) throws {
    let count = 150
    var whole = ConsoleEmulator(reportsLines: true)
    var dice = Dice(UInt64(seed))
    for _ in 0..<count { feed(&whole, &dice) }
    whole.finish()
    var expected: [Int: String] = [:]
    _ = try drain(&whole, 1 << 30, into: &expected)

    var parts = ConsoleEmulator(reportsLines: true)
    var found: [Int: String] = [:]
    dice = Dice(UInt64(seed))
    var other = Dice(UInt64(seed + 7777))
    var known = 0
    for _ in 0..<count {
      feed(&parts, &dice)
      if other.chance(10) {
        known = try drain(&parts, [50, 1000, 100_000].randomElement(using: &other) ?? 50, into: &found) ?? known
      }
      // Killed, and begun anew with what was settled.
      if other.chance(1) { break }
    }
    parts = ConsoleEmulator(reportsLines: true)
    parts.known = known
    dice = Dice(UInt64(seed))
    for _ in 0..<count {
      feed(&parts, &dice)
      if other.chance(3) { _ = try drain(&parts, 1000, into: &found) }
    }
    parts.finish()
    _ = try drain(&parts, 1000, into: &found)
    #expect(found == expected)
  }
}
