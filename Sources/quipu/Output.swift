import Glibc
import QuipuBase

/// Buffered writing to a descriptor. A reader that goes away (`quipu export | head`) ends the program quietly.
final class Output {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  /// First failure, an `errno` value.
  private(set) var failure: Int32?

  init(descriptor: Int32 = STDOUT_FILENO) { self.descriptor = descriptor }

  func write(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { flush() }
  }

  func line(_ text: String = "") {
    write(text)
    write("\n")
  }

  func flush() {
    var done = 0
    buffer.withUnsafeBytes { raw in
      while done < raw.count, failure == nil, let start = raw.baseAddress {
        let n = Glibc.write(descriptor, start + done, raw.count - done)
        if n > 0 {
          done += n
        } else if n == 0 || errno != EINTR {
          let number = n == 0 ? EIO : errno
          if number == EPIPE { Glibc.exit(0) }
          failure = number
        }
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }
}

/// Writes one line to stderr.
func complain(_ text: String) {
  let output = Output(descriptor: STDERR_FILENO)
  output.line(text)
  output.flush()
}
