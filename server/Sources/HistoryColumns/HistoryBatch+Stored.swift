extension HistoryBatch {
  /// Splits the rows by what is stored: new ones, ones that replace a different row of the same step, and ones that are
  /// stored already (a replayed request), which are removed from the batch. Steps that occur more than once count once.
  /// - Complexity: linear in the number of rows while none of their steps is stored.
  @discardableResult
  public mutating func removeRows(
    storedIn view: HistoryView, writer: String
  ) throws(SegmentError) -> (new: Int, changed: Int, same: Int) {
    let distinct = Set(steps).count
    guard let low = steps.min(), let high = steps.max() else { return (0, 0, 0) }
    let parts = view.parts(of: writer).filter { $0.firstStep <= high && $0.lastStep >= low }
    if parts.isEmpty { return (distinct, 0, 0) }

    let own = try SegmentLayout(SegmentBytes(encode()))
    let ownSteps = try StepReader(own)
    var changed = 0
    var same: Set<Int64> = []
    for part in parts {
      let stored = try StepReader(part.layout)
      // Rows of both with the same step, and whether they are equal so far.
      var pairs: [(own: Int, stored: Int, isSame: Bool)] = []
      var at = try ownSteps.firstRow(notBefore: part.firstStep)
      for range in part.visible {
        var row = range.lowerBound
        while at < own.rowCount && row < range.upperBound {
          let step = try ownSteps.step(at), other = try stored.step(row)
          if step == other { pairs.append((at, row, true)) }
          if step <= other { at += 1 }
          if other < step {
            row = max(row + 1, try stored.firstRow(notBefore: step))
          } else if step == other {
            row += 1
          }
        }
      }
      try RowComparison(own, part.layout).compare(&pairs)
      for pair in pairs {
        if pair.isSame { same.insert(try ownSteps.step(pair.own)) } else { changed += 1 }
      }
    }
    removeRows(steps: same)
    return (distinct - changed - same.count, changed, same.count)
  }
}

/// Compares rows of two segments column by column.
private struct RowComparison {
  private let own: SegmentLayout
  private let stored: SegmentLayout

  init(_ own: SegmentLayout, _ stored: SegmentLayout) {
    self.own = own
    self.stored = stored
  }

  func compare(_ pairs: inout [(own: Int, stored: Int, isSame: Bool)]) throws(SegmentError) {
    var left = 0, right = 0
    while left < own.columns.count || right < stored.columns.count {
      let order = order(left, right)
      let a = order <= 0 ? try ColumnReader(own, left) : nil
      let b = order >= 0 ? try ColumnReader(stored, right) : nil
      for at in pairs.indices where pairs[at].isSame {
        let x = try a.map { reader throws(SegmentError) in try value(reader, pairs[at].own) } ?? .absent
        let y = try b.map { reader throws(SegmentError) in try value(reader, pairs[at].stored) } ?? .absent
        if !isSame(x, y) { pairs[at].isSame = false }
      }
      if order <= 0 { left += 1 }
      if order >= 0 { right += 1 }
    }
  }

  /// Negative if only `own` has the next column, positive if only `stored` has it.
  private func order(_ left: Int, _ right: Int) -> Int {
    if left == own.columns.count { return 1 }
    if right == stored.columns.count { return -1 }
    var a = own.path(left), b = stored.path(right)
    while true {
      let x = a.next(), y = b.next()
      guard let x else { return y == nil ? 0 : -1 }
      guard let y else { return 1 }
      let order = compareBytes(x, y)
      if order != 0 { return order }
    }
  }

  private enum Value {
    case absent
    case number(Number)
    case text(UnsafeRawBufferPointer)
  }

  private func value(_ reader: ColumnReader, _ row: Int) throws(SegmentError) -> Value {
    let page = row / reader.layout.pageRows, at = row % reader.layout.pageRows
    if reader.entries[page].encoding == .absent { return .absent }
    try reader.load(page)
    let values = reader.values
    guard values.has(at) else { return .absent }
    switch values.form {
    case .absent: return .absent
    case .integers: return .number(Number(values.integer(at)))
    case .doubles: return .number(Number(values.double(at)))
    case .texts:
      let text = values.text(at)
      return TextType.number(text).map { .number($0) } ?? .text(text)
    }
  }

  private func isSame(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.absent, .absent): true
    case (.number(let x), .number(let y)): x == y
    case (.text(let x), .text(let y)): compareBytes(x, y) == 0
    default: false
    }
  }
}
