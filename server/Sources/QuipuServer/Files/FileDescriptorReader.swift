import Glibc
import NIOCore
import NIOPosix
import Storage

/// Reads a file on threads of their own, so that a slow disk holds up nobody but its reader.
final class FileDescriptorReader: Sendable {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError.failed("cannot open \(path): error \(errno)") }
  }

  deinit { close(descriptor) }

  func read(at offset: Int, count: Int) async throws -> NIOCore.ByteBuffer {
    try await NIOThreadPool.singleton.runIfActive { [self] in
      var buffer = NIOCore.ByteBuffer()
      var failure: Int32 = 0
      buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
        var done = 0
        while true {
          done = pread(descriptor, space.baseAddress, count, off_t(offset))
          if done >= 0 || errno != EINTR { break }
        }
        if done < 0 { failure = errno }
        return max(0, done)
      }
      guard failure == 0 else { throw StorageError.failed("cannot read a stored file: error \(failure)") }
      return buffer
    }
  }
}
