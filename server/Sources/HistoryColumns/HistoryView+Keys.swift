import QuipuBase

extension HistoryView {
  /// What was logged under each key, sorted by key.
  ///
  /// A key only grows if the numbers of each writer do.
  /// - Complexity: the directories of the segments; segments of one page, and those of which rows were replaced, are
  ///   read.
  public func keySummaries() throws(SegmentError) -> [HistoryKeySummary] {
    var collector = KeyCollector()
    for writer in writers.indices {
      let own = parts.filter { $0.writer == writer }
      var cursor = try RowCursor(own, steps: .min ... .max)
      var readers: [Int: PartKeys] = [:]
      collector.beginWriter()
      while let run = try cursor.next() {
        let part = own[run.part]
        if readers[run.part] == nil { readers[run.part] = try PartKeys(part.layout, &collector) }
        try readers[run.part]?.add(run.rows, to: &collector)
        if run.isLast { readers[run.part] = nil }
      }
    }
    return collector.summaries()
  }
}

/// Counts what was logged under each key.
private struct KeyCollector {
  struct Entry {
    var types: [[UInt8]: Int] = [:]
    var numbers = 0
    var isMonotonic = true
    /// Of the present writer.
    var lastNumber = -Double.infinity
    var lastStep: Int64?
    var lastValue: [UInt8] = []
  }

  private var numbers: [[UInt8]: Int] = [:]
  private(set) var entries: [Entry] = []

  mutating func number(_ key: [UInt8]) -> Int {
    if let number = numbers[key] { return number }
    numbers[key] = entries.count
    entries.append(Entry())
    return entries.count - 1
  }

  mutating func beginWriter() {
    for at in entries.indices { entries[at].lastNumber = -.infinity }
  }

  mutating func add(_ key: Int, numbers: Int, first: Double, last: Double, neverFall: Bool) {
    entries[key].numbers += numbers
    if first.isNaN { return }
    if !neverFall || first < entries[key].lastNumber { entries[key].isMonotonic = false }
    entries[key].lastNumber = last
  }

  mutating func add(_ key: Int, type: [UInt8], count: Int) {
    if type == TextType.number {
      entries[key].numbers += count
      return
    }
    entries[key].types[type, default: 0] += count
    entries[key].isMonotonic = false
  }

  /// Takes a value as the last one unless there is one of a later step.
  mutating func setLast(_ key: Int, step: Int64, _ text: () -> [UInt8]) {
    if let last = entries[key].lastStep, last > step { return }
    entries[key].lastStep = step
    entries[key].lastValue = text()
  }

  func summaries() -> [HistoryKeySummary] {
    let sorted = numbers.filter { entries[$0.value].lastStep != nil }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    return sorted.map { key, number in
      let entry = entries[number]
      var types = entry.types.map { (type: String(decoding: $0.key, as: UTF8.self), count: $0.value) }
      if entry.numbers > 0 { types.append((String(decoding: TextType.number, as: UTF8.self), entry.numbers)) }
      types.sort { ($1.count, $0.type) < ($0.count, $1.type) }
      return HistoryKeySummary(
        key: String(decoding: key, as: UTF8.self), types: types, isMonotonic: entry.isMonotonic,
        lastValue: entry.lastValue)
    }
  }
}

/// The keys of one segment and their numbers in the collector.
private final class PartKeys {
  private let layout: SegmentLayout
  private let steps: StepReader
  private let stepKey: Int?
  private var columns: [(key: Int, reader: ColumnReader)] = []

  init(_ layout: SegmentLayout, _ collector: inout KeyCollector) throws(SegmentError) {
    self.layout = layout
    steps = try StepReader(layout)
    stepKey = layout.stepKey.map { collector.number($0) }
    for column in layout.columns.indices {
      columns.append((collector.number(layout.joinedKey(column)), try ColumnReader(layout, column)))
    }
  }

  func add(_ rows: Range<Int>, to collector: inout KeyCollector) throws(SegmentError) {
    if let stepKey {
      let first = try steps.step(rows.lowerBound), last = try steps.step(rows.upperBound - 1)
      collector.add(stepKey, numbers: rows.count, first: Double(first), last: Double(last), neverFall: true)
      collector.setLast(stepKey, step: last) { Array(String(last).utf8) }
    }
    for (key, reader) in columns {
      if rows.count == layout.rowCount, let summary = reader.index.summary {
        if summary.types.isEmpty {
          collector.add(
            key, numbers: summary.values, first: summary.firstNumber, last: summary.lastNumber,
            neverFall: summary.isMonotonic)
        }
        for (name, count) in summary.types { collector.add(key, type: Array(name), count: count) }
      } else {
        try read(key, reader, rows, &collector)
      }
      try setLast(key, reader, rows, &collector)
    }
  }

  private func read(
    _ key: Int, _ reader: ColumnReader, _ rows: Range<Int>, _ collector: inout KeyCollector
  ) throws(SegmentError) {
    for row in rows {
      let page = row / layout.pageRows
      if reader.entries[page].encoding == .absent { continue }
      try reader.load(page)
      let values = reader.values
      let at = row % layout.pageRows
      guard values.has(at) else { continue }
      if values.form == .texts {
        let type = TextType.name(values.text(at))
        if type != TextType.number {
          collector.add(key, type: type, count: 1)
          continue
        }
      }
      let number = values.number(at)
      collector.add(key, numbers: 1, first: number, last: number, neverFall: true)
    }
  }

  private func setLast(
    _ key: Int, _ reader: ColumnReader, _ rows: Range<Int>, _ collector: inout KeyCollector
  ) throws(SegmentError) {
    var row = rows.upperBound
    while row > rows.lowerBound {
      row -= 1
      let page = row / layout.pageRows
      if reader.entries[page].encoding == .absent {
        row = max(rows.lowerBound, page * layout.pageRows)
        continue
      }
      try reader.load(page)
      let at = row % layout.pageRows
      guard reader.values.has(at) else { continue }
      let step = try steps.step(row)
      collector.setLast(key, step: step) {
        var out = ByteBuffer(capacity: 64)
        out.appendValue(reader.values, at, .object)
        return out.array()
      }
      return
    }
  }
}
