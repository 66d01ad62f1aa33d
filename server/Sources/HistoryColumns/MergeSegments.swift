import QuipuBase

/// One segment with the rows of several of the same writer.
/// - Parameters:
///   - segments: old to new; a row replaces those of the same step in older segments.
///   - steps: rows outside are left out.
/// - Returns: the new segment; empty if no row is left.
/// - Throws: if a segment is damaged, or if the segments' rows hold their step under different keys.
public func mergeSegments(
  _ segments: [HistorySegment], steps: ClosedRange<Int64>? = nil
) throws(SegmentError) -> [UInt8] {
  try SegmentMerge(segments.map(\.layout), steps: steps ?? .min ... .max).segment()
}

private struct SegmentMerge {
  private let parts: [ViewPart]
  private let runs: [RowRun]
  private let rowCount: Int

  init(_ layouts: [SegmentLayout], steps: ClosedRange<Int64>) throws(SegmentError) {
    for layout in layouts where layout.stepKey != layouts.first?.stepKey {
      throw SegmentError("segments with different keys of the step")
    }
    parts = try ViewPart.resolve(layouts.map { (0, $0) })
    var cursor = try RowCursor(parts, steps: steps)
    var runs: [RowRun] = []
    var rowCount = 0
    while let run = try cursor.next() {
      runs.append(run)
      rowCount += run.rows.count
    }
    self.runs = runs
    self.rowCount = rowCount
  }

  func segment() throws(SegmentError) -> [UInt8] {
    guard let first = runs.first else { return [] }
    var bodySize = 0
    for part in parts { bodySize += part.layout.bytes.count }
    let encoder = ColumnEncoder(rowCount: rowCount, checkPages: bodySize > SegmentFormat.wholeCheckLimit)

    let steps = try encodeSteps(encoder)

    // The parts' columns under common numbers.
    var tree = KeyTree()
    var places: [(node: UInt32, part: Int, column: Int)] = []
    for (number, part) in parts.enumerated() {
      for column in part.layout.columns.indices {
        var node = KeyTree.root
        var path = part.layout.path(column)
        while let component = path.next() { node = tree.node(node, component) }
        places.append((node, number, column))
      }
    }
    var starts = [Int](repeating: 0, count: tree.count + 1)
    for place in places { starts[Int(place.node) + 1] += 1 }
    for at in 1..<starts.count { starts[at] += starts[at - 1] }
    var fill = starts
    var sorted = [(part: Int, column: Int)](repeating: (0, 0), count: places.count)
    for place in places {
      sorted[fill[Int(place.node)]] = (place.part, place.column)
      fill[Int(place.node)] += 1
    }

    var readers = [ColumnReader?](repeating: nil, count: parts.count)
    var has = [Bool](repeating: false, count: parts.count)
    var failure: SegmentError?
    tree.forEachPath { node, components, path in
      let range = starts[Int(node)]..<starts[Int(node) + 1]
      if failure != nil || range.isEmpty { return }
      do throws(SegmentError) {
        for (part, column) in sorted[range] {
          if let reader = readers[part] {
            try reader.move(to: column)
          } else {
            readers[part] = try ColumnReader(parts[part].layout, column)
          }
          has[part] = true
        }
        encoder.begin()
        var row = 0
        for run in runs {
          if has[run.part], let reader = readers[run.part] { try copy(reader, run.rows, to: row, encoder) }
          row += run.rows.count
        }
        encoder.end(components: components, path: path)
        for (part, _) in sorted[range] { has[part] = false }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    let stepKey = parts[first.part].layout.stepKey
    return encoder.segment(stepKey: stepKey, stepTable: steps.table, firstStep: steps.first, lastStep: steps.last)
  }

  private func encodeSteps(
    _ encoder: ColumnEncoder
  ) throws(SegmentError) -> (table: [UInt8], first: Int64, last: Int64) {
    var readers = [StepReader?](repeating: nil, count: parts.count)
    encoder.begin(steps: true)
    var row = 0
    var first: Int64 = 0, last: Int64 = 0
    for run in runs {
      if readers[run.part] == nil { readers[run.part] = try StepReader(parts[run.part].layout) }
      guard let reader = readers[run.part] else { continue }
      if run.isLast { readers[run.part] = nil }
      if row == 0 { first = try reader.step(run.rows.lowerBound) }
      last = try reader.step(run.rows.upperBound - 1)
      try copy(reader.column, run.rows, to: row, encoder)
      row += run.rows.count
    }
    return (encoder.endSteps(), first, last)
  }

  private func copy(
    _ reader: ColumnReader, _ rows: Range<Int>, to row: Int, _ encoder: ColumnEncoder
  ) throws(SegmentError) {
    let pageRows = reader.layout.pageRows
    var at = rows.lowerBound
    while at < rows.upperBound {
      let page = at / pageRows
      let end = min(rows.upperBound, (page + 1) * pageRows)
      if reader.entries[page].encoding != .absent {
        try reader.load(page)
        let start = page * pageRows
        encoder.add(reader.values, at - start..<end - start, to: row + at - rows.lowerBound)
      }
      at = end
    }
  }
}
