import Glibc

/// Reads the text format of Prometheus and OpenMetrics: one sample a line, `name{label="value",...} number`.
///
/// Any bytes are safe; lines that are not of the format are passed over.
enum ExpositionText {
  struct Sample: Equatable {
    var name: String
    var labels: [Label] = []
    var value: Double
  }

  struct Label: Equatable {
    var name: String
    var value: String
  }

  /// Counters and gauges, in the order of the text.
  ///
  /// - Parameter limit: further samples are not looked at.
  static func samples(_ bytes: [UInt8], limit: Int) -> [Sample] {
    var kinds: [String: Bool] = [:]
    var found: [Sample] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let line = FileTools.trim(line)
      if line.first == UInt8(ascii: "#") {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
        if words.count == 4, words[1].elementsEqual("TYPE".utf8) {
          kinds[String(decoding: words[2], as: UTF8.self)] =
            words[3].elementsEqual("counter".utf8) || words[3].elementsEqual("gauge".utf8)
        }
        continue
      }
      guard found.count < limit, let sample = sample(line) else { continue }
      // OpenMetrics names the samples of the counter `x` `x_total`.
      let family = sample.name.hasSuffix("_total") ? String(sample.name.dropLast(6)) : sample.name
      if kinds[sample.name] ?? kinds[family] ?? false { found.append(sample) }
    }
    return found
  }

  private static func sample(_ line: ArraySlice<UInt8>) -> Sample? {
    var rest = line
    let name = rest.prefix { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: " ") && $0 != 0x09 }
    rest = rest[name.endIndex...]
    guard !name.isEmpty else { return nil }
    var labels: [Label] = []
    if rest.first == UInt8(ascii: "{") {
      rest.removeFirst()
      guard let found = Self.labels(&rest) else { return nil }
      labels = found
    }
    // A time may follow.
    guard let number = FileTools.trim(rest).split(separator: UInt8(ascii: " ")).first,
      let value = Double(String(decoding: number, as: UTF8.self))
    else { return nil }
    return Sample(name: String(decoding: name, as: UTF8.self), labels: labels, value: value)
  }

  /// Goes behind the closing brace.
  private static func labels(_ rest: inout ArraySlice<UInt8>) -> [Label]? {
    var labels: [Label] = []
    while true {
      while let byte = rest.first, byte == UInt8(ascii: ",") || byte == UInt8(ascii: " ") { rest.removeFirst() }
      if rest.first == UInt8(ascii: "}") {
        rest.removeFirst()
        return labels
      }
      guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let name = FileTools.trim(rest[..<equals])
      rest = rest[(equals + 1)...]
      guard rest.first == UInt8(ascii: "\"") else { return nil }
      rest.removeFirst()
      var value: [UInt8] = []
      while let byte = rest.first, byte != UInt8(ascii: "\"") {
        rest.removeFirst()
        guard byte == UInt8(ascii: "\\"), let escaped = rest.first else {
          value.append(byte)
          continue
        }
        rest.removeFirst()
        value.append(escaped == UInt8(ascii: "n") ? 0x0A : escaped)
      }
      guard !rest.isEmpty else { return nil }
      rest.removeFirst()
      labels.append(Label(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
    }
  }
}
