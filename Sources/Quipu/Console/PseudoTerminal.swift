import Glibc

/// A pair of descriptors of which the writing one is a terminal (Linux).
enum PseudoTerminal {
  // ioctl numbers that the compiler cannot take from their macros.
  private static let unlock: UInt = 0x4004_5431  // TIOCSPTLCK
  private static let getNumber: UInt = 0x8004_5430  // TIOCGPTN

  /// - Parameter terminal: its modes and its size are copied. Output is not changed on the way: the real terminal does
  ///   that once.
  static func open(like terminal: Int32) -> (readEnd: Int32, writeEnd: Int32)? {
    let master = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard master >= 0 else { return nil }
    var locked: Int32 = 0
    var number: Int32 = 0
    guard ioctl(master, unlock, &locked) == 0, ioctl(master, getNumber, &number) == 0 else {
      close(master)
      return nil
    }
    let slave = Glibc.open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard slave >= 0 else {
      close(master)
      return nil
    }
    var modes = termios()
    if tcgetattr(terminal, &modes) == 0 || tcgetattr(slave, &modes) == 0 {
      modes.c_oflag &= ~tcflag_t(OPOST)
      modes.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(slave, TCSANOW, &modes)
    }
    copySize(from: terminal, to: master)
    return (master, slave)
  }

  static func copySize(from terminal: Int32, to master: Int32) {
    var size = winsize()
    var present = winsize()
    guard ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0, ioctl(master, UInt(TIOCGWINSZ), &present) == 0 else { return }
    if size.ws_row == present.ws_row, size.ws_col == present.ws_col { return }
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }
}
