import Glibc
import QuipuBase

/// What the requester reads in an answer beside its status.
enum AnswerText {
  /// How long a server asks to be left alone.
  ///
  /// A date is compared with the server's own clock where it sends one, so that a clock that is wrong here does no harm.
  ///
  /// - Parameter wallSeconds: seconds since 1970 here.
  /// - Returns: nanoseconds; nil: it does not ask.
  ///
  /// Source: http.md, section 5.2.
  static func retryAfter(_ answer: HTTPAnswer, wallSeconds: Int64) -> Int64? {
    guard let text = answer.header("retry-after") else { return nil }
    if let number = Double(text) {
      guard number.isFinite, number >= 0 else { return nil }
      return number > 1e9 ? .max : Int64(number * 1e9)
    }
    guard let date = CivilTime.httpDate(text) else { return nil }
    let here = answer.header("date").flatMap { CivilTime.httpDate($0) } ?? wallSeconds
    let (nanoseconds, tooLong) = max(0, date - here).multipliedReportingOverflow(by: 1_000_000_000)
    return tooLong ? .max : nanoseconds
  }

  /// The first message in the answer of a server: `errors[0].message`, `error`, `error.message`, else the beginning of
  /// the body if that is no page for a browser.
  ///
  /// Source: http.md, section 6.1.
  static func message(_ body: [UInt8]) -> String {
    if let json = try? JSON(parsing: body), case .object(let object) = json {
      if let text = firstError(object) { return line(text) }
      switch object["error"] {
      case .string(let text): return line(text)
      case .object(let inner):
        if case .string(let text) = inner["message"] { return line(text) }
      default: break
      }
    }
    let start = body.drop { $0 <= 0x20 }
    if start.first == UInt8(ascii: "<") { return "" }
    return line(String(decoding: start.prefix(400), as: UTF8.self))
  }

  /// The message of the first entry of a list `errors`; nil: there is none.
  static func firstError(_ object: JSONObject) -> String? {
    guard case .array(let errors) = object["errors"], let first = errors.first else { return nil }
    if case .object(let error) = first, case .string(let text) = error["message"] { return text }
    if case .string(let text) = first { return text }
    return "an error without a message"
  }

  /// One line of at most 300 characters, without control characters.
  static func line(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(300) {
      scalars.append(scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? " " : scalar)
    }
    return String(scalars)
  }
}

/// Texts that must not appear in any message.
struct Secrets {
  private(set) var texts: [[UInt8]] = []

  mutating func add(_ text: String) {
    // A short text would blank out ordinary words.
    guard text.utf8.count >= 8 else { return }
    texts.append(Array(text.utf8))
    if texts.count > 8 { texts.removeFirst() }
  }

  func removed(from text: String) -> String {
    var bytes = Array(text.utf8)
    var changed = false
    for secret in texts {
      var at = 0
      while at + secret.count <= bytes.count {
        if bytes[at...].starts(with: secret) {
          bytes.replaceSubrange(at..<(at + secret.count), with: "***".utf8)
          changed = true
        }
        at += 1
      }
    }
    // A text that was cut may end in the beginning of one.
    for secret in texts {
      if let size = (8..<secret.count).last(where: { bytes.suffix($0).elementsEqual(secret.prefix($0)) }) {
        bytes.replaceSubrange((bytes.count - size)..., with: "***".utf8)
        changed = true
      }
    }
    return changed ? String(decoding: bytes, as: UTF8.self) : text
  }
}
