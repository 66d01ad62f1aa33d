import Glibc
import QuipuBase
import QuipuSync
import Synchronization
import Testing

@Suite struct HTTPFaultTests {
  func server(_ handler: @escaping @Sendable (HTTPTestServer.Connection) -> HTTPTestServer.After) -> HTTPTestServer {
    HTTPTestServer { _, connection, _ in handler(connection) }
  }

  func failure(_ options: ConnectionOptions = ConnectionOptions(), timeout: Int64 = 30_000, limit: Int = 1 << 20,
    _ handler: @escaping @Sendable (HTTPTestServer.Connection) -> HTTPTestServer.After) -> HTTPFailure?
  {
    let server = server(handler)
    defer { server.stop() }
    var request = HTTPRequest(.post, server.base + "/x?secret=word", body: .bytes([1, 2, 3]), timeoutMilliseconds: timeout)
    request.answerLimit = limit
    let failed = fetch(request, options).failed
    if let failed {
      #expect(failed.message.contains("127.0.0.1:\(server.port)"))
      #expect(!failed.message.contains("word"))
    }
    return failed
  }

  @Test func reportsAConnectionLostAtAnyPointOfTheAnswer() {
    for part in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"] {
      for resets in [true, false] {
        let failed = failure { connection in
          connection.send(part)
          if resets { connection.reset() } else { close(connection.socket) }
          return .gone
        }
        // A status line alone may also count as something that is not HTTP.
        #expect(failed?.isPassing == true, "\(part) \(resets): \(String(describing: failed))")
        if !part.hasPrefix("HTTP/1.1 2") || part.count > 20 { #expect(failed?.kind == .reset, "\(part)") }
      }
    }
  }

  @Test func reportsAnAnswerThatIsNotHTTP() {
    let failed = failure { connection in
      connection.send("SSH-2.0-OpenSSH_9.2\r\n")
      return .close
    }
    #expect(failed?.isPassing == true)
  }

  @Test func reportsABodyThatIsNotTheGzipItClaimsToBe() {
    let failed = failure { connection in
      connection.answer(200, ["Content-Encoding: gzip"], "not gzip at all, no")
      return .close
    }
    #expect(failed?.kind == .other)
  }

  @Test func endsAStalledTransfer() {
    var options = ConnectionOptions()
    options.stallMilliseconds = 1000
    let failed = failure(options, timeout: 0) { connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12")
      var byte: UInt8 = 0
      _ = recv(connection.socket, &byte, 1, 0)
      return .close
    }
    #expect(failed?.kind == .timeout)
  }

  @Test func endsARequestAtItsTimeLimitEvenIfBytesTrickle() {
    let failed = failure(timeout: 400) { connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
      while true {
        if Glibc.send(connection.socket, "x", 1, Int32(MSG_NOSIGNAL)) <= 0 { break }
        usleep(20_000)
      }
      return .close
    }
    #expect(failed?.kind == .timeout)
  }

  @Test func readsAnAnswerThatTricklesInWithoutALimit() throws {
    let server = server { connection in
      for byte in Array("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow".utf8) {
        connection.send([byte])
        usleep(1000)
      }
      return .keep
    }
    defer { server.stop() }
    #expect(try fetch(HTTPRequest(.get, server.base, timeoutMilliseconds: 0)).get().text == "slow")
  }

  @Test func refusesAnswersThatAreTooLong() {
    #expect(failure(limit: 1000) { connection in
      connection.answer(200, [], String(repeating: "x", count: 1001))
      return .close
    }?.kind == .answerTooLarge)
    #expect(failure { connection in
      connection.send("HTTP/1.1 200 OK\r\n")
      let line = "X-Filler: " + String(repeating: "y", count: 10_000) + "\r\n"
      for _ in 0..<200 { connection.send(line) }
      return .close
    }?.kind == .answerTooLarge)
  }

  @Test func readsGzip() throws {
    // "hello hello hello hello\n"
    let packed: [UInt8] = [
      0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B, 0xCB, 0xCF, 0x07, 0, 0x21, 0x65, 0x73, 0x8C, 3, 0, 0, 0,
    ]
    let server = server { connection in
      connection.send(Array("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n".utf8) + packed)
      return .keep
    }
    defer { server.stop() }
    #expect(try fetch(HTTPRequest(.get, server.base)).get().text == "foo")
  }

  @Test func skipsInterimAnswers() throws {
    let server = server { connection in
      connection.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nB: c\r\n\r\nok")
      return .keep
    }
    defer { server.stop() }
    let answer = try fetch(HTTPRequest(.get, server.base)).get()
    #expect(answer.status == 200 && answer.text == "ok")
    #expect(answer.header("link") == nil)
  }

  @Test func namesWhatCannotBeReached() {
    let server = server { _ in .close }
    let port = server.port
    server.stop()
    let refused = fetch(HTTPRequest(.get, "http://127.0.0.1:\(port)/a")).failed
    #expect(refused?.kind == .connect)
    #expect(refused?.message.contains("127.0.0.1:\(port)") == true)
    #expect(refused?.message.contains("refused") == true)
    let unknown = fetch(HTTPRequest(.get, "http://host.invalid/a")).failed
    #expect(unknown?.kind == .nameNotFound)
    #expect(unknown?.message.contains("host.invalid:80") == true)
    #expect(fetch(HTTPRequest(.get, "http://me:pass-word@a b/")).failed?.kind == .badURL)
    #expect(fetch(HTTPRequest(.get, "file:///etc/passwd")).failed?.kind == .badURL)
    let split = HTTPRequest(.get, "http://127.0.0.1:\(port)/", headers: [HTTPHeader("X", "a\r\nY: b")])
    #expect(fetch(split).failed?.kind == .badRequest)
  }

  // libcurl 7.88 keeps a buffer after a failed look-up and then refuses settings on that handle.
  @Test func aFailureLeavesNothingBehindForTheNextRequest() throws {
    let server = server { connection in
      connection.answer(200, [], "ok")
      return .keep
    }
    defer { server.stop() }
    let loop = SyncLoop(environment: [:])
    defer { loop.stop() }
    for _ in 0..<3 { #expect(fetch(HTTPRequest(.get, "http://host.invalid/a"), on: loop).failed?.kind == .nameNotFound) }
    #expect(try fetch(HTTPRequest(.get, server.base), on: loop).get().text == "ok")
  }

  @Test func reachesIPv6() throws {
    let server = HTTPTestServer(ipv6: true) { _, connection, _ in
      connection.answer(200, [], "six")
      return .keep
    }
    defer { server.stop() }
    #expect(try fetch(HTTPRequest(.get, "http://[::1]:\(server.port)/")).get().text == "six")
  }

  @Test func reportsFilesThatCannotBeSent() {
    let server = server { connection in
      connection.answer(200)
      return .keep
    }
    defer { server.stop() }
    let folder = TemporaryFolder()
    let path = folder.file("f", [1, 2, 3])
    for body in [
      HTTPRequest.Body.file(path: folder.path + "/none", offset: 0, size: 1), .file(path: folder.path, offset: 0, size: 1),
      .file(path: path, offset: 0, size: 4), .file(path: path, offset: .max, size: 4),
    ] {
      #expect(fetch(HTTPRequest(.put, server.base, body: body)).failed?.kind == .bodyUnavailable)
    }
    #expect(server.received.isEmpty)
  }

  @Test func failsWhenTheFileShrinksWhileItIsSent() {
    let folder = TemporaryFolder()
    let path = folder.file("f", Array(repeating: 7, count: 20_000_000))
    let server = HTTPTestServer(readsBody: false) { _, connection, _ in
      truncate(path, 100_000)
      var buffer: [UInt8] = []
      while HTTPTestServer.more(connection.socket, &buffer) { buffer.removeAll() }
      return .close
    }
    defer { server.stop() }
    let failed = fetch(HTTPRequest(.put, server.base, body: .file(path: path, offset: 0, size: 20_000_000))).failed
    #expect(failed?.kind == .bodyUnavailable)
    #expect(failed?.message.contains(path) == true)
  }

  @Test func downloadsToAFile() throws {
    let server = HTTPTestServer { request, connection, _ in
      if request.target == "/no" {
        connection.answer(404, [], "{\"error\":\"gone\"}")
      } else {
        connection.answer(200, [], request.target == "/empty" ? "" : String(repeating: "data", count: 100_000))
      }
      return .keep
    }
    defer { server.stop() }
    let folder = TemporaryFolder()
    let path = folder.path + "/out"
    func size() -> Int { var facts = stat(); return stat(path, &facts) == 0 ? Int(facts.st_size) : -1 }
    var answer = try fetch(HTTPRequest(.get, server.base + "/no", body: .download(to: path))).get()
    #expect(answer.status == 404 && answer.text.contains("gone"))
    #expect(size() == -1)
    answer = try fetch(HTTPRequest(.get, server.base + "/yes", body: .download(to: path), answerLimit: 10)).get()
    #expect(answer.status == 200 && answer.body.isEmpty)
    #expect(size() == 400_000)
    #expect(fetch(HTTPRequest(.get, server.base + "/empty", body: .download(to: path))).answer?.status == 200)
    #expect(size() == 0)
    #expect(fetch(HTTPRequest(.get, server.base + "/yes", body: .download(to: "/nonexistent/x"))).failed?.kind == .bodyUnavailable)
  }

  @Test func followsRedirectsOfGetsWithoutCredentialsToOthers() throws {
    let other = HTTPTestServer { _, connection, _ in
      connection.answer(200, [], "there")
      return .keep
    }
    defer { other.stop() }
    let otherBase = other.base
    let server = HTTPTestServer { request, connection, _ in
      switch request.target {
      case "/away": connection.answer(302, ["Location: \(otherBase)/x"])
      case "/near": connection.answer(307, ["Location: /here"])
      case "/round": connection.answer(301, ["Location: /round"])
      case "/file": connection.answer(302, ["Location: file:///etc/passwd"])
      default: connection.answer(200, [], "here")
      }
      return .keep
    }
    defer { server.stop() }
    let headers = [HTTPHeader("Authorization", "Basic x"), HTTPHeader("Cookie", "c"), HTTPHeader("X-Keep", "k")]
    #expect(try fetch(HTTPRequest(.get, server.base + "/away", headers: headers)).get().text == "there")
    let got = try #require(other.received.first)
    #expect(got.header("authorization") == nil && got.header("cookie") == nil)
    #expect(got.header("x-keep") == "k")
    #expect(try fetch(HTTPRequest(.get, server.base + "/near", headers: headers)).get().text == "here")
    #expect(server.received.last?.header("authorization") == "Basic x")
    let before = server.received.count
    #expect(fetch(HTTPRequest(.get, server.base + "/round")).failed?.kind == .redirects)
    #expect(server.received.count - before == 11)
    #expect(fetch(HTTPRequest(.get, server.base + "/file")).failed?.kind == .badURL)
    #expect(fetch(HTTPRequest(.post, server.base + "/away", body: .bytes([1]))).answer?.status == 302)
    #expect(other.received.count == 1)
  }

  @Test func keepsExtraHeadersFromReplacingOthers() throws {
    let server = server { connection in
      connection.answer(200)
      return .keep
    }
    defer { server.stop() }
    var options = ConnectionOptions()
    options.extraHeaders = [
      HTTPHeader("X-Mine", "1"), HTTPHeader("content-type", "text/x"), HTTPHeader("User-Agent", "liar"),
    ]
    let request = HTTPRequest(.post, server.base, headers: [HTTPHeader("Content-Type", "application/json")], body: .bytes([1]))
    _ = fetch(request, options)
    let got = try #require(server.received.first)
    #expect(got.header("x-mine") == "1")
    #expect(got.headers.filter { $0.name == "content-type" }.map(\.value) == ["application/json"])
    #expect(got.headers.filter { $0.name == "user-agent" }.map(\.value).first?.hasPrefix("quipu/") == true)
  }
}
