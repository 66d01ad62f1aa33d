import Testing

@testable import QuipuBase

@Suite struct DigestTests {
  static let million = String(repeating: "a", count: 1_000_000)

  /// FIPS 180-4 examples and the NIST test vectors.
  static let sha256: [(String, String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ]

  /// RFC 1321, appendix A.5.
  static let md5: [(String, String)] = [
    ("", "d41d8cd98f00b204e9800998ecf8427e"),
    ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
    (
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a"
    ),
  ]

  @Test(arguments: sha256.indices) func sha256OfTheStandardMessages(at: Int) {
    #expect(hexText(SHA256.hash(Array(Self.sha256[at].0.utf8))) == Self.sha256[at].1)
  }

  @Test(arguments: md5.indices) func md5OfTheStandardMessages(at: Int) {
    #expect(hexText(MD5.hash(Array(Self.md5[at].0.utf8))) == Self.md5[at].1)
  }

  /// The processor's instructions, where it has them, and the plain code give the same state.
  @Test func bothWaysOfSHA256Agree() {
    var random = SplitMix(state: 256)
    for blocks in [1, 2, 3, 17] {
      let message = (0..<blocks * 64).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      message.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        var plain = SHA256.start, quick = SHA256.start
        SHA256.compressPlainly(&plain, base, blocks: blocks)
        SHA256.compress(&quick, base, blocks: blocks)
        #expect(withUnsafeBytes(of: plain) { Array($0) } == withUnsafeBytes(of: quick) { Array($0) })
      }
    }
  }

  @Test func piecesOfAnySizeGiveTheDigestOfTheWhole() {
    let message = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for length in 0..<200 {
      let whole = Array(message.prefix(length))
      for piece in [1, 3, 55, 63, 64, 65, 127] {
        var sha = SHA256(), md5 = MD5()
        var crc: UInt32 = 0
        var at = 0
        while at < length {
          let part = Array(whole[at..<min(length, at + piece)])
          part.withUnsafeBytes {
            sha.update($0)
            md5.update($0)
            crc = crc32(crc, $0)
          }
          at += piece
        }
        #expect(sha.finish() == SHA256.hash(whole))
        #expect(md5.finish() == MD5.hash(whole))
        #expect(crc == whole.withUnsafeBytes { crc32($0) })
      }
    }
  }

  /// Digests of 0, 1, … 299 bytes chained into one, computed with Python's hashlib.
  @Test func digestsOfEveryLengthAgreeWithAnotherImplementation() {
    var shas: [UInt8] = [], md5s: [UInt8] = []
    for length in 0..<300 {
      let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 31 + length) }
      shas += SHA256.hash(message)
      md5s += MD5.hash(message)
    }
    #expect(hexText(SHA256.hash(shas)) == "148b894486945a24e834868db010090f61da189d018f0bf543b188081480175d")
    #expect(hexText(MD5.hash(md5s)) == "b55d5b6e07844061657cced61e9ea7b9")
  }

  @Test func crc32OfKnownTexts() {
    #expect(crc("") == 0)
    #expect(crc("123456789") == 0xcbf4_3926)
    #expect(crc("The quick brown fox jumps over the lazy dog") == 0x414f_a339)
    #expect(crc32(5, UnsafeRawBufferPointer(start: nil, count: 0)) == 5)
  }

  @Test func hexadecimalText() {
    #expect(hexText([]) == "")
    #expect(hexText([0, 0x0f, 0xa5, 0xff]) == "000fa5ff")
    #expect(hexText((0...255).map { UInt8($0) }).count == 512)
  }

  /// RFC 4648, section 10.
  static let base64Texts = [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ]

  @Test(arguments: base64Texts) func base64OfTheStandardTexts(text: String, expected: String) {
    #expect(base64(Array(text.utf8)) == expected)
    #expect(base64(Array(text.utf8), padding: false) == String(expected.prefix { $0 != "=" }))
  }

  @Test func base64AlphabetsDifferInTwoLetters() {
    let bytes: [UInt8] = [0xfb, 0xff, 0xbf, 0xfe]
    #expect(base64(bytes) == "+/+//g==")
    #expect(base64(bytes, urlSafe: true) == "-_-__g==")
    #expect(base64(bytes, urlSafe: true, padding: false) == "-_-__g")
    // All 64 letters in order: the six-bit groups 0, 1, … 63.
    let groups = stride(from: UInt32(0), to: 64, by: 4).flatMap { n -> [UInt8] in
      let word = n << 18 | (n + 1) << 12 | (n + 2) << 6 | (n + 3)
      return [UInt8(word >> 16), UInt8(word >> 8 & 255), UInt8(word & 255)]
    }
    #expect(
      base64(groups) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  }
}
