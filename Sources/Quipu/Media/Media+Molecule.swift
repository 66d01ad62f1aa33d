import QuipuBase
import QuipuMedia

/// Molecules.
extension Media {
  /// A molecule from a file, copied unchanged.
  ///
  /// - Parameter path: ends in .pdb, .pqr, .mmcif, .mcif, .cif, .sdf, .sd, .gro, .mol2 or .mmtf.
  /// - Throws: `value` for another suffix, `format` for content that is recognised as something else, and what
  ///   `UserFile` throws.
  /// Blocking: reads the file.
  public static func molecule(path: String, caption: String? = nil) throws(QuipuError) -> Media {
    let type = try refuse { () throws(MediaError) in try MoleculeFile.type(ofPath: path) }
    let file = try checkedFile(path) { (head, size) throws(MediaError) in
      try MoleculeFile.check(head, size: size, type: type, name: "path: \(path)")
    }
    return Media(.molecule, .file(FileValue(folder: "molecule", type: "molecule-file", file: file)), caption: caption)
  }

  /// A molecule from the content of a file in memory.
  ///
  /// - Parameter fileType: one of the suffixes above without its dot.
  /// - Throws: `value` for another type, `format` for content that is recognised as something else.
  public static func molecule(
    content: UnsafeRawBufferPointer, fileType: String, caption: String? = nil
  ) throws(QuipuError) -> Media {
    try refuse { () throws(MediaError) in try MoleculeFile.check(type: fileType) }
    try otherFormat { () throws(MediaError) in
      try MoleculeFile.check(content, size: Int64(content.count), type: fileType, name: "text")
    }
    let file = FileValue(
      folder: "molecule", type: "molecule-file", fileExtension: "." + fileType, bytes: Array(content))
    return Media(.molecule, .file(file), caption: caption)
  }

  /// As above, for the formats that are text.
  public static func molecule(text: String, fileType: String, caption: String? = nil) throws(QuipuError) -> Media {
    let bytes = Array(text.utf8)
    let made: Result<Media, QuipuError> = bytes.withUnsafeBytes { content in
      do throws(QuipuError) {
        return .success(try molecule(content: content, fileType: fileType, caption: caption))
      } catch {
        return .failure(error)
      }
    }
    return try made.get()
  }

  /// Whether a text is a SMILES by its grammar: atoms, bonds, branches and rings, not valences.
  ///
  /// - Throws: `value` with the first place that is wrong.
  public static func checkSMILES(_ smiles: UnsafeRawBufferPointer) throws(QuipuError) {
    do throws(MediaError) { try Smiles.check(smiles) } catch {
      throw QuipuError(.value, kind: "smiles_bad", error.message)
    }
  }
}
