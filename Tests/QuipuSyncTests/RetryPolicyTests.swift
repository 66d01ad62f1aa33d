import Testing

@testable import QuipuSync

@Suite struct RetryPolicyTests {
  @Test func theFileStreamIsTriedForAWeek() { #expect(RetryPolicy.fileStream.retries == 10085) }

  @Test(arguments: [400, 401, 402, 403, 404, 409, 410, 413, 422, 501])
  func isFinalFor(status: Int) { #expect(!RetryPolicy.graphQL.isPassing(status: status)) }

  @Test(arguments: [0, 405, 408, 418, 425, 429, 451, 500, 502, 503, 504, 507, 600, 999])
  func triesAgainAfter(status: Int) { #expect(RetryPolicy.fileStream.isPassing(status: status)) }

  @Test func upsertsTryAgainAfterAConflict() {
    var policy = RetryPolicy.graphQL
    policy.retriesConflict = true
    #expect(policy.isPassing(status: 409))
    #expect(!policy.isPassing(status: 404))
  }

  @Test func transfersTryAgainOnlyAfter429And5xx() {
    for status in [408, 409, 425, 403, 404, 501, 304] { #expect(!RetryPolicy.transfer.isPassing(status: status)) }
    for status in [429, 500, 502, 503, 504, 0] { #expect(RetryPolicy.transfer.isPassing(status: status)) }
  }

  @Test func waitsTwiceAsLongEachTimeWithinTheSpread() {
    let policy = RetryPolicy.graphQL
    for (retry, seconds) in [2, 4, 8, 16, 32, 60, 60].enumerated() {
      let least = Int64(seconds) * 1_000_000_000
      #expect(policy.wait(retry: retry, random: 0) == least)
      #expect(policy.wait(retry: retry, random: 0.999_999) <= min(least / 4 * 5, policy.longest))
      #expect(policy.wait(retry: retry, random: 0.5) >= least)
    }
    #expect(policy.wait(retry: 10_000, random: 1) == policy.longest)
  }

  @Test func obeysTheServersWait() {
    let policy = RetryPolicy.graphQL
    #expect(policy.wait(retry: 3, random: 0.5, asked: 2_500_000_000) == 2_500_000_000)
    #expect(policy.wait(retry: 0, random: 0, asked: 300_000_000_000) == 300_000_000_000)
    #expect(policy.wait(retry: 0, random: 0, asked: .max) == 3_600_000_000_000)
    #expect(policy.wait(retry: 0, random: 0, asked: 0) == 100_000_000)
    #expect(policy.wait(retry: 50, random: 0, asked: 0) == 1_000_000_000)
  }

  func after(_ header: String, date: String? = nil) -> Int64? {
    var answer = HTTPAnswer(status: 429, headers: [HTTPHeader("retry-after", header)])
    if let date { answer.headers.append(HTTPHeader("date", date)) }
    return AnswerText.retryAfter(answer, wallSeconds: 784_111_770)
  }

  @Test func readsRetryAfterInAllForms() {
    #expect(after("2") == 2_000_000_000)
    #expect(after("0.25") == 250_000_000)
    #expect(after("1e300") == .max)
    #expect(after("-1") == nil)
    #expect(after("nan") == nil)
    #expect(after("soon") == nil)
    #expect(after("Sun, 06 Nov 1994 08:49:37 GMT") == 7_000_000_000)
    #expect(after("Sunday, 06-Nov-94 08:49:37 GMT") == 7_000_000_000)
    #expect(after("Sun Nov  6 08:49:37 1994") == 7_000_000_000)
    #expect(after("Sun, 06 Nov 1994 08:49:00 GMT") == 0)
  }

  @Test func measuresADateByTheServersClock() {
    // The clock here is decades away from the server's.
    #expect(after("Tue, 01 Jan 2030 00:00:10 GMT", date: "Tue, 01 Jan 2030 00:00:00 GMT") == 10_000_000_000)
  }

  @Test func dateTextRoundTrips() {
    for seconds: Int64 in [0, 951_782_399, 951_782_400, 1_709_164_800, 4_102_444_799, 253_402_300_799] {
      #expect(CivilTime.seconds(CivilTime.text(seconds)) == seconds)
    }
    #expect(CivilTime.text(784_111_777) == "1994-11-06 08:49:37")
    #expect(CivilTime.seconds("1994-13-06 08:49:37") == nil)
    #expect(CivilTime.seconds("x") == nil)
  }
}
