/// SHA-256 (FIPS 180-4).
public struct SHA256: Sendable {
  private var state: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19
  )
  private var blocks = BlockInput()

  public init() {}

  public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var digest = SHA256()
    digest.update(bytes)
    return digest.finish()
  }

  public static func hash(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { hash($0) } }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    blocks.feed(bytes) { SHA256.compress(&state, $0, blocks: $1) }
  }

  /// The 32 bytes of the digest. The value is used up by this.
  public mutating func finish() -> [UInt8] {
    blocks.pad(bigEndianLength: true) { SHA256.compress(&state, $0, blocks: $1) }
    let words = [state.0, state.1, state.2, state.3, state.4, state.5, state.6, state.7]
    return words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
  }

  private static let constants: InlineArray<64, UInt32> = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]

  @inline(__always)
  private static func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x &>> n | x &<< (32 &- n) }

  /// One round; the caller renames the eight variables in place of moving them.
  @inline(__always)
  private static func round(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32,
    _ word: UInt32
  ) {
    let choice = g ^ (e & (f ^ g))
    let majority = (a & b) | (c & (a | b))
    let t = h &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ word
    d = d &+ t
    h = t &+ (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
  }

  private static func compress(
    _ state: inout (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), _ input: UnsafeRawPointer,
    blocks: Int
  ) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
      guard let w = schedule.baseAddress else { return }
      var (s0, s1, s2, s3, s4, s5, s6, s7) = state
      for block in 0..<blocks {
        let from = input + block &* 64
        var i = 0
        while i < 16 {
          w[i] = UInt32(bigEndian: from.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self))
          i &+= 1
        }
        while i < 64 {
          let x = w[i &- 15], y = w[i &- 2]
          let small0 = rotate(x, 7) ^ rotate(x, 18) ^ x &>> 3
          let small1 = rotate(y, 17) ^ rotate(y, 19) ^ y &>> 10
          w[i] = w[i &- 16] &+ small0 &+ w[i &- 7] &+ small1
          i &+= 1
        }
        var a = s0, b = s1, c = s2, d = s3, e = s4, f = s5, g = s6, h = s7
        i = 0
        while i < 64 {
          round(a, b, c, &d, e, f, g, &h, w[i] &+ constants[i])
          round(h, a, b, &c, d, e, f, &g, w[i &+ 1] &+ constants[i &+ 1])
          round(g, h, a, &b, c, d, e, &f, w[i &+ 2] &+ constants[i &+ 2])
          round(f, g, h, &a, b, c, d, &e, w[i &+ 3] &+ constants[i &+ 3])
          round(e, f, g, &h, a, b, c, &d, w[i &+ 4] &+ constants[i &+ 4])
          round(d, e, f, &g, h, a, b, &c, w[i &+ 5] &+ constants[i &+ 5])
          round(c, d, e, &f, g, h, a, &b, w[i &+ 6] &+ constants[i &+ 6])
          round(b, c, d, &e, f, g, h, &a, w[i &+ 7] &+ constants[i &+ 7])
          i &+= 8
        }
        s0 = s0 &+ a; s1 = s1 &+ b; s2 = s2 &+ c; s3 = s3 &+ d
        s4 = s4 &+ e; s5 = s5 &+ f; s6 = s6 &+ g; s7 = s7 &+ h
      }
      state = (s0, s1, s2, s3, s4, s5, s6, s7)
    }
  }
}
