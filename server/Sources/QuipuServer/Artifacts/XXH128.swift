/// XXH3 with 128 bits and seed 0, the faster of the protocol's two digests; it protects against accidents only.
///
/// Source: the xxHash specification, "XXH3 algorithm family"; byte order of the result as in the canonical form.
struct XXH128: Sendable {
  private static let prime32: (UInt64, UInt64, UInt64) = (0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d)
  private static let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
  private static let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
  private static let prime3: UInt64 = 0x1656_67b1_9e37_79f9
  private static let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
  private static let prime5: UInt64 = 0x27d4_eb2f_1656_67c5
  private static let mix1: UInt64 = 0x1656_6791_9e37_79f9
  private static let mix2: UInt64 = 0x9fb2_1c65_1e98_df25

  private static let secret: [UInt8] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
  ]

  private static let stripe = 64
  private static let stripesPerBlock = 16
  /// Inputs up to this length are hashed in another way, from all of their bytes at once.
  private static let shortLimit = 240

  private var accumulators: [UInt64] = [
    prime32.2, prime1, prime2, prime3, prime4, prime32.1, prime5, prime32.0,
  ]
  private var count: UInt64 = 0
  private var stripesOfBlock = 0
  /// What was not consumed; before that, once something was, the 64 bytes in front of it.
  private var pending: [UInt8] = []
  private var consumed = 0

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    count &+= UInt64(bytes.count)
    pending.append(contentsOf: bytes)
    guard count > UInt64(Self.shortLimit) else { return }
    Self.secret.withUnsafeBytes { secret in
      pending.withUnsafeBytes { data in
        accumulators.withUnsafeMutableBufferPointer { lanes in
          // The last stripe is never consumed here: it has a rule of its own.
          while data.count - consumed > Self.stripe {
            Self.accumulate(lanes, data, consumed, secret, stripesOfBlock * 8)
            consumed += Self.stripe
            stripesOfBlock += 1
            if stripesOfBlock == Self.stripesPerBlock {
              Self.scramble(lanes, secret)
              stripesOfBlock = 0
            }
          }
        }
      }
    }
    if consumed > Self.stripe {
      pending.removeSubrange(0..<(consumed - Self.stripe))
      consumed = Self.stripe
    }
  }

  /// The 16 bytes of the digest.
  func finish() -> [UInt8] {
    let (low, high) = Self.secret.withUnsafeBytes { secret in
      pending.withUnsafeBytes { data in
        if count > UInt64(Self.shortLimit) { return long(data, secret) }
        if data.count > 128 { return Self.upTo240(data, secret) }
        if data.count > 16 { return Self.upTo128(data, secret) }
        return Self.upTo16(data, secret)
      }
    }
    return [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
  }

  static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var hash = XXH128()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.finish()
  }

  // MARK: Long input

  @inline(__always)
  private static func accumulate(
    _ lanes: UnsafeMutableBufferPointer<UInt64>, _ data: UnsafeRawBufferPointer, _ at: Int,
    _ secret: UnsafeRawBufferPointer, _ secretAt: Int
  ) {
    for lane in 0..<8 {
      let value = word(data, at &+ 8 &* lane)
      let key = value ^ word(secret, secretAt &+ 8 &* lane)
      lanes[lane ^ 1] &+= value
      lanes[lane] &+= (key & 0xffff_ffff) &* (key >> 32)
    }
  }

  private static func scramble(_ lanes: UnsafeMutableBufferPointer<UInt64>, _ secret: UnsafeRawBufferPointer) {
    for lane in 0..<8 {
      let value = lanes[lane]
      lanes[lane] = (value ^ value >> 47 ^ word(secret, 128 + 8 * lane)) &* prime32.0
    }
  }

  private func long(_ data: UnsafeRawBufferPointer, _ secret: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    var lanes = accumulators
    lanes.withUnsafeMutableBufferPointer {
      Self.accumulate($0, data, data.count - Self.stripe, secret, 192 - 64 - 7)
    }
    func merge(_ at: Int, _ start: UInt64) -> UInt64 {
      var sum = start
      for pair in 0..<4 {
        sum &+= Self.fold(
          lanes[2 * pair] ^ Self.word(secret, at + 16 * pair),
          lanes[2 * pair + 1] ^ Self.word(secret, at + 16 * pair + 8))
      }
      return Self.avalanche(sum)
    }
    return (merge(11, count &* Self.prime1), merge(192 - 64 - 11, ~(count &* Self.prime2)))
  }

  // MARK: Short input

  private static func upTo240(_ data: UnsafeRawBufferPointer, _ secret: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    var sum = (UInt64(data.count) &* prime1, UInt64(0))
    for end in stride(from: 32, to: 160, by: 32) { mix(&sum, data, end - 32, end - 16, secret, end - 32) }
    sum = (avalanche(sum.0), avalanche(sum.1))
    for end in stride(from: 160, through: data.count, by: 32) {
      mix(&sum, data, end - 32, end - 16, secret, 3 + end - 160)
    }
    mix(&sum, data, data.count - 16, data.count - 32, secret, 136 - 17 - 16)
    return close(sum, data.count)
  }

  private static func upTo128(_ data: UnsafeRawBufferPointer, _ secret: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    var sum = (UInt64(data.count) &* prime1, UInt64(0))
    for pair in (0...((data.count - 1) / 32)).reversed() {
      mix(&sum, data, 16 * pair, data.count - 16 * (pair + 1), secret, 32 * pair)
    }
    return close(sum, data.count)
  }

  private static func upTo16(_ data: UnsafeRawBufferPointer, _ secret: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    let count = data.count
    func key(_ at: Int) -> UInt64 { word(secret, at) ^ word(secret, at + 8) }
    func key32(_ at: Int) -> UInt64 { half(secret, at) ^ half(secret, at + 4) }
    if count > 8 {
      let low = word(data, 0)
      let high = word(data, count - 8)
      var product = multiply(low ^ high ^ key(32), prime1)
      product.low &+= UInt64(count - 1) << 54
      let flipped = high ^ key(48)
      product.high &+= flipped &+ (flipped & 0xffff_ffff) &* (prime32.1 - 1)
      product.low ^= product.high.byteSwapped
      var result = multiply(product.low, prime2)
      result.high &+= product.high &* prime2
      return (avalanche(result.low), avalanche(result.high))
    }
    if count >= 4 {
      let input = half(data, 0) | half(data, count - 4) << 32
      var product = multiply(input ^ key(16), prime1 &+ UInt64(count) << 2)
      product.high &+= product.low << 1
      product.low ^= product.high >> 3
      product.low = (product.low ^ product.low >> 35) &* mix2
      product.low ^= product.low >> 28
      return (product.low, avalanche(product.high))
    }
    if count > 0 {
      let low =
        UInt32(data[0]) << 16 | UInt32(data[count >> 1]) << 24 | UInt32(data[count - 1]) | UInt32(count) << 8
      let swapped = low.byteSwapped
      let high = swapped << 13 | swapped >> 19
      return (avalanche64(UInt64(low) ^ key32(0)), avalanche64(UInt64(high) ^ key32(8)))
    }
    return (avalanche64(key(64)), avalanche64(key(80)))
  }

  /// Takes in 16 bytes from each end of the input.
  private static func mix(
    _ sum: inout (UInt64, UInt64), _ data: UnsafeRawBufferPointer, _ a: Int, _ b: Int,
    _ secret: UnsafeRawBufferPointer, _ at: Int
  ) {
    func folded(_ from: Int, _ at: Int) -> UInt64 {
      fold(word(data, from) ^ word(secret, at), word(data, from + 8) ^ word(secret, at + 8))
    }
    sum.0 = (sum.0 &+ folded(a, at)) ^ (word(data, b) &+ word(data, b + 8))
    sum.1 = (sum.1 &+ folded(b, at + 16)) ^ (word(data, a) &+ word(data, a + 8))
  }

  private static func close(_ sum: (UInt64, UInt64), _ count: Int) -> (UInt64, UInt64) {
    let high = sum.0 &* prime1 &+ sum.1 &* prime4 &+ UInt64(count) &* prime2
    return (avalanche(sum.0 &+ sum.1), 0 &- avalanche(high))
  }

  // MARK: Words

  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  private static func half(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
    UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
  }

  private static func multiply(_ a: UInt64, _ b: UInt64) -> (low: UInt64, high: UInt64) {
    let product = a.multipliedFullWidth(by: b)
    return (product.low, product.high)
  }

  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.low ^ product.high
  }

  private static func avalanche(_ value: UInt64) -> UInt64 {
    let mixed = (value ^ value >> 37) &* mix1
    return mixed ^ mixed >> 32
  }

  private static func avalanche64(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ value >> 33) &* prime2
    mixed = (mixed ^ mixed >> 29) &* prime3
    return mixed ^ mixed >> 32
  }
}
