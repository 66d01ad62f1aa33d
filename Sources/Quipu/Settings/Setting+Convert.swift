import QuipuBase

extension Setting {
  /// Where a value came from: the environment's texts are read a little differently.
  enum Origin: Sendable { case environment, file, program }

  /// Reads a value as this setting's type, leniently: `"5"` is 5, `"yes"` is true.
  ///
  /// - Parameter source: the variable, file or argument, for the message.
  /// - Returns: the value in its canonical type; nil for "not given".
  func convert(_ value: JSON, origin: Origin, source: String, home: String) throws(QuipuError) -> JSON? {
    if case .null = value { return nil }
    switch kind {
    case .flag:
      guard let flag = Self.flag(value) else {
        throw bad("bool", source, "must be true or false (also yes, no, on, off, 1, 0)")
      }
      return .bool(flag)
    case .integer(let minimum):
      guard let number = Self.integer(value) else { throw bad("number", source, "must be a whole number") }
      guard number >= minimum else { throw bad("number", source, "must be at least \(minimum)") }
      return .int(number)
    case .number:
      guard let number = Self.number(value) else { throw bad("number", source, "must be a number") }
      return .double(number)
    case .text:
      guard value.stringValue != nil else { throw bad("string", source, "must be a text") }
      return value
    case .path:
      guard let text = value.stringValue else { throw bad("string", source, "must be a path") }
      guard !text.utf8.contains(0) else { throw bad("string", source, "must not contain a NUL character") }
      return .string(PathTools.expandHome(text, home: home))
    case .texts: return try texts(value, source, splitting: true)
    case .tags: return try texts(value, source, splitting: origin == .environment)
    case .integers:
      guard case .array(let elements)? = parsed(value) else { throw bad("list", source, "must be a list of numbers") }
      var result: [JSON] = []
      for element in elements {
        guard let number = Self.integer(element) else { throw bad("list", source, "must be a list of numbers") }
        result.append(.int(number))
      }
      return .array(result)
    case .table:
      guard case .object(let object)? = parsed(value),
        object.members.allSatisfy({ $0.value.stringValue != nil })
      else { throw bad("object", source, "must be an object of texts") }
      return .object(object)
    case .json:
      guard let value = parsed(value) else { throw bad("object", source, "must be JSON") }
      return value
    case .choice(let names): return try choice(value, names, source)
    case .resume:
      if case .bool(let flag) = value { return flag ? "auto" : nil }
      return try choice(value, Resume.allCases.map(\.rawValue), source)
    case .reinit:
      if let text = value.stringValue, Reinit(name: text) != nil { return value }
      guard let flag = Self.flag(value) else { throw badChoice(Reinit.allCases.map(\.rawValue), source) }
      return .bool(flag)
    case .moment:
      guard let text = value.stringValue, RunMoment(parsing: text) != nil else {
        throw QuipuError(
          .setting, kind: "run_moment_bad", "\(source): must be of the form RUN?_step=NUMBER, e.g. abc123?_step=10")
      }
      return value
    case .unused: return nil
    }
  }

  private func texts(_ value: JSON, _ source: String, splitting: Bool) throws(QuipuError) -> JSON {
    switch value {
    case .string(let text) where splitting:
      if case .array? = parsed(value), text.utf8.first == UInt8(ascii: "[") {
        return try texts(parsed(value) ?? .null, source, splitting: false)
      }
      let parts = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      return .array(parts.map { .string(String(Substring($0))) })
    case .string: return .array([value])
    case .array(let elements):
      guard elements.allSatisfy({ $0.stringValue != nil }) else {
        throw bad("string", source, "must be a list of texts")
      }
      return value
    default: throw bad("list", source, "must be a list of texts")
    }
  }

  private func choice(_ value: JSON, _ names: [String], _ source: String) throws(QuipuError) -> JSON {
    guard let text = value.stringValue, names.contains(where: { Key($0) == Key(text) }) else {
      throw badChoice(names, source)
    }
    return value
  }

  private func badChoice(_ names: [String], _ source: String) -> QuipuError {
    bad("choice", source, "must be one of \(names.joined(separator: ", "))")
  }

  // The value itself is left out: it may be anything, a misplaced key included.
  private func bad(_ what: String, _ source: String, _ rule: String) -> QuipuError {
    QuipuError(.setting, kind: "setting_bad_\(what)", "\(source): \(rule)")
  }

  /// Lists and objects may come as JSON text.
  private func parsed(_ value: JSON) -> JSON? {
    guard let text = value.stringValue else { return value }
    return try? JSON(parsing: text)
  }

  static func flag(_ value: JSON) -> Bool? {
    switch value {
    case .bool(let flag): return flag
    case .int(0), .double(0): return false
    case .int(1), .double(1): return true
    case .string(let text):
      switch text.lowercased() {
      case "true", "1", "yes", "on", "t", "y": return true
      case "false", "0", "no", "off", "f", "n": return false
      default: return nil
      }
    default: return nil
    }
  }

  static func integer(_ value: JSON) -> Int64? {
    switch value {
    case .int(let number): return number
    case .bool(let flag): return flag ? 1 : 0
    case .double(let number): return Int64(exactly: number)
    case .string(let text):
      let text = trimmed(text)
      return Int64(text) ?? number(.string(text)).flatMap { Int64(exactly: $0) }
    default: return nil
    }
  }

  static func number(_ value: JSON) -> Double? {
    switch value {
    case .bool(let flag): flag ? 1 : 0
    case .string(let text): decimal(trimmed(text))
    default: value.doubleValue
    }
  }

  /// Decimal text, `inf` and `nan` included; not the hexadecimal forms that `Double` reads as well.
  static func decimal(_ text: String) -> Double? {
    guard !text.utf8.contains(where: { $0 == UInt8(ascii: "x") || $0 == UInt8(ascii: "X") }) else { return nil }
    return Double(text)
  }

  /// Without ASCII white space at either end.
  static func trimmed(_ text: String) -> String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    let bytes = text.utf8
    guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }
}
