import QuipuBase
import QuipuRecords

/// The metric definitions of a run, as the config's `_wandb` holds them.
///
/// Source: http.md, 9.2; run.md, 7.5 and 7.6.
struct MetricList {
  private struct Definition {
    var stepMetric = ""
    var options = MetricOptions()
    var modes: Flags<MetricSummary> = []
    var goal = MetricGoal.unset
  }

  private var names: [(name: Key, isGlob: Bool)] = []
  private var definitions: [Definition] = []
  private var places: [Key: Int] = [:]

  /// - Returns: false for a record without a name, and for one that a client made from a glob.
  mutating func add(_ record: MetricRecord) -> Bool {
    let isGlob = record.name.isEmpty
    let name = isGlob ? record.globName : record.name
    guard !name.isEmpty, !record.expandedFromGlob else { return false }
    let place = place(Key(name))
    if names[place].isGlob != isGlob {
      names[place].isGlob = isGlob
      definitions[place] = Definition()
    }
    if record.control?.overwrite == true { definitions[place] = Definition() }
    if !record.stepMetric.isEmpty { definitions[place].stepMetric = record.stepMetric }
    if let options = record.options {
      if options.stepSync { definitions[place].options.stepSync = true }
      if options.hidden { definitions[place].options.hidden = true }
      if options.defined { definitions[place].options.defined = true }
    }
    if record.goal != .unset { definitions[place].goal = record.goal }
    if let modes = record.summary {
      let given = MetricSummary.fields.map(\.number).filter { modes.contains($0) && $0 != MetricSummary.copy }
      if !given.isEmpty && !given.contains(MetricSummary.none) { definitions[place].modes[MetricSummary.none] = false }
      for mode in given { definitions[place].modes.insert(mode) }
    }
    return true
  }

  /// Index of the definition; made if there is none.
  private mutating func place(_ name: Key) -> Int {
    if let place = places[name] { return place }
    places[name] = names.count
    names.append((name, false))
    definitions.append(Definition())
    return names.count - 1
  }

  var json: JSON {
    // Step metrics that nobody defined get an entry as well.
    var whole = self
    for definition in definitions where !definition.stepMetric.isEmpty {
      _ = whole.place(Key(definition.stepMetric))
    }
    return whole.list
  }

  private var list: JSON {
    var list: [JSON] = []
    for (at, definition) in definitions.enumerated() {
      var entry = JSONObject()
      entry[names[at].isGlob ? "2" : "1"] = .string(names[at].name.string)
      if let step = places[Key(definition.stepMetric)] { entry["5"] = .int(Int64(step + 1)) }
      var options: [JSON] = []
      if definition.options.stepSync { options.append(1) }
      if definition.options.hidden { options.append(2) }
      // Globs are never marked: what they stand for is not defined one by one.
      if definition.options.defined && !names[at].isGlob { options.append(3) }
      entry["6"] = .array(options)
      let modes = MetricSummary.fields.map(\.number).sorted().filter { definition.modes.contains($0) }
      entry["7"] = .array(modes.map { .int(Int64($0)) })
      if definition.goal != .unset { entry["8"] = .int(Int64(definition.goal.rawValue)) }
      list.append(.object(entry))
    }
    return .array(list)
  }
}
