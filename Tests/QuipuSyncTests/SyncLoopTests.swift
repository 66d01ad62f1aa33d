import Glibc
import QuipuBase
import QuipuSync
import Synchronization
import Testing

/// Waits until `condition` holds, at most half a minute.
private func eventually(_ condition: () -> Bool) -> Bool {
  let end = Clock.monotonic() + 30_000_000_000
  while !condition() {
    if Clock.monotonic() > end { return false }
    usleep(1000)
  }
  return true
}

@Suite struct SyncLoopTests {
  @Test func runsPostedWorkInOrderOnItsThread() {
    let loop = SyncLoop(environment: [:])
    let seen = Mutex<[Int]>([])
    for number in 0..<10 { #expect(loop.post { seen.withLock { $0.append(number) } }) }
    #expect(loop.start())
    #expect(loop.start())
    let onLoop = Atomic<Bool>(false)
    for number in 10..<100 { loop.post { seen.withLock { $0.append(number) } } }
    loop.post { onLoop.store(loop.isLoopThread, ordering: .relaxed) }
    #expect(eventually { seen.withLock { $0.count } == 100 && onLoop.load(ordering: .relaxed) })
    #expect(seen.withLock { $0 } == Array(0..<100))
    #expect(!loop.isLoopThread)
    #expect(loop.stop())
    #expect(!loop.post {})
    #expect(!loop.start())
    #expect(loop.stop())
  }

  @Test func firesTimersInOrderAndForgetsCancelledOnes() {
    let loop = SyncLoop(environment: [:])
    var fired: [String] = []
    loop.after(30_000_000) { fired.append("c") }
    loop.after(0) { fired.append("a") }
    let gone = loop.after(10_000_000) { fired.append("never") }
    loop.after(20_000_000) { fired.append("b") }
    loop.after(20_000_000) { fired.append("b2") }
    loop.after(.max) { fired.append("never") }
    loop.cancelTimer(gone)
    loop.run { fired.count == 4 }
    #expect(fired == ["a", "b", "b2", "c"])
    #expect(!loop.run(until: Clock.monotonic() + 30_000_000) { false })
    loop.stop()
  }

  @Test func manyThreadsMayPost() {
    let loop = SyncLoop(environment: [:])
    #expect(loop.start())
    let count = Mutex(0)
    for _ in 0..<8 {
      _ = Thread.start(name: "poster") {
        for _ in 0..<1000 { loop.post { count.withLock { $0 += 1 } } }
      }
    }
    #expect(eventually { count.withLock { $0 } == 8000 })
    loop.stop()
  }

  @Test func carriesManyRequestsAtOnce() {
    let server = HTTPTestServer { request, connection, _ in
      usleep(2000)
      connection.answer(200, [], request.target)
      return .keep
    }
    defer { server.stop() }
    let loop = SyncLoop(environment: [:])
    var good = 0
    var finished = 0
    // Of the test, not of the loop: a busy machine may take its time.
    var options = ConnectionOptions()
    options.connectMilliseconds = 60_000
    for number in 0..<100 {
      let request = HTTPRequest(.post, server.base + "/\(number)", body: .bytes([1]), timeoutMilliseconds: 60_000)
      loop.send(request, options) { result in
        finished += 1
        if result.answer?.text == "/\(number)" { good += 1 }
      }
    }
    loop.run(until: Clock.monotonic() + 60_000_000_000) { finished == 100 }
    #expect(good == 100)
    loop.stop()
  }

  @Test func neverAnswersFromInsideACall() {
    let loop = SyncLoop(environment: [:])
    var inside = true
    var answers = 0
    for url in ["http://127.0.0.1:1/", "no url", "http://host.invalid/"] {
      loop.send(HTTPRequest(.get, url), ConnectionOptions()) { _ in
        #expect(!inside)
        answers += 1
      }
    }
    let id = loop.send(HTTPRequest(.get, "http://127.0.0.1:1/"), ConnectionOptions()) { result in
      #expect(!inside)
      #expect(result.failed?.kind == .cancelled)
      answers += 1
    }
    loop.cancel(id)
    loop.cancel(id)
    loop.cancel(4711)
    inside = false
    loop.run(until: Clock.monotonic() + 60_000_000_000) { answers == 4 }
    #expect(answers == 4)
    loop.stop()
  }

  @Test func answersEverythingWhenItStops() {
    let server = HTTPTestServer { _, connection, _ in
      var byte: UInt8 = 0
      _ = recv(connection.socket, &byte, 1, 0)
      return .close
    }
    defer { server.stop() }
    let base = server.base
    let loop = SyncLoop(environment: [:])
    #expect(loop.start())
    let kinds = Mutex<[String]>([])
    loop.post {
      for _ in 0..<3 {
        loop.send(HTTPRequest(.get, base), ConnectionOptions()) { result in
          kinds.withLock { $0.append(result.failed?.kind.rawValue ?? "answer") }
          // What asks for more is answered, too.
          loop.send(HTTPRequest(.get, base), ConnectionOptions()) { result in
            kinds.withLock { $0.append(result.failed?.kind.rawValue ?? "answer") }
          }
        }
      }
    }
    #expect(eventually { server.received.count == 3 })
    #expect(loop.stop())
    #expect(kinds.withLock { $0 } == Array(repeating: "cancelled", count: 6))
  }

  @Test func stopsFromInside() {
    let loop = SyncLoop(environment: [:])
    var fired = false
    loop.after(0) {
      fired = true
      loop.stop()
    }
    #expect(!loop.run { false })
    #expect(fired)
    #expect(!loop.post {})
    let threaded = SyncLoop(environment: [:])
    #expect(threaded.start())
    threaded.post { threaded.stop() }
    #expect(eventually { !threaded.post {} })
    #expect(threaded.stop())
  }

  @Test func sleepsWhenNothingHappens() {
    let loop = SyncLoop(environment: [:])
    #expect(loop.start())
    let clock = Atomic<Int32>(0)
    loop.post {
      var id: clockid_t = 0
      pthread_getcpuclockid(pthread_self(), &id)
      clock.store(id, ordering: .relaxed)
    }
    #expect(eventually { clock.load(ordering: .relaxed) != 0 })
    func used() -> Int {
      var time = timespec()
      clock_gettime(clock.load(ordering: .relaxed), &time)
      return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
    let before = used()
    usleep(300_000)
    // A loop that spins would have used all of it.
    #expect(used() - before < 100_000_000)
    loop.stop()
  }

  @Test func aChildOfAForkIsInertAndMayMakeALoopOfItsOwn() {
    let server = HTTPTestServer { request, connection, _ in
      if request.target == "/slow" {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n")
        for _ in 0..<40 {
          connection.send("0123456789")
          usleep(10_000)
        }
      } else {
        connection.answer(200, [], request.body.isEmpty ? "idle" : "child")
      }
      return .keep
    }
    defer { server.stop() }
    let base = server.base
    let loop = SyncLoop(environment: [:])
    #expect(loop.start())
    let lengths = Mutex<[Int]>([])
    loop.post {
      for _ in 0..<4 {
        loop.send(HTTPRequest(.get, base + "/slow"), ConnectionOptions()) { result in
          lengths.withLock { $0.append(result.answer?.body.count ?? -1) }
        }
      }
    }
    #expect(eventually { server.received.count == 4 })
    var codes: [Int32] = []
    for _ in 0..<5 {
      let hold = loop.prepareFork()
      let child = quipuTestFork()
      if child == 0 {
        loop.afterForkInChild(hold)
        var code: Int32 = 0
        if loop.post({}) { code |= 1 }
        if loop.start() { code |= 2 }
        var dead: HTTPFailure.Kind?
        loop.send(HTTPRequest(.get, base), ConnectionOptions()) { dead = $0.failed?.kind }
        if dead != .cancelled { code |= 4 }
        if !loop.stop() { code |= 8 }
        let own = SyncLoop(environment: [:])
        if fetch(HTTPRequest(.post, base + "/x", body: .bytes([1])), on: own).answer?.text != "child" { code |= 16 }
        own.stop()
        _exit(code)
      }
      loop.afterForkInParent(hold)
      var status: Int32 = -1
      waitpid(child, &status, 0)
      codes.append(status >> 8)
    }
    #expect(codes == [0, 0, 0, 0, 0])
    #expect(eventually { lengths.withLock { $0.count } == 4 })
    #expect(lengths.withLock { $0 } == [400, 400, 400, 400])
    #expect(loop.stop())
  }
}

// Swift hides fork: after it only one thread is left. That is what is tested.
private let quipuTestFork: @convention(c) () -> pid_t = unsafeBitCast(
  dlsym(UnsafeMutableRawPointer(bitPattern: 0), "fork"), to: (@convention(c) () -> pid_t).self)
