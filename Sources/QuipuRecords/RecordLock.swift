import Glibc

/// Locks on a whole file that belong to the open file, not to the process (Linux, F_OFD_SETLK): the kernel drops them when
/// the process dies, NFS understands them, and opening and closing the file a second time does not lose them.
///
/// A child made by fork shares them, so it has to close its copies.
package enum RecordLock {
  private static let setCommand: Int32 = 37  // F_OFD_SETLK
  private static let getCommand: Int32 = 36  // F_OFD_GETLK

  /// Takes the exclusive lock without waiting.
  package static func take(_ descriptor: Int32) -> Bool {
    var request = flock()
    request.l_type = Int16(F_WRLCK)
    request.l_whence = Int16(SEEK_SET)
    while fcntl(descriptor, setCommand, &request) != 0 {
      let code = errno
      if code == EINTR { continue }
      // A file system without locks must not keep anybody from recording.
      return code != EAGAIN && code != EACCES
    }
    return true
  }

  package static func release(_ descriptor: Int32) {
    var request = flock()
    request.l_type = Int16(F_UNLCK)
    request.l_whence = Int16(SEEK_SET)
    _ = fcntl(descriptor, setCommand, &request)
  }

  /// True if another open file holds the lock.
  package static func isHeldElsewhere(path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var request = flock()
    request.l_type = Int16(F_RDLCK)
    request.l_whence = Int16(SEEK_SET)
    guard fcntl(descriptor, getCommand, &request) == 0 else { return false }
    return request.l_type != Int16(F_UNLCK)
  }
}
