import Glibc

/// Library threads: all signals blocked, so that the host's handlers never run on them.
package enum Thread {
  fileprivate final class Start {
    let name: String
    let body: () -> Void
    init(name: String, body: @escaping () -> Void) {
      self.name = name
      self.body = body
    }
  }

  // There is no portable call that Swift can see; the kernel takes the name from a file.
  fileprivate static func setName(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    var name = name
    name.withUTF8 { _ = write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  /// Starts a detached thread.
  ///
  /// - Parameter name: at most 15 bytes, shown by debuggers and `ps -L`.
  /// - Returns: false if the system gives no thread.
  package static func start(name: String, _ body: @escaping () -> Void) -> Bool {
    create(name: name, PTHREAD_CREATE_DETACHED, body) != nil
  }

  /// Starts a thread that has to be joined.
  ///
  /// - Returns: nil if the system gives no thread.
  package static func startJoinable(name: String, _ body: @escaping () -> Void) -> pthread_t? {
    create(name: name, PTHREAD_CREATE_JOINABLE, body)
  }

  private static func create(name: String, _ kind: Int, _ body: @escaping () -> Void) -> pthread_t? {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return nil }
    pthread_attr_setdetachstate(&attributes, Int32(kind))
    pthread_attr_setstacksize(&attributes, 1 << 20)
    var all = sigset_t()
    var old = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &old)
    let start = Unmanaged.passRetained(Start(name: name, body: body)).toOpaque()
    var thread = pthread_t()
    let code = pthread_create(&thread, &attributes, threadMain, start)
    pthread_sigmask(SIG_SETMASK, &old, nil)
    pthread_attr_destroy(&attributes)
    if code != 0 {
      Unmanaged<Start>.fromOpaque(start).release()
      return nil
    }
    return thread
  }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = Unmanaged<Thread.Start>.fromOpaque(argument).takeRetainedValue()
  Thread.setName(start.name)
  start.body()
  return nil
}
