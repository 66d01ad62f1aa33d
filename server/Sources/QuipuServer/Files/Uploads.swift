import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import QuipuBase
import Storage
import Synchronization

/// Receives bodies into files, whole or in parts, and files them by their content.
///
/// An upload in parts is S3's and GCS's common ground: `Content-Range: bytes FIRST-LAST/TOTAL` with each part, answered
/// 308 and `Range: bytes=0-N` until the last byte is there; `bytes */TOTAL` asks how much is. Parts must follow each
/// other without a gap; what is sent twice is written twice.
final class Uploads: Sendable {
  enum Outcome: Sendable {
    case complete(BlobRecord)
    case incomplete(Response)
  }

  private struct Partial {
    var staged: StagedFile
    var received: Int64
    var touched: Timestamp
  }

  private let context: ServerContext
  private let partials = Mutex<[String: Partial]>([:])
  private let locks = KeyedLock<String>()

  init(context: ServerContext) { self.context = context }

  /// - Parameter expected: what the bytes must be; those that are not are refused and not kept.
  func receive(_ request: Request, expecting expected: ExpectedDigests = .init(md5: nil)) async throws -> Outcome {
    guard let header = request.headers[.contentRange] else {
      return .complete(try await receiveWhole(request, expected))
    }
    guard let range = UploadRange.parse(header) else {
      throw ServerFault(400, "Content-Range must be 'bytes FIRST-LAST/TOTAL' or 'bytes */TOTAL'")
    }
    return try await locks.with(request.uri.path) { try await receive(request, range, expected) }
  }

  // MARK: Whole

  private func receiveWhole(_ request: Request, _ expected: ExpectedDigests) async throws -> BlobRecord {
    let limit = context.configuration.limits.fileBytes
    let announced = request.headers[.contentLength].flatMap { Int64($0) }
    if let announced, announced > limit { throw ServerFault(413, "the file is larger than \(limit) bytes") }
    let staged = try StagedFile(path: context.storage.objects.stagingPath())
    var digests = UploadDigests(xxh128: expected.xxh128 != nil)
    for try await chunk in request.body {
      guard staged.size + Int64(chunk.readableBytes) <= limit else {
        throw ServerFault(413, "the file is larger than \(limit) bytes")
      }
      try chunk.withUnsafeReadableBytes { bytes in
        digests.update(bytes)
        try staged.append(bytes)
      }
    }
    if let announced, announced != staged.size {
      throw ServerFault(400, "\(staged.size) of \(announced) bytes arrived")
    }
    let (blob, xxh128) = digests.finish(size: staged.size)
    try check(request, blob)
    try expected.check(blob, xxh128: xxh128)
    try await keep(staged, as: blob)
    return blob
  }

  private func check(_ request: Request, _ blob: BlobRecord) throws(ServerFault) {
    guard let expected = request.headers[.contentMD5], expected != blob.md5 else { return }
    throw ServerFault(400, "the MD5 of the body is \(blob.md5), not \(expected) as Content-MD5 says")
  }

  func keep(_ staged: StagedFile, as blob: BlobRecord) async throws {
    try await context.storage.addBlob(blob)
    try await context.storage.objects.store(stagedFile: staged.path, key: blob.objectKey)
  }

  // MARK: Parts

  private func receive(
    _ request: Request, _ range: UploadRange, _ expected: ExpectedDigests
  ) async throws -> Outcome {
    let path = request.uri.path
    let known = partials.withLock { $0[path] }
    switch range {
    case .question:
      return .incomplete(Self.resumeIncomplete(received: known?.received ?? 0))
    case .part(let first, let last, let total):
      guard total <= context.configuration.limits.fileBytes else {
        throw ServerFault(413, "the file is larger than \(context.configuration.limits.fileBytes) bytes")
      }
      var partial = try known ?? Partial(
        staged: StagedFile(path: context.storage.objects.stagingPath()), received: 0, touched: .now)
      guard first <= partial.received else {
        return .incomplete(Self.resumeIncomplete(received: partial.received))
      }
      var offset = first
      for try await chunk in request.body {
        guard offset + Int64(chunk.readableBytes) <= last + 1 else {
          throw ServerFault(400, "the body is longer than its Content-Range")
        }
        try chunk.withUnsafeReadableBytes { try partial.staged.write($0, at: offset) }
        offset += Int64(chunk.readableBytes)
        // What arrived counts, even if the connection breaks now.
        partial.received = max(partial.received, offset)
        partial.touched = .now
        partials.withLock { $0[path] = partial }
      }
      guard partial.received == total else {
        return .incomplete(Self.resumeIncomplete(received: partial.received))
      }
      partials.withLock { $0[path] = nil }
      let (blob, xxh128) = try await Self.digest(partial.staged, xxh128: expected.xxh128 != nil)
      try check(request, blob)
      try expected.check(blob, xxh128: xxh128)
      try await keep(partial.staged, as: blob)
      return .complete(blob)
    }
  }

  private static func resumeIncomplete(received: Int64) -> Response {
    var fields: HTTPFields = [.contentLength: "0"]
    if received > 0 { fields[.range] = "bytes=0-\(received - 1)" }
    return Response(status: .init(code: 308, reasonPhrase: "Resume Incomplete"), headers: fields)
  }

  private static func digest(
    _ staged: StagedFile, xxh128: Bool
  ) async throws -> (record: BlobRecord, xxh128: String?) {
    let reader = try FileDescriptorReader(path: staged.path)
    var digests = UploadDigests(xxh128: xxh128)
    var offset = 0
    while true {
      let chunk = try await reader.read(at: offset, count: 1 << 20)
      guard chunk.readableBytes > 0 else { break }
      chunk.withUnsafeReadableBytes { digests.update($0) }
      offset += chunk.readableBytes
    }
    return digests.finish(size: Int64(offset))
  }

  /// Gives up uploads in parts that nobody went on with.
  func forgetPartials(before moment: Timestamp) {
    partials.withLock { $0 = $0.filter { $0.value.touched >= moment } }
  }
}

/// A file that is being written and is removed with its last reference, unless it was moved away by then.
final class StagedFile: Sendable {
  let path: String
  private let descriptor: Int32
  private let written = Atomic<Int64>(0)

  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.error(errno, "cannot create \(path)") }
  }

  deinit {
    close(descriptor)
    unlink(path)
  }

  var size: Int64 { written.load(ordering: .relaxed) }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    try write(bytes, at: size)
    written.add(Int64(bytes.count), ordering: .relaxed)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.error(errno, "cannot write \(path)")
      }
      done += count
    }
  }

  private static func error(_ code: Int32, _ what: String) -> StorageError {
    let text = "\(what): \(String(cString: strerror(code)))"
    return code == ENOSPC || code == EDQUOT || code == EFBIG ? .full(text) : .failed(text)
  }
}
