/// All rows of a run, ascending by step.
///
/// Of rows of one writer with the same step, the one in the newest part counts. Rows of different writers never replace
/// each other; those of the same step follow each other in the order in which their writers first appear.
public struct HistoryView: Sendable {
  let parts: [ViewPart]
  let writers: [String]
  public let rowCount: Int
  public let firstStep: Int64?
  public let lastStep: Int64?

  /// - Parameter parts: old to new.
  /// - Complexity: linear in the number of parts, while no part has steps within the range of an older one of the same
  ///   writer; else the steps that both may have are compared.
  public init(_ parts: [(writer: String, segment: HistorySegment)]) throws(SegmentError) {
    var numbers: [String: Int] = [:]
    var writers: [String] = []
    var segments: [(writer: Int, layout: SegmentLayout)] = []
    for (writer, segment) in parts {
      let number = numbers[writer] ?? writers.count
      if number == writers.count {
        numbers[writer] = number
        writers.append(writer)
      }
      segments.append((number, segment.layout))
    }
    self.writers = writers
    self.parts = try ViewPart.resolve(segments)
    rowCount = self.parts.reduce(0) { $0 + $1.rowCount }
    firstStep = self.parts.lazy.map(\.firstStep).min()
    lastStep = self.parts.lazy.map(\.lastStep).max()
  }

  /// The rows of one writer.
  func parts(of writer: String) -> [ViewPart] {
    guard let number = writers.firstIndex(of: writer) else { return [] }
    return parts.filter { $0.writer == number }
  }
}
