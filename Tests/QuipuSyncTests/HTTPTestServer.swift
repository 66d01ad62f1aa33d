import Glibc
import QuipuBase
import Synchronization

/// A tiny HTTP server for tests: one thread per connection, answers as raw bytes, so that they can be wrong in any way.
final class HTTPTestServer: @unchecked Sendable {
  struct Received: Sendable {
    var method = ""
    var target = ""
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var head = ""
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  }

  /// What a handler has to say.
  final class Connection {
    let socket: Int32
    init(_ socket: Int32) { self.socket = socket }

    func send(_ text: String) { send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) {
      var done = 0
      while done < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL)) }
        if count <= 0 { return }
        done += count
      }
    }
    func answer(_ status: Int, _ headers: [String] = [], _ body: String = "") {
      var text = "HTTP/1.1 \(status) Text\r\nContent-Length: \(body.utf8.count)\r\n"
      for header in headers { text += header + "\r\n" }
      send(text + "\r\n" + body)
    }
    /// Ends the connection with a reset.
    func reset() {
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
      close(socket)
    }
  }

  enum After { case keep, close, gone }

  let port: Int
  private let listener: Int32
  private let state = Mutex<(received: [Received], connections: Int, ended: Bool)>(([], 0, false))
  private let handler: @Sendable (Received, Connection, Int) -> After

  /// - Parameter handler: gets each request, its connection and its number from 0.
  init(ipv6: Bool = false, readsBody: Bool = true, _ handler: @escaping @Sendable (Received, Connection, Int) -> After) {
    self.handler = handler
    listener = socket(ipv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var size: socklen_t = 0
    if ipv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_addr = in6addr_loopback
      size = socklen_t(MemoryLayout<sockaddr_in6>.size)
      port = withUnsafeMutablePointer(to: &address) { [listener] pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = bind(listener, $0, size)
          listen(listener, 256)
          getsockname(listener, $0, &size)
        }
        return Int(UInt16(bigEndian: pointer.pointee.sin6_port))
      }
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
      size = socklen_t(MemoryLayout<sockaddr_in>.size)
      port = withUnsafeMutablePointer(to: &address) { [listener] pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = bind(listener, $0, size)
          listen(listener, 256)
          getsockname(listener, $0, &size)
        }
        return Int(UInt16(bigEndian: pointer.pointee.sin_port))
      }
    }
    _ = Thread.start(name: "test-server") { [self] in
      while true {
        let socket = accept(listener, nil, nil)
        if socket < 0 {
          // Closed by the one who uses it: another server of another test may get the number.
          close(listener)
          return
        }
        state.withLock { $0.connections += 1 }
        _ = Thread.start(name: "test-conn") { [self] in serve(socket, readsBody: readsBody) }
      }
    }
  }

  var base: String { "http://127.0.0.1:\(port)" }
  var received: [Received] { state.withLock { $0.received } }
  var connections: Int { state.withLock { $0.connections } }

  func stop() {
    let first = state.withLock { state -> Bool in
      defer { state.ended = true }
      return !state.ended
    }
    guard first else { return }
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func serve(_ socket: Int32, readsBody: Bool) {
    let connection = Connection(socket)
    var buffer: [UInt8] = []
    while let request = Self.read(socket, &buffer, readsBody: readsBody) {
      let number = state.withLock { state -> Int in
        state.received.append(request)
        return state.received.count - 1
      }
      switch handler(request, connection, number) {
      case .keep: continue
      case .close: close(socket); return
      case .gone: return
      }
    }
    close(socket)
  }

  static func more(_ socket: Int32, _ buffer: inout [UInt8]) -> Bool {
    var block = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &block, block.count, 0)
    if count <= 0 { return false }
    buffer.append(contentsOf: block.prefix(count))
    return true
  }

  private static func read(_ socket: Int32, _ buffer: inout [UInt8], readsBody: Bool) -> Received? {
    var end: Int?
    while true {
      end = endOfHead(buffer)
      if end != nil { break }
      if !more(socket, &buffer) { return nil }
    }
    guard let end else { return nil }
    var request = Received()
    request.head = String(decoding: buffer[..<end], as: UTF8.self)
    let lines = request.head.split(separator: "\r\n", omittingEmptySubsequences: true)
    let first = lines.first?.split(separator: " ") ?? []
    guard first.count >= 2 else { return nil }
    request.method = String(first[0])
    request.target = String(first[1])
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      request.headers.append((line[..<colon].lowercased(), String(value)))
    }
    buffer.removeFirst(end)
    let length = request.header("content-length").flatMap { Int($0) } ?? 0
    if readsBody {
      while buffer.count < length { if !more(socket, &buffer) { return nil } }
      request.body = Array(buffer.prefix(length))
      buffer.removeFirst(length)
    }
    return request
  }

  private static func endOfHead(_ buffer: [UInt8]) -> Int? {
    guard buffer.count >= 4 else { return nil }
    for at in 0...(buffer.count - 4) where buffer[at] == 13 && buffer[at...].starts(with: [13, 10, 13, 10]) {
      return at + 4
    }
    return nil
  }
}
