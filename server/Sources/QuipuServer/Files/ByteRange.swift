/// The `Range` header. Source: RFC 9110, section 14.
enum ByteRange: Equatable {
  /// No usable range: the whole is answered.
  case whole
  case part(ClosedRange<Int>)
  case unsatisfiable

  /// One range only; a list of ranges gets the whole, as the RFC allows.
  static func parse(_ header: String, size: Int) -> ByteRange {
    guard header.lowercased().hasPrefix("bytes=") else { return .whole }
    let spec = header.dropFirst(6)
    let parts = spec.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, !spec.utf8.contains(UInt8(ascii: ",")) else { return .whole }
    let trimmed = parts.map { String($0.filter { $0 != " " }) }
    if trimmed[0].isEmpty {
      guard let length = Int(trimmed[1]), length >= 0 else { return .whole }
      return length == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - length)...(size - 1))
    }
    guard let first = Int(trimmed[0]), first >= 0 else { return .whole }
    guard first < size else { return .unsatisfiable }
    if trimmed[1].isEmpty { return .part(first...(size - 1)) }
    guard let last = Int(trimmed[1]), last >= first else { return .whole }
    return .part(first...min(last, size - 1))
  }
}

/// `Content-Range` of an upload that comes in parts.
enum UploadRange: Equatable {
  /// `bytes */TOTAL`: how much is there?
  case question(total: Int64)
  case part(first: Int64, last: Int64, total: Int64)

  static func parse(_ header: String) -> UploadRange? {
    guard header.lowercased().hasPrefix("bytes ") else { return nil }
    let halves = header.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2, let total = Int64(halves[1]), total >= 0 else { return nil }
    if halves[0] == "*" { return .question(total: total) }
    let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int64(ends[0]), let last = Int64(ends[1]) else { return nil }
    guard first >= 0, first <= last, last < total else { return nil }
    return .part(first: first, last: last, total: total)
  }
}
