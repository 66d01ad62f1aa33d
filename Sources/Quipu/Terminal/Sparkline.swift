/// A series as a line of block characters.
///
/// Source: the blocks that the W&B client 0.31.0 prints at the end of a run.
package enum Sparkline {
  /// Characters of a line in the end-of-run blocks.
  package static let width = 40

  private static let glyphs: [String] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// One character per value, at most `width` of them; a longer series is thinned evenly.
  ///
  /// NaN and infinities are spaces and do not count for the scale; a constant series lies at the bottom.
  /// - Returns: nil if nothing is finite.
  package static func text(_ values: [Float], width: Int = Sparkline.width) -> String? {
    let shown = thinned(values, to: width)
    var low = Double.infinity
    var high = -Double.infinity
    for value in shown where value.isFinite {
      low = min(low, Double(value))
      high = max(high, Double(value))
    }
    guard low <= high else { return nil }
    var text = ""
    for value in shown {
      guard value.isFinite else {
        text += " "
        continue
      }
      let level = high > low ? ((Double(value) - low) * 7 / (high - low)).rounded(.toNearestOrEven) : 0
      text += glyphs[max(0, min(7, Int(exactly: level) ?? 0))]
    }
    return text
  }

  /// Values number floor(i·n/width).
  private static func thinned(_ values: [Float], to width: Int) -> [Float] {
    guard values.count > width else { return values }
    return (0..<max(0, width)).map { values[$0 * values.count / width] }
  }
}
