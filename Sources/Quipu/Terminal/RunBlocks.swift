import QuipuBase

/// The two blocks printed at the end of a run: a sparkline for each metric, and the last values.
///
/// Source: the blocks that the W&B client 0.31.0 prints at the end of a run.
package enum RunBlocks {
  /// Metrics in a block before the rest is only counted.
  package static let defaultLimit = 10
  /// Characters of a text value.
  private static let textLimit = 20

  /// The lines without the `wandb: ` prefix; none if there is nothing to show.
  ///
  /// - Parameters:
  ///   - history: samples of the top-level metrics, in any order.
  ///   - summary: the summary.
  ///   - historyLimit: metrics in the first block; 0 hides it.
  ///   - summaryLimit: the same for the second.
  package static func lines(
    history: [(key: String, sample: MetricSample)], summary: JSONObject, historyLimit: Int = defaultLimit,
    summaryLimit: Int = defaultLimit
  ) -> [String] {
    var sparklines: [(Key, String)] = []
    for (key, sample) in history where !isHidden(key) {
      if let line = Sparkline.text(sample.values) { sparklines.append((Key(key), line)) }
    }
    var values: [(Key, String)] = []
    for (key, value) in summary.members where !isHidden(key.string) {
      if let text = text(of: value) { values.append((key, text)) }
    }
    let blocks = block("Run history:", sparklines, historyLimit) + block("Run summary:", values, summaryLimit)
    return blocks.isEmpty ? [] : blocks + [""]
  }

  private static func isHidden(_ key: String) -> Bool { key.utf8.first == UInt8(ascii: "_") }

  private static func block(_ title: String, _ rows: [(Key, String)], _ limit: Int) -> [String] {
    if rows.isEmpty || limit <= 0 { return [] }
    var shown = rows.sorted { $0.0 < $1.0 }.prefix(limit).map { (printable($0.0.string), $0.1) }
    if rows.count > limit { shown.append(("+\(rows.count - limit)", "...")) }
    let width = shown.map { $0.0.unicodeScalars.count }.max() ?? 0
    return ["", title]
      + shown.map { key, value in
        String(repeating: " ", count: width - key.unicodeScalars.count) + key + " " + value
      }
  }

  /// How the second block shows a value; nil if it does not.
  package static func text(of value: JSON) -> String? {
    switch value {
    case .bool(let bool): return bool ? "True" : "False"
    case .int(let number): return String(number)
    case .bigInteger(let digits): return Double(digits).map { PythonText.float($0) } ?? digits
    case .double(let number):
      // The log spells integral floats below a million like integers.
      if number.magnitude < 1e6, let whole = Int64(exactly: number) { return String(whole) }
      return PythonText.float(PythonText.rounded5(number))
    case .string(let text):
      let scalars = text.unicodeScalars
      if scalars.count < textLimit { return printable(text) }
      var cut = String.UnicodeScalarView()
      cut.append(contentsOf: scalars.prefix(textLimit))
      return printable(String(cut)) + "..."
    case .null, .array, .object: return nil
    }
  }

  /// Control characters spelled out, so that a logged text cannot move the reader's cursor.
  package static func printable(_ text: String) -> String {
    if text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) { return text }
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0A: out += "\\n"
      case 0x09: out += "\\t"
      case 0x0D: out += "\\r"
      case 0..<0x20, 0x7F...0x9F:
        let hex = String(scalar.value, radix: 16)
        out += "\\x" + (hex.utf8.count < 2 ? "0" : "") + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
