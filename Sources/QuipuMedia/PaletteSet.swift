/// Up to 256 different colours, and the number of each: the palette of a picture that has no more.
final class PaletteSet {
  private static let hashBits = 10
  private static let slots = 1 << hashBits
  /// Colours are 24 bits; this one marks a slot in use.
  private static let used: UInt32 = 1 << 24

  private let keys: UnsafeMutablePointer<UInt32>
  private let numbers: UnsafeMutablePointer<UInt8>
  /// The colours, red in the low byte, in order of appearance.
  let colours: UnsafeMutablePointer<UInt32>
  private(set) var count = 0

  init() {
    keys = .allocate(capacity: Self.slots)
    keys.initialize(repeating: 0, count: Self.slots)
    numbers = .allocate(capacity: Self.slots)
    numbers.initialize(repeating: 0, count: Self.slots)
    colours = .allocate(capacity: 256)
    colours.initialize(repeating: 0, count: 256)
  }

  deinit {
    keys.deallocate()
    numbers.deallocate()
    colours.deallocate()
  }

  func removeAll() {
    guard count > 0 else { return }
    keys.update(repeating: 0, count: Self.slots)
    count = 0
  }

  @inline(__always) private func slot(_ colour: UInt32) -> Int {
    let key = colour | Self.used
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B1) &>> UInt32(32 &- Self.hashBits))
    while keys[slot] != key, keys[slot] != 0 { slot = (slot &+ 1) & (Self.slots &- 1) }
    return slot
  }

  /// Adds the colours of `pixels`.
  /// - Returns: false if there are more than `limit` (at most 256) in all; some of them are in the set then.
  func add(_ pixels: UnsafePointer<UInt32>, count length: Int, limit: Int) -> Bool {
    var last = UInt32.max
    for at in 0..<length {
      let colour = pixels[at]
      if colour == last { continue }
      last = colour
      let slot = slot(colour)
      if keys[slot] == 0 {
        guard count < limit else { return false }
        keys[slot] = colour | Self.used
        numbers[slot] = UInt8(truncatingIfNeeded: count)
        colours[count] = colour
        count &+= 1
      }
    }
    return true
  }

  /// The number of a colour of the set.
  @inline(__always) func number(of colour: UInt32) -> UInt8 { numbers[slot(colour)] }
}
