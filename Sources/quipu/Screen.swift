import Glibc
import Quipu

/// What is known about the terminal: its width, and whether colours are welcome.
struct Screen {
  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  /// Columns, at least 40.
  var width: Int
  var hasColour: Bool

  /// Colours only on a terminal, and not with NO_COLOR (any value but the empty one) or TERM=dumb.
  init(descriptor: Int32 = STDOUT_FILENO) {
    let isTerminal = isatty(descriptor) == 1
    var size = winsize()
    var columns = 80
    if isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      columns = Int(size.ws_col)
    } else if let text = getenv("COLUMNS"), let given = Int(String(cString: text)) {
      columns = given
    }
    width = max(40, min(columns, 400))
    func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    hasColour = isTerminal && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb"
  }

  init(width: Int, hasColour: Bool) {
    self.width = width
    self.hasColour = hasColour
  }

  func paint(_ text: String, _ style: Style) -> String {
    hasColour && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  // MARK: text in columns

  /// Columns that a text takes: wide characters two, combining ones none.
  static func columns(_ text: String) -> Int {
    var count = 0
    for scalar in text.unicodeScalars { count += columns(scalar) }
    return count
  }

  private static func columns(_ scalar: Unicode.Scalar) -> Int {
    let value = scalar.value
    if value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // The blocks that terminals draw two columns wide (East Asian wide and fullwidth, emoji).
    switch value {
    case 0x1100...0x115F, 0x231A...0x231B, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
      0x1F900...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }

  /// The text cut to `width` columns; the middle gives way, because beginnings and ends tell names apart.
  static func fit(_ text: String, _ width: Int) -> String {
    if columns(text) <= width { return text }
    if width <= 1 { return width == 1 ? "…" : "" }
    let scalars = Array(text.unicodeScalars)
    let tailWidth = (width - 1) / 2
    var start = scalars.count
    var used = 0
    while start > 0, used + columns(scalars[start - 1]) <= tailWidth {
      start -= 1
      used += columns(scalars[start])
    }
    // A combining mark without its letter is no beginning.
    while start < scalars.count, columns(scalars[start]) == 0 { start += 1 }
    return cut(text, width - 1 - used) + "…" + string(scalars[start...])
  }

  /// The names cut to `width` columns so that each keeps what tells it from its neighbours: `layer_12` stays in
  /// `…/layer_12/att…/kernel`. For sorted names.
  static func fitNames(_ names: [String], _ width: Int) -> [String] {
    let scalars = names.map { Array($0.unicodeScalars) }
    return names.indices.map { at in
      let text = scalars[at]
      if text.count <= width || width < 16 { return fit(names[at], width) }
      var differs = 0
      for other in [at - 1, at + 1] where scalars.indices.contains(other) {
        differs = max(differs, zip(text, scalars[other]).prefix { $0 == $1 }.count)
      }
      let tail = width / 3
      let window = width - tail - 2
      // Seen at the beginning or at the end anyway.
      let side = (width - 1) / 2
      if differs < width - 1 - side || differs >= text.count - side { return fit(names[at], width) }
      var end = differs + 1
      while end < text.count, end < differs + 8, !"/._- ".unicodeScalars.contains(text[end]) { end += 1 }
      let start = max(0, end - window)
      let head = (start > 0 ? "…" : "") + string(text[start..<end])
      return fitEnd(head + "…" + string(text[max(end, text.count - tail)...]), width)
    }
  }

  /// The text cut at its end, without a sign.
  static func cut(_ text: String, _ width: Int) -> String {
    var used = 0
    var kept: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars {
      used += columns(scalar)
      if used > width { break }
      kept.append(scalar)
    }
    return string(kept[...])
  }

  /// As ``fit(_:_:)``, but the end gives way: for values.
  static func fitEnd(_ text: String, _ width: Int) -> String {
    columns(text) <= width ? text : cut(text, max(0, width - 1)) + (width > 0 ? "…" : "")
  }

  static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - columns(text)))
    return right ? space + text : text + space
  }

  private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}
