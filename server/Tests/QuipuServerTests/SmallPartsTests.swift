import Storage
import Testing

@testable import QuipuServer

@Suite struct URLSignerTests {
  let signer = URLSigner(secret: Array("secret".utf8))
  let now = Timestamp(microseconds: 1_800_000_000_000_000)

  private func parts(_ url: String) -> (path: String, expires: String, signature: String) {
    let halves = url.split(separator: "?")
    let query = halves[1].split(separator: "&").map { String($0.split(separator: "=", maxSplits: 1)[1]) }
    return (String(halves[0]), query[0], query[1])
  }

  @Test func acceptsWhatItSigned() throws {
    let (path, expires, signature) = parts(signer.sign("PUT", path: "/storage/run/1/a%20b", lifetime: 60, now: now))
    try signer.check("PUT", path: path, expires: expires, signature: signature, now: now.adding(seconds: 59))
  }

  @Test func refusesAnotherMethodPathTimeOrSecret() {
    let (path, expires, signature) = parts(signer.sign("GET", path: "/storage/run/1/a", lifetime: 60, now: now))
    let other = URLSigner(secret: Array("other".utf8))
    for (checker, method, path, expires) in [
      (signer, "PUT", path, expires), (signer, "GET", path + "b", expires), (signer, "GET", path, "9" + expires),
      (other, "GET", path, expires),
    ] {
      #expect(throws: ServerFault.self) {
        try checker.check(method, path: path, expires: expires, signature: signature, now: now)
      }
    }
    #expect(throws: ServerFault.self) { try signer.check("GET", path: path, expires: nil, signature: nil, now: now) }
  }

  @Test func refusesAnExpiredURL() {
    let (path, expires, signature) = parts(signer.sign("GET", path: "/storage/run/1/a", lifetime: 60, now: now))
    #expect(throws: ServerFault(403, "this URL has expired: ask the server for a new one")) {
      try signer.check("GET", path: path, expires: expires, signature: signature, now: now.adding(seconds: 62))
    }
  }
}

@Suite struct EncodingTests {
  @Test(arguments: ["", "f", "fo", "foo", "foob", "Run:123", "\u{0}\u{ff}ü"])
  func base64RoundTrips(_ text: String) { #expect(decodeBase64(base64Text(text)) == Array(text.utf8)) }

  @Test(arguments: ["A", "AAAAA", "AA=A", "A===", "AA*A", "AAA=="])
  func base64RejectsWhatIsNone(_ text: String) { #expect(decodeBase64(text) == nil) }

  @Test(arguments: ["a b", "a/b", "ü+&?#%", "..", ""])
  func percentEncodingRoundTrips(_ text: String) { #expect(percentDecoded(percentEncoded(text)) == text) }

  @Test(arguments: ["%", "%2", "%zz", "%ff", "a%00b"])
  func percentDecodingRejectsBrokenTexts(_ text: String) { #expect(percentDecoded(text) == nil) }

  @Test func globalIDsKeepKindAndNumber() {
    #expect(GlobalID.parse(GlobalID.make("Run", 42), kind: "Run") == 42)
    #expect(GlobalID.parse(GlobalID.make("Run", 42), kind: "File") == nil)
    #expect(GlobalID.parse("not base64!", kind: "Run") == nil)
  }
}

@Suite struct ByteRangeTests {
  @Test func readsTheThreeForms() {
    #expect(ByteRange.parse("bytes=0-9", size: 100) == .part(0...9))
    #expect(ByteRange.parse("bytes=90-", size: 100) == .part(90...99))
    #expect(ByteRange.parse("bytes=-5", size: 100) == .part(95...99))
    #expect(ByteRange.parse("bytes=-500", size: 100) == .part(0...99))
    #expect(ByteRange.parse("bytes=50-500", size: 100) == .part(50...99))
  }

  @Test func tellsUnsatisfiableFromUnusable() {
    #expect(ByteRange.parse("bytes=100-", size: 100) == .unsatisfiable)
    #expect(ByteRange.parse("bytes=-0", size: 100) == .unsatisfiable)
    #expect(ByteRange.parse("bytes=0-", size: 0) == .unsatisfiable)
    for text in ["bytes=9-0", "bytes=0-1,3-4", "lines=0-1", "bytes=x-1", "bytes=--1", "bytes="] {
      #expect(ByteRange.parse(text, size: 100) == .whole, "\(text)")
    }
  }

  @Test func readsRangesOfUploads() {
    #expect(UploadRange.parse("bytes 0-9/10") == .part(first: 0, last: 9, total: 10))
    #expect(UploadRange.parse("bytes */10") == .question(total: 10))
    for text in ["bytes 0-10/10", "bytes 5-4/10", "bytes 0-9/*", "0-9/10", "bytes -1-3/10"] {
      #expect(UploadRange.parse(text) == nil, "\(text)")
    }
  }
}

@Suite struct NameTests {
  @Test(arguments: ["..", "a/../b", "/a", "a//b", "a/", ".", "a\\b", "a\nb", ""])
  func fileNamesStayBelowTheirRun(_ name: String) {
    #expect(throws: ServerFault.self) { try Names.checkFile(name) }
  }

  @Test(arguments: ["a", "media/images/x_1_abc.png", "..a", "a..b/c", "ü ✓ %2e%2e", "-"])
  func ordinaryFileNamesPass(_ name: String) throws { try Names.checkFile(name) }

  @Test(arguments: ["a:b", "a/b", "a?b", " a", "a ", "", "a#b", "..", "a,b", "a;b", "a'b"])
  func refusesRunIdsThatTheClientRefuses(_ name: String) {
    #expect(throws: ServerFault.self) { try Names.checkRun(name) }
  }
}

@Suite struct LivenessTests {
  private func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

  @Test func silenceMakesRunsCrashedOrPreempted() {
    let liveness = Liveness(crashAfter: 100, startedAt: time(0), lastAlive: nil)
    #expect(liveness.state(.running, heartbeatAt: time(1000), now: time(1100)) == .running)
    #expect(liveness.state(.running, heartbeatAt: time(1000), now: time(1101)) == .crashed)
    #expect(liveness.state(.preempting, heartbeatAt: time(1000), now: time(1101)) == .preempted)
    #expect(liveness.state(.finished, heartbeatAt: time(1000), now: time(9999)) == .finished)
  }

  @Test func aRunIsNotBlamedForTheServersAbsence() {
    let liveness = Liveness(crashAfter: 100, startedAt: time(5000), lastAlive: time(1050))
    #expect(liveness.state(.running, heartbeatAt: time(1000), now: time(5050)) == .running)
    #expect(liveness.state(.running, heartbeatAt: time(1000), now: time(5101)) == .crashed)
    // This one was silent for long before the server went away.
    #expect(liveness.state(.running, heartbeatAt: time(900), now: time(5001)) == .crashed)
  }
}

@Suite struct ConsoleTextTests {
  @Test func readsPlainLines() {
    let line = ConsoleText("2026-11-21T20:08:02.154359 [rank-1] from a secondary writer")
    #expect(line.timestamp == "2026-11-21T20:08:02.154359")
    #expect(line.label == "rank-1")
    #expect(line.level == "")
    #expect(line.text == "from a secondary writer")
    let error = ConsoleText("ERROR 2026-11-21T20:15:09.804446 wandb: Adding [x] to artifact")
    #expect(error.level == "error")
    #expect(error.text == "wandb: Adding [x] to artifact")
  }

  @Test func readsStructuredLines() {
    let line = ConsoleText(#"{"level":"error","ts":"2026-11-21T20:15:09.8","label":"r","content":"a \"b\""}"#)
    #expect(line == ConsoleText(#"{"content":"a \"b\"","label":"r","ts":"2026-11-21T20:15:09.8","level":"error"}"#))
    #expect(line.text == #"a "b""#)
    #expect(line.level == "error")
  }

  @Test(arguments: ["", "ERROR", "{", "{\"a\":1}", "no time here", "2026-11-21 text"])
  func takesAnythingElseAsText(_ content: String) { #expect(ConsoleText(content).text == content) }
}

@Suite struct ByteBudgetTests {
  @Test func neverLetsMoreInThanItHas() async throws {
    let budget = ByteBudget(limit: 10)
    let inside = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for size in [4, 7, 3, 10, 100, 1, 0, 6] {
        group.addTask {
          try await budget.with(size) {
            await inside.add(min(size, 10))
            await Task.yield()
            await inside.add(-min(size, 10))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(await inside.highest <= 10)
    #expect(await inside.now == 0)
  }
}

@Suite struct KeyedLockTests {
  @Test func letsOneInAtATimeForEachKey() async {
    let lock = KeyedLock<Int>()
    let inside = [Counter(), Counter()]
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<100 {
        group.addTask {
          await lock.with(index % 2) {
            await inside[index % 2].add(1)
            await Task.yield()
            await inside[index % 2].add(-1)
          }
        }
      }
    }
    for counter in inside { #expect(await counter.highest == 1) }
  }
}

actor Counter {
  private(set) var now = 0
  private(set) var highest = 0

  func add(_ amount: Int) {
    now += amount
    highest = max(highest, now)
  }
}
