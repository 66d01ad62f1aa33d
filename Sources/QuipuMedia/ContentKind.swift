import QuipuBase

/// What the first bytes of a file show beyond doubt; nil for everything else.
enum ContentKind {
  case png, jpeg, gif, pdf, zip, gzip, program, riff, flac, ogg, mpeg4, matroska
  case glTFBinary, stlText, ply, fbx
  case jsonObject, jsonList, html, xml
  case cif, mol2, pdb, structureData

  /// With its article, for "is … , not …".
  var title: String {
    switch self {
    case .png: "a PNG picture"
    case .jpeg: "a JPEG picture"
    case .gif: "a GIF picture"
    case .pdf: "a PDF document"
    case .zip: "a zip archive"
    case .gzip: "gzip-compressed"
    case .program: "a program"
    case .riff: "a RIFF file (WAV, AVI or WebP)"
    case .flac: "FLAC sound"
    case .ogg: "an Ogg file"
    case .mpeg4: "an MP4 file"
    case .matroska: "a Matroska or WebM video"
    case .glTFBinary: "a binary glTF (.glb) model"
    case .stlText: "an STL model"
    case .ply: "a PLY model"
    case .fbx: "an FBX model"
    case .jsonObject: "a JSON object"
    case .jsonList: "a JSON list"
    case .html: "an HTML page"
    case .xml: "an XML document"
    case .cif: "a CIF file"
    case .mol2: "a MOL2 file"
    case .pdb: "a PDB file"
    case .structureData: "an SDF file"
    }
  }

  init?(_ head: UnsafeRawBufferPointer) {
    func starts(_ text: StaticString, at offset: Int = 0) -> Bool {
      let count = text.utf8CodeUnitCount
      guard head.count >= offset + count else { return false }
      for at in 0..<count where head[offset + at] != text.utf8Start[at] { return false }
      return true
    }
    guard let first = head.first else { return nil }
    switch first {
    case 0x89 where starts("PNG\r\n", at: 1): self = .png
    case 0xFF where head.count >= 3 && head[1] == 0xD8 && head[2] == 0xFF: self = .jpeg
    case 0x7F where starts("ELF", at: 1): self = .program
    case 0x1F where head.count >= 3 && head[1] == 0x8B && head[2] == 8: self = .gzip
    case 0x1A where head.count >= 4 && head[1] == 0x45 && head[2] == 0xDF && head[3] == 0xA3: self = .matroska
    default:
      if starts("GIF87a") || starts("GIF89a") {
        self = .gif
      } else if starts("%PDF-") {
        self = .pdf
      } else if starts("PK\u{3}\u{4}") {
        self = .zip
      } else if starts("RIFF") && head.count >= 12 {
        self = .riff
      } else if starts("fLaC") {
        self = .flac
      } else if starts("OggS") {
        self = .ogg
      } else if starts("ftyp", at: 4) {
        self = .mpeg4
      } else if starts("glTF") {
        self = .glTFBinary
      } else if starts("ply\n") || starts("ply\r") {
        self = .ply
      } else if starts("Kaydara FBX") {
        self = .fbx
      } else if let text = Self.text(head) {
        self = text
      } else {
        return nil
      }
    }
  }

  /// Formats of text, by their first line.
  private static func text(_ head: UnsafeRawBufferPointer) -> ContentKind? {
    var at = head.count >= 3 && head[0] == 0xEF && head[1] == 0xBB && head[2] == 0xBF ? 3 : 0
    while at < head.count, head[at] == 32 || (9...13).contains(head[at]) { at += 1 }
    guard at < head.count else { return nil }
    let start = at
    func starts(_ word: StaticString, ignoringCase: Bool = false) -> Bool {
      let count = word.utf8CodeUnitCount
      guard head.count >= start + count else { return false }
      for at in 0..<count {
        var byte = head[start + at]
        if ignoringCase, (65...90).contains(byte) { byte |= 32 }
        if byte != word.utf8Start[at] { return false }
      }
      return true
    }
    switch head[start] {
    case UInt8(ascii: "{"): return .jsonObject
    case UInt8(ascii: "["): return .jsonList
    case UInt8(ascii: "<"):
      if starts("<!doctype html", ignoringCase: true) || starts("<html", ignoringCase: true) { return .html }
      return starts("<?xml") ? .xml : nil
    case UInt8(ascii: "@"): return starts("@<TRIPOS>") ? .mol2 : nil
    default: break
    }
    if starts("data_") && head.count > start + 5 && head[start + 5] > 32 { return .cif }
    if starts("HEADER    ") || starts("ATOM  ") || starts("HETATM") || starts("CRYST1") { return .pdb }
    if starts("solid ") || starts("solid\n") || starts("solid\r") {
      // A binary STL may begin so as well, but has no "facet".
      return contains("facet", in: head) ? .stlText : nil
    }
    if contains(" V2000", in: head) || contains(" V3000", in: head) { return .structureData }
    return nil
  }

  static func contains(_ word: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.count >= count else { return false }
    let first = word.utf8Start[0]
    for start in 0...(bytes.count - count) where bytes[start] == first {
      var at = 1
      while at < count, bytes[start + at] == word.utf8Start[at] { at += 1 }
      if at == count { return true }
    }
    return false
  }

  /// Bytes that no text has, in whatever encoding of a byte a letter.
  static func isBinary(_ head: UnsafeRawBufferPointer) -> Bool { head.contains { $0 < 9 || (14...26).contains($0) } }

  /// 80 bytes of anything, the number of triangles, 50 bytes for each.
  static func isBinarySTL(_ head: UnsafeRawBufferPointer, size: Int64) -> Bool {
    guard head.count >= 84 else { return false }
    return Int64(UInt32(littleEndian: head.loadUnaligned(fromByteOffset: 80, as: UInt32.self))) * 50 + 84 <= size
  }
}
