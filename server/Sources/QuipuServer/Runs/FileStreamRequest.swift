import QuipuBase

/// The body of a file stream request. Source: protocol reference, 10.1.
struct FileStreamRequest: Sendable {
  struct Lines: Sendable {
    var offset: Int64
    var content: [String]
  }

  var history: Lines?
  var events: Lines?
  var summary: Lines?
  var console: Lines?
  /// Names of files that are in storage now; only that they are told counts.
  var tellsUploads = false
  var isPreempting = false
  var isComplete = false
  var exitCode: Int64?
  /// FNV-1a over the body: how a request that comes again is recognised.
  var digest: UInt64

  /// A sign of life and nothing else.
  var isHeartbeat: Bool {
    history == nil && events == nil && summary == nil && console == nil && !tellsUploads && !isPreempting
      && !isComplete
  }

  /// - Throws: 400 for another shape, 413 for a line that is too long. Unknown members and files are ignored, as older
  ///   and newer clients send some.
  init(body: UnsafeRawBufferPointer, lineLimit: Int) throws(ServerFault) {
    digest = body.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let json: JSON
    do {
      json = try JSON(parsing: body)
    } catch {
      throw ServerFault(400, "the body is not JSON: \(error)")
    }
    guard case .object(let members) = json else { throw ServerFault(400, "the body must be a JSON object") }
    if let files = try Self.member(members, "files", { $0.objectValue }, "an object") {
      history = try Self.lines(files, "wandb-history.jsonl", limit: lineLimit)
      events = try Self.lines(files, "wandb-events.jsonl", limit: lineLimit)
      summary = try Self.lines(files, "wandb-summary.json", limit: lineLimit)
      console = try Self.lines(files, "output.log", limit: lineLimit)
    }
    tellsUploads = members["uploaded"].map { $0 != .null } ?? false
    isPreempting = try Self.member(members, "preempting", { $0.boolValue }, "true or false") ?? false
    isComplete = try Self.member(members, "complete", { $0.boolValue }, "true or false") ?? false
    exitCode = try Self.member(members, "exitcode", { $0.intValue }, "an integer")
  }

  private static func member<Value>(
    _ members: JSONObject, _ name: Key, _ read: (JSON) -> Value?, _ shape: String
  ) throws(ServerFault) -> Value? {
    guard let json = members[name], json != .null else { return nil }
    guard let value = read(json) else { throw ServerFault(400, "'\(name)' must be \(shape)") }
    return value
  }

  private static func lines(_ files: JSONObject, _ name: Key, limit: Int) throws(ServerFault) -> Lines? {
    guard let file = try member(files, name, { $0.objectValue }, "an object with 'offset' and 'content'") else {
      return nil
    }
    let offset = try member(file, "offset", { $0.intValue }, "an integer") ?? 0
    // Far beyond any real run, and far from where adding to it could overflow.
    guard offset >= 0, offset < 1 << 50 else { throw ServerFault(400, "the offset of \(name) must be from 0 to 2^50") }
    let content: [JSON]
    switch file["content"] {
    case nil, .null?: return nil
    case .string(let text)?: content = [.string(text)]
    case .array(let list)?: content = list
    default: throw ServerFault(400, "the content of \(name) must be a list of strings")
    }
    var lines: [String] = []
    lines.reserveCapacity(content.count)
    for (index, line) in content.enumerated() {
      guard case .string(let text) = line else { throw ServerFault(400, "line \(index) of \(name) is not a string") }
      guard text.utf8.count <= limit else {
        throw ServerFault(413, "line \(index) of \(name) has \(text.utf8.count) bytes, the limit is \(limit)")
      }
      lines.append(text)
    }
    return lines.isEmpty ? nil : Lines(offset: offset, content: lines)
  }
}
