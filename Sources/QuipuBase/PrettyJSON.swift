/// JSON over several lines, two spaces per level.
package enum PrettyJSON {
  package static func text(_ value: JSON) -> String {
    var out = ""
    write(value, indent: "", to: &out)
    return out
  }

  private static func write(_ value: JSON, indent: String, to out: inout String) {
    let inner = indent + "  "
    switch value {
    case .object(let object) where !object.isEmpty:
      out += "{"
      for (at, member) in object.members.enumerated() {
        out += at == 0 ? "\n" : ",\n"
        out += inner + JSON.string(member.key.string).text(style: .core) + ": "
        write(member.value, indent: inner, to: &out)
      }
      out += "\n" + indent + "}"
    case .array(let array) where !array.isEmpty:
      out += "["
      for (at, element) in array.enumerated() {
        out += at == 0 ? "\n" : ",\n"
        out += inner
        write(element, indent: inner, to: &out)
      }
      out += "\n" + indent + "]"
    default: out += value.text(style: .core)
    }
  }
}
