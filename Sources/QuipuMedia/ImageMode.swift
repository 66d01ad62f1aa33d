/// The channels that a picture made from an array can have.
enum ImageMode: Int {
  case gray = 1
  case grayAlpha = 2
  case rgb = 3
  case rgba = 4

  /// Modes the imaging library of the reference knows but PNG cannot hold.
  private static let notInPNG: Set<String> = [
    "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "La", "RGBa", "RGBX", "PA", "I;16B",
  ]

  /// - Throws: `.io` for a mode PNG cannot hold, `.unsupported` for palettes, `.value` for any other text.
  init(named name: String) throws(MediaError) {
    switch name {
    case "L": self = .gray
    case "LA": self = .grayAlpha
    case "RGB": self = .rgb
    case "RGBA": self = .rgba
    default:
      if Self.notInPNG.contains(name) { throw MediaError(.io, "cannot write mode \(name) as PNG") }
      if name == "P" {
        throw MediaError(
          .unsupported, "image mode 'P' cannot be asked for; use RGB, a picture of few colours gets a palette by itself")
      }
      throw MediaError(.value, "image mode '\(name)' is unknown; use L, LA, RGB, RGBA, 1 or I;16")
    }
  }
}
