import QuipuBase

/// All parameters of a sweep, those inside of others included.
public struct SearchSpace: Sendable {
  struct Parameter: Sendable {
    /// One name, or one for each level.
    let path: [Key]
    let distribution: Distribution
  }

  /// Names of each level in the order of their bytes.
  let parameters: [Parameter]

  init(_ members: JSONObject, warnings: inout [String]) throws(SweepError) {
    var found: [Parameter] = []
    try Self.read(members, below: [], into: &found, warnings: &warnings)
    guard !found.isEmpty else { throw SweepError("the sweep has no parameters: 'parameters' is empty") }
    parameters = found
  }

  private static func read(
    _ members: JSONObject, below path: [Key], into found: inout [Parameter], warnings: inout [String]
  ) throws(SweepError) {
    for (key, value) in members.members.sorted(by: { $0.key < $1.key }) {
      let path = path + [key]
      let name = path.map(\.string).joined(separator: ".")
      guard let inner = value.objectValue else {
        throw SweepError("parameter '\(name)': must be a mapping such as {values: [1, 2]}, not a bare value")
      }
      if let nested = inner["parameters"] {
        guard let members = nested.objectValue, !members.isEmpty else {
          throw SweepError("parameter '\(name)': 'parameters' must be a mapping, not empty")
        }
        try read(members, below: path, into: &found, warnings: &warnings)
      } else {
        var reader = DistributionReader(name: name, members: inner)
        found.append(Parameter(path: path, distribution: try reader.read()))
        warnings += reader.warnings
      }
    }
  }

  /// The values, in the order of `parameters`, by their names.
  func arguments(_ values: [JSON]) -> JSONObject {
    var arguments = JSONObject()
    for (parameter, value) in zip(parameters, values) { Self.set(value, at: parameter.path[...], in: &arguments) }
    return arguments
  }

  private static func set(_ value: JSON, at path: ArraySlice<Key>, in object: inout JSONObject) {
    guard let name = path.first else { return }
    if path.count == 1 {
      object[name] = value
    } else {
      var inner = object[name]?.objectValue ?? [:]
      set(value, at: path.dropFirst(), in: &inner)
      object[name] = .object(inner)
    }
  }

  /// The values by their names in the order of `parameters`; nil where there is none.
  func values(_ arguments: JSONObject) -> [JSON?] {
    parameters.map { parameter in
      parameter.path.reduce(JSON.object(arguments)) { $0?.objectValue?[$1] }
    }
  }

  func sample(using generator: inout some RandomNumberGenerator) -> [JSON] {
    parameters.map { $0.distribution.value(at: Double.random(in: 0..<1, using: &generator)) }
  }

  // MARK: Grid

  /// Of points in the grid; nil if a parameter has no end of values, `Int.max` for all that is beyond counting.
  var gridCount: Int? {
    var count = 1
    for parameter in parameters {
      guard let values = parameter.distribution.gridCount else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: values)
      if overflow { count = .max } else if count != .max { count = product }
    }
    return count
  }

  /// A point of the grid; the last parameter changes fastest.
  func gridPoint(_ number: Int) -> [JSON] {
    var rest = number
    var values: [JSON] = []
    for parameter in parameters.reversed() {
      let count = max(1, parameter.distribution.gridCount ?? 1)
      values.append(parameter.distribution.gridValue(rest % count))
      rest /= count
    }
    return values.reversed()
  }
}
