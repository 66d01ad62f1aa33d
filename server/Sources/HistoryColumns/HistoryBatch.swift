import QuipuBase

/// Rows on their way into a segment.
///
/// A value: copies are independent. Not thread-safe.
public struct HistoryBatch: Sendable {
  private struct Cell: Sendable {
    /// Integers and doubles as their bits; texts as their number.
    var bits: UInt64
    var node: UInt32
    var kind: CellKind
  }

  private let stepKey: [UInt8]?
  /// The key that holds the step; the root, which is no key, if there is none.
  private var stepNode = KeyTree.root
  private var parser = RowParser()
  private var cells: [Cell] = []
  /// For each row the end of its cells.
  private var rowEnds: [Int] = []
  private var texts: [UInt8] = []
  /// For each text its end in `texts`.
  private var textEnds: [Int] = []

  /// The rows' steps in the order in which they were appended.
  public private(set) var steps: [Int64] = []

  /// - Parameter stepKey: the key that holds a row's step; nil if rows hold none (events) and every row's step is the
  ///   default that `append` is given.
  public init(stepKey: String? = "_step") {
    self.stepKey = stepKey.map { Array($0.utf8) }
    if let key = self.stepKey { stepNode = parser.node(key) }
  }

  public var rowCount: Int { steps.count }
  /// Values of all rows, the step not counted.
  public var valueCount: Int { cells.count }

  /// Appends the row that `line` holds as one JSON object.
  ///
  /// Beyond the standard the bare words `NaN`, `Infinity` and `-Infinity` are numbers. Of equal keys the last wins.
  /// - Parameter defaultStep: the row's step if the line has none.
  /// - Returns: the row's step.
  /// - Throws: if the line is malformed, or if its step is not a whole number; the rows are then unchanged.
  @discardableResult
  public mutating func append(line: UnsafeRawBufferPointer, defaultStep: Int64) throws(HistoryLineError) -> Int64 {
    try parser.parse(line)
    var step = defaultStep
    if stepNode != KeyTree.root {
      for cell in parser.cells where cell.node == stepNode {
        let value = cell.kind == .integer
          ? Int64(bitPattern: cell.bits) : cell.kind == .double ? Int64(exactly: Double(bitPattern: cell.bits)) : nil
        guard let value else { throw HistoryLineError(offset: 0, reason: "step is not a whole number") }
        step = value
      }
    }
    for cell in parser.cells where cell.node != KeyTree.root && cell.node != stepNode {
      var bits = cell.bits
      if cell.kind == .text {
        let start = Int(truncatingIfNeeded: bits &>> 32), end = Int(truncatingIfNeeded: bits & 0xffff_ffff)
        texts.append(contentsOf: UnsafeRawBufferPointer(rebasing: line[start..<end]))
        bits = UInt64(truncatingIfNeeded: textEnds.count)
        textEnds.append(texts.count)
      }
      cells.append(Cell(bits: bits, node: cell.node, kind: cell.kind))
    }
    steps.append(step)
    rowEnds.append(cells.count)
    return step
  }

  /// The rows as a segment, sorted by step; of rows with the same step the one appended last. Empty if there are none.
  public func encode() -> [UInt8] { encode(checkPages: nil) }

  /// - Parameter checkPages: whether each page gets a check of its own; nil: if the segment is large.
  func encode(checkPages: Bool?) -> [UInt8] {
    guard !steps.isEmpty else { return [] }
    let order = rowOrder()

    // The cells by column, in each column by row: counted, then placed.
    struct Placed {
      var bits: UInt64
      var row: UInt32
      var kind: CellKind
    }
    var starts = [Int](repeating: 0, count: parser.tree.count + 1)
    for row in order { for cell in cellRange(row) { starts[Int(cells[cell].node) + 1] += 1 } }
    for at in 1..<starts.count { starts[at] += starts[at - 1] }
    let total = starts[starts.count - 1]
    let placed = UnsafeMutablePointer<Placed>.allocate(capacity: max(1, total))
    defer { placed.deallocate() }
    var fill = starts
    for (at, row) in order.enumerated() {
      for cell in cellRange(row) {
        let cell = cells[cell]
        let place = fill[Int(cell.node)]
        fill[Int(cell.node)] = place + 1
        (placed + place).initialize(
          to: Placed(bits: cell.bits, row: UInt32(truncatingIfNeeded: at), kind: cell.kind))
      }
    }

    let isLarge = total * 10 + texts.count > SegmentFormat.wholeCheckLimit
    let encoder = ColumnEncoder(rowCount: order.count, checkPages: checkPages ?? isLarge)
    encoder.begin(steps: true)
    for (at, row) in order.enumerated() { encoder.add(at, steps[row]) }
    let stepTable = encoder.endSteps()
    texts.withUnsafeBytes { texts in
      parser.tree.forEachPath { node, components, path in
        let range = starts[Int(node)]..<starts[Int(node) + 1]
        if range.isEmpty { return }
        encoder.begin()
        for at in range {
          let cell = placed[at]
          switch cell.kind {
          case .integer: encoder.add(Int(cell.row), Int64(bitPattern: cell.bits))
          case .double: encoder.add(Int(cell.row), Double(bitPattern: cell.bits))
          case .text:
            encoder.add(Int(cell.row), UnsafeRawBufferPointer(rebasing: texts[textRange(cell.bits)]))
          }
        }
        encoder.end(components: components, path: path)
      }
    }
    return encoder.segment(
      stepKey: stepKey, stepTable: stepTable, firstStep: steps[order[0]], lastStep: steps[order[order.count - 1]])
  }

  /// Keeps the rows whose steps are not in `removed`.
  mutating func removeRows(steps removed: Set<Int64>) {
    guard !removed.isEmpty else { return }
    var kept = 0, keptCells = 0
    for row in 0..<steps.count {
      let range = cellRange(row)
      if removed.contains(steps[row]) { continue }
      for cell in range {
        cells[keptCells] = cells[cell]
        keptCells += 1
      }
      steps[kept] = steps[row]
      rowEnds[kept] = keptCells
      kept += 1
    }
    steps.removeLast(steps.count - kept)
    rowEnds.removeLast(rowEnds.count - kept)
    cells.removeLast(cells.count - keptCells)
  }

  private func cellRange(_ row: Int) -> Range<Int> { (row == 0 ? 0 : rowEnds[row - 1])..<rowEnds[row] }

  private func textRange(_ number: UInt64) -> Range<Int> {
    let at = Int(truncatingIfNeeded: number)
    return (at == 0 ? 0 : textEnds[at - 1])..<textEnds[at]
  }

  /// The rows in the order of the segment.
  private func rowOrder() -> [Int] {
    var isAscending = true
    for row in 1..<max(1, steps.count) where steps[row] <= steps[row - 1] {
      isAscending = false
      break
    }
    if isAscending { return Array(0..<steps.count) }
    let sorted = (0..<steps.count).sorted { (steps[$0], $0) < (steps[$1], $1) }
    var order: [Int] = []
    order.reserveCapacity(sorted.count)
    for (at, row) in sorted.enumerated() where at + 1 == sorted.count || steps[sorted[at + 1]] != steps[row] {
      order.append(row)
    }
    return order
  }
}
