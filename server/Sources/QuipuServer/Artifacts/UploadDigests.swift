import QuipuBase
import Storage

/// The digests of bytes on their way into the store.
struct UploadDigests {
  private var md5 = MD5()
  private var sha256 = SHA256()
  private var xxh128: XXH128?

  /// - Parameter xxh128: whether the third digest is wanted.
  init(xxh128: Bool) { self.xxh128 = xxh128 ? XXH128() : nil }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    md5.update(bytes)
    sha256.update(bytes)
    xxh128?.update(bytes)
  }

  mutating func finish(size: Int64) -> (record: BlobRecord, xxh128: String?) {
    let record = BlobRecord(sha256: hexText(sha256.finish()), md5: base64(md5.finish()), size: size)
    return (record, xxh128.map { base64($0.finish()) })
  }
}

/// What bytes must be, as it was announced; standard base64.
struct ExpectedDigests: Sendable {
  var md5: String?
  var xxh128: String?

  init(md5: String?) { self.md5 = md5 }

  init(_ upload: ArtifactUploadRecord) {
    md5 = upload.md5
    xxh128 = upload.digest == upload.md5 ? nil : upload.digest
  }

  func check(_ blob: BlobRecord, xxh128 actual: String?) throws(ServerFault) {
    if let md5, md5 != blob.md5 {
      throw ServerFault(400, "the MD5 of the bytes is \(blob.md5), not \(md5) as announced")
    }
    if let xxh128, let actual, xxh128 != actual {
      throw ServerFault(400, "the XXH128 of the bytes is \(actual), not \(xxh128) as announced")
    }
  }
}
