import Testing

@testable import QuipuMedia

@Suite struct VideoFormatTests {
  private func sniff(_ bytes: [UInt8]) -> VideoContainer? { bytes.withUnsafeBytes { VideoContainer(head: $0) } }

  @Test func knowsTheFormatsByTheirFirstBytes() {
    let heads: [(VideoContainer, [UInt8])] = [
      (.gif, Array("GIF89a\u{1}\u{0}".utf8)), (.gif, Array("GIF87a".utf8)),
      (.iso, [0, 0, 0, 0x20] + Array("ftypisom".utf8)), (.matroska, [0x1A, 0x45, 0xDF, 0xA3, 1]),
      (.ogg, Array("OggS\u{0}".utf8)), (.wav, Array("RIFF\u{4}\u{0}\u{0}\u{0}WAVEfmt ".utf8)),
      (.avi, Array("RIFF\u{4}\u{0}\u{0}\u{0}AVI LIST".utf8)), (.flac, Array("fLaC\u{0}".utf8)),
      (.mp3, Array("ID3\u{3}".utf8)), (.mp3, [0xFF, 0xFB, 0x90, 0x64]), (.png, [0x89, 80, 78, 71, 13, 10, 26, 10]),
      (.jpeg, [0xFF, 0xD8, 0xFF, 0xE0]), (.zip, [80, 75, 3, 4]), (.gzip, [0x1F, 0x8B, 8]), (.elf, [0x7F, 69, 76, 70]),
      (.html, Array("<!DOCTYPE html>".utf8)), (.pdf, Array("%PDF-1.7".utf8)),
    ]
    for (container, head) in heads {
      #expect(sniff(head) == container)
      // A byte less says less, and never something else.
      for length in 0..<head.count { #expect([nil, container].contains(sniff(Array(head[..<length])))) }
    }
    #expect(sniff(Array("not really mp3".utf8)) == nil)
    #expect(sniff(Array("RIFF".utf8)) == nil)
    // AAC is not MP3, and neither is a reserved rate.
    #expect(sniff([0xFF, 0xF1, 0x50, 0x80]) == nil)
    #expect(sniff([0xFF, 0xFB, 0xFC, 0x64]) == nil)
  }

  @Test func refusesOnlyWhatIsCertainlyAnotherFormat() {
    let pairs: [(String, VideoContainer)] = [
      ("wav", .wav), ("gif", .gif), ("mp4", .iso), ("webm", .matroska), ("ogg", .ogg),
    ]
    for (ext, container) in pairs {
      #expect(container.suits(fileExtension: ext))
      for other in [VideoContainer.png, .zip, .elf, .flac] { #expect(!other.suits(fileExtension: ext)) }
    }
    #expect(VideoContainer.zip.suits(fileExtension: "xyz"))
    #expect(VideoContainer.zip.suits(fileExtension: ""))
  }

  @Test func sniffsAnyBytes() {
    var random = SplitMix(state: 9)
    for length in 0..<400 {
      _ = sniff((0..<length % 70).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }
  }

  @Test func readsNamesInAnyCase() throws {
    #expect(try VideoFormat(named: "GIF", argument: "format") == .gif)
    #expect(try VideoFormat(named: "WebM", argument: "format") == .webm)
    for name in ["", "avi", "gif ", "mp4\u{0}", "g\u{131}f"] {
      #expect(throws: MediaError.self) { try VideoFormat(named: name, argument: "format") }
    }
  }
}
