import QuipuBase

/// How a metric is summarised and drawn: one `define_metric` call, or the merge of several.
struct MetricDefinition: Equatable {
  /// Summary forms. Raw values are the field numbers of `MetricSummary` in the log.
  struct Modes: OptionSet, Equatable {
    var rawValue: UInt16
    static let min = Modes(rawValue: 1 << 1)
    static let max = Modes(rawValue: 1 << 2)
    static let mean = Modes(rawValue: 1 << 3)
    static let best = Modes(rawValue: 1 << 4)
    static let last = Modes(rawValue: 1 << 5)
    static let none = Modes(rawValue: 1 << 6)
    static let copy = Modes(rawValue: 1 << 7)
    static let first = Modes(rawValue: 1 << 8)

    /// The forms that make a summary entry an object.
    static let shown: Modes = [.min, .max, .mean, .best, .last, .first]

    static let names: [(String, Modes)] = [
      ("min", .min), ("max", .max), ("mean", .mean), ("best", .best), ("last", .last), ("none", .none),
      ("copy", .copy), ("first", .first),
    ]
  }

  enum Goal: Int64 { case unset = 0, minimize = 1, maximize = 2 }

  /// Name as given: an exact name, or a prefix followed by `*`.
  var name: String
  var stepMetric: String?
  var stepSync: Bool?
  var hidden: Bool?
  /// nil: not given; empty: given without any form.
  var modes: Modes?
  var goal: Goal = .unset
  var overwrite = false

  var isGlob: Bool { name.hasSuffix("*") }

  /// True if a row that holds the metric gets the step metric inserted.
  var insertsStep: Bool { stepMetric != nil && (stepSync ?? true) }

  /// Merges a later definition into this one.
  ///
  /// Source: run semantics, "Merging definitions": the step metric is replaced if given, flags are OR-ed, `none` is
  /// switched by whichever definition names forms last.
  mutating func merge(_ later: MetricDefinition) {
    if later.overwrite {
      self = later
      overwrite = false
      return
    }
    let sync = insertsStep || later.insertsStep
    if let metric = later.stepMetric { stepMetric = metric }
    stepSync = sync
    if later.hidden == true { hidden = true }
    if later.goal != .unset { goal = later.goal }
    if let more = later.modes, !more.isEmpty {
      var merged = (modes ?? []).union(more)
      if !more.contains(.none) && !more.isDisjoint(with: .shown) { merged.remove(.none) }
      modes = merged
    }
  }

  /// The keys that an exact name addresses: `.` separates, `\.` is a literal dot.
  static func path(of name: String) -> [Key] {
    var path: [Key] = []
    var part: [UInt8] = []
    var escaped = false
    for byte in name.utf8 {
      if escaped {
        if byte != UInt8(ascii: ".") { part.append(UInt8(ascii: "\\")) }
        part.append(byte)
        escaped = false
      } else if byte == UInt8(ascii: "\\") {
        escaped = true
      } else if byte == UInt8(ascii: ".") {
        path.append(Key(String(decoding: part, as: UTF8.self)))
        part.removeAll()
      } else {
        part.append(byte)
      }
    }
    if escaped { part.append(UInt8(ascii: "\\")) }
    path.append(Key(String(decoding: part, as: UTF8.self)))
    return path
  }

  /// Parses the comma-separated list of summary forms.
  ///
  /// - Throws: `.value` with kind `metric_bad_summary`.
  static func modes(_ text: String) throws(QuipuError) -> Modes {
    var result: Modes = []
    if text.isEmpty { return result }
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let word = part.lowercased()
      guard let match = Modes.names.first(where: { $0.0 == word }) else {
        throw QuipuError(
          .value, kind: "metric_bad_summary",
          "summary: unknown form \"\(word)\"; use a comma-separated list of min, max, mean, last, first, best, copy, none")
      }
      result.insert(match.1)
    }
    return result
  }

  // MARK: As an entry of the ring

  var json: JSON {
    var object = JSONObject()
    object["name"] = .string(name)
    if let stepMetric { object["step_metric"] = .string(stepMetric) }
    if let stepSync { object["step_sync"] = .bool(stepSync) }
    if let hidden { object["hidden"] = .bool(hidden) }
    if let modes { object["modes"] = .int(Int64(modes.rawValue)) }
    if goal != .unset { object["goal"] = .int(goal.rawValue) }
    if overwrite { object["overwrite"] = .bool(true) }
    return .object(object)
  }

  init?(json: JSON) {
    guard let object = json.objectValue, let name = object["name"]?.stringValue else { return nil }
    self.name = name
    stepMetric = object["step_metric"]?.stringValue
    stepSync = object["step_sync"]?.boolValue
    hidden = object["hidden"]?.boolValue
    if let bits = object["modes"]?.intValue { modes = Modes(rawValue: UInt16(truncatingIfNeeded: bits)) }
    if let value = object["goal"]?.intValue, let goal = Goal(rawValue: value) { self.goal = goal }
    overwrite = object["overwrite"]?.boolValue ?? false
  }

  init(
    name: String, stepMetric: String? = nil, stepSync: Bool? = nil, hidden: Bool? = nil, modes: Modes? = nil,
    goal: Goal = .unset, overwrite: Bool = false
  ) {
    self.name = name
    self.stepMetric = stepMetric
    self.stepSync = stepSync
    self.hidden = hidden
    self.modes = modes
    self.goal = goal
    self.overwrite = overwrite
  }
}
