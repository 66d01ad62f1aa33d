import QuipuSync
import Testing

@Suite struct RatePaceTests {
  let second: Int64 = 1_000_000_000
  func answer(_ remaining: String?, _ reset: String?) -> HTTPAnswer {
    var answer = HTTPAnswer(status: 200)
    if let remaining { answer.headers.append(HTTPHeader("ratelimit-remaining", remaining)) }
    if let reset { answer.headers.append(HTTPHeader("ratelimit-reset", reset)) }
    return answer
  }

  @Test func goesOnAtOnceWithoutHeaders() {
    var pace = RatePace()
    #expect(pace.earliest(now: 5) == 5)
    for pair in [(nil, nil), ("3", nil), (nil, "4"), ("x", "9"), ("-1", "9"), ("5", "inf"), ("5", "1")] {
      pace.took(answer(pair.0, pair.1), now: 5)
      #expect(pace.earliest(now: 5) == 5)
    }
  }

  @Test func spreadsWhatIsLeftOverTheTimeToTheReset() {
    var pace = RatePace()
    pace.took(answer("6", "60"), now: 0)
    #expect(pace.earliest(now: 0) == 10 * second)
    #expect(pace.earliest(now: 11 * second) == 11 * second)
  }

  @Test func waitsForTheResetWhenNothingIsLeft() {
    var pace = RatePace()
    pace.took(answer("0", "42"), now: 0)
    #expect(pace.earliest(now: 0) == 42 * second)
    pace.took(answer("0", "1e9"), now: 0)
    #expect(pace.earliest(now: 0) == 300 * second)
  }

  @Test func learnsWhatAUnitIsWorth() {
    // Each unit pays for ten requests: 10 units in 60 s are 100 requests.
    var pace = RatePace()
    var requests = 0
    for _ in 0..<200 {
      pace.took(answer(String(100 - requests / 10), "60"), now: 0)
      requests += 1
    }
    let wait = Double(pace.earliest(now: 0)) / 1e9
    let remaining = Double(100 - (requests - 1) / 10)
    #expect(wait < 60 / remaining / 4)
    #expect(wait > 60 / remaining / 60)
  }
}
