import QuipuBase

/// Files of the molecule viewer.
public enum MoleculeFile {
  /// Formats, which are also the suffixes without their dot.
  public static let types = ["pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf"]

  /// - Throws: `.value` for a type that is none of `types`.
  public static func check(type: String) throws(MediaError) {
    guard types.contains(type) else {
      throw MediaError(.value, "file_type: \"\(type)\" is none of \(types.joined(separator: ", "))")
    }
  }

  /// The type that a path's suffix says.
  public static func type(ofPath path: String) throws(MediaError) -> String {
    let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
    if let dot = name.lastIndex(of: UInt8(ascii: ".")) {
      let suffix = String(decoding: name[name.index(after: dot)...], as: UTF8.self)
      if types.contains(suffix) { return suffix }
    }
    throw MediaError(
      .value, "path: \"\(path)\" must end in one of \(types.map { "." + $0 }.joined(separator: ", "))")
  }

  /// Refuses content that is recognised as something else than the type says. The formats of text have no mark that all
  /// of their files bear, so content that is not recognised passes.
  ///
  /// - Parameters: see `SceneFile.check`.
  /// - Throws: `.io` with the reason.
  public static func check(
    _ head: UnsafeRawBufferPointer, size: Int64, type: String, name: String
  ) throws(MediaError) {
    guard size > 0 else { throw MediaError(.io, "\(name): is empty, not a .\(type) file") }
    let kind = ContentKind(head)
    if type == "mmtf" {
      // MessagePack: a map of at most 15, or of 16 or 32 bits.
      guard kind == nil, let first = head.first, first & 0xF0 == 0x80 || first == 0xDE || first == 0xDF else {
        throw MediaError(.io, "\(name): is \(kind?.title ?? "not MessagePack"), not a .mmtf file")
      }
      return
    }
    let expected: [ContentKind]
    switch type {
    case "pdb", "pqr": expected = [.pdb]
    case "mmcif", "mcif", "cif": expected = [.cif]
    case "sdf", "sd": expected = [.structureData]
    case "mol2": expected = [.mol2]
    default: expected = []
    }
    if let kind, !expected.contains(kind) {
      throw MediaError(.io, "\(name): is \(kind.title), not a .\(type) file")
    }
    if ContentKind.isBinary(head) { throw MediaError(.io, "\(name): is binary data, not a .\(type) file") }
  }
}
