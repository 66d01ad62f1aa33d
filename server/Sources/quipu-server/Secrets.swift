import Glibc
import Storage

let serverVersion = "0.1.0"

/// Writes a text that only its owner may read.
func writeSecret(_ text: String, to path: String) throws {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  guard file >= 0, fchmod(file, 0o600) == 0 else {
    throw StorageError.failed("cannot write \(path): \(String(cString: strerror(errno)))")
  }
  defer { close(file) }
  let bytes = Array((text + "\n").utf8)
  guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else {
    throw StorageError.failed("cannot write \(path): \(String(cString: strerror(errno)))")
  }
}

func readSecret(_ path: String) -> String? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var bytes = [UInt8](repeating: 0, count: 256)
  let count = read(file, &bytes, bytes.count)
  guard count > 0 else { return nil }
  return String(decoding: bytes.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
}
