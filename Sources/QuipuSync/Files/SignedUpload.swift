import QuipuBase

/// Puts bytes to a signed URL, as its storage wants them.
///
/// Source: http.md, section 11.1.
///
/// Threads: the loop's thread only.
final class SignedUpload {
  enum Content {
    case bytes([UInt8])
    /// Part of a file, read while it is sent.
    case file(path: String, offset: Int64, size: Int64)

    var size: Int64 {
      switch self {
      case .bytes(let bytes): Int64(bytes.count)
      case .file(_, _, let size): size
      }
    }
  }

  /// Larger files go to Azure in blocks; smaller ones as one blob.
  static let azureBlockThreshold: Int64 = 256 << 20
  static let azureBlockSize: Int64 = 64 << 20
  /// Azure takes so many blocks of a blob.
  private static let azureBlocks: Int64 = 50_000

  private let requester: Requester
  private let policy: RetryPolicy
  private var current: UInt64?
  private var isCancelled = false

  init(requester: Requester) {
    self.requester = requester
    policy = requester.settings.transfer
  }

  /// Sends everything; `done` gets the last answer, or why it did not work.
  func put(
    _ content: Content, to url: String, headers: [HTTPHeader],
    _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) {
    let isAzure = headers.contains { Self.same($0.name, "x-ms-blob-type") }
    if isAzure, case .file(let path, let offset, let size) = content, size > Self.azureBlockThreshold {
      var blockSize = Self.azureBlockSize
      if size / blockSize >= Self.azureBlocks { blockSize = (size / Self.azureBlocks / 4096 + 1) * 4096 }
      putBlock(0, of: (path, offset, size), blockSize, url, headers, done)
    } else {
      send(content, url, headers, done)
    }
  }

  func cancel() {
    isCancelled = true
    if let current { requester.cancel(current) }
  }

  private func send(
    _ content: Content, _ url: String, _ headers: [HTTPHeader],
    _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) {
    guard Self.isWeb(url) else {
      done(.failure(.malformed("the server named an upload URL that is not http or https")))
      return
    }
    let body: HTTPRequest.Body =
      switch content {
      case .bytes(let bytes): .bytes(bytes)
      case .file(_, _, 0): .bytes([])
      case .file(let path, let offset, let size):
        .file(path: path, offset: UInt64(clamping: offset), size: UInt64(clamping: size))
      }
    let request = HTTPRequest(
      .put, url, headers: headers, body: body, timeoutMilliseconds: policy.attemptMilliseconds, answerLimit: 1 << 20)
    current = requester.send(request, policy) { [weak self] result in
      self?.current = nil
      done(result)
    }
  }

  // MARK: Azure

  private func putBlock(
    _ index: Int64, of file: (path: String, offset: Int64, size: Int64), _ blockSize: Int64, _ url: String,
    _ headers: [HTTPHeader], _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) {
    let start = index * blockSize
    guard !isCancelled else {
      done(.failure(.failure(HTTPFailure(.cancelled, "cancelled"))))
      return
    }
    guard start < file.size else {
      putBlockList(index, url, headers, done)
      return
    }
    let part = Content.file(path: file.path, offset: file.offset + start, size: min(blockSize, file.size - start))
    // The headers that describe the blob go with the list of blocks.
    let kept = headers.filter { header in
      !["x-ms-blob-type", "content-md5", "content-type"].contains { Self.same(header.name, $0) }
    }
    send(part, Self.with(url, "comp=block&blockid=" + Self.percent(Self.blockID(index))), kept) { result in
      switch result {
      case .success: self.putBlock(index + 1, of: file, blockSize, url, headers, done)
      case .failure: done(result)
      }
    }
  }

  private func putBlockList(
    _ count: Int64, _ url: String, _ headers: [HTTPHeader],
    _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) {
    var text = ByteBuffer()
    text.append("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>")
    for index in 0..<count {
      text.append("<Latest>")
      text.append(Self.blockID(index))
      text.append("</Latest>")
    }
    text.append("</BlockList>")
    let kept = headers.compactMap { header -> HTTPHeader? in
      if Self.same(header.name, "x-ms-blob-type") { return nil }
      if Self.same(header.name, "content-md5") { return HTTPHeader("x-ms-blob-content-md5", header.value) }
      if Self.same(header.name, "content-type") { return HTTPHeader("x-ms-blob-content-type", header.value) }
      return header
    }
    send(.bytes(text.array()), Self.with(url, "comp=blocklist"), kept, done)
  }

  /// All ids of a blob have the same length.
  static func blockID(_ index: Int64) -> String {
    let digits = Array(String(index).utf8)
    return base64(Array(repeating: UInt8(ascii: "0"), count: max(0, 8 - digits.count)) + digits)
  }

  private static func with(_ url: String, _ query: String) -> String {
    url + (url.utf8.contains(UInt8(ascii: "?")) ? "&" : "?") + query
  }

  private static func percent(_ base64: String) -> String {
    var out = ""
    for character in base64 {
      switch character {
      case "=": out += "%3D"
      case "+": out += "%2B"
      case "/": out += "%2F"
      default: out.append(character)
      }
    }
    return out
  }

  // MARK: Headers

  /// `uploadHeaders` of an answer: `"Name: value"` texts. What cannot be a header, and what would change how the
  /// request is framed or where it goes, is left out.
  static func headers(_ texts: [JSON]?) -> [HTTPHeader] {
    (texts ?? []).compactMap { json in
      guard let text = json.stringValue, let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
        !text.utf8.contains(where: { $0 < 32 && $0 != 9 || $0 == 127 })
      else { return nil }
      let name = trimmed(text[..<colon])
      let value = trimmed(text[text.utf8.index(after: colon)...])
      let isToken = !name.isEmpty && name.utf8.allSatisfy { $0 > 32 && $0 < 127 }
      let isOurs = ["host", "content-length", "transfer-encoding", "connection"].contains { same(name, $0) }
      return isToken && !isOurs ? HTTPHeader(name, value) : nil
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var bytes = text.utf8
    while let byte = bytes.first, byte == 32 || byte == 9 { bytes.removeFirst() }
    while let byte = bytes.last, byte == 32 || byte == 9 { bytes.removeLast() }
    return String(Substring(bytes))
  }

  /// Header names do not mind the case of ASCII letters.
  static func same(_ a: String, _ b: String) -> Bool {
    func lower(_ byte: UInt8) -> UInt8 { 65...90 ~= byte ? byte | 32 : byte }
    return a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lower($0) == lower($1) }
  }

  static func isWeb(_ url: String) -> Bool {
    let start = String(decoding: url.utf8.prefix(8), as: UTF8.self).lowercased()
    return start.utf8.starts(with: "http://".utf8) || start.utf8.starts(with: "https://".utf8)
  }
}
