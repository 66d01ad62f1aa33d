import QuipuBase

/// A fixed set of columns as the writer sees it: for each column the item key of its records and its summary node.
///
/// Made when a set of columns is first met and again when a definition or an explicit value may have changed nodes.
final class ColumnPlan {
  struct Column {
    var type: CellType
    var key: Key
    var itemKey: [UInt8]
    var node: SummaryNode
  }

  let columns: [Column]
  /// The same for the hot loop: no reference counting, keys one after the other.
  struct HotColumn {
    var type: CellType
    var keyStart: Int
    var keyCount: Int
    var node: Unmanaged<SummaryNode>
  }
  let hot: UnsafeMutableBufferPointer<HotColumn>
  let keys: UnsafeMutableRawPointer
  let generation: Int
  /// False if a row of these columns needs the general way: reserved or repeated keys, step metrics to insert.
  let isPlain: Bool

  init(names: [(CellType, Key)], tree: SummaryTree) {
    var columns: [Column] = []
    var seen: Set<Key> = []
    var plain = true
    for (type, key) in names {
      let reserved = key == "_step" || key == "_timestamp" || key == "_runtime" || key == "_wandb"
      if reserved || key.string.isEmpty || !seen.insert(key).inserted {
        plain = false
        break
      }
      let node = tree.leaf([key])
      if tree.insertsSteps { plain = false }
      columns.append(Column(type: type, key: key, itemKey: node.encodedPath, node: node))
    }
    self.columns = columns
    isPlain = plain
    generation = tree.generation
    hot = .allocate(capacity: columns.count)
    let bytes = columns.flatMap(\.itemKey)
    keys = .allocate(byteCount: max(bytes.count, 1), alignment: 1)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { keys.copyMemory(from: start, byteCount: source.count) }
    }
    var at = 0
    for (index, column) in columns.enumerated() {
      hot.initializeElement(
        at: index,
        to: HotColumn(
          type: column.type, keyStart: at, keyCount: column.itemKey.count, node: .passUnretained(column.node)))
      at += column.itemKey.count
    }
  }

  // The nodes are kept by `columns`.
  deinit {
    hot.deallocate()
    keys.deallocate()
  }
}

/// Type of an 8-byte cell. Raw values are those of `quipu_type`.
enum CellType: UInt8, Sendable {
  case bool = 1
  case int = 2
  case double = 3
}

/// Layout of a columns entry: u32 plan id, u32 column count, cells, then the names (see `ColumnSet`).
enum ColumnsPayload {
  static let headerBytes = 8

  /// True if the payload has room for the cells it says it holds.
  static func isWhole(_ payload: UnsafeRawBufferPointer) -> Bool {
    payload.count >= headerBytes && count(payload) <= (payload.count &- headerBytes) / 8
  }

  static func id(_ payload: UnsafeRawBufferPointer) -> UInt32 {
    payload.count >= headerBytes ? payload.load(fromByteOffset: 0, as: UInt32.self) : 0
  }

  static func count(_ payload: UnsafeRawBufferPointer) -> Int {
    payload.count >= headerBytes ? Int(payload.load(fromByteOffset: 4, as: UInt32.self)) : 0
  }

  /// Types and names behind the cells; nil if the payload is damaged.
  static func names(_ payload: UnsafeRawBufferPointer) -> [(CellType, Key)]? {
    let count = count(payload)
    var at = headerBytes &+ count &* 8
    guard count <= payload.count, at <= payload.count else { return nil }
    var result: [(CellType, Key)] = []
    result.reserveCapacity(count)
    for _ in 0..<count {
      guard at &+ 3 <= payload.count, let type = CellType(rawValue: payload[at]) else { return nil }
      let size = Int(payload.loadUnaligned(fromByteOffset: at &+ 1, as: UInt16.self))
      guard at &+ 3 &+ size <= payload.count else { return nil }
      let name = UnsafeRawBufferPointer(rebasing: payload[(at &+ 3)..<(at &+ 3 &+ size)])
      result.append((type, Key(String(decoding: name, as: UTF8.self))))
      at &+= 3 &+ size
    }
    return result
  }

  /// The bytes of types and names, to look a plan up by.
  static func nameBytes(_ payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let at = headerBytes &+ count(payload) &* 8
    guard at <= payload.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: payload[at...])
  }
}
