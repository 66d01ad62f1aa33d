import QuipuBase
import Testing

@testable import QuipuServer

@Suite struct ManifestTests {
  private func manifest(_ text: String) throws(ServerFault) -> Manifest { try Manifest(parsing: Array(text.utf8)) }

  @Test func readsEntriesInTheOrderOfTheirPaths() throws {
    let text = #"""
       { "storagePolicyConfig" : {"storageLayout":"V2", "x": ["}", {"]": "\\\""}]}, "contents":{
       "z\u00e9/\"b\"":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":3,"extra":{"a":[1,{}]}} ,
       "A":{"ref":"s3://x/}{","digest":"any","size":5}, "a":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg=="}}, "version":1}
      """#
    let read = try manifest(text)
    #expect(read.entries.map(\.path) == ["A", "a", "z\u{e9}/\"b\""])
    #expect(read.entries.map(\.size) == [5, 0, 3])
    #expect(read.entries.map(\.reference) == ["s3://x/}{", nil, nil])
    let last = String(decoding: read.bytes[read.entries[2].text], as: UTF8.self)
    #expect(last == #"{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":3,"extra":{"a":[1,{}]}}"#)
    #expect(read.header.keys == ["storagePolicyConfig", "version"])
    #expect(read.header["storagePolicyConfig"]?.objectValue?["x"]?.arrayValue?.count == 2)
  }

  @Test func digestsOfManifestsAreThoseOfTheProtocol() throws {
    // One file with the text "foobar", as the reference gives it (12.3, traffic f4).
    let text = #"{"version":1,"contents":{"a.txt":{"digest":"PJ4QJiiZf0Ssh7CxMcaZLQ==","size":6}}}"#
    let entries = try manifest(text).entries
    #expect(Manifest.digest(of: entries, algorithm: "MANIFEST_XXH128") == "72ea4e318d6ed3c71dc0d9630e1d8472")
    #expect(base64(XXH128.hash(Array("foobar".utf8))) == "PJ4QJiiZf0Ssh7CxMcaZLQ==")
    let plain = "wandb-artifact-manifest-v1\na.txt:PJ4QJiiZf0Ssh7CxMcaZLQ==\n"
    #expect(Manifest.digest(of: entries, algorithm: "MANIFEST_MD5") == hexText(MD5.hash(Array(plain.utf8))))
  }

  /// Whatever is cut off or changed: the manifest is read or refused with 400.
  @Test(arguments: 0..<4) func damagedManifestsAreRefusedAndNothingElse(seed: Int) {
    let text = #"""
      {"version":1,"storagePolicy":"p","contents":{"a/b":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":0,"ref":null},
      "c":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","extra":{"x":[1,[2,"\u00e9\\"]]}}},"last":[{},"]"]}
      """#
    let bytes = Array(text.utf8)
    for end in bytes.indices { #expect(throws: ServerFault.self) { try Manifest(parsing: Array(bytes[..<end])) } }
    var random = SeededGenerator(seed: UInt64(seed))
    let interesting = Array("\"{}[],:\\0 -n".utf8) + [0, 0x80, 0xff]
    for _ in 0..<5000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        damaged[place] = interesting.randomElement(using: &random) ?? 0
      }
      do {
        _ = try Manifest(parsing: damaged)
      } catch {
        #expect(error.status == 400)
      }
    }
  }

  // MARK: XXH128

  /// Made by xxHash's own implementation. The input is `pattern`.
  private static let vectors = [
    (0, "99aa06d3014798d86001c324468d497f"), (1, "e1325e21416bcdb2929e358d27ae3ee2"),
    (3, "c41d22319a620ded5153836bf6da91e2"), (4, "a8f125c88b46d293390cfdb7a292534d"),
    (8, "7d16d376bef277f7f87548b593c10c8f"), (9, "34d15364a73332798ae9d3523dc24549"),
    (16, "a8dfd75379ee6bd8bdc64c6b6ab1f7c9"), (17, "97f3f96673f3ef786779b0bd8ff8db9e"),
    (32, "72ae2303a8cb7a49383843d0bb5106a8"), (33, "a681300b08090e43ae813783245526fa"),
    (64, "63f1706b84476d2809129c8e338671ec"), (97, "4e2dd208f43bfc1ba0391c2986fc5694"),
    (128, "4b8537a5494de0862c262792ea6db81d"), (129, "dffd86de7bdab44a3fe62aa5b62ea610"),
    (160, "001cf30df3ca924678db4151f2d9c78b"), (161, "54925f8ab292f5ab5345b1bfbbec6c88"),
    (240, "201ea1050e97690d2f8c74ce29ce1794"), (241, "96fa5f26d299f115f6e31830f6b8d622"),
    (304, "a877fb9c7fe29c2f4dda5e0eee79851c"), (1024, "305750ffe7a366eadfc65ee527d39599"),
    (1025, "2147e6def433fc3c54394304b68776bc"), (1088, "494b74910b13b63346fd47653d21a11e"),
    (2049, "808412e30aab1746d4e0c3a80754e13b"), (99999, "1321b374b324681bedb6e1eb6e35fab6"),
  ]

  private static func pattern(_ count: Int) -> [UInt8] {
    var state: UInt32 = 12345
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
  }

  @Test(arguments: vectors) func digestsAreThoseOfXXHash(count: Int, expected: String) {
    let bytes = Self.pattern(count)
    #expect(hexText(XXH128.hash(bytes)) == expected)
    for size in [1, 7, 63, 64, 65, 255, 1000] where count < 3000 || size > 60 {
      var hash = XXH128()
      for start in stride(from: 0, to: count, by: size) {
        bytes[start..<min(count, start + size)].withUnsafeBytes { hash.update($0) }
      }
      #expect(hexText(hash.finish()) == expected, "in pieces of \(size)")
    }
  }

  // MARK: Names

  @Test func takesNamesOfArtifactsApart() {
    #expect(Names.splitArtifact("a") == ("a", "latest"))
    #expect(Names.splitArtifact("a:v3") == ("a", "v3"))
    #expect(Names.splitArtifact("a:b:c") == ("a:b", "c"))
    #expect(Names.splitArtifact("a:") == ("a", "latest"))
    #expect(Names.versionNumber("v12") == 12)
    for text in ["v", "12", "v-1", "v1a", "V1", "v99999999999999999999"] { #expect(Names.versionNumber(text) == nil) }
  }

  @Test func readsDigestsInTheirOneSpelling() {
    let md5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
    #expect(ArtifactDigest.isBase64(md5))
    for text in ["1B2M2Y8AsgTpgAmY7PhCfg", "1B2M2Y8AsgTpgAmY7PhCfh==", "1B2M2Y8AsgTpgAmY7PhCfg=\n", "", "AAAA"] {
      #expect(!ArtifactDigest.isBase64(text))
    }
    let hex = "d41d8cd98f00b204e9800998ecf8427e"
    #expect(ArtifactDigest.isHex(hex) && !ArtifactDigest.isHex(hex.uppercased()))
    #expect(ArtifactDigest.hex(base64: md5) == hex)
    for text in [hex, hex.uppercased(), "\"\(hex)\""] { #expect(ArtifactDigest.base64(hex: text) == md5) }
    for text in ["", "\"", "\"\"", hex + "0", "g" + hex.dropFirst()] { #expect(ArtifactDigest.base64(hex: text) == nil) }
  }
}
