/// Turns a line of JSON into cells, without a tree in between.
struct RowParser: Sendable {
  struct Cell: Sendable {
    /// Integers and doubles as their bits; texts as start << 32 | end in the line.
    var bits: UInt64
    /// The key; 0 for a cell that a later one of the same key replaced.
    var node: UInt32
    var kind: CellKind
  }

  private(set) var tree = KeyTree()
  /// The cells of the line parsed last.
  private(set) var cells: [Cell] = []
  private var key: [UInt8] = []
  private var line = 0

  /// The node of a top-level key.
  mutating func node(_ key: [UInt8]) -> UInt32 { key.withUnsafeBytes { tree.node(KeyTree.root, $0) } }

  /// Fills `cells`.
  mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HistoryLineError) {
    cells.removeAll(keepingCapacity: true)
    line &+= 1
    var cursor = LineCursor(bytes)
    guard bytes.count <= SegmentFormat.maximumTextSize else { throw cursor.fail("line is too long") }
    try cursor.checkEncoding()
    cursor.skipSpace()
    guard cursor.current == UInt8(ascii: "{") else { throw cursor.fail("expected an object") }
    _ = try object(&cursor, KeyTree.root, depth: 1)
    cursor.skipSpace()
    guard cursor.at == cursor.end else { throw cursor.fail("unexpected byte after the row") }
  }

  private enum Shape { case plain, empty, media }

  /// Reads the members of the object at the cursor; stops in front of a member `_type`.
  /// - Parameter depth: 1 for a row.
  private mutating func object(
    _ cursor: inout LineCursor, _ parent: UInt32, depth: Int
  ) throws(HistoryLineError) -> Shape {
    cursor.at &+= 1
    cursor.skipSpace()
    if cursor.current == UInt8(ascii: "}") {
      cursor.at &+= 1
      return .empty
    }
    while true {
      guard cursor.current == UInt8(ascii: "\"") else { throw cursor.fail("expected a key") }
      let start = cursor.at &+ 1
      let node: UInt32
      if try cursor.skipString() {
        key.removeAll(keepingCapacity: true)
        LineCursor.unescape(cursor.slice(start..<cursor.at &- 1), to: &key)
        if depth > 1 && key.elementsEqual("_type".utf8) { return .media }
        node = key.withUnsafeBytes { tree.node(parent, $0) }
      } else {
        let name = cursor.slice(start..<cursor.at &- 1)
        if depth > 1 && name.count == 5 && name.elementsEqual("_type".utf8) { return .media }
        node = tree.node(parent, name)
      }
      cursor.skipSpace()
      guard cursor.current == UInt8(ascii: ":") else { throw cursor.fail("expected ':'") }
      cursor.at &+= 1
      cursor.skipSpace()
      let known = tree.nodes[Int(node)]
      if known.row == line { removeCells(Int(known.valuesStart)..<Int(known.valuesEnd)) }
      let first = UInt32(truncatingIfNeeded: cells.count)
      tree.setRow(node, line, start: first)
      try value(&cursor, node, depth: depth)
      tree.setEnd(node, UInt32(truncatingIfNeeded: cells.count))
      cursor.skipSpace()
      let next = cursor.current
      if next == UInt8(ascii: ",") {
        cursor.at &+= 1
        cursor.skipSpace()
        continue
      }
      guard next == UInt8(ascii: "}") else { throw cursor.fail("expected ',' or '}'") }
      cursor.at &+= 1
      return .plain
    }
  }

  private mutating func removeCells(_ range: Range<Int>) {
    for at in range { cells[at].node = KeyTree.root }
  }

  @inline(__always)
  private mutating func value(
    _ cursor: inout LineCursor, _ node: UInt32, depth: Int
  ) throws(HistoryLineError) {
    let start = cursor.at
    switch cursor.current {
    case UInt8(ascii: "\""): _ = try cursor.skipString()
    case UInt8(ascii: "{"):
      if depth < SegmentFormat.maximumComponents {
        let first = cells.count
        if try object(&cursor, node, depth: depth &+ 1) == .plain { return }
        removeCells(first..<cells.count)
        cursor.at = start
      }
      try cursor.skipValue(depth: depth)
    case UInt8(ascii: "["): try cursor.skipValue(depth: depth)
    case UInt8(ascii: "t"): guard cursor.skip("true") else { throw cursor.fail("expected a value") }
    case UInt8(ascii: "f"): guard cursor.skip("false") else { throw cursor.fail("expected a value") }
    case UInt8(ascii: "n"): guard cursor.skip("null") else { throw cursor.fail("expected a value") }
    default:
      switch NumberText.read(cursor.base, &cursor.at, cursor.end) {
      case .number(let number):
        cells.append(Cell(bits: number.bits, node: node, kind: number.kind))
        return
      case .bigInteger: break
      case .malformed: throw cursor.fail("expected a value")
      }
    }
    let place = UInt64(truncatingIfNeeded: start) &<< 32 | UInt64(truncatingIfNeeded: cursor.at)
    cells.append(Cell(bits: place, node: node, kind: .text))
  }
}
