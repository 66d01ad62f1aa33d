import QuipuBase
import QuipuRecords

/// Turns what a program prints into the lines of `output.log`.
///
/// One small terminal per stream; both place their lines in one shared list. A line holds at most 4096 characters (code
/// points), the last 32 lines of a stream can still change, `\n`, `\r`, `ESC [ A` and `ESC [ B` move the cursor,
/// everything else is a character. A line enters the shared list when its first character is written, so unfinished
/// lines of stdout and stderr do not mix.
///
/// The writer of the file calls ``takeFinalLines()`` now and then and appends the result; ``tailText()`` is what follows
/// it for the moment. Whoever sends lines to a server (`reportsLines`) calls ``takeChanges(into:limit:)`` instead: each
/// line has an index there, which depends on the input alone. Memory is bounded as long as the owner does that: when an unfinished line holds back more than
/// ``heldLineLimit`` lines or ``heldByteLimit`` bytes of other output, it is written as it stands, and gets a new place
/// if it is written to again.
///
/// Threads: not thread-safe; the owner serialises calls.
/// Source: output.log of the W&B client 0.31.0.
package struct ConsoleEmulator: Sendable {
  package enum Stream: Int, Sendable { case stdout = 0, stderr = 1 }

  /// Characters in a line; further ones are dropped.
  package static let lineLimit = 4096
  /// Lines of a stream that can still change, the cursor's line included.
  package static let editableLines = 32
  /// Lines that may wait behind a line that can still change.
  package static let heldLineLimit = 4096
  /// Bytes that may wait behind a line that can still change.
  package static let heldByteLimit = 1 << 20
  /// Longest run of empty lines that is kept.
  package static let blankRunLimit = 1 << 16

  private static let escape: UInt32 = 0x1B
  private static let space: UInt32 = 0x20

  /// Where a line stands in the shared list.
  private enum Place {
    /// Nothing has been written to the line.
    case none
    /// Sequence number of its entry.
    case listed(Int)
    /// Its text was already given out; the next character opens a new entry.
    case released
  }

  private struct Line {
    var cells: [UInt32] = []
    var place = Place.none
  }

  /// An entry of the shared list.
  private struct Entry {
    enum Content {
      /// The text is still in the stream's line with this number.
      case editable(Int)
      /// Will not change any more; UTF-8 without the line break.
      case text([UInt8])
      /// Empty lines that scrolled away before anything was written below them.
      case blanks(Int)
    }

    var content: Content
    var stream: Int
    /// Index of the line, or of the first of the empty ones.
    var index: Int
    /// When the record came that put the first character there.
    var time: Timestamp
    /// Since it was last given out by `takeChanges`.
    var isChanged = true

    /// Lines of the entry.
    var count: Int { if case .blanks(let count) = content { count } else { 1 } }
  }

  private struct Terminal {
    /// The editable lines, a ring: line number n is at n % editableLines.
    var lines = [Line](repeating: Line(), count: ConsoleEmulator.editableLines)
    /// Number of the oldest editable line.
    var first = 0
    /// Number of the last line that exists.
    var last = 0
    /// Line and column of the cursor.
    var row = 0
    var column = 0
    /// Lines that left the view unwritten and have no place yet.
    var scrolledBlanks = 0
    /// An incomplete UTF-8 sequence from the end of the last chunk.
    var pending: [UInt8] = []
    /// How much of `ESC [` was seen: 0, 1 or 2 characters.
    var escapeState = 0
  }

  private var terminals = [Terminal(), Terminal()]
  private var entries: [Entry] = []
  /// Index of the first live entry; those before it are spent.
  private var head = 0
  /// Sequence number of `entries[0]`.
  private var base = 0
  /// Bytes of `.text` entries that wait.
  private var heldBytes = 0
  /// Lines that cannot change, not yet taken.
  private var final: [UInt8] = []
  /// Empty lines seen since the last non-empty one. Written only when a non-empty one follows.
  private var heldBlanks = 0

  // For a server.
  private let reportsLines: Bool
  /// Final lines that changed and were not given out; those before `settledHead` are spent.
  private var settled: [Entry] = []
  private var settledHead = 0
  /// About how many bytes the lines take that changed and were not given out.
  package private(set) var changedBytes = 0
  private static let lineOverhead = 40
  /// Index of the next new line.
  private var lineCount = 0
  private var time = Timestamp()
  /// The first so many lines are not given out.
  package var known = 0
  /// Name of the writer, between time and text.
  package var label = ""

  /// - Parameter reportsLines: lines go to `takeChanges`, not to `takeFinalLines`.
  package init(reportsLines: Bool = false) { self.reportsLines = reportsLines }

  // MARK: input

  /// Takes output of one stream. A character may be cut by the end of a chunk; malformed UTF-8 becomes U+FFFD.
  ///
  /// - Complexity: linear in the number of bytes.
  package mutating func feed(_ stream: Stream, _ chunk: UnsafeRawBufferPointer) {
    let t = stream.rawValue
    var at = 0
    let n = chunk.count
    if !terminals[t].pending.isEmpty {
      // Complete the character that the last chunk cut, with at most three more bytes.
      var joined = terminals[t].pending
      terminals[t].pending = []
      while at < n && at < 3 && chunk[at] & 0xC0 == 0x80 {
        joined.append(chunk[at])
        at &+= 1
      }
      let used = joined.withUnsafeBytes { decode(t, $0) }
      // What is left over is either an incomplete character again (then the chunk is spent) or nothing.
      if used < joined.count {
        terminals[t].pending = Array(joined[used...])
        if at < n { flushPending(t) }
      }
    }
    if at < n {
      let rest = UnsafeRawBufferPointer(rebasing: chunk[at...])
      let used = decode(t, rest)
      if used < rest.count { terminals[t].pending = Array(rest[used...]) }
    }
    settle()
  }

  /// - Parameter time: when the program wrote it; nil: as before.
  package mutating func feed(_ stream: Stream, _ text: String, at time: Timestamp? = nil) {
    if let time { self.time = time }
    var text = text
    text.withUTF8 { feed(stream, UnsafeRawBufferPointer($0)) }
  }

  /// Says when the run began: the time of lines that come before any other time.
  package mutating func begin(at time: Timestamp) { if self.time == Timestamp() { self.time = time } }

  /// Adds lines as they are, without emulation (`write_logs`). A last line break does not open another line.
  package mutating func addLines(_ text: String, at time: Timestamp? = nil) {
    if let time { self.time = time }
    var bytes = Array(text.utf8)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      appendFinished(Self.trimmed(Array(line)))
    }
    settle()
  }

  /// Ends capture: cut characters and escapes are taken as they are, and no line can change any more.
  package mutating func finish() {
    for t in 0..<2 {
      flushPending(t)
      flushEscape(t)
      for number in terminals[t].first...terminals[t].last { retire(t, number) }
      terminals[t] = Terminal()
    }
    settle()
  }

  // MARK: output

  /// Lines that can no longer change and were not given out before, each ended by `\n`, as UTF-8. Empty lines at the
  /// end stay back until a non-empty line follows.
  package mutating func takeFinalLines() -> [UInt8] {
    let taken = final
    final = []
    return taken
  }

  /// True when ``takeFinalLines()`` has something to give.
  package var hasFinalLines: Bool { !final.isEmpty }

  /// The lines that follow the final ones at the moment, each ended by `\n`, as UTF-8. Empty lines at the end are left
  /// out.
  ///
  /// - Complexity: linear in the text that is held, at most about ``heldByteLimit`` bytes plus 64 lines.
  package func tailText() -> [UInt8] {
    var out: [UInt8] = []
    var blanks = heldBlanks
    for index in head..<entries.count {
      let line: [UInt8]
      switch entries[index].content {
      case .blanks(let count):
        blanks = min(blanks &+ count, Self.blankRunLimit)
        continue
      case .text(let text): line = text
      case .editable(let number): line = utf8(entries[index].stream, number)
      }
      if line.isEmpty {
        blanks = min(blanks &+ 1, Self.blankRunLimit)
      } else {
        out.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: blanks))
        blanks = 0
        out.append(contentsOf: line)
        out.append(UInt8(ascii: "\n"))
      }
    }
    return out
  }

  /// Everything that was not taken yet: final lines and tail.
  package func text() -> String { String(decoding: final + tailText(), as: UTF8.self) }

  // MARK: output for a server

  /// Keeps a final line for `takeChanges`.
  private mutating func report(_ entry: Entry) {
    guard entry.isChanged, entry.index &+ entry.count > known else { return }
    settled.append(entry)
    if case .text(let text) = entry.content { changedBytes &+= text.count }
  }

  /// Appends lines that are new or have changed since they were last given out, as JSON string literals separated by
  /// commas: `"[ERROR ]TIME [LABEL ]text"`. One block of lines next to each other, from the first that changed.
  ///
  /// - Parameter limit: bytes after which the block ends; one line more may come.
  /// - Returns: nil if nothing changed.
  /// Source: http.md, 10.4.
  package mutating func takeChanges(into out: inout ByteBuffer, limit: Int) -> ReplayConsoleBlock? {
    let start = out.count
    var first = -1
    var next = -1
    var isOpen = true
    while isOpen, settledHead < settled.count {
      let entry = settled[settledHead]
      isOpen = add(entry, &first, &next, start, limit, &out)
      guard isOpen else { break }
      changedBytes &-= entry.count &* Self.lineOverhead
      if case .text(let text) = entry.content { changedBytes &-= text.count }
      settledHead &+= 1
    }
    if settledHead == settled.count {
      settled.removeAll(keepingCapacity: settled.capacity < 1024)
      settledHead = 0
    }
    var at = head
    while isOpen, at < entries.count {
      if entries[at].isChanged && entries[at].index &+ entries[at].count > known {
        isOpen = add(entries[at], &first, &next, start, limit, &out)
        if isOpen {
          entries[at].isChanged = false
          changedBytes &-= entries[at].count &* Self.lineOverhead
        }
      } else if first >= 0 {
        isOpen = false
      }
      at &+= 1
    }
    guard first >= 0 else { return nil }
    let fixed = head < entries.count ? entries[head].index : lineCount
    let waiting = settledHead < settled.count ? settled[settledHead].index : fixed
    return ReplayConsoleBlock(first: first, count: next &- first, settled: min(fixed, waiting))
  }

  /// Adds the lines of an entry to a block; false if they do not belong to it.
  private func add(
    _ entry: Entry, _ first: inout Int, _ next: inout Int, _ start: Int, _ limit: Int, _ out: inout ByteBuffer
  ) -> Bool {
    let index = max(entry.index, known)
    if first < 0 {
      first = index
      next = index
    } else if index != next || out.count &- start >= limit {
      return false
    }
    var text: [UInt8] = []
    switch entry.content {
    case .text(let found): text = found
    case .editable(let number): text = utf8(entry.stream, number)
    case .blanks: break
    }
    for _ in index..<(entry.index &+ entry.count) {
      if next > first { out.append(UInt8(ascii: ",")) }
      out.append(entry.stream == Stream.stderr.rawValue ? "\"ERROR " : "\"")
      Self.appendTime(entry.time, to: &out)
      out.append(0x20)
      if !label.isEmpty {
        var name = "[" + label + "] "
        name.withUTF8 { LineText.appendEscaped(UnsafeRawBufferPointer($0), to: &out) }
      }
      text.withUnsafeBytes { LineText.appendEscaped($0, to: &out) }
      out.append(UInt8(ascii: "\""))
      next &+= 1
    }
    return true
  }

  /// UTC with microseconds, without a letter for the zone.
  private static func appendTime(_ time: Timestamp, to out: inout ByteBuffer) {
    let whole = Timestamp(seconds: time.seconds, nanos: 0).text ?? "1970-01-01T00:00:00Z"
    out.append(String(whole.dropLast()))
    var micros = max(0, min(999_999, Int(time.nanos) / 1000))
    var digits = [UInt8](repeating: UInt8(ascii: "0"), count: 6)
    for at in stride(from: 5, through: 0, by: -1) {
      digits[at] &+= UInt8(truncatingIfNeeded: micros % 10)
      micros /= 10
    }
    out.append(UInt8(ascii: "."))
    out.append(digits)
  }

  /// Whether a line was begun.
  package var hasLines: Bool { lineCount > 0 }

  // MARK: decoding

  /// Feeds the characters of `bytes`; returns how many bytes were used. The rest is an incomplete character.
  private mutating func decode(_ t: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
    let n = bytes.count
    var at = 0
    while at < n {
      let lead = bytes[at]
      if lead < 0x80 {
        // Most output is plain text at the end of a line: taken in one piece.
        var end = at
        while end < n, Self.isPlain(bytes[end]) { end &+= 1 }
        let run = UnsafeRawBufferPointer(rebasing: bytes[at..<end])
        if run.count > 1, terminals[t].escapeState == 0, writeRun(t, run) {
          at = end
        } else {
          take(t, UInt32(lead))
          at &+= 1
        }
        continue
      }
      // Smallest and largest second byte shut out overlong forms, surrogates and values above U+10FFFF.
      let length: Int
      var low: UInt8 = 0x80
      var high: UInt8 = 0xBF
      switch lead {
      case 0xC2...0xDF: length = 2
      case 0xE0: length = 3; low = 0xA0
      case 0xED: length = 3; high = 0x9F
      case 0xE1...0xEF: length = 3
      case 0xF0: length = 4; low = 0x90
      case 0xF4: length = 4; high = 0x8F
      case 0xF1...0xF3: length = 4
      default: length = 0
      }
      if length == 0 {
        take(t, 0xFFFD)
        at &+= 1
        continue
      }
      var value = UInt32(lead) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
      var seen = 1
      while seen < length && at &+ seen < n {
        let next = bytes[at &+ seen]
        if next < low || next > high { break }
        low = 0x80
        high = 0xBF
        value = value << 6 | UInt32(next & 0x3F)
        seen &+= 1
      }
      if seen == length {
        take(t, value)
      } else if at &+ seen == n {
        return at
      } else {
        // The longest well-formed beginning is one malformed character.
        take(t, 0xFFFD)
      }
      at &+= seen
    }
    return at
  }

  private mutating func flushPending(_ t: Int) {
    if terminals[t].pending.isEmpty { return }
    terminals[t].pending = []
    take(t, 0xFFFD)
  }

  private mutating func flushEscape(_ t: Int) {
    let state = terminals[t].escapeState
    terminals[t].escapeState = 0
    if state >= 1 { write(t, Self.escape) }
    if state == 2 { write(t, UInt32(UInt8(ascii: "["))) }
  }

  // MARK: the terminal

  private mutating func take(_ t: Int, _ character: UInt32) {
    if terminals[t].escapeState != 0 {
      if terminals[t].escapeState == 1 && character == UInt32(UInt8(ascii: "[")) {
        terminals[t].escapeState = 2
        return
      }
      if terminals[t].escapeState == 2 && character == UInt32(UInt8(ascii: "A")) {
        terminals[t].escapeState = 0
        terminals[t].row = max(terminals[t].first, terminals[t].row &- 1)
        return
      }
      if terminals[t].escapeState == 2 && character == UInt32(UInt8(ascii: "B")) {
        terminals[t].escapeState = 0
        down(t)
        return
      }
      flushEscape(t)
    }
    switch character {
    case 0x0A:
      terminals[t].column = 0
      down(t)
    case 0x0D: terminals[t].column = 0
    case Self.escape: terminals[t].escapeState = 1
    default: write(t, character)
    }
  }

  private mutating func down(_ t: Int) {
    terminals[t].row &+= 1
    if terminals[t].row <= terminals[t].last { return }
    terminals[t].last = terminals[t].row
    if terminals[t].last &- terminals[t].first >= Self.editableLines {
      retire(t, terminals[t].first)
      terminals[t].first &+= 1
    }
    let slot = terminals[t].last % Self.editableLines
    terminals[t].lines[slot].cells.removeAll(keepingCapacity: true)
    terminals[t].lines[slot].place = .none
  }

  private mutating func write(_ t: Int, _ character: UInt32) {
    let column = terminals[t].column
    if column >= Self.lineLimit { return }
    let row = terminals[t].row
    let slot = row % Self.editableLines
    switch terminals[t].lines[slot].place {
    case .listed(let sequence): markChanged(sequence)
    case .none: placeLines(t, upTo: row)
    case .released:
      terminals[t].lines[slot].place = .listed(base &+ entries.count)
      append(.editable(row), t)
    }
    let length = terminals[t].lines[slot].cells.count
    if column == length {
      terminals[t].lines[slot].cells.append(character)
    } else if column < length {
      terminals[t].lines[slot].cells[column] = character
    } else {
      terminals[t].lines[slot].cells.append(contentsOf: repeatElement(Self.space, count: column &- length))
      terminals[t].lines[slot].cells.append(character)
    }
    terminals[t].column = column &+ 1
  }

  /// A one-byte character without a meaning for the cursor.
  @inline(__always) private static func isPlain(_ byte: UInt8) -> Bool {
    byte < 0x80 && byte != 0x0A && byte != 0x0D && byte != 0x1B
  }

  /// Appends plain characters to the cursor's line. False, and nothing done, if the cursor is not at its end.
  private mutating func writeRun(_ t: Int, _ run: UnsafeRawBufferPointer) -> Bool {
    let slot = terminals[t].row % Self.editableLines
    let column = terminals[t].column
    guard column == terminals[t].lines[slot].cells.count else { return false }
    let count = min(run.count, Self.lineLimit &- column)
    if count <= 0 { return true }
    if case .listed(let sequence) = terminals[t].lines[slot].place {
      markChanged(sequence)
    } else {
      // The first character gives the line its place.
      guard let first = run.first else { return true }
      write(t, UInt32(first))
      return writeRun(t, UnsafeRawBufferPointer(rebasing: run.dropFirst()))
    }
    terminals[t].lines[slot].cells.append(contentsOf: run.prefix(count).lazy.map { UInt32($0) })
    terminals[t].column = column &+ count
    return true
  }

  /// Gives the line and the empty ones above it their places.
  private mutating func placeLines(_ t: Int, upTo row: Int) {
    if terminals[t].scrolledBlanks > 0 {
      append(.blanks(terminals[t].scrolledBlanks), t)
      terminals[t].scrolledBlanks = 0
    }
    for number in terminals[t].first...row {
      let slot = number % Self.editableLines
      guard case .none = terminals[t].lines[slot].place else { continue }
      terminals[t].lines[slot].place = .listed(base &+ entries.count)
      append(.editable(number), t)
    }
  }

  /// The line leaves the view: its text is fixed.
  private mutating func retire(_ t: Int, _ number: Int) {
    let slot = number % Self.editableLines
    switch terminals[t].lines[slot].place {
    case .none: terminals[t].scrolledBlanks = min(terminals[t].scrolledBlanks &+ 1, Self.blankRunLimit)
    case .released: break
    case .listed(let sequence):
      let text = utf8(t, number)
      let index = sequence &- base
      if index >= head && index < entries.count {
        entries[index].content = .text(text)
        heldBytes &+= text.count
      }
    }
  }

  private mutating func appendFinished(_ text: [UInt8]) {
    append(.text(text), Stream.stdout.rawValue)
    heldBytes &+= text.count
  }

  // MARK: the shared list

  private mutating func append(_ content: Entry.Content, _ t: Int) {
    entries.append(Entry(content: content, stream: t, index: lineCount, time: time))
    let count = entries[entries.count &- 1].count
    lineCount &+= count
    if reportsLines && lineCount > known { changedBytes &+= count &* Self.lineOverhead }
  }

  @inline(__always) private mutating func markChanged(_ sequence: Int) {
    let index = sequence &- base
    guard index >= head, index < entries.count, !entries[index].isChanged else { return }
    entries[index].isChanged = true
    if entries[index].index >= known { changedBytes &+= Self.lineOverhead }
  }

  /// Moves entries that cannot change from the front of the list to the final text.
  private mutating func settle() {
    while head < entries.count {
      switch entries[head].content {
      case .text(let text):
        heldBytes &-= text.count
        give(text)
      case .blanks(let count): heldBlanks = min(heldBlanks &+ count, Self.blankRunLimit)
      case .editable(let number):
        guard entries.count &- head > Self.heldLineLimit || heldBytes > Self.heldByteLimit else {
          compact()
          return
        }
        let stream = entries[head].stream
        let text = utf8(stream, number)
        entries[head].content = .text(text)
        give(text)
        terminals[stream].lines[number % Self.editableLines].place = .released
      }
      if reportsLines { report(entries[head]) }
      // Lets go of the text.
      entries[head].content = .blanks(0)
      head &+= 1
    }
    compact()
  }

  private mutating func give(_ text: [UInt8]) {
    if reportsLines { return }
    if text.isEmpty {
      heldBlanks = min(heldBlanks &+ 1, Self.blankRunLimit)
      return
    }
    final.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: heldBlanks))
    heldBlanks = 0
    final.append(contentsOf: text)
    final.append(UInt8(ascii: "\n"))
  }

  private mutating func compact() {
    if head == 0 || (head < entries.count && head < 1024) { return }
    entries.removeFirst(head)
    base &+= head
    head = 0
  }

  /// The line's text without spaces at the end.
  private func utf8(_ t: Int, _ number: Int) -> [UInt8] {
    let cells = terminals[t].lines[number % Self.editableLines].cells
    var end = cells.count
    while end > 0 && cells[end &- 1] == Self.space { end &-= 1 }
    if cells[..<end].allSatisfy({ $0 < 0x80 }) { return cells[..<end].map { UInt8(truncatingIfNeeded: $0) } }
    var out: [UInt8] = []
    out.reserveCapacity(end)
    for at in 0..<end {
      let c = cells[at]
      if c < 0x80 {
        out.append(UInt8(truncatingIfNeeded: c))
      } else if c < 0x800 {
        out.append(UInt8(truncatingIfNeeded: 0xC0 | c >> 6))
        out.append(UInt8(truncatingIfNeeded: 0x80 | c & 0x3F))
      } else if c < 0x10000 {
        out.append(UInt8(truncatingIfNeeded: 0xE0 | c >> 12))
        out.append(UInt8(truncatingIfNeeded: 0x80 | c >> 6 & 0x3F))
        out.append(UInt8(truncatingIfNeeded: 0x80 | c & 0x3F))
      } else {
        out.append(UInt8(truncatingIfNeeded: 0xF0 | c >> 18))
        out.append(UInt8(truncatingIfNeeded: 0x80 | c >> 12 & 0x3F))
        out.append(UInt8(truncatingIfNeeded: 0x80 | c >> 6 & 0x3F))
        out.append(UInt8(truncatingIfNeeded: 0x80 | c & 0x3F))
      }
    }
    return out
  }

  private static func trimmed(_ line: [UInt8]) -> [UInt8] {
    var line = line
    while line.last == UInt8(ascii: " ") { line.removeLast() }
    return line
  }
}
