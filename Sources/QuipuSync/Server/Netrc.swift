import Glibc

/// A netrc file: who logs in where.
///
/// Values may stand in double quotes with `\` before a quote or backslash. A `#` where a word like `machine` is expected
/// begins a comment to the end of the line; passwords may hold it.
///
/// Source: http.md, section 2.2.
package struct Netrc: Sendable, Equatable {
  private struct Entry: Sendable, Equatable {
    /// nil: the entry `default`, which counts for every host.
    var machine: String?
    var password: String?
    /// Bytes of the file: from the word `machine` or `default` to behind the last value.
    var range: Range<Int>
  }

  private let bytes: [UInt8]
  private var entries: [Entry] = []

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    parse()
  }

  /// The password for the first of these machines that has one, else that of the entry `default`.
  package func password(_ machines: [String]) -> (machine: String, password: String)? {
    for machine in machines {
      let wanted = machine.lowercased()
      for entry in entries where entry.machine?.lowercased() == wanted {
        if let password = entry.password { return (machine, password) }
      }
    }
    for entry in entries where entry.machine == nil {
      if let password = entry.password { return ("default", password) }
    }
    return nil
  }

  // MARK: Reading

  private mutating func parse() {
    var at = 0
    var current: Entry?
    func store(_ entry: Entry?, _ list: inout [Entry]) { if let entry { list.append(entry) } }
    while let word = Self.token(bytes, &at, allowsComment: true) {
      switch word.text {
      case "machine":
        store(current, &entries)
        current = nil
        guard let name = Self.token(bytes, &at) else { break }
        current = Entry(machine: name.text, range: word.range.lowerBound..<name.range.upperBound)
      case "default":
        store(current, &entries)
        current = Entry(range: word.range)
      case "login", "user", "account", "password":
        guard let value = Self.token(bytes, &at) else { break }
        if let start = current?.range.lowerBound { current?.range = start..<value.range.upperBound }
        if word.text == "password", current?.password == nil { current?.password = value.text }
      case "macdef":
        // A macro ends at an empty line.
        store(current, &entries)
        current = nil
        while at < bytes.count, !(bytes[at] == 10 && at + 1 < bytes.count && bytes[at + 1] == 10) { at += 1 }
      default: break
      }
    }
    store(current, &entries)
  }

  /// The next word, quotes taken off, and where it stands; `at` moves behind it.
  private static func token(_ bytes: [UInt8], _ at: inout Int, allowsComment: Bool = false) -> (
    text: String, range: Range<Int>
  )? {
    while at < bytes.count {
      if bytes[at] <= 0x20 {
        at += 1
      } else if allowsComment && bytes[at] == UInt8(ascii: "#") {
        while at < bytes.count && bytes[at] != 10 { at += 1 }
      } else {
        break
      }
    }
    guard at < bytes.count else { return nil }
    let start = at
    var word: [UInt8] = []
    if bytes[at] == UInt8(ascii: "\"") {
      at += 1
      while at < bytes.count && bytes[at] != UInt8(ascii: "\"") {
        if bytes[at] == UInt8(ascii: "\\") && at + 1 < bytes.count { at += 1 }
        word.append(bytes[at])
        at += 1
      }
      if at < bytes.count { at += 1 }
    } else {
      while at < bytes.count && bytes[at] > 0x20 {
        word.append(bytes[at])
        at += 1
      }
    }
    return (String(decoding: word, as: UTF8.self), start..<at)
  }

  // MARK: Writing

  /// The file with one entry for a machine, in place of those it had; everything else stays byte for byte.
  ///
  /// - Parameter password: nil: without an entry.
  package func replacing(_ machine: String, password: String?) -> [UInt8] {
    let wanted = machine.lowercased()
    var text: [UInt8] = []
    var copied = 0
    var place: Int?
    for entry in entries where entry.machine?.lowercased() == wanted {
      let lines = wholeLines(entry.range)
      text += bytes[copied..<max(copied, lines.lowerBound)]
      if place == nil { place = text.count }
      copied = max(copied, lines.upperBound)
    }
    let kept = copied
    // Before an entry for every host: many readers take the first that fits.
    if place == nil, let everyone = entries.first(where: { $0.machine == nil }) {
      let start = wholeLines(everyone.range).lowerBound
      text += bytes[kept..<max(kept, start)]
      place = text.count
      copied = max(kept, start)
    }
    text += bytes[copied...]
    guard let password else { return text }
    var section = Array("machine \(machine)\n  login user\n  password \(Self.quoted(password))\n".utf8)
    let at = place ?? text.count
    if at > 0, text[at - 1] != 10 { section.insert(10, at: 0) }
    text.insert(contentsOf: section, at: at)
    return text
  }

  /// The range grown over blanks before it on its line, and behind it to the end of the line if nothing else is there.
  private func wholeLines(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    while start > 0, bytes[start - 1] == 0x20 || bytes[start - 1] == 9 { start -= 1 }
    var end = range.upperBound
    while end < bytes.count, bytes[end] == 0x20 || bytes[end] == 9 || bytes[end] == 13 { end += 1 }
    if end < bytes.count, bytes[end] == 10 { end += 1 }
    return start..<end
  }

  private static func quoted(_ text: String) -> String {
    let needs = text.isEmpty || text.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") }
    guard needs else { return text }
    var out = "\""
    for character in text.unicodeScalars {
      if character == "\"" || character == "\\" { out += "\\" }
      out.unicodeScalars.append(character)
    }
    return out + "\""
  }

  // MARK: The file

  /// `$NETRC`, else `~/.netrc` if there is one, else `~/_netrc` if there is one, else `~/.netrc`.
  ///
  /// - Parameter exists: asks the disk; tests have their own.
  package static func path(
    environment: [String: String], home: String, exists: (String) -> Bool = { access($0, F_OK) == 0 }
  ) -> String {
    if let given = environment["NETRC"], !given.isEmpty {
      return given.utf8.starts(with: "~/".utf8) ? home + given.dropFirst() : given
    }
    let plain = home + "/.netrc"
    let other = home + "/_netrc"
    return !exists(plain) && exists(other) ? other : plain
  }

  /// - Returns: nil if there is no such file, or it cannot be read.
  package static func load(_ path: String) -> Netrc? {
    guard case .success(let bytes) = SmallFile.read(path, limit: 4 << 20) else { return nil }
    return Netrc(bytes)
  }

  /// Puts the key of a machine into the file (mode 0600, exchanged in one step, through a symbolic link), or takes it
  /// out.
  ///
  /// - Parameter password: nil: out.
  /// - Throws: what the disk said. A file that is there and cannot be read is left alone.
  package static func store(_ path: String, machine: String, password: String?) throws(ServerAddressError) {
    var old: [UInt8] = []
    switch SmallFile.read(path, limit: 4 << 20) {
    case .success(let bytes): old = bytes
    case .failure(let problem):
      if problem.number != ENOENT { throw ServerAddressError(problem.message) }
      if password == nil { return }
    }
    let new = Netrc(old).replacing(machine, password: password)
    if password == nil && new == old { return }
    if let problem = SmallFile.replace(path, new) { throw ServerAddressError(problem.message) }
  }
}
