import Glibc
import QuipuBase
import Synchronization
import Testing

@testable import Quipu

struct CoreRingTests {
  private let directory = CoreDirectory()

  private func make(_ capacity: Int = 65_536) throws -> HandOffRing {
    try #require(HandOffRing.create(path: directory.path + "/x.ring", capacity: capacity, context: Array("{}".utf8)))
  }

  private func put(_ ring: HandOffRing, _ bytes: Int, fill: UInt8 = 1) -> UInt64? {
    guard case .at(let position) = ring.claim(payload: bytes) else { return nil }
    ring.writeHeader(at: position, payload: bytes, kind: .row, commit: 0, step: 7, time: 9)
    memset(ring.payload(at: position), Int32(fill), bytes)
    ring.publish(position)
    return position
  }

  @Test func publishedEntryComesBackAsItWasWritten() throws {
    let ring = try make()
    let position = try #require(put(ring, 100, fill: 42))
    let entry = try #require(ring.entry(at: position))
    #expect(entry.kind == .row && entry.step == 7 && entry.time == 9 && entry.payload.count == 100)
    #expect(entry.payload.allSatisfy { $0 == 42 })
    #expect(entry.end == position + 160)
  }

  @Test func claimedButUnpublishedEntryIsNotSeen() throws {
    let ring = try make()
    guard case .at(let position) = ring.claim(payload: 10) else {
      Issue.record("no room in a fresh ring")
      return
    }
    #expect(ring.entry(at: position) == nil)
    #expect(ring.headPosition == 64)
  }

  @Test func fullRingRefusesAndTakesAgainAfterACheckpoint() throws {
    let ring = try make()
    var count: UInt64 = 0
    while put(ring, 96) != nil { count += 1 }
    #expect(count == 512)
    guard case .full = ring.claim(payload: 0) else {
      Issue.record("a full ring took an entry")
      return
    }
    ring.store(HandOffRing.Checkpoint(tail: 128, logSize: 1, spill: 0))
    #expect(put(ring, 96) == 65_536)
    #expect(put(ring, 96) == nil)
  }

  @Test func entryThatDoesNotFitBeforeTheEdgeStartsAtZeroBehindPadding() throws {
    let ring = try make()
    for _ in 0..<511 { _ = put(ring, 96) }
    ring.store(HandOffRing.Checkpoint(tail: 65_408, logSize: 1, spill: 0))
    let position = try #require(put(ring, 1000))
    #expect(position == 65_536)
    let padding = try #require(ring.entry(at: 65_408))
    #expect(padding.kind == .padding && padding.end == 65_536)
    #expect(ring.entry(at: 65_536)?.payload.count == 1000)
  }

  @Test func entryOfAnEarlierLapIsNotTakenForAFreshOne() throws {
    let ring = try make()
    for _ in 0..<512 { _ = put(ring, 96) }
    ring.store(HandOffRing.Checkpoint(tail: 65_536, logSize: 1, spill: 0))
    #expect(ring.entry(at: 65_536) == nil)
  }

  @Test func closedRingTakesNothingMore() throws {
    let ring = try make()
    guard case .at = ring.claim(payload: 8, closing: true) else {
      Issue.record("the last entry was refused")
      return
    }
    guard case .closed = ring.claim(payload: 8) else {
      Issue.record("a closed ring took an entry")
      return
    }
    #expect(ring.headPosition == 64)
  }

  @Test func checkpointSurvivesTheRing() throws {
    let checkpoint = HandOffRing.Checkpoint(tail: 64, logSize: 77, spill: 3)
    do {
      let ring = try make()
      _ = put(ring, 32)
      ring.store(HandOffRing.Checkpoint(tail: 0, logSize: 5, spill: 0))
      ring.store(checkpoint)
    }
    let again = try #require(HandOffRing.openAbandoned(path: directory.path + "/x.ring"))
    #expect(again.checkpoint == checkpoint)
    #expect(again.context == Array("{}".utf8))
    #expect(again.entry(at: 0)?.payload.count == 32)
  }

  @Test func ringOfThisProcessIsNotAbandoned() throws {
    let ring = try make()
    #expect(HandOffRing.openAbandoned(path: directory.path + "/x.ring") == nil)
    withExtendedLifetime(ring) {}
  }

  @Test(arguments: [0, 100, 16_384, 16_385, 16_400, 20_000]) func fileThatIsNoRingIsRefused(size: Int) {
    let path = directory.path + "/y.ring"
    _ = FileTools.writeNew(path, [UInt8](repeating: 0x51, count: size))
    #expect(HandOffRing.openAbandoned(path: path) == nil)
  }

  /// A caller that was put aside between its two looks at the ring sees a tail beyond the end of what it wants.
  @Test func tailBeyondAStaleHeadIsNotAFullRing() {
    #expect(HandOffRing.fits(end: 150, free: 200, capacity: 65_536))
    #expect(HandOffRing.fits(end: 65_536, free: 0, capacity: 65_536))
    #expect(!HandOffRing.fits(end: 65_568, free: 0, capacity: 65_536))
  }

  @Test func manyProducersLoseNothingAndKeepTheirOrder() throws {
    let ring = try make()
    let producers = 4
    let each = 20_000
    let running = Atomic<Int>(producers)
    for number in 0..<producers {
      _ = Thread.start(name: "producer") {
        var state = UInt64(number + 1)
        for index in 0..<each {
          state = state &* 6_364_136_223_846_793_005 &+ 1
          let size = 16 + Int(state >> 56)
          while true {
            guard case .at(let position) = ring.claim(payload: size) else {
              sched_yield()
              continue
            }
            ring.writeHeader(at: position, payload: size, kind: .row, commit: 0, step: Int64(number), time: Int64(index))
            memset(ring.payload(at: position), Int32(truncatingIfNeeded: index & 0xFF), size)
            ring.publish(position)
            break
          }
        }
        running.subtract(1, ordering: .releasing)
      }
    }
    var cursor: UInt64 = 0
    var next = [Int64](repeating: 0, count: producers)
    var wrong = 0
    let end = Clock.monotonic() + 60_000_000_000
    while next.reduce(0, +) < Int64(producers * each), Clock.monotonic() < end {
      guard let entry = ring.entry(at: cursor) else {
        ring.store(HandOffRing.Checkpoint(tail: cursor, logSize: 0, spill: 0))
        sched_yield()
        continue
      }
      if entry.kind == .row {
        let number = Int(entry.step)
        if entry.time != next[number] { wrong += 1 }
        if !entry.payload.allSatisfy({ $0 == UInt8(truncatingIfNeeded: entry.time & 0xFF) }) { wrong += 1 }
        next[number] += 1
      }
      cursor = entry.end
    }
    #expect(wrong == 0)
    #expect(next == [Int64](repeating: Int64(each), count: producers))
    #expect(eventually { running.load(ordering: .acquiring) == 0 })
  }

  /// A limit on the size of files would end the process by a signal.
  @Test func ringBeyondTheLimitOfFileSizesIsRefusedNotFatal() {
    let path = directory.path + "/z.ring"
    let code = inChild {
      var limit = rlimit(rlim_cur: 65_536, rlim_max: 65_536)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      return HandOffRing.create(path: path, capacity: 1 << 20, context: []) == nil ? 0 : 1
    }
    #expect(code == 0)
    #expect(access(path, F_OK) != 0)
  }
}
