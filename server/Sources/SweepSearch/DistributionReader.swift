import QuipuBase

#if canImport(Glibc)
  import Glibc
#endif

/// Reads one parameter of a sweep configuration. Source: protocol reference, 14.1; the names and the meaning of the
/// bounds are those of W&B's documentation on sweep configurations.
struct DistributionReader {
  /// Where it stands, for messages.
  let name: String
  let members: JSONObject
  private(set) var warnings: [String] = []

  private static let names = [
    "constant", "categorical", "categorical_w_probabilities", "int_uniform", "uniform", "q_uniform", "log_uniform",
    "log_uniform_values", "q_log_uniform", "q_log_uniform_values", "inv_log_uniform", "inv_log_uniform_values",
    "normal", "q_normal", "log_normal", "q_log_normal",
  ]

  init(name: String, members: JSONObject) {
    self.name = name
    self.members = members
  }

  mutating func read() throws(SweepError) -> Distribution {
    let kind = try kind()
    for key in members.keys.map(\.string)
    where !["distribution", "value", "values", "probabilities", "min", "max", "mu", "sigma", "q"].contains(key) {
      warnings.append("parameter '\(name)': '\(key)' is ignored")
    }
    switch kind {
    case "constant":
      guard let value = members["value"] else { throw refusal("needs 'value'") }
      return .categorical([value], weights: nil)
    case "categorical", "categorical_w_probabilities": return try categorical()
    case "int_uniform": return try integers()
    case "uniform", "q_uniform":
      let (low, high) = try bounds()
      return .uniform(low: low, high: high, isLog: false, step: try step(kind))
    case "log_uniform", "q_log_uniform":
      let (low, high) = try bounds()
      guard high <= 709 else {
        throw refusal("'max' is the exponent of e here, at most 709; log_uniform_values has the values as bounds")
      }
      return .uniform(low: low, high: high, isLog: true, step: try step(kind))
    case "inv_log_uniform":
      let (low, high) = try bounds()
      guard low >= -709 else { throw refusal("'min' must be at least -709") }
      return .uniform(low: -high, high: -low, isLog: true, step: nil)
    case "log_uniform_values", "q_log_uniform_values", "inv_log_uniform_values":
      let (low, high) = try bounds()
      guard low > 0 else { throw refusal("'min' must be positive") }
      return .uniform(low: log(low), high: log(high), isLog: true, step: try step(kind))
    default:
      let mean = try number("mu") ?? 0
      let deviation = try number("sigma") ?? 1
      guard deviation > 0 else { throw refusal("'sigma' must be positive") }
      return .normal(
        mean: mean, deviation: deviation, isLog: kind.hasSuffix("log_normal"), step: try step(kind))
    }
  }

  /// The distribution that is named, or else the one that the other keys speak of.
  private func kind() throws(SweepError) -> String {
    if let given = members["distribution"] {
      guard let name = given.stringValue, Self.names.contains(name) else {
        let text = given.stringValue ?? given.text(style: .core)
        throw refusal("unknown distribution '\(text)'; there are \(Self.names.joined(separator: ", "))")
      }
      return name
    }
    if members["values"] != nil { return "categorical" }
    if members["value"] != nil { return "constant" }
    if let low = members["min"], let high = members["max"] {
      return low.intValue != nil && high.intValue != nil ? "int_uniform" : "uniform"
    }
    if members["mu"] != nil || members["sigma"] != nil { return "normal" }
    throw refusal("needs 'value', 'values', 'min' and 'max', 'distribution', or 'parameters' of its own")
  }

  private func refusal(_ text: String) -> SweepError { SweepError("parameter '\(name)': \(text)") }

  private func number(_ key: Key) throws(SweepError) -> Double? {
    guard let value = members[key] else { return nil }
    guard let number = value.doubleValue, number.isFinite else { throw refusal("'\(key)' must be a number") }
    return number
  }

  private func bounds() throws(SweepError) -> (Double, Double) {
    guard let low = try number("min"), let high = try number("max") else { throw refusal("needs 'min' and 'max'") }
    guard low <= high else { throw refusal("'min' must not be above 'max'") }
    guard (high - low).isFinite else { throw refusal("'min' and 'max' are too far apart") }
    return (low, high)
  }

  private func step(_ kind: String) throws(SweepError) -> Distribution.Step? {
    guard kind.hasPrefix("q_") else { return nil }
    guard let size = try number("q") else { return Distribution.Step(size: 1, isInteger: true) }
    guard size > 0 else { throw refusal("'q' must be positive") }
    return Distribution.Step(size: size, isInteger: members["q"]?.intValue != nil)
  }

  private func integers() throws(SweepError) -> Distribution {
    let (low, high) = try bounds()
    guard let low = Int64(exactly: low), let high = Int64(exactly: high) else {
      throw refusal("'min' and 'max' of int_uniform must be integers")
    }
    guard !high.subtractingReportingOverflow(low).overflow, high - low < 1 << 53 else {
      throw refusal("'min' and 'max' are too far apart")
    }
    return .integers(low: low, high: high)
  }

  private mutating func categorical() throws(SweepError) -> Distribution {
    guard let given = members["values"] else { throw refusal("needs 'values'") }
    guard let values = given.arrayValue, !values.isEmpty else { throw refusal("'values' must be a list, not empty") }
    guard let probabilities = members["probabilities"], probabilities != .null else {
      var unique: [JSON] = []
      // Comparing all with all takes its time; long lists come from programs.
      if values.count <= 1000 {
        for value in values where !unique.contains(value) { unique.append(value) }
        if unique.count < values.count {
          warnings.append("parameter '\(name)': a value that is there twice counts once")
        }
      }
      return .categorical(values.count <= 1000 ? unique : values, weights: nil)
    }
    let weights = probabilities.arrayValue?.compactMap(\.doubleValue) ?? []
    guard weights.count == values.count, weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw refusal("'probabilities' must be a number from 0 for each of 'values'")
    }
    let sum = weights.reduce(0, +)
    guard sum > 0, sum.isFinite else { throw refusal("'probabilities' must not all be 0") }
    if abs(sum - 1) > 1e-6 { warnings.append("parameter '\(name)': 'probabilities' are scaled to a sum of 1") }
    return .categorical(values, weights: weights)
  }
}
