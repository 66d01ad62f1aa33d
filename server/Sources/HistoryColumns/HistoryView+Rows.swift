import QuipuBase

extension HistoryView {
  /// Appends rows as a JSON array.
  /// - Parameters:
  ///   - keys: only these; nil for all. A key is a top-level key or the dotted path of a nested one, and is spelled in
  ///     the row as it was asked for. Rows that have none of them are left out.
  ///   - requireAll: also leave out rows that lack one of `keys`.
  ///   - limit: at most so many rows, the first ones.
  /// - Returns: the number of rows.
  @discardableResult
  public func write(
    steps: Range<Int64>, keys: [String]? = nil, requireAll: Bool = false, limit: Int? = nil, as form: HistoryForm,
    to out: inout ByteBuffer
  ) throws(SegmentError) -> Int {
    var writer = RowWriter(parts, keys, requireAll: requireAll, form)
    return try writer.writeRows(steps, limit: limit ?? .max, to: &out)
  }

  /// Appends as a JSON array `samples` rows spread evenly over those that `write(steps:…)` would write, the first and
  /// the last among them; all of them if they are not more.
  /// - Returns: the number of rows.
  @discardableResult
  public func write(
    samples: Int, steps: Range<Int64>, keys: [String]? = nil, requireAll: Bool = false, as form: HistoryForm,
    to out: inout ByteBuffer
  ) throws(SegmentError) -> Int {
    var writer = RowWriter(parts, keys, requireAll: requireAll, form)
    return try writer.writeSamples(samples, steps, to: &out)
  }

  /// The row of `writer` at `step` as JSON text (NaN and the infinities bare), if there is one.
  public func rowText(step: Int64, writer: String) throws(SegmentError) -> [UInt8]? {
    // Of parts with the same step only one shows it.
    for part in parts(of: writer) where part.firstStep <= step && step <= part.lastStep {
      let reader = try StepReader(part.layout)
      let row = try reader.firstRow(notBefore: step)
      guard row < part.layout.rowCount, try reader.step(row) == step, part.visible.contains(where: { $0.contains(row) })
      else { continue }
      let plan = try RowPlan(part.layout, nil, requireAll: false, .text)
      _ = try plan.selectRows(row / part.layout.pageRows, row..<row + 1)
      var out = ByteBuffer(capacity: 1024)
      plan.write(row % part.layout.pageRows, to: &out)
      return out.array()
    }
    return nil
  }
}

/// Writes rows of all parts in their order.
private struct RowWriter {
  private let parts: [ViewPart]
  private let keys: [KeyRequest]?
  private let requireAll: Bool
  private let form: RowForm
  /// Of the parts that are being read.
  private var plans: [RowPlan?]
  private var count = 0

  init(_ parts: [ViewPart], _ keys: [String]?, requireAll: Bool, _ form: HistoryForm) {
    self.parts = parts
    self.form = RowForm(form)
    self.keys = keys.map { KeyRequest.list($0, RowForm(form)) }
    self.requireAll = requireAll
    plans = Array(repeating: nil, count: parts.count)
  }

  private mutating func plan(_ run: RowRun) throws(SegmentError) -> RowPlan {
    if let plan = plans[run.part] {
      if run.isLast { plans[run.part] = nil }
      return plan
    }
    let plan = try RowPlan(parts[run.part].layout, keys, requireAll: requireAll, form)
    if !run.isLast { plans[run.part] = plan }
    return plan
  }

  private func cursor(_ steps: Range<Int64>) throws(SegmentError) -> RowCursor {
    steps.isEmpty
      ? try RowCursor([], steps: 0...0) : try RowCursor(parts, steps: steps.lowerBound...steps.upperBound - 1)
  }

  /// How many rows qualify; in which order does not matter for that.
  private func countRows(_ steps: Range<Int64>) throws(SegmentError) -> Int {
    var total = 0
    for part in parts where !steps.isEmpty {
      let ranges = try part.rows(steps.lowerBound...steps.upperBound - 1)
      if ranges.isEmpty { continue }
      let plan = keys == nil ? nil : try RowPlan(part.layout, keys, requireAll: requireAll, form)
      for range in ranges { total += try plan?.count(range) ?? range.count }
    }
    return total
  }

  mutating func writeRows(
    _ steps: Range<Int64>, limit: Int, to out: inout ByteBuffer
  ) throws(SegmentError) -> Int {
    var cursor = try cursor(steps)
    count = 0
    out.append(UInt8(ascii: "["))
    while count < limit, let run = try cursor.next() {
      let plan = try plan(run)
      var at = run.rows.lowerBound
      while at < run.rows.upperBound && count < limit {
        let page = at / plan.layout.pageRows
        let end = min(run.rows.upperBound, (page + 1) * plan.layout.pageRows)
        let selected = try plan.selectRows(page, at..<end)
        for word in 0..<PageValues.words(plan.layout.pageRows) {
          var left = selected[word]
          while left != 0 && count < limit {
            write(plan, word * 64 + left.trailingZeroBitCount, to: &out)
            left &= left - 1
          }
        }
        at = end
      }
    }
    out.append(UInt8(ascii: "]"))
    return count
  }

  mutating func writeSamples(
    _ samples: Int, _ steps: Range<Int64>, to out: inout ByteBuffer
  ) throws(SegmentError) -> Int {
    let total = try countRows(steps)
    if total <= samples { return try writeRows(steps, limit: .max, to: &out) }
    guard samples > 0 else {
      out.append("[]")
      return 0
    }
    // The rows' places among those that qualify.
    var sample = 0
    func target(_ sample: Int) -> Int {
      if samples == 1 { return 0 }
      let (high, low) = UInt64(sample).multipliedFullWidth(by: UInt64(total - 1))
      return Int(truncatingIfNeeded: UInt64(samples - 1).dividingFullWidth((high, low)).quotient)
    }

    var cursor = try cursor(steps)
    count = 0
    var passed = 0
    out.append(UInt8(ascii: "["))
    while sample < samples, let run = try cursor.next() {
      // With all keys no page has to be looked at for its count.
      if keys == nil && target(sample) >= passed + run.rows.count {
        passed += run.rows.count
        if run.isLast { plans[run.part] = nil }
        continue
      }
      let plan = try plan(run)
      var at = run.rows.lowerBound
      while at < run.rows.upperBound && sample < samples {
        let page = at / plan.layout.pageRows
        let end = min(run.rows.upperBound, (page + 1) * plan.layout.pageRows)
        let inPage = try plan.count(at..<end)
        if target(sample) < passed + inPage {
          let selected = try plan.selectRows(page, at..<end)
          var place = passed
          for word in 0..<PageValues.words(plan.layout.pageRows) {
            var left = selected[word]
            while left != 0 {
              if sample < samples && place == target(sample) {
                write(plan, word * 64 + left.trailingZeroBitCount, to: &out)
                sample += 1
              }
              place += 1
              left &= left - 1
            }
          }
        }
        passed += inPage
        at = end
      }
    }
    out.append(UInt8(ascii: "]"))
    return count
  }

  private mutating func write(_ plan: RowPlan, _ row: Int, to out: inout ByteBuffer) {
    if count > 0 { out.append(UInt8(ascii: ",")) }
    count += 1
    if form == .string { out.append(UInt8(ascii: "\"")) }
    plan.write(row, to: &out)
    if form == .string { out.append(UInt8(ascii: "\"")) }
  }
}
