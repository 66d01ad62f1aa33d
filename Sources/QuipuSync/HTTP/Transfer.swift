import CCurl
import Glibc

/// A request under way: what libcurl's callbacks read and fill.
///
/// Threads: the loop's thread; the callbacks run inside libcurl's calls there.
final class Transfer {
  let id: UInt64
  let request: HTTPRequest
  let options: ConnectionOptions
  var done: ((Result<HTTPAnswer, HTTPFailure>) -> Void)?
  /// The URL of this hop.
  var url: String
  var parts: HTTPURL
  var redirects = 0
  /// CLOCK_MONOTONIC in nanoseconds; nil: no limit for the whole.
  var deadline: Int64?
  var easy: UnsafeMutableRawPointer?
  var headerList: UnsafeMutablePointer<curl_slist>?
  var proxyHeaderList: UnsafeMutablePointer<curl_slist>?
  let errorText: UnsafeMutablePointer<CChar>
  /// The proxy of this hop, without user and password.
  var proxyText: String?
  /// Certificates are looked up in the directory of them, the file with all was not read.
  var triesDirectoryFirst = false

  /// What ended the transfer from inside a callback.
  private(set) var failure: HTTPFailure?
  private(set) var status = 0
  private(set) var headers: [HTTPHeader] = []
  private var headerBytes = 0
  private var hasAllHeaders = false
  private(set) var body: [UInt8] = []

  private let bytes: [UInt8]
  private(set) var bodySize: UInt64 = 0
  private var sent: UInt64 = 0
  private var fileOffset: UInt64 = 0
  private var source: Int32 = -1
  private var target: Int32 = -1

  private static let longestHeader = 256 << 10

  init(
    id: UInt64, _ request: HTTPRequest, _ options: ConnectionOptions, _ parts: HTTPURL,
    _ done: @escaping (Result<HTTPAnswer, HTTPFailure>) -> Void
  ) {
    self.id = id
    self.request = request
    self.options = options
    self.done = done
    self.parts = parts
    url = request.url
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    if case .bytes(let bytes) = request.body {
      self.bytes = bytes
      bodySize = UInt64(bytes.count)
    } else {
      bytes = []
    }
  }

  deinit {
    if source >= 0 { close(source) }
    if target >= 0 { close(target) }
    errorText.deallocate()
  }

  var sendsBody: Bool { request.method != .get }

  /// Opens the file of the body.
  func openBody() -> HTTPFailure? {
    guard case .file(let path, let offset, let size) = request.body else { return nil }
    source = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard source >= 0 else { return bodyFailure(path, errnoText(errno)) }
    var facts = stat()
    guard fstat(source, &facts) == 0 else { return bodyFailure(path, errnoText(errno)) }
    guard facts.st_mode & S_IFMT == S_IFREG else { return bodyFailure(path, "not a regular file") }
    let (end, tooFar) = offset.addingReportingOverflow(size)
    guard !tooFar, end <= UInt64(clamping: facts.st_size) else { return bodyFailure(path, "the file is shorter now") }
    fileOffset = offset
    bodySize = size
    return nil
  }

  private func bodyFailure(_ path: String, _ reason: String) -> HTTPFailure {
    HTTPFailure(.bodyUnavailable, "cannot read \(path): \(reason)")
  }

  private func errnoText(_ number: Int32) -> String { strerror(number).map { String(cString: $0) } ?? "error \(number)" }

  /// Forgets what an earlier hop answered.
  func startHop() {
    status = 0
    headers = []
    headerBytes = 0
    hasAllHeaders = false
    body = []
    sent = 0
    errorText.pointee = 0
  }

  /// The whole answer is here.
  func finish() -> Result<HTTPAnswer, HTTPFailure> {
    // libcurl takes a connection that ends among the headers for the end of an answer.
    guard hasAllHeaders else {
      return .failure(HTTPFailure(.reset, "\(place): the connection ended in the middle of the headers"))
    }
    if case .download(let path) = request.body, (200..<300).contains(status) {
      // An empty answer makes an empty file.
      if target < 0, let failure = openTarget(path) { return .failure(failure) }
      let descriptor = target
      target = -1
      if close(descriptor) != 0 {
        return .failure(HTTPFailure(.bodyUnavailable, "cannot write \(path): \(errnoText(errno))"))
      }
    }
    return .success(HTTPAnswer(status: status, headers: headers, body: body))
  }

  // MARK: Callbacks

  fileprivate static func of(_ user: UnsafeMutableRawPointer?) -> Transfer? {
    user.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  /// - Returns: how many bytes were taken; any other number than `line.count` ends the transfer.
  fileprivate func takeHeader(_ line: UnsafeRawBufferPointer) -> Int {
    headerBytes += line.count
    if headerBytes > Self.longestHeader {
      failure = HTTPFailure(.answerTooLarge, "\(parts.target) sent more than \(Self.longestHeader) bytes of headers")
      return 0
    }
    if line.starts(with: "HTTP/".utf8) {
      // Answers of the kind 100 come before the real one.
      headers = []
      hasAllHeaders = false
      let number = line.split(separator: 0x20, maxSplits: 2).dropFirst().first
      status = number.flatMap { Int(String(decoding: $0.prefix { $0 > 0x20 }, as: UTF8.self)) } ?? 0
      return line.count
    }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      if line.allSatisfy({ $0 == 13 || $0 == 10 }) { hasAllHeaders = true }
      return line.count
    }
    var value = line[(colon + 1)...]
    while let first = value.first, first <= 0x20 { value = value.dropFirst() }
    while let last = value.last, last <= 0x20 { value = value.dropLast() }
    let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
    headers.append(HTTPHeader(name, String(decoding: value, as: UTF8.self)))
    return line.count
  }

  fileprivate func takeBody(_ block: UnsafeRawBufferPointer) -> Int {
    if case .download(let path) = request.body, (200..<300).contains(status) {
      if target < 0, let failure = openTarget(path) {
        self.failure = failure
        return 0
      }
      var done = 0
      while done < block.count, let base = block.baseAddress {
        let count = write(target, base + done, block.count - done)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
          failure = HTTPFailure(.bodyUnavailable, "cannot write \(path): \(errnoText(errno))")
          return 0
        }
        done += count
      }
      return block.count
    }
    guard block.count <= request.answerLimit - body.count else {
      failure = HTTPFailure(
        .answerTooLarge, "the answer of \(parts.target) is longer than \(request.answerLimit) bytes")
      return 0
    }
    body.append(contentsOf: block)
    return block.count
  }

  private func openTarget(_ path: String) -> HTTPFailure? {
    target = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    return target >= 0 ? nil : HTTPFailure(.bodyUnavailable, "cannot write \(path): \(errnoText(errno))")
  }

  fileprivate func giveBody(_ room: UnsafeMutableRawBufferPointer) -> Int {
    let want = Int(min(UInt64(room.count), bodySize - min(sent, bodySize)))
    guard want > 0, let base = room.baseAddress else { return 0 }
    if source < 0 {
      bytes.withUnsafeBytes { from in
        if let start = from.baseAddress { base.copyMemory(from: start + Int(sent), byteCount: want) }
      }
      sent += UInt64(want)
      return want
    }
    while true {
      let count = pread(source, base, want, off_t(fileOffset + sent))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        if case .file(let path, _, _) = request.body {
          failure = bodyFailure(path, count == 0 ? "the file has become shorter" : errnoText(errno))
        }
        return Int(CURL_READFUNC_ABORT)
      }
      sent += UInt64(count)
      return count
    }
  }

  fileprivate func seek(_ offset: Int64, _ origin: Int32) -> Int32 {
    guard origin == SEEK_SET, offset >= 0, UInt64(offset) <= bodySize else { return Int32(CURL_SEEKFUNC_CANTSEEK) }
    sent = UInt64(offset)
    return Int32(CURL_SEEKFUNC_OK)
  }
}

// libcurl never asks for blocks whose size overflows.
func transferHeader(_ block: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?)
  -> Int
{
  Transfer.of(user)?.takeHeader(UnsafeRawBufferPointer(start: block, count: size &* count)) ?? 0
}

func transferBody(_ block: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?)
  -> Int
{
  Transfer.of(user)?.takeBody(UnsafeRawBufferPointer(start: block, count: size &* count)) ?? 0
}

func transferRead(_ room: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?)
  -> Int
{
  Transfer.of(user)?.giveBody(UnsafeMutableRawBufferPointer(start: room, count: size &* count))
    ?? Int(CURL_READFUNC_ABORT)
}

func transferSeek(_ user: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32) -> Int32 {
  Transfer.of(user)?.seek(Int64(offset), origin) ?? Int32(CURL_SEEKFUNC_FAIL)
}
