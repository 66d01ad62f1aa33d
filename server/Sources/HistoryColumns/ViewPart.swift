/// A segment within a view: which of its rows count.
struct ViewPart: Sendable {
  /// The writer's number in the order of appearance.
  let writer: Int
  let layout: SegmentLayout
  /// Ascending, not empty, apart; rows outside were replaced.
  var visible: [Range<Int>]
  /// Steps of the first and the last visible row.
  var firstStep: Int64
  var lastStep: Int64

  var rowCount: Int { visible.reduce(0) { $0 + $1.count } }
  var isWhole: Bool { visible.count == 1 && visible[0].count == layout.rowCount }

  /// The parts with what is left of them after newer parts of the same writer replaced rows; parts of which nothing is
  /// left are dropped.
  /// - Parameter segments: old to new.
  static func resolve(_ segments: [(writer: Int, layout: SegmentLayout)]) throws(SegmentError) -> [ViewPart] {
    var parts = segments.map { writer, layout in
      ViewPart(
        writer: writer, layout: layout, visible: [0..<layout.rowCount], firstStep: layout.firstStep,
        lastStep: layout.lastStep)
    }
    // Rows arrive in ascending order, so that parts seldom overlap: only writers whose parts do are looked at.
    var lastSteps: [Int: Int64] = [:]
    var overlapping: Set<Int> = []
    for part in parts {
      if let last = lastSteps[part.writer], part.firstStep <= last { overlapping.insert(part.writer) }
      lastSteps[part.writer] = max(lastSteps[part.writer] ?? .min, part.lastStep)
    }
    guard !overlapping.isEmpty else { return parts }

    for old in parts.indices where overlapping.contains(parts[old].writer) {
      let layout = parts[old].layout
      var reader: StepReader?
      for new in parts.indices[(old + 1)...] where parts[new].writer == parts[old].writer {
        let other = parts[new].layout
        guard other.firstStep <= layout.lastStep, layout.firstStep <= other.lastStep else { continue }
        let steps = reader == nil ? try StepReader(layout) : reader
        reader = steps
        guard let steps, !parts[old].visible.isEmpty else { break }
        let hidden = try commonRows(steps, try StepReader(other))
        parts[old].visible = subtract(hidden, from: parts[old].visible)
      }
      if let reader, let first = parts[old].visible.first, let last = parts[old].visible.last {
        parts[old].firstStep = try reader.step(first.lowerBound)
        parts[old].lastStep = try reader.step(last.upperBound - 1)
      }
    }
    return parts.filter { !$0.visible.isEmpty }
  }

  /// The rows of `old` whose steps are also in `new`, as ranges.
  private static func commonRows(_ old: StepReader, _ new: StepReader) throws(SegmentError) -> [Range<Int>] {
    let low = max(old.layout.firstStep, new.layout.firstStep), high = min(old.layout.lastStep, new.layout.lastStep)
    guard low <= high else { return [] }
    let oldRows = try old.rows(low...high), newRows = try new.rows(low...high)
    var ranges: [Range<Int>] = []
    var left = oldRows.lowerBound, right = newRows.lowerBound
    while left < oldRows.upperBound && right < newRows.upperBound {
      let a = try old.step(left), b = try new.step(right)
      if a < b {
        left += 1
      } else if b < a {
        right += 1
      } else {
        if let last = ranges.last, last.upperBound == left {
          ranges[ranges.count - 1] = last.lowerBound..<left + 1
        } else {
          ranges.append(left..<left + 1)
        }
        left += 1
        right += 1
      }
    }
    return ranges
  }

  private static func subtract(_ hidden: [Range<Int>], from visible: [Range<Int>]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var next = 0
    for range in visible {
      var start = range.lowerBound
      while next < hidden.count && hidden[next].upperBound <= start { next += 1 }
      var at = next
      while at < hidden.count && hidden[at].lowerBound < range.upperBound {
        if hidden[at].lowerBound > start { result.append(start..<hidden[at].lowerBound) }
        start = max(start, hidden[at].upperBound)
        at += 1
      }
      if start < range.upperBound { result.append(start..<range.upperBound) }
    }
    return result
  }

  /// The visible rows whose steps are within `steps`.
  func rows(_ steps: ClosedRange<Int64>) throws(SegmentError) -> [Range<Int>] {
    if firstStep > steps.upperBound || lastStep < steps.lowerBound { return [] }
    if steps.contains(firstStep) && steps.contains(lastStep) { return visible }
    let rows = try StepReader(layout).rows(steps)
    return visible.filter { $0.overlaps(rows) }.map { $0.clamped(to: rows) }
  }
}
