/// The picture modes a PNG made from an array can have.
enum ImageMode: Int {
  case gray = 1
  case grayAlpha = 2
  case rgb = 3
  case rgba = 4

  /// Modes the imaging library of the reference knows but PNG cannot hold.
  private static let notInPNG: Set<String> = [
    "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "La", "RGBa", "RGBX", "PA", "I;16B",
  ]
  /// Modes PNG could hold that are not built: palettes and 16-bit gray.
  private static let notBuilt: Set<String> = ["P", "I;16", "I;16L", "I;16N"]

  /// - Throws: `.io` for a mode PNG cannot hold, `.unsupported` for one that is not built, `.value` for any other text.
  init(named name: String) throws(MediaError) {
    switch name {
    case "L": self = .gray
    case "LA": self = .grayAlpha
    case "RGB": self = .rgb
    case "RGBA": self = .rgba
    default:
      if Self.notInPNG.contains(name) { throw MediaError(.io, "cannot write mode \(name) as PNG") }
      if Self.notBuilt.contains(name) {
        throw MediaError(.unsupported, "image mode '\(name)' is not supported yet; use L, LA, RGB, RGBA or 1")
      }
      throw MediaError(.value, "image mode '\(name)' is unknown; use L, LA, RGB, RGBA or 1")
    }
  }
}
