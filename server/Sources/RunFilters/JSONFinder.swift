import QuipuBase

/// Walks over JSON text by offsets. Text that is not JSON ends a walk early; nothing is read outside of it.
struct JSONFinder {
  let bytes: UnsafeRawBufferPointer

  /// A member whose key begins the path sought.
  struct Candidate {
    /// Bytes of the path that the key covers, without the dot behind them.
    var length: Int
    /// Where the member's value starts.
    var offset: Int
  }

  @inline(__always)
  private func byte(_ at: Int) -> UInt8 { at < bytes.count ? bytes[at] : 0 }

  @inline(__always)
  func skipSpace(_ start: Int) -> Int {
    var at = start
    while at < bytes.count {
      let byte = bytes[at]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { break }
      at &+= 1
    }
    return at
  }

  /// The value at the offset, decoded.
  func value(at start: Int) -> FieldValue {
    guard start < bytes.count else { return .missing }
    let text = UnsafeRawBufferPointer(rebasing: bytes[start..<endOfValue(start)])
    guard let json = try? JSON(parsing: text) else { return .missing }
    return FieldValue(json)
  }

  /// Where the value starts to which `path` (keys joined with dots) leads from the value at `start`.
  func offset(of path: UnsafeRawBufferPointer, at start: Int, depth: Int = 0) -> Int? {
    guard depth < JSON.maximumDepth else { return nil }
    guard byte(start) != UInt8(ascii: "[") else {
      let part = path.prefix { $0 != UInt8(ascii: ".") }
      guard let element = element(index(part), at: start) else { return nil }
      guard part.count < path.count else { return element }
      return offset(of: UnsafeRawBufferPointer(rebasing: path[(part.count + 1)...]), at: element, depth: depth + 1)
    }
    for candidate in candidates(for: path, at: start) {
      if candidate.length == path.count { return candidate.offset }
      let rest = UnsafeRawBufferPointer(rebasing: path[(candidate.length + 1)...])
      if let found = offset(of: rest, at: candidate.offset, depth: depth + 1) { return found }
    }
    return nil
  }

  /// The members of the object at `start` with a key that is the path or its beginning up to a dot, longest first.
  func candidates(for path: UnsafeRawBufferPointer, at start: Int) -> [Candidate] {
    var found: [Candidate] = []
    guard byte(start) == UInt8(ascii: "{") else { return found }
    var at = start
    repeat {
      at = skipSpace(at &+ 1)
      guard byte(at) == UInt8(ascii: "\"") else { break }
      let key = endOfString(at)
      let length = matchedLength(of: path, keyFrom: at, to: key.end, isPlain: key.isPlain)
      at = skipSpace(key.end)
      guard byte(at) == UInt8(ascii: ":") else { break }
      at = skipSpace(at &+ 1)
      if let length {
        found.removeAll { $0.length == length }
        found.append(Candidate(length: length, offset: at))
      }
      at = skipSpace(endOfValue(at))
    } while byte(at) == UInt8(ascii: ",")
    if found.count > 1 { found.sort { $0.length > $1.length } }
    return found
  }

  /// How much of the path the key covers; nil if it does not begin it.
  @inline(__always)
  private func matchedLength(of path: UnsafeRawBufferPointer, keyFrom start: Int, to end: Int, isPlain: Bool) -> Int? {
    guard isPlain else { return decodedLength(of: path, keyFrom: start, to: end) }
    let count = end &- start &- 2
    guard count >= 0, count <= path.count else { return nil }
    for index in 0..<count where bytes[start &+ 1 &+ index] != path[index] { return nil }
    return count == path.count || path[count] == UInt8(ascii: ".") ? count : nil
  }

  @inline(never)
  private func decodedLength(of path: UnsafeRawBufferPointer, keyFrom start: Int, to end: Int) -> Int? {
    guard case .string(let key)? = try? JSON(parsing: UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else {
      return nil
    }
    let count = key.utf8.count
    guard path.starts(with: key.utf8) else { return nil }
    return count == path.count || path[count] == UInt8(ascii: ".") ? count : nil
  }

  private func index(_ part: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard !part.isEmpty, part.count < 10, part.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    return part.reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  private func element(_ index: Int?, at start: Int) -> Int? {
    guard var left = index else { return nil }
    var at = skipSpace(start &+ 1)
    while at < bytes.count, bytes[at] != UInt8(ascii: "]") {
      if left == 0 { return at }
      left -= 1
      at = skipSpace(endOfValue(at))
      guard byte(at) == UInt8(ascii: ",") else { return nil }
      at = skipSpace(at &+ 1)
    }
    return nil
  }

  // MARK: Skipping

  private func endOfValue(_ start: Int) -> Int {
    switch byte(start) {
    case UInt8(ascii: "\""): return endOfString(start).end
    case UInt8(ascii: "{"), UInt8(ascii: "["): return endOfContainer(start)
    default:
      var at = start
      while at < bytes.count {
        switch bytes[at] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0a, 0x0d, 0x09: return at
        default: at &+= 1
        }
      }
      return at
    }
  }

  private func endOfContainer(_ start: Int) -> Int {
    var depth = 0
    var at = start
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at = endOfString(at).end
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth &-= 1
        if depth == 0 { return at &+ 1 }
      default: break
      }
      at &+= 1
    }
    return at
  }

  /// - Parameter start: the opening quote.
  /// - Returns: the offset behind the closing quote, and whether there was no escape.
  @inline(__always)
  private func endOfString(_ start: Int) -> (end: Int, isPlain: Bool) {
    var at = start &+ 1
    var isPlain = true
    while true {
      while bytes.count &- at >= 8 {
        let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        let hits = Self.quotesAndBackslashes(UInt64(littleEndian: word))
        at &+= hits == 0 ? 8 : hits.trailingZeroBitCount >> 3
        if hits != 0 { break }
      }
      while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") { at &+= 1 }
      guard at < bytes.count else { return (bytes.count, false) }
      at &+= 1
      if bytes[at &- 1] == UInt8(ascii: "\"") { return (at, isPlain) }
      isPlain = false
      at &+= 1
    }
  }

  /// The top bit of every byte that is a quote or a backslash. Behind the first such byte there may be false bits.
  @inline(__always)
  private static func quotesAndBackslashes(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    return (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & (ones &* 0x80)
  }
}
