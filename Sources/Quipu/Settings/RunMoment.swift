/// A run and the step up to which its rows count: the argument of a fork or a rewind.
public struct RunMoment: Sendable, Equatable {
  public var runID: String
  public var step: Int64

  public init(runID: String, step: Int64) {
    self.runID = runID
    self.step = step
  }

  /// Reads `RUN?_step=NUMBER`; nil: not of that form.
  ///
  /// The number may have a fraction or an exponent; it is cut toward zero. Of several `_step` the first counts.
  public init?(parsing text: String) {
    let bytes = text.utf8
    guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")), mark != bytes.startIndex else { return nil }
    let run = bytes[..<mark]
    // Neither part of a URL's host nor of its first parameter.
    guard !run.contains(where: { $0 <= 0x20 || $0 == 0x7F || "/#".utf8.contains($0) }) else { return nil }
    var step: Double?
    for parameter in bytes[bytes.index(after: mark)...].split(separator: UInt8(ascii: "&")) {
      guard parameter.starts(with: "_step=".utf8) else { return nil }
      let number = Setting.trimmed(String(decoding: parameter.dropFirst(6), as: UTF8.self))
      // A parameter without a value does not count.
      if number.isEmpty || step != nil { continue }
      guard let value = Setting.decimal(number) else { return nil }
      step = value
    }
    guard let step, let whole = Int64(exactly: step.rounded(.towardZero)) else { return nil }
    self.init(runID: String(decoding: run, as: UTF8.self), step: whole)
  }
}
