import QuipuBase

/// What a sweep shall search, and how. Source: protocol reference, 14.1.
public struct SweepConfiguration: Sendable {
  public enum Method: String, Sendable, CaseIterable {
    case grid, random, bayes
  }

  public struct Metric: Sendable, Equatable {
    public var name: String
    public var isMaximized: Bool
  }

  public let method: Method
  public let metric: Metric?
  public let space: SearchSpace
  /// No more runs than this.
  public let runCap: Int?
  public let program: String?
  public let name: String?
  public let description: String?
  /// What is odd about the configuration and does no harm.
  public let warnings: [String]
  private let parameters: JSON

  private static let knownKeys: Set<String> = [
    "program", "command", "method", "metric", "parameters", "early_terminate", "run_cap", "name", "description",
    "project", "entity", "settings", "wandb_version",
  ]

  /// - Parameter text: YAML.
  /// - Throws: for what cannot be searched, saying why.
  public init(yaml text: String) throws(SweepError) {
    guard let members = try YAMLText.json(text).objectValue else {
      throw SweepError("a sweep configuration is a mapping with 'method' and 'parameters'")
    }
    var warnings: [String] = []
    for key in members.keys.map(\.string) where !Self.knownKeys.contains(key) && key != "controller" {
      warnings.append("'\(key)' is ignored")
    }
    if let controller = members["controller"]?.objectValue?["type"], controller != "cloud" {
      throw SweepError("this server chooses the parameters itself: a local controller is not supported")
    }
    method = try Self.method(members["method"])
    metric = try Self.metric(members["metric"], isNeeded: method == .bayes, warnings: &warnings)
    guard let parameters = members["parameters"] else { throw SweepError("the sweep has no 'parameters'") }
    guard let parameterMembers = parameters.objectValue else { throw SweepError("'parameters' must be a mapping") }
    self.parameters = parameters
    space = try SearchSpace(parameterMembers, warnings: &warnings)
    if method == .grid {
      for parameter in space.parameters where parameter.distribution.gridCount == nil {
        let name = parameter.path.map(\.string).joined(separator: ".")
        throw SweepError("parameter '\(name)': grid search needs 'values', or integer or q_uniform bounds")
      }
    }
    if let cap = members["run_cap"], cap != .null {
      guard let number = cap.intValue, number > 0 else { throw SweepError("'run_cap' must be a positive integer") }
      runCap = Int(number)
    } else {
      runCap = nil
    }
    if let early = members["early_terminate"], early != .null {
      warnings.append("'early_terminate' is not applied: this server lets every run go to its end")
    }
    program = members["program"]?.stringValue
    name = members["name"]?.stringValue
    description = members["description"]?.stringValue
    self.warnings = warnings
  }

  private static func method(_ given: JSON?) throws(SweepError) -> Method {
    let all = Method.allCases.map(\.rawValue).joined(separator: ", ")
    guard let given else { throw SweepError("the sweep has no 'method'; there are \(all)") }
    if let method = given.stringValue.flatMap(Method.init(rawValue:)) { return method }
    if given == "custom" {
      throw SweepError("the method 'custom' needs a local controller, which is not supported; there are \(all)")
    }
    throw SweepError("unknown method '\(given.stringValue ?? given.text(style: .core))'; there are \(all)")
  }

  private static func metric(
    _ given: JSON?, isNeeded: Bool, warnings: inout [String]
  ) throws(SweepError) -> Metric? {
    guard let given, given != .null else {
      if isNeeded { throw SweepError("the method 'bayes' needs a 'metric' with its 'name'") }
      return nil
    }
    guard let members = given.objectValue, let name = members["name"]?.stringValue, !name.isEmpty else {
      throw SweepError("'metric' must be a mapping with a 'name'")
    }
    let goal = members["goal"] ?? "minimize"
    guard goal == "minimize" || goal == "maximize" else {
      throw SweepError("the goal of the metric must be 'minimize' or 'maximize'")
    }
    for key in members.keys.map(\.string) where !["name", "goal"].contains(key) {
      warnings.append("'\(key)' of the metric is ignored")
    }
    return Metric(name: name, isMaximized: goal == "maximize")
  }

  /// Of the parameters, the outermost.
  public var names: [Key] { parameters.objectValue?.keys ?? [] }

  /// How many runs there will be; nil if only a person can end the sweep.
  public var expectedRuns: Int? {
    guard method == .grid, let count = space.gridCount else { return runCap }
    return min(count, runCap ?? .max)
  }

  /// Whether the same numbers mean the same points, so that a sweep can go on with the other configuration.
  public func continues(_ other: SweepConfiguration) -> Bool {
    method == other.method && parameters == other.parameters
  }

  /// The values of the next run by their names.
  /// - Parameters:
  ///   - number: from 0; the place in the grid.
  ///   - results: of the runs so far, for `bayes`.
  /// - Returns: nil if the grid has no such point.
  public func arguments(
    number: Int, results: [SweepResult], using generator: inout some RandomNumberGenerator
  ) -> JSONObject? {
    switch method {
    case .grid:
      guard number >= 0, number < space.gridCount ?? 0 else { return nil }
      return space.arguments(space.gridPoint(number))
    case .random: return space.arguments(space.sample(using: &generator))
    case .bayes:
      let search = BayesianSearch(space: space, isMaximized: metric?.isMaximized ?? false)
      return space.arguments(search.next(results, using: &generator))
    }
  }
}

/// A run of a sweep, as far as a search cares.
public struct SweepResult: Sendable {
  public enum Outcome: Sendable, Equatable {
    /// The metric; not finite is as good as failed.
    case value(Double)
    /// It ended without the metric.
    case failed
    case running
  }

  public var arguments: JSONObject
  public var outcome: Outcome

  public init(arguments: JSONObject, outcome: Outcome) {
    self.arguments = arguments
    self.outcome = outcome
  }
}
