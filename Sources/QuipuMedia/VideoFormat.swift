/// The formats that a video may have, and what the first bytes of a sound or video file say about its own.
public enum VideoFormat: String, Sendable, CaseIterable {
  case gif, mp4, webm, ogg

  /// The format of that name, whatever its case.
  ///
  /// - Throws: `.value` that names `argument`.
  public init(named name: String, argument: String) throws(MediaError) {
    let lower = String(decoding: name.utf8.map { (65...90).contains($0) ? $0 | 32 : $0 }, as: UTF8.self)
    guard let format = VideoFormat(rawValue: lower) else {
      throw MediaError(.value, "\(argument): \"\(name)\" is no video format; use gif, mp4, webm or ogg")
    }
    self = format
  }
}

/// Containers and codecs told apart by their first bytes.
///
/// A file is refused only when it certainly is something else than its name says: content that is not known passes, as
/// with the reference client, because browsers play more than is listed here.
public enum VideoContainer: Sendable, Equatable {
  case gif, iso, matroska, ogg, wav, flac, mp3, avi, png, jpeg, webp, zip, gzip, pdf, elf, html

  /// Bytes of a file's beginning that are enough.
  public static let sniffedBytes = 64

  /// In messages.
  public var name: String {
    switch self {
    case .gif: "a GIF"
    case .iso: "an MP4"
    case .matroska: "a WebM or Matroska file"
    case .ogg: "an Ogg file"
    case .wav: "a WAV recording"
    case .flac: "a FLAC recording"
    case .mp3: "an MP3 recording"
    case .avi: "an AVI"
    case .png: "a PNG picture"
    case .jpeg: "a JPEG picture"
    case .webp: "a WebP picture"
    case .zip: "a zip archive"
    case .gzip: "gzip-compressed"
    case .pdf: "a PDF"
    case .elf: "a program"
    case .html: "an HTML page"
    }
  }

  /// - Returns: nil for content that is not known.
  public init?(head: UnsafeRawBufferPointer) {
    func starts(_ text: StaticString, at: Int = 0) -> Bool {
      head.count >= at + text.utf8CodeUnitCount
        && (0..<text.utf8CodeUnitCount).allSatisfy { head[at + $0] == text.utf8Start[$0] }
    }
    func starts(_ bytes: [UInt8]) -> Bool { head.count >= bytes.count && head.prefix(bytes.count).elementsEqual(bytes) }
    if starts("GIF87a") || starts("GIF89a") {
      self = .gif
    } else if starts("ftyp", at: 4) {
      self = .iso
    } else if starts([0x1A, 0x45, 0xDF, 0xA3]) {
      self = .matroska
    } else if starts("OggS") {
      self = .ogg
    } else if starts("RIFF"), starts("WAVE", at: 8) {
      self = .wav
    } else if starts("RIFF"), starts("AVI ", at: 8) {
      self = .avi
    } else if starts("RIFF"), starts("WEBP", at: 8) {
      self = .webp
    } else if starts("fLaC") {
      self = .flac
    } else if starts("ID3") || Self.isMPEGAudio(head) {
      self = .mp3
    } else if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if starts([0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if starts([0x50, 0x4B, 0x03, 0x04]) {
      self = .zip
    } else if starts([0x1F, 0x8B, 0x08]) {
      self = .gzip
    } else if starts("%PDF-") {
      self = .pdf
    } else if starts([0x7F, 0x45, 0x4C, 0x46]) {
      self = .elf
    } else if starts("<!DOCTYPE") || starts("<!doctype") || starts("<html") || starts("<HTML") {
      self = .html
    } else {
      return nil
    }
  }

  /// The header of a frame of MPEG audio, layers 1 to 3: eleven set bits and no reserved value.
  private static func isMPEGAudio(_ head: UnsafeRawBufferPointer) -> Bool {
    guard head.count >= 4, head[0] == 0xFF, head[1] & 0xE0 == 0xE0 else { return false }
    return head[1] & 0x18 != 0x08 && head[1] & 0x06 != 0 && head[2] & 0xF0 != 0xF0 && head[2] & 0x0C != 0x0C
  }

  /// Whether a file with this content may have that extension; extensions that are not listed say nothing.
  ///
  /// - Parameter ext: lower case, without its dot.
  public func suits(fileExtension ext: String) -> Bool {
    switch ext {
    case "gif": self == .gif
    // QuickTime's and 3GPP's files are of the same family.
    case "mp4", "m4a", "m4v", "mov", "aac": self == .iso || (ext == "aac" && self == .mp3)
    case "webm", "mkv", "mka": self == .matroska
    case "ogg", "oga", "ogv", "opus": self == .ogg
    case "wav", "wave": self == .wav
    case "flac": self == .flac || self == .mp3  // some tag FLAC files as MP3
    case "mp3": self == .mp3
    default: true
    }
  }
}
