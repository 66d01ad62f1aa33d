#if canImport(Glibc)
  import Glibc
#endif

/// A moment: whole microseconds since 1970-01-01 UTC, what W&B's `DateTime` can express.
public struct Timestamp: Hashable, Comparable, Sendable {
  public var microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  public static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
  }

  public var seconds: Double { Double(microseconds) / 1e6 }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

  public func adding(seconds: Double) -> Timestamp {
    Timestamp(microseconds: Int64(exactly: (seconds * 1e6).rounded()).map { microseconds &+ $0 } ?? microseconds)
  }

  /// `YYYY-MM-DDTHH:MM:SS.ffffffZ`, UTC.
  public var text: String {
    var seconds = time_t(microseconds / 1_000_000)
    var fraction = microseconds % 1_000_000
    if fraction < 0 {
      fraction += 1_000_000
      seconds -= 1
    }
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ value: Int64, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = [(Int64(parts.tm_year) + 1900, 4), (Int64(parts.tm_mon) + 1, 2), (Int64(parts.tm_mday), 2)]
      .map { padded($0.0, $0.1) }.joined(separator: "-")
    let time = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int64($0), 2) }.joined(separator: ":")
    return "\(date)T\(time).\(padded(fraction, 6))Z"
  }
}
