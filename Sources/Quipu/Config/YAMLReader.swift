import QuipuBase

/// Reads the YAML of config files: one document of block and flow collections, plain, quoted and block scalars,
/// comments, anchors, aliases and merge keys, with the scalar rules of YAML 1.1 (see ``YAMLScalar``).
///
/// Refused, with line and column: several documents, complex keys (`? `), lists or objects as keys, tags beyond
/// `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map`, encodings other than UTF-8. Tabs never indent.
///
/// A maintained parser would be preferable, but the core carries no third-party package, and config files use little
/// of YAML. It is checked against PyYAML, whose reading of these files W&B's client has made the rule.
///
/// Never traps, on any bytes. Time and memory are linear in the file's size plus the nodes that aliases repeat, of
/// which there may be a million.
struct YAMLReader {
  /// Deepest nesting of collections.
  static let maximumDepth = 100
  /// Most nodes in a document, each use of an alias counted in full.
  static let maximumNodes = 1_000_000
  /// Longest key, in bytes, as YAML has it.
  static let maximumKeyBytes = 1024

  struct Document {
    /// Null for an empty file.
    var root: JSON = .null
    /// Keys of the top level that YAML reads as something other than text (`1:`, `yes:`), as text.
    var nonTextKeys: [String] = []
  }

  static func read(_ bytes: [UInt8]) throws(YAMLError) -> Document {
    var reader = try YAMLReader(bytes)
    return try reader.document()
  }

  // Line breaks made \n, no NUL, so that 0 stands for the end of the text.
  private let bytes: [UInt8]
  private let lineStarts: [Int]
  private var at = 0
  private var nodes = 0
  private var anchors: [Key: (node: Node, size: Int)] = [:]

  /// A value on the way, with what is needed if it turns out to be a key.
  private struct Node {
    var json: JSON
    /// As an object's key; nil for collections.
    var keyText: String?
    var isText = false
    var isMergeKey = false
  }

  private struct Properties {
    var anchor: Key?
    var tag: String?
    var isEmpty: Bool { anchor == nil && tag == nil }
    /// A plain `!` changes nothing in PyYAML.
    var type: String? { tag == "!" ? nil : tag }
  }

  private init(_ source: [UInt8]) throws(YAMLError) {
    guard String(validating: source, as: UTF8.self) != nil else {
      throw YAMLError(line: 1, column: 1, reason: "the file is not UTF-8")
    }
    var clean: [UInt8] = []
    clean.reserveCapacity(source.count)
    var index = source.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var control: Int?
    while index < source.count {
      let byte = source[index]
      index += 1
      if byte == 0x0D {
        if index < source.count, source[index] == 0x0A { index += 1 }
        clean.append(0x0A)
      } else {
        if byte < 0x20, byte != 0x09, byte != 0x0A, control == nil { control = clean.count }
        clean.append(byte)
      }
    }
    bytes = clean
    var starts = [0]
    for (index, byte) in clean.enumerated() where byte == 0x0A { starts.append(index + 1) }
    lineStarts = starts
    if let control { throw failure("control characters are not allowed", at: control) }
  }

  // MARK: Characters

  private func peek(_ offset: Int = 0) -> UInt8 {
    let index = at + offset
    return index >= 0 && index < bytes.count ? bytes[index] : 0
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0 }
  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || "-_".utf8.contains(byte)
  }
  private static func isFlowMark(_ byte: UInt8) -> Bool { ",[]{}".utf8.contains(byte) }

  private var isAtEnd: Bool { at >= bytes.count }

  private func lineStart(of index: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= index { low = middle } else { high = middle }
    }
    return lineStarts[low]
  }

  private var column: Int { at - lineStart(of: at) }

  private func failure(_ reason: String, at index: Int? = nil) -> YAMLError {
    let index = min(index ?? at, bytes.count)
    let start = lineStart(of: index)
    let line = bytes[..<start].count { $0 == 0x0A } + 1
    let column = bytes[start..<index].count { $0 & 0xC0 != 0x80 } + 1
    return YAMLError(line: line, column: column, reason: reason)
  }

  /// `---` or `...` at the start of a line.
  private func isAtMarker(_ character: Character) -> Bool {
    guard let byte = character.asciiValue, peek() == byte, peek(1) == byte, peek(2) == byte else { return false }
    return (at == 0 || bytes[at - 1] == 0x0A) && Self.isBlank(peek(3))
  }

  private var isAtMarker: Bool { isAtMarker("-") || isAtMarker(".") }

  private mutating func skipSpaces() {
    while Self.isSpace(peek()) { at += 1 }
  }

  private mutating func skipLine() {
    while !isAtEnd, peek() != 0x0A { at += 1 }
  }

  private var isAtComment: Bool {
    peek() == UInt8(ascii: "#") && (at == 0 || Self.isBlank(bytes[at - 1]))
  }

  /// To the next character that means something, over line ends and comments.
  private mutating func skipBlank(inFlow: Bool = false) throws(YAMLError) {
    while !isAtEnd {
      switch peek() {
      case 0x20, 0x0A: at += 1
      case 0x09:
        let start = at
        let indents = bytes[lineStart(of: at)..<at].allSatisfy { $0 == 0x20 }
        skipSpaces()
        if indents, !inFlow, !isAtEnd, peek() != 0x0A, !isAtComment {
          throw failure("a tab cannot indent", at: start)
        }
      case UInt8(ascii: "#") where isAtComment: skipLine()
      default: return
      }
    }
  }

  private mutating func countNode(_ amount: Int = 1) throws(YAMLError) {
    nodes = nodes &+ amount
    if nodes > Self.maximumNodes { throw failure("the document has more than \(Self.maximumNodes) values") }
  }

  // MARK: Document

  private mutating func document() throws(YAMLError) -> Document {
    try skipBlank()
    var needsMarker = false
    while peek() == UInt8(ascii: "%"), column == 0 {
      let line = bytes[at...].prefix { $0 != 0x0A }
      if line.starts(with: "%TAG".utf8) { throw failure("%TAG is not supported") }
      needsMarker = true
      skipLine()
      try skipBlank()
    }
    var allowsMapping = true
    if isAtMarker("-") {
      at += 3
      skipSpaces()
      allowsMapping = isAtEnd || peek() == 0x0A || isAtComment
      try skipBlank()
    } else if needsMarker {
      throw failure("'---' is missing after the directive")
    }
    var result = Document()
    if !isAtEnd, !isAtMarker {
      result.root = try blockNode(parent: -1, sameLine: !allowsMapping, depth: 0, topKeys: &result.nonTextKeys).json
    }
    try skipBlank()
    if isAtMarker(".") {
      at += 3
      try skipBlank()
    }
    if isAtMarker("-") { throw failure("there is more than one document") }
    if !isAtEnd { throw failure("there is something after the end of the document") }
    return result
  }

  // MARK: Block collections

  private var isAtDash: Bool { peek() == UInt8(ascii: "-") && Self.isBlank(peek(1)) }

  /// - Parameters:
  ///   - parent: column of the collection that holds the node.
  ///   - sameLine: the node follows its key on one line, where no further block collection may begin.
  ///   - ofMapping: the parent is a mapping; its values may be lists that are indented no further than its keys.
  private mutating func blockNode(
    parent: Int, sameLine: Bool, ofMapping: Bool = false, depth: Int, topKeys: inout [String]
  ) throws(YAMLError) -> Node {
    guard depth < Self.maximumDepth else { throw failure("collections are nested too deeply") }
    let start = column
    let startIndex = at
    if let key = try implicitKey() {
      if sameLine { throw failure("a mapping cannot begin here; it needs a line of its own", at: startIndex) }
      return try blockMapping(column: start, first: key, depth: depth, topKeys: &topKeys)
    }
    var sameLine = sameLine
    let sizeBefore = nodes
    let properties = try self.properties()
    if !properties.isEmpty {
      skipSpaces()
      if isAtEnd || peek() == 0x0A || isAtComment {
        try skipBlank()
        sameLine = false
        if isAtEnd || isAtMarker || column < parent || (column == parent && !(ofMapping && isAtDash)) {
          return try finish(scalar: "", isPlain: true, properties, sizeBefore)
        }
        // Properties on a line of their own belong to the whole collection.
        let below = column
        if let key = try implicitKey() {
          let node = try blockMapping(column: below, first: key, depth: depth, topKeys: &topKeys)
          return try finish(node, properties, sizeBefore)
        }
      } else if isAtDash {
        throw failure("a list cannot begin here; it needs a line of its own")
      }
    }
    switch peek() {
    case UInt8(ascii: "-") where isAtDash:
      if sameLine { throw failure("a list cannot begin here; it needs a line of its own") }
      return try finish(try blockSequence(column: column, depth: depth), properties, sizeBefore)
    case UInt8(ascii: "?") where Self.isBlank(peek(1)): throw failure("keys with '?' are not supported")
    case UInt8(ascii: ":") where Self.isBlank(peek(1)): throw failure("a key is missing before ':'")
    case UInt8(ascii: "|"), UInt8(ascii: ">"):
      return try finish(scalar: try blockScalar(parent: parent), isPlain: false, properties, sizeBefore)
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      let node = try finish(try flowCollection(depth: depth), properties, sizeBefore)
      skipSpaces()
      if peek() == UInt8(ascii: ":") { throw failure("a list or an object cannot be a key") }
      try requireLineEnd()
      return node
    case UInt8(ascii: "*"):
      guard properties.isEmpty else { throw failure("an alias cannot have a tag or an anchor") }
      let node = try alias()
      try requireLineEnd()
      return node
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      let text = try quoted()
      try requireLineEnd()
      return try finish(scalar: text, isPlain: false, properties, sizeBefore)
    default:
      return try finish(scalar: try plain(parent: parent), isPlain: true, properties, sizeBefore)
    }
  }

  private mutating func requireLineEnd() throws(YAMLError) {
    skipSpaces()
    if isAtEnd || peek() == 0x0A { return }
    if peek() == UInt8(ascii: "#") {
      // PyYAML wants no blank before this comment.
      skipLine()
      return
    }
    if peek() == UInt8(ascii: ":"), Self.isBlank(peek(1)) { throw failure("a mapping cannot begin here") }
    throw failure("there is something after the end of the value")
  }

  private mutating func blockMapping(
    column: Int, first: Node, depth: Int, topKeys: inout [String]
  ) throws(YAMLError) -> Node {
    try countNode()
    var own = JSONObject()
    var merged = JSONObject()
    var key = first
    var unused: [String] = []
    while true {
      let value = try mappingValue(column: column, depth: depth, topKeys: &unused)
      try add(key, value, to: &own, merged: &merged)
      if depth == 0, !key.isText, !key.isMergeKey { topKeys.append(key.keyText ?? "") }
      try skipBlank()
      if isAtEnd || isAtMarker || self.column < column { break }
      if self.column > column { throw failure("the line is indented too far") }
      guard let next = try implicitKey() else { throw failure("'key: value' is expected here") }
      key = next
    }
    return Node(json: .object(Self.combined(own, merged)))
  }

  private mutating func mappingValue(column: Int, depth: Int, topKeys: inout [String]) throws(YAMLError) -> Node {
    skipSpaces()
    let sameLine = !(isAtEnd || peek() == 0x0A || isAtComment)
    if !sameLine {
      try skipBlank()
      if isAtEnd || isAtMarker || self.column < column || (self.column == column && !isAtDash) {
        try countNode()
        return Node(json: .null)
      }
    }
    return try blockNode(
      parent: column, sameLine: sameLine, ofMapping: true, depth: depth + 1, topKeys: &topKeys)
  }

  private mutating func blockSequence(column: Int, depth: Int) throws(YAMLError) -> Node {
    try countNode()
    var elements: [JSON] = []
    var unused: [String] = []
    while true {
      at += 1
      skipSpaces()
      try skipBlank()
      if isAtEnd || isAtMarker || self.column <= column {
        try countNode()
        elements.append(.null)
      } else {
        elements.append(try blockNode(parent: column, sameLine: false, depth: depth + 1, topKeys: &unused).json)
      }
      try skipBlank()
      if isAtEnd || isAtMarker || self.column < column || !isAtDash { break }
      if self.column > column { throw failure("the line is indented too far") }
    }
    return Node(json: .array(elements))
  }

  // MARK: Keys

  /// Reads a key and its colon if the rest of the line begins with them, else moves nowhere.
  private mutating func implicitKey() throws(YAMLError) -> Node? {
    let start = at
    let sizeBefore = nodes
    let properties: Properties
    let node: Node
    switch peek() {
    case UInt8(ascii: "&"), UInt8(ascii: "!"): properties = try self.properties()
    default: properties = Properties()
    }
    skipSpaces()
    switch peek() {
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      guard let text = try quotedKey() else {
        at = start
        return nil
      }
      guard try takeColon(since: start) else { return nil }
      node = try finish(scalar: text, isPlain: false, properties, sizeBefore)
    case UInt8(ascii: "*"):
      var end = at + 1
      while end < bytes.count, Self.isNameByte(bytes[end]) { end += 1 }
      var colon = end
      while colon < bytes.count, Self.isSpace(bytes[colon]) { colon += 1 }
      guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":"),
        colon + 1 >= bytes.count || Self.isBlank(bytes[colon + 1])
      else {
        at = start
        return nil
      }
      node = try alias()
      at = colon + 1
    default:
      guard startsPlain(inFlow: false) else {
        at = start
        return nil
      }
      let text = plainLine(inFlow: false)
      guard try takeColon(since: start) else { return nil }
      node = try finish(scalar: text, isPlain: true, properties, sizeBefore)
    }
    guard node.keyText != nil else { throw failure("a list or an object cannot be a key", at: start) }
    return node
  }

  private mutating func takeColon(since start: Int) throws(YAMLError) -> Bool {
    skipSpaces()
    guard peek() == UInt8(ascii: ":"), Self.isBlank(peek(1)) else {
      at = start
      return false
    }
    if at - start > Self.maximumKeyBytes { throw failure("the key is too long", at: start) }
    at += 1
    return true
  }

  /// A quoted text that ends on its line; nil if it does not.
  private mutating func quotedKey() throws(YAMLError) -> String? {
    let mark = peek()
    var end = at + 1
    while end < bytes.count, bytes[end] != 0x0A {
      if bytes[end] == UInt8(ascii: "\\"), mark == UInt8(ascii: "\"") {
        end += 2
        continue
      }
      if bytes[end] == mark {
        if mark == UInt8(ascii: "'"), end + 1 < bytes.count, bytes[end + 1] == mark {
          end += 2
          continue
        }
        // Look ahead before reading: most quoted texts are values.
        var next = end + 1
        while next < bytes.count, Self.isSpace(bytes[next]) { next += 1 }
        guard next < bytes.count, bytes[next] == UInt8(ascii: ":") else { return nil }
        return try quoted()
      }
      end += 1
    }
    return nil
  }

  /// Adds an entry; the last of equal keys wins, at the place of the first.
  private func add(
    _ key: Node, _ value: Node, to own: inout JSONObject, merged: inout JSONObject
  ) throws(YAMLError) {
    if key.isMergeKey {
      switch value.json {
      case .object(let object):
        for (name, member) in object.members where merged[name] == nil { merged[name] = member }
      case .array(let elements):
        for element in elements {
          guard case .object(let object) = element else { throw failure("'<<' needs a mapping or a list of mappings") }
          for (name, member) in object.members where merged[name] == nil { merged[name] = member }
        }
      default: throw failure("'<<' needs a mapping or a list of mappings")
      }
      return
    }
    guard let text = key.keyText else { throw failure("a list or an object cannot be a key") }
    own[Key(text)] = value.json
  }

  private static func combined(_ own: JSONObject, _ merged: JSONObject) -> JSONObject {
    guard !merged.isEmpty else { return own }
    var result = merged
    for (key, value) in own.members { result[key] = value }
    return result
  }

  // MARK: Properties and aliases

  private mutating func name() throws(YAMLError) -> Key {
    let start = at
    while Self.isNameByte(peek()) { at += 1 }
    guard at > start, Self.isBlank(peek()) || "?:,]}%@`".utf8.contains(peek()) else {
      throw failure("a name of letters, digits, '-' and '_' is expected here")
    }
    return Key(String(decoding: bytes[start..<at], as: UTF8.self))
  }

  private mutating func properties() throws(YAMLError) -> Properties {
    var result = Properties()
    while true {
      if peek() == UInt8(ascii: "&"), result.anchor == nil {
        at += 1
        result.anchor = try name()
      } else if peek() == UInt8(ascii: "!"), result.tag == nil {
        let start = at
        while !Self.isBlank(peek()), !Self.isFlowMark(peek()) { at += 1 }
        var tag = String(decoding: bytes[start..<at], as: UTF8.self)
        let long = "!<tag:yaml.org,2002:"
        if tag.hasPrefix(long), tag.hasSuffix(">") { tag = "!!" + tag.dropFirst(long.utf8.count).dropLast() }
        guard ["!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map"].contains(tag) else {
          throw failure("the tag \(tag) is not supported", at: start)
        }
        result.tag = tag
      } else {
        return result
      }
      let end = at
      skipSpaces()
      if peek() != UInt8(ascii: "&"), peek() != UInt8(ascii: "!") { at = end }
    }
  }

  private mutating func alias() throws(YAMLError) -> Node {
    let start = at
    at += 1
    let name = try self.name()
    guard let (node, size) = anchors[name] else { throw failure("there is no anchor '\(name)' above", at: start) }
    try countNode(size)
    return node
  }

  private mutating func finish(_ node: Node, _ properties: Properties, _ sizeBefore: Int) throws(YAMLError) -> Node {
    switch (properties.type, node.json) {
    case (nil, _), ("!!seq", .array), ("!!map", .object): break
    default: throw failure("the tag \(properties.tag ?? "") does not fit the value")
    }
    if let anchor = properties.anchor { anchors[anchor] = (node, nodes - sizeBefore) }
    return node
  }

  private mutating func finish(
    scalar text: String, isPlain: Bool, _ properties: Properties, _ sizeBefore: Int
  ) throws(YAMLError) -> Node {
    try countNode()
    var json = JSON.string(text)
    switch properties.type {
    case "!!str": break
    case nil where !isPlain: break
    default:
      switch YAMLScalar.meaning(of: text) {
      case .value(let value): json = value
      case .malformed(let reason): throw failure(reason)
      }
    }
    switch (properties.type, json) {
    case (nil, _), ("!!str", _), ("!!int", .int), ("!!int", .bigInteger), ("!!float", .double),
      ("!!bool", .bool), ("!!null", _):
      if properties.tag == "!!null" { json = .null }
    case ("!!float", .int(let value)): json = .double(Double(value))
    case ("!!float", .string), ("!!float", .bigInteger):
      // `!!float 1e3` is a number although `1e3` is not.
      guard let value = Setting.decimal(text) else { throw failure("the tag !!float does not fit the value") }
      json = .double(value)
    default: throw failure("the tag \(properties.tag ?? "") does not fit the value")
    }
    var node = Node(json: json, keyText: text)
    switch json {
    case .string(let value):
      node.keyText = value
      node.isText = true
      node.isMergeKey = isPlain && properties.type == nil && text == "<<"
    case .null: node.keyText = "null"
    case .bool(let value): node.keyText = value ? "true" : "false"
    case .int(let value): node.keyText = String(value)
    case .bigInteger(let value): node.keyText = value
    default: break
    }
    if let anchor = properties.anchor { anchors[anchor] = (node, nodes - sizeBefore) }
    return node
  }

  // MARK: Plain scalars

  private func startsPlain(inFlow: Bool) -> Bool {
    let byte = peek()
    if Self.isBlank(byte) { return false }
    switch byte {
    case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
      let next = peek(1)
      if inFlow, byte != UInt8(ascii: "-") { return false }
      return !Self.isBlank(next)
    default: return !",[]{}#&*!|>'\"%@`".utf8.contains(byte)
    }
  }

  /// The part of a plain scalar on this line, without white space at its end.
  private mutating func plainLine(inFlow: Bool) -> String {
    let start = at
    var end = at
    while !isAtEnd {
      let byte = peek()
      if byte == 0x0A { break }
      if Self.isSpace(byte) {
        at += 1
        continue
      }
      if byte == UInt8(ascii: "#"), isAtComment, at > start { break }
      if byte == UInt8(ascii: ":") {
        let next = peek(1)
        if Self.isBlank(next) || (inFlow && Self.isFlowMark(next)) { break }
      }
      if inFlow, Self.isFlowMark(byte) { break }
      at += 1
      end = at
    }
    at = end
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  /// A plain scalar over as many lines as are indented further than `parent`; nil: within a flow collection.
  private mutating func plain(parent: Int?) throws(YAMLError) -> String {
    let inFlow = parent == nil
    guard startsPlain(inFlow: inFlow) else { throw failure("a value cannot begin with this character") }
    var text = plainLine(inFlow: inFlow)
    while true {
      let end = at
      skipSpaces()
      guard peek() == 0x0A, !isAtEnd else {
        if peek() == UInt8(ascii: ":"), !inFlow { throw failure("a mapping cannot begin here") }
        at = end
        return text
      }
      var breaks = 0
      while peek() == 0x0A, !isAtEnd {
        breaks += 1
        at += 1
        skipSpaces()
      }
      let indent = bytes[lineStart(of: at)..<at].prefix { $0 == 0x20 }.count
      let goesOn = !isAtEnd && !isAtComment && (inFlow || indent > (parent ?? -1))
      if goesOn, peek(-1) == 0x09, !inFlow, indent < column { throw failure("a tab cannot indent") }
      guard goesOn, !(column == 0 && isAtMarker) else {
        at = end
        return text
      }
      if inFlow {
        let byte = peek()
        if Self.isFlowMark(byte) || (byte == UInt8(ascii: ":") && (Self.isBlank(peek(1)) || Self.isFlowMark(peek(1)))) {
          at = end
          return text
        }
      }
      text += breaks == 1 ? " " : String(repeating: "\n", count: breaks - 1)
      text += plainLine(inFlow: inFlow)
    }
  }

  // MARK: Quoted scalars

  private mutating func quoted() throws(YAMLError) -> String {
    let start = at
    let mark = peek()
    let isDouble = mark == UInt8(ascii: "\"")
    at += 1
    var text: [UInt8] = []
    while true {
      guard !isAtEnd else { throw failure("the quotation mark is not closed", at: start) }
      let byte = peek()
      if byte == mark {
        at += 1
        if !isDouble, peek() == mark {
          at += 1
          text.append(mark)
          continue
        }
        return String(decoding: text, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\"), isDouble {
        at += 1
        if peek() == 0x0A, !isAtEnd {
          at += 1
          skipSpaces()
          while peek() == 0x0A, !isAtEnd {
            text.append(0x0A)
            at += 1
            skipSpaces()
          }
        } else {
          text += try escape()
        }
        continue
      }
      if byte == 0x0A || Self.isSpace(byte) {
        let blanks = at
        skipSpaces()
        guard peek() == 0x0A, !isAtEnd else {
          text += bytes[blanks..<at]
          continue
        }
        var breaks = 0
        while peek() == 0x0A, !isAtEnd {
          breaks += 1
          at += 1
          if isAtMarker { throw failure("the document ends within quotation marks") }
          skipSpaces()
        }
        if breaks == 1 { text.append(0x20) } else { text += [UInt8](repeating: 0x0A, count: breaks - 1) }
        continue
      }
      text.append(byte)
      at += 1
    }
  }

  /// What follows a backslash, as UTF-8.
  private mutating func escape() throws(YAMLError) -> [UInt8] {
    let byte = peek()
    at += 1
    func scalar(digits: Int) throws(YAMLError) -> [UInt8] {
      var value: UInt32 = 0
      for offset in 0..<digits {
        guard let digit = YAMLScalar.hexDigit(peek(offset)) else {
          throw failure("\(digits) hexadecimal digits are expected here")
        }
        value = value &<< 4 | digit
      }
      // Half of a surrogate pair is no character.
      return Array(String(Unicode.Scalar(value).map(Character.init) ?? "\u{FFFD}").utf8)
    }
    switch byte {
    case UInt8(ascii: "0"): return [0]
    case UInt8(ascii: "a"): return [7]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "t"), 0x09: return [9]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "v"): return [11]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "e"): return [27]
    case UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "N"): return [0xC2, 0x85]
    case UInt8(ascii: "_"): return [0xC2, 0xA0]
    case UInt8(ascii: "L"): return [0xE2, 0x80, 0xA8]
    case UInt8(ascii: "P"): return [0xE2, 0x80, 0xA9]
    case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
      let digits = byte == UInt8(ascii: "x") ? 2 : byte == UInt8(ascii: "u") ? 4 : 8
      let text = try scalar(digits: digits)
      at += digits
      return text
    default: throw failure("there is no such escape", at: at - 1)
    }
  }

  // MARK: Block scalars

  private mutating func blockScalar(parent: Int) throws(YAMLError) -> String {
    let isFolded = peek() == UInt8(ascii: ">")
    at += 1
    var keep: Bool?
    var increment: Int?
    while true {
      let byte = peek()
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"), keep == nil {
        keep = byte == UInt8(ascii: "+")
      } else if (0x31...0x39).contains(byte), increment == nil {
        increment = Int(byte) - 0x30
      } else {
        break
      }
      at += 1
    }
    skipSpaces()
    if isAtComment { skipLine() }
    guard isAtEnd || peek() == 0x0A else { throw failure("the line must end here") }
    if !isAtEnd { at += 1 }

    let minimum = max(1, parent + 1)
    var breaks = 0
    var indent = minimum + (increment ?? 1) - 1
    if increment == nil {
      // The first line with text says how far the block is indented; blank lines before it may not be longer.
      var width = 0
      while !isAtEnd {
        let start = at
        while peek() == 0x20 { at += 1 }
        width = max(width, at - start)
        guard peek() == 0x0A, !isAtEnd else {
          at = start
          break
        }
        at += 1
        breaks += 1
      }
      indent = max(minimum, width)
    }
    skipIndent(indent)
    breaks += skipBreaks(indent)

    var text: [UInt8] = []
    var lineBreak = false
    while column == indent, !isAtEnd {
      text += [UInt8](repeating: 0x0A, count: breaks)
      let isIndentedFurther = Self.isSpace(peek())
      let start = at
      skipLine()
      text += bytes[start..<at]
      lineBreak = !isAtEnd
      if lineBreak { at += 1 }
      skipIndent(indent)
      breaks = skipBreaks(indent)
      guard column == indent, !isAtEnd else { break }
      if isFolded, lineBreak, !isIndentedFurther, !Self.isSpace(peek()) {
        if breaks == 0 { text.append(0x20) }
      } else if lineBreak {
        text.append(0x0A)
      }
    }
    if keep != false, lineBreak { text.append(0x0A) }
    if keep == true { text += [UInt8](repeating: 0x0A, count: breaks) }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func skipIndent(_ indent: Int) {
    while peek() == 0x20, column < indent { at += 1 }
  }

  private mutating func skipBreaks(_ indent: Int) -> Int {
    var breaks = 0
    while peek() == 0x0A, !isAtEnd {
      breaks += 1
      at += 1
      skipIndent(indent)
    }
    return breaks
  }

  // MARK: Flow collections

  private mutating func flowCollection(depth: Int) throws(YAMLError) -> Node {
    guard depth < Self.maximumDepth else { throw failure("collections are nested too deeply") }
    return peek() == UInt8(ascii: "[") ? try flowSequence(depth: depth) : try flowMapping(depth: depth)
  }

  private var isAtFlowColon: Bool { peek() == UInt8(ascii: ":") }

  private mutating func flowSequence(depth: Int) throws(YAMLError) -> Node {
    let start = at
    try countNode()
    at += 1
    var elements: [JSON] = []
    while true {
      try skipBlank(inFlow: true)
      if isAtEnd { throw failure("the bracket is not closed", at: start) }
      if peek() == UInt8(ascii: "]") {
        at += 1
        return Node(json: .array(elements))
      }
      let node = try flowNode(depth: depth + 1)
      try skipBlank(inFlow: true)
      if isAtFlowColon {
        var own = JSONObject()
        var merged = JSONObject()
        try countNode()
        try add(node, try flowValue(depth: depth + 1), to: &own, merged: &merged)
        elements.append(.object(Self.combined(own, merged)))
      } else {
        elements.append(node.json)
      }
      try flowSeparator(closing: UInt8(ascii: "]"), start)
    }
  }

  private mutating func flowMapping(depth: Int) throws(YAMLError) -> Node {
    let start = at
    try countNode()
    at += 1
    var own = JSONObject()
    var merged = JSONObject()
    while true {
      try skipBlank(inFlow: true)
      if isAtEnd { throw failure("the brace is not closed", at: start) }
      if peek() == UInt8(ascii: "}") {
        at += 1
        return Node(json: .object(Self.combined(own, merged)))
      }
      let key = try flowNode(depth: depth + 1)
      try skipBlank(inFlow: true)
      let value = isAtFlowColon ? try flowValue(depth: depth + 1) : Node(json: .null)
      try add(key, value, to: &own, merged: &merged)
      try flowSeparator(closing: UInt8(ascii: "}"), start)
    }
  }

  private mutating func flowValue(depth: Int) throws(YAMLError) -> Node {
    at += 1
    try skipBlank(inFlow: true)
    if Self.isFlowMark(peek()), peek() != UInt8(ascii: "["), peek() != UInt8(ascii: "{") {
      try countNode()
      return Node(json: .null)
    }
    return try flowNode(depth: depth)
  }

  private mutating func flowSeparator(closing: UInt8, _ start: Int) throws(YAMLError) {
    try skipBlank(inFlow: true)
    if isAtEnd { throw failure("the bracket is not closed", at: start) }
    if peek() == UInt8(ascii: ",") {
      at += 1
    } else if peek() != closing {
      throw failure("',' or '\(Character(Unicode.Scalar(closing)))' is expected here")
    }
  }

  private mutating func flowNode(depth: Int) throws(YAMLError) -> Node {
    let sizeBefore = nodes
    let properties = try self.properties()
    if !properties.isEmpty { try skipBlank(inFlow: true) }
    switch peek() {
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      return try finish(try flowCollection(depth: depth), properties, sizeBefore)
    case UInt8(ascii: "*"):
      guard properties.isEmpty else { throw failure("an alias cannot have a tag or an anchor") }
      return try alias()
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      return try finish(scalar: try quoted(), isPlain: false, properties, sizeBefore)
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"):
      guard !properties.isEmpty else { throw failure("a value is missing here") }
      return try finish(scalar: "", isPlain: true, properties, sizeBefore)
    default:
      return try finish(scalar: try plain(parent: nil), isPlain: true, properties, sizeBefore)
    }
  }
}
