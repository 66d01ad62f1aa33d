import QuipuBase
import QuipuRecords

/// The fold of summary records.
///
/// The official client writes two records for each row, so the newest text of each value is kept as bytes and only folded
/// when somebody asks for the summary.
///
/// Source: transaction-log.md, 8.2 and 10.
struct SummaryFold {
  private struct Entry {
    /// The key fields as they lie on the wire.
    var path: [UInt8]
    var value: [UInt8] = []
    /// When `value` came; 0: it has been folded.
    var order: UInt64 = 0
  }

  private var tree = ValueTree(mergesObjects: false)
  private var entries: [Entry] = []
  // Open addressing: index in `entries` plus one. A power of two, at most half full.
  private var slots = [Int32](repeating: 0, count: 64)
  private var order: UInt64 = 0
  private var newest: [UInt8] = []
  /// Items without a key or with a value that is not JSON.
  private(set) var droppedItems = 0

  /// Beyond this many keys values are folded at once: a log must not fill the memory with keys twice.
  private static let entryLimit = 100_000

  /// Takes the summary that the run had on the server, as if it were set.
  mutating func load(_ summary: JSONObject) {
    fold()
    for member in summary.members where member.key != "_step" { tree.set([member.key.string], member.value) }
  }

  /// Takes a `summary` field.
  ///
  /// - Returns: false if the bytes are no summary.
  @_optimize(speed) mutating func add(_ summary: UnsafeRawBufferPointer) -> Bool {
    var check = WireCursor(summary)
    // The whole record or nothing.
    while !check.isAtEnd {
      guard let tag = check.varint() else { return false }
      if tag == 0x0A || tag == 0x12 {
        guard let item = check.bytes(), Self.isItem(item) else { return false }
      } else if !check.skip(tag) {
        return false
      }
    }
    var fields = WireCursor(summary)
    // Updates come before removals, whatever their order on the wire.
    while !fields.isAtEnd, let tag = fields.varint() {
      if tag == 0x0A {
        if let item = fields.bytes() { update(item) }
      } else if !fields.skip(tag) {
        break
      }
    }
    fields = WireCursor(summary)
    while !fields.isAtEnd, let tag = fields.varint() {
      if tag == 0x12 {
        if let item = fields.bytes() { remove(item) }
      } else if !fields.skip(tag) {
        break
      }
    }
    return true
  }

  private static func isItem(_ item: UnsafeRawBufferPointer) -> Bool {
    var fields = WireCursor(item)
    while !fields.isAtEnd {
      guard let tag = fields.varint() else { return false }
      switch tag {
      case 0x0A, 0x12, 0x82:
        guard let text = fields.bytes(), LineText.isPlain(text) || LineText.isUTF8(text) else { return false }
      default: guard fields.skip(tag) else { return false }
      }
    }
    return true
  }

  private mutating func update(_ item: UnsafeRawBufferPointer) {
    var fields = WireCursor(item)
    var value: UnsafeRawBufferPointer?
    newest.removeAll(keepingCapacity: true)
    while !fields.isAtEnd {
      let start = fields.at
      guard let tag = fields.varint() else { return }
      switch tag {
      case 0x0A, 0x12:
        guard fields.bytes() != nil else { return }
        newest.append(contentsOf: UnsafeRawBufferPointer(start: start, count: fields.at - start))
      case 0x82: value = fields.bytes()
      default: guard fields.skip(tag) else { return }
      }
    }
    guard let value, value.count > 0, !newest.isEmpty else {
      droppedItems &+= 1
      return
    }
    switch ValueText.form(value) {
    case .broken:
      droppedItems &+= 1
      return
    case .ready where value.count == 4 && value.first == UInt8(ascii: "n"):
      // Null is the absence of a value.
      remove(item)
      return
    case .ready, .odd, .object: break
    }
    order &+= 1
    let at = place()
    entries[at].order = order
    entries[at].value.removeAll(keepingCapacity: true)
    entries[at].value.append(contentsOf: value)
    if entries.count > Self.entryLimit { fold() }
  }

  private mutating func remove(_ item: UnsafeRawBufferPointer) {
    fold()
    let path = Self.path(item)
    if path.isEmpty { droppedItems &+= 1 } else { tree.remove(path) }
  }

  /// Index of the entry for the path in `newest`.
  private mutating func place() -> Int {
    let hash = Self.hash(newest)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count &- 1)
    while slots[slot] != 0 {
      let at = Int(slots[slot]) &- 1
      if entries[at].path == newest { return at }
      slot = (slot &+ 1) & (slots.count &- 1)
    }
    entries.append(Entry(path: newest))
    slots[slot] = Int32(truncatingIfNeeded: entries.count)
    if entries.count &* 2 > slots.count { grow() }
    return entries.count &- 1
  }

  private mutating func grow() {
    slots = [Int32](repeating: 0, count: slots.count &* 2)
    for at in entries.indices {
      var slot = Int(truncatingIfNeeded: Self.hash(entries[at].path)) & (slots.count &- 1)
      while slots[slot] != 0 { slot = (slot &+ 1) & (slots.count &- 1) }
      slots[slot] = Int32(truncatingIfNeeded: at &+ 1)
    }
  }

  private static func hash(_ path: [UInt8]) -> UInt64 {
    path.withUnsafeBytes { path in
      var hash = UInt64(truncatingIfNeeded: path.count)
      var at = 0
      while path.count &- at >= 8 {
        hash = (hash ^ path.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash &>> 32
        at &+= 8
      }
      while at < path.count {
        hash = (hash ^ UInt64(path[at])) &* 0xD6E8_FEB8_6659_FD93
        at &+= 1
      }
      return hash ^ hash &>> 29
    }
  }

  /// The keys of an item; a path wins over a plain key.
  private static func path(_ item: UnsafeRawBufferPointer) -> [String] {
    var fields = WireCursor(item)
    var key = ""
    var nested: [String] = []
    while !fields.isAtEnd, let tag = fields.varint() {
      if tag == 0x0A, let text = fields.bytes() {
        key = String(decoding: text, as: UTF8.self)
      } else if tag == 0x12, let text = fields.bytes() {
        nested.append(String(decoding: text, as: UTF8.self))
      } else if !fields.skip(tag) {
        break
      }
    }
    return nested.isEmpty ? (key.isEmpty ? [] : [key]) : nested
  }

  /// Brings the tree up to date, in the order in which the newest values came. (An earlier value of the same path
  /// changes nothing that the newest one does not change again.)
  private mutating func fold() {
    let open = entries.indices.filter { entries[$0].order != 0 }.sorted { entries[$0].order < entries[$1].order }
    for at in open {
      entries[at].order = 0
      let path = entries[at].path.withUnsafeBytes { Self.path($0) }
      if let value = try? JSON(parsing: entries[at].value) { tree.set(path, value) }
    }
    if entries.count > Self.entryLimit {
      entries = []
      slots = [Int32](repeating: 0, count: 64)
    }
  }

  /// The summary at this moment.
  ///
  /// - Parameter step: of the last row; nil: no row was logged, and there is no `_step`.
  mutating func object(step: Int64?) -> JSONObject {
    fold()
    var object = tree.object
    object["_step"] = step.map { .int($0) }
    return object
  }
}
