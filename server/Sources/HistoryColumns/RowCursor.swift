/// Consecutive rows of one part that follow each other in the view.
struct RowRun {
  /// Index of the part.
  var part: Int
  /// Not empty.
  var rows: Range<Int>
  /// Whether the part has no further rows.
  var isLast: Bool
}

/// The rows of several parts in ascending order of steps, those of equal steps in the order of their writers.
///
/// Where parts do not overlap a run is as long as the part; steps are read only where they do.
struct RowCursor {
  private struct Lane {
    var part: Int
    var writer: Int
    var layout: SegmentLayout
    var ranges: [Range<Int>]
    var range = 0
    /// The next row and its step.
    var row: Int
    var step: Int64
    var lastStep: Int64
    var reader: StepReader?
  }

  /// Not begun yet, the first one at the end.
  private var waiting: [Lane] = []
  /// Begun: they overlap.
  private var active: [Lane] = []

  init(_ parts: [ViewPart], steps: ClosedRange<Int64>) throws(SegmentError) {
    for (number, part) in parts.enumerated() {
      let ranges = try part.rows(steps)
      guard let first = ranges.first, let last = ranges.last else { continue }
      var lane = Lane(
        part: number, writer: part.writer, layout: part.layout, ranges: ranges, row: first.lowerBound,
        step: part.firstStep, lastStep: part.lastStep)
      if !steps.contains(part.firstStep) || !steps.contains(part.lastStep) {
        let reader = try StepReader(part.layout)
        lane.step = try reader.step(first.lowerBound)
        lane.lastStep = try reader.step(last.upperBound - 1)
        lane.reader = reader
      }
      waiting.append(lane)
    }
    waiting.sort { ($0.step, $0.writer, $0.part) > ($1.step, $1.writer, $1.part) }
  }

  mutating func next() throws(SegmentError) -> RowRun? {
    if active.isEmpty {
      guard let lane = waiting.popLast() else { return nil }
      active.append(lane)
    }
    // Lanes that begin before a begun one goes on have to be looked at.
    var least = leastActive()
    while let next = waiting.last, (next.step, next.writer) < (active[least].step, active[least].writer) {
      active.append(next)
      waiting.removeLast()
      least = leastActive()
    }
    // Rows may be handed out up to where another lane comes first.
    var bound: (step: Int64, writer: Int)?
    func lower(_ lane: Lane) {
      if bound.map({ (lane.step, lane.writer) < ($0.step, $0.writer) }) ?? true { bound = (lane.step, lane.writer) }
    }
    for (at, lane) in active.enumerated() where at != least { lower(lane) }
    if let next = waiting.last { lower(next) }

    let lane = active[least]
    let range = lane.ranges[lane.range]
    var end = range.upperBound
    if let bound, (lane.lastStep, lane.writer) >= (bound.step, bound.writer) {
      end = try endOfRun(least, range, bound)
    }
    let rows = lane.row..<max(lane.row &+ 1, end)
    var isLast = false
    if rows.upperBound < range.upperBound {
      active[least].row = rows.upperBound
    } else if lane.range + 1 < lane.ranges.count {
      active[least].range = lane.range + 1
      active[least].row = lane.ranges[lane.range + 1].lowerBound
    } else {
      isLast = true
      active.remove(at: least)
    }
    if !isLast { active[least].step = try step(least, active[least].row) }
    return RowRun(part: lane.part, rows: rows, isLast: isLast)
  }

  private func leastActive() -> Int {
    var least = 0
    for at in active.indices where (active[at].step, active[at].writer) < (active[least].step, active[least].writer) {
      least = at
    }
    return least
  }

  private mutating func reader(_ lane: Int) throws(SegmentError) -> StepReader {
    if let reader = active[lane].reader { return reader }
    let reader = try StepReader(active[lane].layout)
    active[lane].reader = reader
    return reader
  }

  private mutating func step(_ lane: Int, _ row: Int) throws(SegmentError) -> Int64 { try reader(lane).step(row) }

  /// The first row of the range that does not come before `bound`: found in steps that double, then by halving.
  private mutating func endOfRun(
    _ lane: Int, _ range: Range<Int>, _ bound: (step: Int64, writer: Int)
  ) throws(SegmentError) -> Int {
    let reader = try reader(lane)
    let writer = active[lane].writer
    var low = active[lane].row &+ 1
    var stride = 1
    var high = low
    while high < range.upperBound, (try reader.step(high), writer) < bound {
      low = high &+ 1
      high = min(range.upperBound, high &+ stride)
      stride &*= 2
    }
    high = min(high, range.upperBound)
    while low < high {
      let middle = (low &+ high) / 2
      if (try reader.step(middle), writer) < bound { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}
