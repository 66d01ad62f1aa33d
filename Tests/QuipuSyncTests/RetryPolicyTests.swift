import Testing

@testable import QuipuSync

@Suite struct RetryPolicyTests {
  @Test func theFileStreamIsTriedForAWeek() { #expect(RetryPolicy.fileStream.retries == 10085) }
}
