import QuipuBase

/// A page as W&B's viewer wants it.
public enum HtmlPage {
  /// Opens links in a new tab, and gives the page the viewer's style.
  static let marker: StaticString =
    "<base target=\"_blank\"><link rel=\"stylesheet\" type=\"text/css\" href=\"https://app.wandb.ai/normalize.css\" />"

  /// The page with the viewer's marker behind the first `<head>`; without one in a head of its own behind `<html>`;
  /// without either in front. White space around the whole is removed. Upper-case tags do not count.
  ///
  /// - Parameter page: UTF-8.
  public static func injected(_ page: UnsafeRawBufferPointer) -> [UInt8] {
    var out = ByteBuffer(capacity: page.count + 160)
    func slice(_ from: Int, _ to: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: page[from..<to]) }
    if let end = endOfFirst("<head>", in: page) {
      out.append(slice(0, end))
      out.append(marker)
      out.append(slice(end, page.count))
    } else if let end = endOfFirst("<html>", in: page) {
      out.append(slice(0, end))
      out.append("<head>")
      out.append(marker)
      out.append("</head>")
      out.append(slice(end, page.count))
    } else {
      out.append(marker)
      out.append(page)
    }
    return trimmed(out.bytes)
  }

  public static func isUTF8(_ page: UnsafeRawBufferPointer) -> Bool {
    page.isEmpty || String(validating: page.bindMemory(to: UInt8.self), as: UTF8.self) != nil
  }

  private static func endOfFirst(_ tag: StaticString, in page: UnsafeRawBufferPointer) -> Int? {
    let count = tag.utf8CodeUnitCount
    guard page.count >= count else { return nil }
    for start in 0...(page.count - count) where page[start] == UInt8(ascii: "<") {
      var at = 1
      while at < count, page[start + at] == tag.utf8Start[at] { at += 1 }
      if at == count { return start + count }
    }
    return nil
  }

  /// Without white space at both ends, as Python's `strip` has it.
  private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var start = 0
    var end = bytes.count
    while start < end, let size = spaceLength(bytes, from: start) { start += size }
    while end > start, let size = spaceLength(bytes, before: end), end - size >= start { end -= size }
    return Array(bytes[start..<end])
  }

  /// Bytes of the white-space character that begins at `at`; nil if it is none.
  private static func spaceLength(_ bytes: UnsafeRawBufferPointer, from at: Int) -> Int? {
    let byte = bytes[at]
    if byte < 0x80 { return byte == 32 || (9...13).contains(byte) || (28...31).contains(byte) ? 1 : nil }
    if byte == 0xC2, at + 1 < bytes.count { return bytes[at + 1] == 0x85 || bytes[at + 1] == 0xA0 ? 2 : nil }
    guard at + 2 < bytes.count else { return nil }
    switch (byte, bytes[at + 1], bytes[at + 2]) {
    case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9), (0xE2, 0x80, 0xAF),
      (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
      return 3
    default: return nil
    }
  }

  private static func spaceLength(_ bytes: UnsafeRawBufferPointer, before end: Int) -> Int? {
    for size in 1...3 where end >= size {
      if let length = spaceLength(bytes, from: end - size), length == size { return size }
    }
    return nil
  }
}
