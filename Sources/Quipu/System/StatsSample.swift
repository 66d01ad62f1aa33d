import QuipuBase

/// The values of one moment, by their keys without `system.`.
struct StatsSample {
  private(set) var values: [(key: String, value: Double)] = []

  /// NaN and infinities are no readings: left out.
  mutating func add(_ key: String, _ value: Double) {
    if value.isFinite { values.append((key, value)) }
  }

  func value(_ key: String) -> Double? { values.first { $0.key.utf8.elementsEqual(key.utf8) }?.value }

  var isEmpty: Bool { values.isEmpty }

  mutating func removeAll() { values.removeAll(keepingCapacity: true) }

  /// As the ring carries it: one JSON object.
  ///
  /// - Parameter suffix: appended to each key.
  func json(suffix: String) -> JSON {
    var object = JSONObject()
    for (key, value) in values { object[Key(suffix.isEmpty ? key : key + suffix)] = .double(value) }
    return .object(object)
  }
}
