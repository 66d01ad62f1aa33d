import QuipuBase

/// Keys and paths of keys, numbered. Node 0 is the root, a row; every other node is a key within its parent.
struct KeyTree: Sendable {
  struct Node: Sendable {
    var hash: UInt64
    var parent: UInt32
    var keyLength: UInt32
    var keyStart: Int
    /// Used by the parser: the row that last had this key, and which of the row's values lie at or below it.
    var row: Int = -1
    var valuesStart: UInt32 = 0
    var valuesEnd: UInt32 = 0
  }

  private(set) var nodes: [Node] = [Node(hash: 0, parent: 0, keyLength: 0, keyStart: 0)]
  private var keys: [UInt8] = []
  /// Open addressing; node + 1, or 0.
  private var table: [UInt32] = Array(repeating: 0, count: 64)
  /// Differs between trees, so that nobody can choose keys that collide.
  private let seed: UInt64

  init() { seed = UInt64.random(in: .min ... .max) }

  static let root: UInt32 = 0

  var count: Int { nodes.count }

  func withKey<R>(_ node: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    keys.withUnsafeBytes { keys in
      let start = nodes[Int(node)].keyStart
      return body(UnsafeRawBufferPointer(rebasing: keys[start..<start + Int(nodes[Int(node)].keyLength)]))
    }
  }

  @inline(__always)
  mutating func setRow(_ node: UInt32, _ row: Int, start: UInt32) {
    nodes[Int(node)].row = row
    nodes[Int(node)].valuesStart = start
    nodes[Int(node)].valuesEnd = start
  }

  @inline(__always)
  mutating func setEnd(_ node: UInt32, _ end: UInt32) { nodes[Int(node)].valuesEnd = end }

  /// The node of `key` in `parent`, made if it is new.
  @inline(__always)
  mutating func node(_ parent: UInt32, _ key: UnsafeRawBufferPointer) -> UInt32 {
    let hash = Self.hash(key, seed ^ UInt64(parent) &* 0x9e37_79b9_7f4a_7c15)
    let mask = table.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let found = table[slot]
      if found == 0 { break }
      let node = nodes[Int(found &- 1)]
      if node.hash == hash && node.parent == parent && node.keyLength == key.count {
        let same = keys.withUnsafeBytes { keys in
          let known = UnsafeRawBufferPointer(start: keys.baseAddress.map { $0 + node.keyStart }, count: key.count)
          return compareBytes(known, key) == 0
        }
        if same { return found &- 1 }
      }
      slot = (slot &+ 1) & mask
    }
    return insert(parent, key, hash)
  }

  @inline(never)
  private mutating func insert(_ parent: UInt32, _ key: UnsafeRawBufferPointer, _ hash: UInt64) -> UInt32 {
    if nodes.count &* 2 >= table.count { grow() }
    let number = UInt32(truncatingIfNeeded: nodes.count)
    nodes.append(
      Node(hash: hash, parent: parent, keyLength: UInt32(truncatingIfNeeded: key.count), keyStart: keys.count))
    keys.append(contentsOf: key)
    place(number, hash)
    return number
  }

  private mutating func place(_ number: UInt32, _ hash: UInt64) {
    let mask = table.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while table[slot] != 0 { slot = (slot &+ 1) & mask }
    table[slot] = number &+ 1
  }

  private mutating func grow() {
    table = Array(repeating: 0, count: table.count &* 2)
    for (number, node) in nodes.enumerated().dropFirst() { place(UInt32(truncatingIfNeeded: number), node.hash) }
  }

  @inline(__always)
  private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  @inline(__always)
  private static func hash(_ key: UnsafeRawBufferPointer, _ seed: UInt64) -> UInt64 {
    let factor: UInt64 = 0xa076_1d64_78bd_642f
    var value = seed
    var at = 0
    while key.count &- at >= 8 {
      value = mix(value ^ key.loadUnaligned(fromByteOffset: at, as: UInt64.self), factor)
      at &+= 8
    }
    var rest: UInt64 = 0
    while at < key.count {
      rest = rest &<< 8 | UInt64(key[at])
      at &+= 1
    }
    return mix(value ^ rest, 0xe703_7ed1_a0b4_28db ^ UInt64(truncatingIfNeeded: key.count))
  }

  /// All nodes but the root: parents before children, siblings by their keys' bytes. This is the order of columns in a
  /// segment.
  func sorted() -> [UInt32] {
    // Children of each node, by counting.
    var start = [Int](repeating: 0, count: nodes.count + 1)
    for node in nodes.dropFirst() { start[Int(node.parent) + 1] += 1 }
    for at in 1..<start.count { start[at] += start[at - 1] }
    var fill = start
    var children = [UInt32](repeating: 0, count: nodes.count - 1)
    for (number, node) in nodes.enumerated().dropFirst() {
      children[fill[Int(node.parent)]] = UInt32(truncatingIfNeeded: number)
      fill[Int(node.parent)] += 1
    }
    var order: [UInt32] = []
    order.reserveCapacity(children.count)
    keys.withUnsafeBytes { keys in
      func key(_ node: UInt32) -> UnsafeRawBufferPointer {
        let node = nodes[Int(node)]
        return UnsafeRawBufferPointer(rebasing: keys[node.keyStart..<node.keyStart + Int(node.keyLength)])
      }
      var waiting: [UInt32] = [Self.root]
      while let node = waiting.popLast() {
        if node != Self.root { order.append(node) }
        let range = start[Int(node)]..<start[Int(node) + 1]
        if range.count > 1 { children[range].sort { compareBytes(key($0), key($1)) < 0 } }
        for child in range.reversed() { waiting.append(children[child]) }
      }
    }
    return order
  }

  /// Calls `body` with every node but the root, in the order of columns in a segment, and its path as the column table
  /// holds it.
  func forEachPath(_ body: (_ node: UInt32, _ components: Int, _ path: UnsafeRawBufferPointer) -> Void) {
    var path = ByteBuffer(capacity: 256)
    // The nodes on the path, and where in `path` the components end.
    var open: [(node: UInt32, end: Int)] = []
    for node in sorted() {
      let parent = nodes[Int(node)].parent
      while let last = open.last, last.node != parent { open.removeLast() }
      path.truncate(to: open.last?.end ?? 0)
      withKey(node) { key in
        path.appendVarint(key.count)
        path.append(key)
      }
      open.append((node, path.count))
      body(node, open.count, path.bytes)
    }
  }
}
