/// Why a text is not YAML that can be read here.
struct YAMLError: Error, Equatable, CustomStringConvertible {
  /// From 1.
  var line: Int
  /// From 1, in characters.
  var column: Int
  /// One line, lower case, without a full stop.
  var reason: String

  var description: String { "line \(line), column \(column): \(reason)" }
}
