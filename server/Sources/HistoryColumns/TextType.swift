/// The type names under which a run's keys are counted.
enum TextType {
  static let number: [UInt8] = Array("number".utf8)
  static let string: [UInt8] = Array("string".utf8)
  static let boolean: [UInt8] = Array("boolean".utf8)
  static let null: [UInt8] = Array("nil".utf8)
  static let list: [UInt8] = Array("list".utf8)
  static let map: [UInt8] = Array("map".utf8)

  /// The type of a JSON text; of an object with a text under `_type`, that text.
  static func name(_ text: UnsafeRawBufferPointer) -> [UInt8] {
    switch text.first {
    case UInt8(ascii: "\"")?: string
    case UInt8(ascii: "t")?, UInt8(ascii: "f")?: boolean
    case UInt8(ascii: "n")?: null
    case UInt8(ascii: "[")?: list
    case UInt8(ascii: "{")?: mediaType(text) ?? map
    default: number
    }
  }

  /// The number that a text is, if it is one and fits an Int64 or a double.
  static func number(_ text: UnsafeRawBufferPointer) -> Number? {
    guard let base = text.baseAddress, let first = text.first,
      first &- 48 < 10 || first == UInt8(ascii: "-") || first == UInt8(ascii: "N") || first == UInt8(ascii: "I")
    else { return nil }
    var at = 0
    guard case .number(let number) = NumberText.read(base, &at, text.count) else { return nil }
    return number
  }

  /// Walks the object's own members, without a look into nested values.
  private static func mediaType(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    var depth = 0
    var at = 0
    // A member's name follows '{' or ','.
    var isName = false
    var isType = false
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth &+= 1
        isName = depth == 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth &-= 1
      case UInt8(ascii: ","): isName = depth == 1
      case UInt8(ascii: "\""):
        let start = at &+ 1
        at = start
        while at < text.count && text[at] != UInt8(ascii: "\"") {
          at &+= text[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard at < text.count else { return nil }
        if depth == 1 {
          let content = UnsafeRawBufferPointer(rebasing: text[start..<at])
          if !isName && isType { return Array(content) }
          isType = isName && content.elementsEqual("_type".utf8)
          isName = false
        }
      default: break
      }
      at &+= 1
    }
    return nil
  }
}
