/// The arguments of one subcommand: options in any order, `--name value` or `--name=value`, `--` ends them.
struct CommandLineArguments {
  struct Option {
    var name: String
    /// False: a switch.
    var takesValue = false
  }

  /// A mistake of the caller, in one line.
  struct UsageError: Error {
    var message: String
  }

  var positional: [String] = []
  private var values: [String: String] = [:]

  init(_ arguments: [String], options: [Option]) throws(UsageError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        positional += rest
        return
      }
      guard argument.utf8.first == UInt8(ascii: "-"), argument != "-" else {
        positional.append(argument)
        continue
      }
      let cut = argument.utf8.firstIndex(of: UInt8(ascii: "="))
      let name = cut.map { String(argument[..<$0]) } ?? argument
      guard let option = options.first(where: { $0.name == (name == "-h" ? "--help" : name) }) else {
        throw UsageError(message: "unknown option \(name)")
      }
      if option.takesValue {
        if let cut {
          values[option.name] = String(argument[argument.utf8.index(after: cut)...])
        } else if let value = rest.popFirst() {
          values[option.name] = value
        } else {
          throw UsageError(message: "option \(name) needs a value")
        }
      } else if cut != nil {
        throw UsageError(message: "option \(name) takes no value")
      } else {
        values[option.name] = ""
      }
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  subscript(name: String) -> String? { values[name] }

  /// The only positional argument, or the given default.
  func only(_ what: String, default fallback: String) throws(UsageError) -> String {
    if positional.count > 1 { throw UsageError(message: "one \(what) at a time, not \(positional.count)") }
    return positional.first ?? fallback
  }
}
