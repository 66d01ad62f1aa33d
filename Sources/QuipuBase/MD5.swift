/// MD5 (RFC 1321). For content addresses that the W&B formats prescribe, not for security.
public struct MD5: Sendable {
  private var state: (UInt32, UInt32, UInt32, UInt32) = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476)
  private var blocks = BlockInput()

  public init() {}

  public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var digest = MD5()
    digest.update(bytes)
    return digest.finish()
  }

  public static func hash(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { hash($0) } }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    blocks.feed(bytes) { MD5.compress(&state, $0, blocks: $1) }
  }

  /// The 16 bytes of the digest. The value is used up by this.
  public mutating func finish() -> [UInt8] {
    blocks.pad(bigEndianLength: false) { MD5.compress(&state, $0, blocks: $1) }
    return [state.0, state.1, state.2, state.3].flatMap { word in
      withUnsafeBytes(of: word.littleEndian) { Array($0) }
    }
  }

  // The four mixing functions, named by round.
  @inline(__always) private static func f(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { z ^ (x & (y ^ z)) }
  @inline(__always) private static func g(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { (x & z) | (y & ~z) }
  @inline(__always) private static func h(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { x ^ y ^ z }
  @inline(__always) private static func i(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { y ^ (x | ~z) }

  @inline(__always)
  private static func step(_ a: inout UInt32, _ b: UInt32, _ mixed: UInt32, _ word: UInt32, _ turn: UInt32) {
    let sum = a &+ mixed &+ word
    a = b &+ (sum &<< turn | sum &>> (32 &- turn))
  }

  private static func compress(
    _ state: inout (UInt32, UInt32, UInt32, UInt32), _ input: UnsafeRawPointer, blocks: Int
  ) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 16) { words in
      guard let m = words.baseAddress else { return }
      for block in 0..<blocks {
        for at in 0..<16 {
          let offset = block &* 64 &+ at &* 4
          m[at] = UInt32(littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        var (a, b, c, d) = state
        step(&a, b, f(b, c, d), m[0] &+ 0xd76a_a478, 7)
        step(&d, a, f(a, b, c), m[1] &+ 0xe8c7_b756, 12)
        step(&c, d, f(d, a, b), m[2] &+ 0x2420_70db, 17)
        step(&b, c, f(c, d, a), m[3] &+ 0xc1bd_ceee, 22)
        step(&a, b, f(b, c, d), m[4] &+ 0xf57c_0faf, 7)
        step(&d, a, f(a, b, c), m[5] &+ 0x4787_c62a, 12)
        step(&c, d, f(d, a, b), m[6] &+ 0xa830_4613, 17)
        step(&b, c, f(c, d, a), m[7] &+ 0xfd46_9501, 22)
        step(&a, b, f(b, c, d), m[8] &+ 0x6980_98d8, 7)
        step(&d, a, f(a, b, c), m[9] &+ 0x8b44_f7af, 12)
        step(&c, d, f(d, a, b), m[10] &+ 0xffff_5bb1, 17)
        step(&b, c, f(c, d, a), m[11] &+ 0x895c_d7be, 22)
        step(&a, b, f(b, c, d), m[12] &+ 0x6b90_1122, 7)
        step(&d, a, f(a, b, c), m[13] &+ 0xfd98_7193, 12)
        step(&c, d, f(d, a, b), m[14] &+ 0xa679_438e, 17)
        step(&b, c, f(c, d, a), m[15] &+ 0x49b4_0821, 22)
        step(&a, b, g(b, c, d), m[1] &+ 0xf61e_2562, 5)
        step(&d, a, g(a, b, c), m[6] &+ 0xc040_b340, 9)
        step(&c, d, g(d, a, b), m[11] &+ 0x265e_5a51, 14)
        step(&b, c, g(c, d, a), m[0] &+ 0xe9b6_c7aa, 20)
        step(&a, b, g(b, c, d), m[5] &+ 0xd62f_105d, 5)
        step(&d, a, g(a, b, c), m[10] &+ 0x0244_1453, 9)
        step(&c, d, g(d, a, b), m[15] &+ 0xd8a1_e681, 14)
        step(&b, c, g(c, d, a), m[4] &+ 0xe7d3_fbc8, 20)
        step(&a, b, g(b, c, d), m[9] &+ 0x21e1_cde6, 5)
        step(&d, a, g(a, b, c), m[14] &+ 0xc337_07d6, 9)
        step(&c, d, g(d, a, b), m[3] &+ 0xf4d5_0d87, 14)
        step(&b, c, g(c, d, a), m[8] &+ 0x455a_14ed, 20)
        step(&a, b, g(b, c, d), m[13] &+ 0xa9e3_e905, 5)
        step(&d, a, g(a, b, c), m[2] &+ 0xfcef_a3f8, 9)
        step(&c, d, g(d, a, b), m[7] &+ 0x676f_02d9, 14)
        step(&b, c, g(c, d, a), m[12] &+ 0x8d2a_4c8a, 20)
        step(&a, b, h(b, c, d), m[5] &+ 0xfffa_3942, 4)
        step(&d, a, h(a, b, c), m[8] &+ 0x8771_f681, 11)
        step(&c, d, h(d, a, b), m[11] &+ 0x6d9d_6122, 16)
        step(&b, c, h(c, d, a), m[14] &+ 0xfde5_380c, 23)
        step(&a, b, h(b, c, d), m[1] &+ 0xa4be_ea44, 4)
        step(&d, a, h(a, b, c), m[4] &+ 0x4bde_cfa9, 11)
        step(&c, d, h(d, a, b), m[7] &+ 0xf6bb_4b60, 16)
        step(&b, c, h(c, d, a), m[10] &+ 0xbebf_bc70, 23)
        step(&a, b, h(b, c, d), m[13] &+ 0x289b_7ec6, 4)
        step(&d, a, h(a, b, c), m[0] &+ 0xeaa1_27fa, 11)
        step(&c, d, h(d, a, b), m[3] &+ 0xd4ef_3085, 16)
        step(&b, c, h(c, d, a), m[6] &+ 0x0488_1d05, 23)
        step(&a, b, h(b, c, d), m[9] &+ 0xd9d4_d039, 4)
        step(&d, a, h(a, b, c), m[12] &+ 0xe6db_99e5, 11)
        step(&c, d, h(d, a, b), m[15] &+ 0x1fa2_7cf8, 16)
        step(&b, c, h(c, d, a), m[2] &+ 0xc4ac_5665, 23)
        step(&a, b, i(b, c, d), m[0] &+ 0xf429_2244, 6)
        step(&d, a, i(a, b, c), m[7] &+ 0x432a_ff97, 10)
        step(&c, d, i(d, a, b), m[14] &+ 0xab94_23a7, 15)
        step(&b, c, i(c, d, a), m[5] &+ 0xfc93_a039, 21)
        step(&a, b, i(b, c, d), m[12] &+ 0x655b_59c3, 6)
        step(&d, a, i(a, b, c), m[3] &+ 0x8f0c_cc92, 10)
        step(&c, d, i(d, a, b), m[10] &+ 0xffef_f47d, 15)
        step(&b, c, i(c, d, a), m[1] &+ 0x8584_5dd1, 21)
        step(&a, b, i(b, c, d), m[8] &+ 0x6fa8_7e4f, 6)
        step(&d, a, i(a, b, c), m[15] &+ 0xfe2c_e6e0, 10)
        step(&c, d, i(d, a, b), m[6] &+ 0xa301_4314, 15)
        step(&b, c, i(c, d, a), m[13] &+ 0x4e08_11a1, 21)
        step(&a, b, i(b, c, d), m[4] &+ 0xf753_7e82, 6)
        step(&d, a, i(a, b, c), m[11] &+ 0xbd3a_f235, 10)
        step(&c, d, i(d, a, b), m[2] &+ 0x2ad7_d2bb, 15)
        step(&b, c, i(c, d, a), m[9] &+ 0xeb86_d391, 21)
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
      }
    }
  }
}
