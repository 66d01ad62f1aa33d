import CHash

/// SHA-256 (FIPS 180-4).
public struct SHA256: Sendable {
  typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  static let start: State = (
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19
  )
  private var state = SHA256.start
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

  @inline(__always)
  private static func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x &>> n | x &<< (32 &- n) }

  /// One round; the caller renames the eight variables in place of moving them.
  ///
  /// `bc` is `b ^ c` and becomes the next round's, which is `a ^ b` of this one: half of the majority function.
  @inline(__always)
  private static func round(
    _ a: UInt32, _ b: UInt32, _ bc: inout UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
    _ h: inout UInt32, _ word: UInt32
  ) {
    // The three rotations of `e` (6, 11, 25) and `a` (2, 13, 22) are nested, which needs fewer registers.
    let ab = a ^ b
    let majority = b ^ (ab & bc)
    bc = ab
    let choice = g ^ (e & (f ^ g))
    let t = h &+ word &+ choice &+ rotate(e ^ rotate(e ^ rotate(e, 14), 5), 6)
    d = d &+ t
    h = t &+ majority &+ rotate(a ^ rotate(a ^ rotate(a, 9), 11), 2)
  }

  @inline(__always)
  private static func load(_ from: UnsafeRawPointer, _ w: UnsafeMutablePointer<UInt32>, _ j: Int) -> UInt32 {
    let word = UInt32(bigEndian: from.loadUnaligned(fromByteOffset: j &* 4, as: UInt32.self))
    w[j] = word
    return word
  }

  /// Replaces word `j` of the last sixteen by the word sixteen further on.
  @inline(__always)
  private static func extend(_ w: UnsafeMutablePointer<UInt32>, _ j: Int) -> UInt32 {
    let x = w[(j &+ 1) & 15], y = w[(j &+ 14) & 15]
    let small0 = rotate(x, 7) ^ rotate(x, 18) ^ x &>> 3
    let small1 = rotate(y, 17) ^ rotate(y, 19) ^ y &>> 10
    let word = w[j] &+ small0 &+ w[(j &+ 9) & 15] &+ small1
    w[j] = word
    return word
  }

  /// Whether the processor has instructions for it: about six times as fast.
  private static let hasInstructions = quipu_sha256_here() != 0

  static func compress(_ state: inout State, _ input: UnsafeRawPointer, blocks: Int) {
    if hasInstructions {
      withUnsafeMutableBytes(of: &state) { words in
        guard let base = words.bindMemory(to: UInt32.self).baseAddress else { return }
        quipu_sha256_blocks(base, input, blocks)
      }
    } else {
      compressPlainly(&state, input, blocks: blocks)
    }
  }

  /// The same without them.
  static func compressPlainly(_ state: inout State, _ input: UnsafeRawPointer, blocks: Int) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 16) { words in
      guard let w = words.baseAddress else { return }
      var (s0, s1, s2, s3, s4, s5, s6, s7) = state
      for block in 0..<blocks {
        let from = input + block &* 64
        var a = s0, b = s1, c = s2, d = s3, e = s4, f = s5, g = s6, h = s7
        var bc = b ^ c
        round(a, b, &bc, &d, e, f, g, &h, load(from, w, 0) &+ 0x428a_2f98)
        round(h, a, &bc, &c, d, e, f, &g, load(from, w, 1) &+ 0x7137_4491)
        round(g, h, &bc, &b, c, d, e, &f, load(from, w, 2) &+ 0xb5c0_fbcf)
        round(f, g, &bc, &a, b, c, d, &e, load(from, w, 3) &+ 0xe9b5_dba5)
        round(e, f, &bc, &h, a, b, c, &d, load(from, w, 4) &+ 0x3956_c25b)
        round(d, e, &bc, &g, h, a, b, &c, load(from, w, 5) &+ 0x59f1_11f1)
        round(c, d, &bc, &f, g, h, a, &b, load(from, w, 6) &+ 0x923f_82a4)
        round(b, c, &bc, &e, f, g, h, &a, load(from, w, 7) &+ 0xab1c_5ed5)
        round(a, b, &bc, &d, e, f, g, &h, load(from, w, 8) &+ 0xd807_aa98)
        round(h, a, &bc, &c, d, e, f, &g, load(from, w, 9) &+ 0x1283_5b01)
        round(g, h, &bc, &b, c, d, e, &f, load(from, w, 10) &+ 0x2431_85be)
        round(f, g, &bc, &a, b, c, d, &e, load(from, w, 11) &+ 0x550c_7dc3)
        round(e, f, &bc, &h, a, b, c, &d, load(from, w, 12) &+ 0x72be_5d74)
        round(d, e, &bc, &g, h, a, b, &c, load(from, w, 13) &+ 0x80de_b1fe)
        round(c, d, &bc, &f, g, h, a, &b, load(from, w, 14) &+ 0x9bdc_06a7)
        round(b, c, &bc, &e, f, g, h, &a, load(from, w, 15) &+ 0xc19b_f174)
        round(a, b, &bc, &d, e, f, g, &h, extend(w, 0) &+ 0xe49b_69c1)
        round(h, a, &bc, &c, d, e, f, &g, extend(w, 1) &+ 0xefbe_4786)
        round(g, h, &bc, &b, c, d, e, &f, extend(w, 2) &+ 0x0fc1_9dc6)
        round(f, g, &bc, &a, b, c, d, &e, extend(w, 3) &+ 0x240c_a1cc)
        round(e, f, &bc, &h, a, b, c, &d, extend(w, 4) &+ 0x2de9_2c6f)
        round(d, e, &bc, &g, h, a, b, &c, extend(w, 5) &+ 0x4a74_84aa)
        round(c, d, &bc, &f, g, h, a, &b, extend(w, 6) &+ 0x5cb0_a9dc)
        round(b, c, &bc, &e, f, g, h, &a, extend(w, 7) &+ 0x76f9_88da)
        round(a, b, &bc, &d, e, f, g, &h, extend(w, 8) &+ 0x983e_5152)
        round(h, a, &bc, &c, d, e, f, &g, extend(w, 9) &+ 0xa831_c66d)
        round(g, h, &bc, &b, c, d, e, &f, extend(w, 10) &+ 0xb003_27c8)
        round(f, g, &bc, &a, b, c, d, &e, extend(w, 11) &+ 0xbf59_7fc7)
        round(e, f, &bc, &h, a, b, c, &d, extend(w, 12) &+ 0xc6e0_0bf3)
        round(d, e, &bc, &g, h, a, b, &c, extend(w, 13) &+ 0xd5a7_9147)
        round(c, d, &bc, &f, g, h, a, &b, extend(w, 14) &+ 0x06ca_6351)
        round(b, c, &bc, &e, f, g, h, &a, extend(w, 15) &+ 0x1429_2967)
        round(a, b, &bc, &d, e, f, g, &h, extend(w, 0) &+ 0x27b7_0a85)
        round(h, a, &bc, &c, d, e, f, &g, extend(w, 1) &+ 0x2e1b_2138)
        round(g, h, &bc, &b, c, d, e, &f, extend(w, 2) &+ 0x4d2c_6dfc)
        round(f, g, &bc, &a, b, c, d, &e, extend(w, 3) &+ 0x5338_0d13)
        round(e, f, &bc, &h, a, b, c, &d, extend(w, 4) &+ 0x650a_7354)
        round(d, e, &bc, &g, h, a, b, &c, extend(w, 5) &+ 0x766a_0abb)
        round(c, d, &bc, &f, g, h, a, &b, extend(w, 6) &+ 0x81c2_c92e)
        round(b, c, &bc, &e, f, g, h, &a, extend(w, 7) &+ 0x9272_2c85)
        round(a, b, &bc, &d, e, f, g, &h, extend(w, 8) &+ 0xa2bf_e8a1)
        round(h, a, &bc, &c, d, e, f, &g, extend(w, 9) &+ 0xa81a_664b)
        round(g, h, &bc, &b, c, d, e, &f, extend(w, 10) &+ 0xc24b_8b70)
        round(f, g, &bc, &a, b, c, d, &e, extend(w, 11) &+ 0xc76c_51a3)
        round(e, f, &bc, &h, a, b, c, &d, extend(w, 12) &+ 0xd192_e819)
        round(d, e, &bc, &g, h, a, b, &c, extend(w, 13) &+ 0xd699_0624)
        round(c, d, &bc, &f, g, h, a, &b, extend(w, 14) &+ 0xf40e_3585)
        round(b, c, &bc, &e, f, g, h, &a, extend(w, 15) &+ 0x106a_a070)
        round(a, b, &bc, &d, e, f, g, &h, extend(w, 0) &+ 0x19a4_c116)
        round(h, a, &bc, &c, d, e, f, &g, extend(w, 1) &+ 0x1e37_6c08)
        round(g, h, &bc, &b, c, d, e, &f, extend(w, 2) &+ 0x2748_774c)
        round(f, g, &bc, &a, b, c, d, &e, extend(w, 3) &+ 0x34b0_bcb5)
        round(e, f, &bc, &h, a, b, c, &d, extend(w, 4) &+ 0x391c_0cb3)
        round(d, e, &bc, &g, h, a, b, &c, extend(w, 5) &+ 0x4ed8_aa4a)
        round(c, d, &bc, &f, g, h, a, &b, extend(w, 6) &+ 0x5b9c_ca4f)
        round(b, c, &bc, &e, f, g, h, &a, extend(w, 7) &+ 0x682e_6ff3)
        round(a, b, &bc, &d, e, f, g, &h, extend(w, 8) &+ 0x748f_82ee)
        round(h, a, &bc, &c, d, e, f, &g, extend(w, 9) &+ 0x78a5_636f)
        round(g, h, &bc, &b, c, d, e, &f, extend(w, 10) &+ 0x84c8_7814)
        round(f, g, &bc, &a, b, c, d, &e, extend(w, 11) &+ 0x8cc7_0208)
        round(e, f, &bc, &h, a, b, c, &d, extend(w, 12) &+ 0x90be_fffa)
        round(d, e, &bc, &g, h, a, b, &c, extend(w, 13) &+ 0xa450_6ceb)
        round(c, d, &bc, &f, g, h, a, &b, extend(w, 14) &+ 0xbef9_a3f7)
        round(b, c, &bc, &e, f, g, h, &a, extend(w, 15) &+ 0xc671_78f2)
        s0 = s0 &+ a; s1 = s1 &+ b; s2 = s2 &+ c; s3 = s3 &+ d
        s4 = s4 &+ e; s5 = s5 &+ f; s6 = s6 &+ g; s7 = s7 &+ h
      }
      state = (s0, s1, s2, s3, s4, s5, s6, s7)
    }
  }
}
