import QuipuBase
import QuipuRecords

/// Turns history records into lines of `wandb-history.jsonl`, each as a string literal of a request body.
///
/// The usual row (keys of one part, values as JSON text) goes from the record's bytes into the body in one pass without
/// an allocation. Any other row is decoded and merged as a tree.
struct RowLines: ~Copyable {
  enum Outcome {
    case line
    /// Longer than a server takes.
    case tooLong
    /// Not a record.
    case undecodable
  }

  /// Literals, separated by commas.
  private(set) var text = ByteBuffer(capacity: 1 << 12)
  private(set) var count = 0
  /// The step that a row without one gets; lower ones are raised to it unless `keepsSteps`.
  var nextStep: Int64 = 0
  /// Rows keep a step below `nextStep`.
  var keepsSteps = false
  /// Longest line in bytes, the way it is before it becomes a literal.
  var lineBytes = 10_383_360
  private(set) var lastStep: Int64?
  /// The member that names the writer of a shared run, as it stands in a line; empty: none.
  private var labelMember: [UInt8] = []
  /// Items without a key or with a value that is not JSON.
  private(set) var droppedItems = 0

  // One word per key of the row: equal keys have equal words. For finding keys that come twice.
  private struct Slot {
    var mark: UInt64 = 0
    var generation: UInt32 = 0
  }
  // Memory of its own, not arrays: every key of every row comes here.
  private var marks: UnsafeMutablePointer<UInt64>
  private var markCount = 0
  // A power of two, at most half full; slots of other generations are free.
  private var slots: UnsafeMutablePointer<Slot>
  private var slotCount = 64
  private var generation: UInt32 = 0
  private var scratch = ByteBuffer(capacity: 256)

  init() {
    marks = .allocate(capacity: slotCount / 2)
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: Slot(), count: slotCount)
  }

  deinit {
    marks.deallocate()
    slots.deallocate()
  }

  /// Every row says who wrote it: `_label`.
  mutating func setLabel(_ label: String) {
    guard !label.isEmpty else { return }
    // A JSON text inside a JSON text.
    let inner = JSON.string(label).text(style: .core)
    let literal = JSON.string("\"_label\":" + inner + ",").text(style: .core)
    labelMember = Array(literal.utf8.dropFirst().dropLast())
  }

  /// Moves the lines to the end of `out` and forgets them.
  mutating func take(to out: inout ByteBuffer) {
    out.append(text.bytes)
    drop()
  }

  @inline(__always) mutating func drop() {
    // One huge row must not keep its memory for the rest of the run.
    if text.capacity > 4 << 20 { text = ByteBuffer(capacity: 1 << 12) } else { text.removeAll() }
    count = 0
  }

  /// Takes the next row.
  ///
  /// - Parameters:
  ///   - history: content of the `history` field.
  ///   - record: the whole record, for a row that has to be decoded.
  @_optimize(speed) mutating func add(_ history: UnsafeRawBufferPointer, of record: UnsafeRawBufferPointer) -> Outcome {
    let start = text.count
    let items = droppedItems
    if count > 0 { text.append(UInt8(ascii: ",")) }
    var step: Int64?
    let line = text.count
    if !appendPlain(history, &step) {
      text.truncate(to: line)
      droppedItems = items
      step = nil
      guard let decoded = try? Record(decoding: record), case .history(let row) = decoded.payload else {
        text.truncate(to: start)
        return .undecodable
      }
      appendTree(row, &step)
    }
    let effective = if let step, keepsSteps || step >= nextStep { step } else { nextStep }
    closeLine(effective)
    // At the largest number there is no next one: rows share it.
    if effective >= nextStep { nextStep = effective == .max ? .max : effective &+ 1 }
    lastStep = effective
    let length = text.count &- line
    if length > lineBytes {
      let literal = UnsafeRawBufferPointer(rebasing: text.bytes[(line &+ 1)..<(text.count &- 1)])
      if LineText.unescapedCount(literal) > lineBytes {
        text.truncate(to: start)
        return .tooLong
      }
    }
    count &+= 1
    return .line
  }

  /// Ends a line that has `{` and members with a comma behind each.
  private mutating func closeLine(_ step: Int64) {
    if !labelMember.isEmpty { text.append(labelMember) }
    text.append("\\\"_step\\\":" as StaticString)
    text.appendDecimal(step)
    text.append("}\"" as StaticString)
  }

  // MARK: The usual row

  /// False if the row is not of the usual kind; what was appended is then to be removed.
  @_optimize(speed) private mutating func appendPlain(_ history: UnsafeRawBufferPointer, _ step: inout Int64?) -> Bool {
    text.append("\"{" as StaticString)
    beginKeys()
    var fields = WireCursor(history)
    while !fields.isAtEnd {
      guard let tag = fields.varint() else { return false }
      if tag == 0x0A {
        guard let item = fields.bytes(), appendItem(item, &step) else { return false }
      } else if !fields.skip(tag) {
        return false
      }
    }
    return true
  }

  @inline(__always)
  private mutating func appendItem(_ item: UnsafeRawBufferPointer, _ step: inout Int64?) -> Bool {
    var key: UnsafeRawBufferPointer?
    var value: UnsafeRawBufferPointer?
    var isNested = false
    var fields = WireCursor(item)
    while !fields.isAtEnd {
      guard let tag = fields.varint() else { return false }
      switch tag {
      case 0x12:
        // A path of several parts, or both kinds of key.
        guard key == nil, let found = fields.bytes() else { return false }
        key = found
        isNested = true
      case 0x0A:
        guard key == nil, let found = fields.bytes() else { return false }
        key = found
      case 0x82:
        guard let found = fields.bytes() else { return false }
        value = found
      case 0x18, 0x20, 0x28, 0x31, 0x3A, 0x42: return false
      default: guard fields.skip(tag) else { return false }
      }
    }
    guard let key, let value, isNested || key.count > 0 else { return false }
    let isPlainKey = LineText.isPlain(key)
    if !isPlainKey && !LineText.isUTF8(key) { return false }
    if isStepKey(key) {
      // The last one counts, like with other keys.
      step = ValueText.integer(value)
      return step != nil
    }
    if !noteKey(key) { return false }
    if ValueText.isNumber(value) {
      if isPlainKey {
        appendNumber(key, value)
        return true
      }
    } else {
      if !LineText.isUTF8(value) { return false }
      switch ValueText.form(value) {
      case .ready: break
      case .broken:
        droppedItems &+= 1
        return true
      case .object, .odd: return false
      }
    }
    appendKey(key, isPlainKey)
    LineText.appendEscaped(value, to: &text)
    text.append(UInt8(ascii: ","))
    return true
  }

  /// Key and number need no escaping: one check for room, three copies.
  @inline(__always)
  private mutating func appendNumber(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    text.appendUnchecked(capacity: key.count &+ value.count &+ 6) { out in
      var at = out
      at.storeBytes(of: 0x225C, as: UInt16.self)
      at += 2
      if let base = key.baseAddress { at.copyMemory(from: base, byteCount: key.count) }
      at += key.count
      at.storeBytes(of: 0x225C, as: UInt16.self)
      at.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 2, as: UInt8.self)
      at += 3
      if let base = value.baseAddress { at.copyMemory(from: base, byteCount: value.count) }
      at += value.count
      at.storeBytes(of: UInt8(ascii: ","), as: UInt8.self)
      return key.count &+ value.count &+ 6
    }
  }

  private mutating func appendKey(_ key: UnsafeRawBufferPointer, _ isPlain: Bool) {
    if isPlain {
      text.append("\\\"" as StaticString)
      text.append(key)
      text.append("\\\":" as StaticString)
    } else {
      scratch.removeAll()
      LineText.appendLiteral(key, to: &scratch)
      LineText.appendEscaped(scratch.bytes, to: &text)
      text.append(UInt8(ascii: ":"))
    }
  }

  @inline(__always) private func isStepKey(_ key: UnsafeRawBufferPointer) -> Bool {
    // "_ste", "p"
    key.count == 5 && key.loadUnaligned(as: UInt32.self) == UInt32(littleEndian: 0x6574_735F)
      && key[4] == UInt8(ascii: "p")
  }

  // MARK: Keys that come twice

  @inline(__always) private mutating func beginKeys() {
    markCount = 0
    generation &+= 1
    if generation == 0 {
      slots.update(repeating: Slot(), count: slotCount)
      generation = 1
    }
  }

  /// False if the row may have had the key before.
  @inline(__always) private mutating func noteKey(_ key: UnsafeRawBufferPointer) -> Bool {
    var mark = UInt64(truncatingIfNeeded: key.count) &* 0x9E37_79B9_7F4A_7C15
    var at = 0
    while key.count &- at >= 8 {
      mark = (mark ^ key.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0xD6E8_FEB8_6659_FD93
      mark ^= mark &>> 32
      at &+= 8
    }
    var rest: UInt64 = 0
    while at < key.count {
      rest = rest &<< 8 | UInt64(key[at])
      at &+= 1
    }
    mark = (mark ^ rest) &* 0xD6E8_FEB8_6659_FD93
    mark ^= mark &>> 29
    if markCount &* 2 >= slotCount { growSlots() }
    guard place(mark) else { return false }
    marks[markCount] = mark
    markCount &+= 1
    return true
  }

  /// False if the mark is there already.
  @inline(__always) private func place(_ mark: UInt64) -> Bool {
    let mask = slotCount &- 1
    var slot = Int(truncatingIfNeeded: mark) & mask
    while slots[slot].generation == generation {
      if slots[slot].mark == mark { return false }
      slot = (slot &+ 1) & mask
    }
    slots[slot] = Slot(mark: mark, generation: generation)
    return true
  }

  private mutating func growSlots() {
    let old = marks
    slots.deallocate()
    slotCount &*= 2
    marks = .allocate(capacity: slotCount / 2)
    marks.update(from: old, count: markCount)
    old.deallocate()
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: Slot(), count: slotCount)
    for at in 0..<markCount { _ = place(marks[at]) }
  }

  // MARK: Any other row

  private mutating func appendTree(_ row: HistoryRecord, _ step: inout Int64?) {
    var tree = RowTree()
    for item in row.item {
      let path = item.nestedKey.isEmpty ? (item.key.isEmpty ? [] : [item.key]) : item.nestedKey
      guard !path.isEmpty, path.count <= JSON.maximumDepth, tree.set(path, item) else {
        droppedItems &+= 1
        continue
      }
    }
    if let leaf = tree.removeStep() { step = leaf.withUnsafeBytes { ValueText.integer($0) } }
    scratch.removeAll()
    scratch.append(UInt8(ascii: "{"))
    tree.writeMembers(to: &scratch)
    text.append(UInt8(ascii: "\""))
    LineText.appendEscaped(scratch.bytes, to: &text)
    if scratch.count > 1 { text.append(UInt8(ascii: ",")) }
    if scratch.capacity > 1 << 20 { scratch = ByteBuffer(capacity: 256) }
  }
}
