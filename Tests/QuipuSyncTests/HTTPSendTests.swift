import Glibc
import QuipuBase
import QuipuSync
import Testing

@Suite struct HTTPSendTests {
  @Test func sendsABodyWithItsLengthAndReadsTheAnswer() throws {
    let server = HTTPTestServer { _, connection, _ in
      connection.answer(200, ["X-Thing: a b"], "{\"data\":{}}")
      return .keep
    }
    defer { server.stop() }
    var request = HTTPRequest(.post, server.base + "/graphql", body: .bytes(Array("{}".utf8)))
    request.headers = [HTTPHeader("Content-Type", "application/json"), HTTPHeader("X-Empty", "")]
    let answer = try fetch(request).get()
    #expect(answer.status == 200)
    #expect(answer.text == "{\"data\":{}}")
    #expect(answer.header("x-thing") == "a b")
    let got = try #require(server.received.first)
    #expect(got.method == "POST")
    #expect(got.body == Array("{}".utf8))
    #expect(got.header("content-length") == "2")
    #expect(got.header("x-empty") == "")
    #expect(got.header("expect") == nil)
    #expect(got.header("transfer-encoding") == nil)
    #expect(got.header("accept-encoding") == "gzip")
    #expect(got.header("user-agent")?.hasPrefix("quipu/") == true)
  }

  @Test func usesAConnectionAgain() throws {
    let server = HTTPTestServer { _, connection, _ in
      connection.answer(200)
      return .keep
    }
    defer { server.stop() }
    let loop = SyncLoop(environment: [:])
    defer { loop.stop() }
    for _ in 0..<5 {
      #expect(fetch(HTTPRequest(.post, server.base + "/a", body: .bytes([1])), on: loop).answer?.status == 200)
    }
    #expect(server.connections == 1)
  }

  @Test func putsAnEmptyBodyWithLengthZero() throws {
    let server = HTTPTestServer { _, connection, _ in
      connection.answer(200)
      return .keep
    }
    defer { server.stop() }
    let folder = TemporaryFolder()
    let path = folder.file("empty", [])
    #expect(fetch(HTTPRequest(.put, server.base + "/a", body: .file(path: path, offset: 0, size: 0))).answer?.status == 200)
    #expect(fetch(HTTPRequest(.put, server.base + "/a", body: .none)).answer?.status == 200)
    for got in server.received {
      #expect(got.header("content-length") == "0")
      #expect(got.header("content-type") == nil)
    }
  }

  @Test func putsAPartOfAFile() throws {
    let server = HTTPTestServer { _, connection, _ in
      connection.answer(201)
      return .keep
    }
    defer { server.stop() }
    let folder = TemporaryFolder()
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let path = folder.file("big", bytes)
    let request = HTTPRequest(.put, server.base + "/big", body: .file(path: path, offset: 10, size: 2_900_000))
    #expect(fetch(request).answer?.status == 201)
    #expect(server.received.first?.body == Array(bytes[10..<2_900_010]))
  }

  @Test func asksAgainWhenAKeptConnectionWasClosedMeanwhile() throws {
    let server = HTTPTestServer { _, connection, _ in
      // No word of it in the answer.
      connection.answer(200)
      return .close
    }
    defer { server.stop() }
    let loop = SyncLoop(environment: [:])
    defer { loop.stop() }
    for number in 0..<5 {
      let request = HTTPRequest(.post, server.base + "/\(number)", body: .bytes(Array(repeating: 65, count: 100_000)))
      #expect(fetch(request, on: loop).answer?.status == 200)
    }
    #expect(server.received.map(\.body.count) == Array(repeating: 100_000, count: 5))
  }

  @Test func sendsALargeBodyWhole() throws {
    let server = HTTPTestServer { _, connection, _ in
      connection.answer(200)
      return .keep
    }
    defer { server.stop() }
    let bytes = (0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 >> 2) }
    #expect(fetch(HTTPRequest(.post, server.base, body: .bytes(bytes))).answer?.status == 200)
    #expect(server.received.first?.body == bytes)
  }
}
