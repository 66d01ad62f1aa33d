import QuipuBase

/// Files of the 3-D viewer: which suffixes there are, and whether a file is what its suffix says.
public enum SceneFile {
  /// Suffixes, without their dot.
  public static let types = ["pts.json", "obj", "gltf", "glb", "babylon", "stl"]

  /// The type that a path's suffix says.
  ///
  /// - Throws: `.value` for other suffixes, `.assertion` when the suffix does not stand behind a dot.
  public static func type(ofPath path: String) throws(MediaError) -> String {
    guard let type = types.first(where: { path.hasSuffix($0) }) else {
      throw MediaError(
        .value, "path: \"\(path)\" must end in one of \(types.map { "." + $0 }.joined(separator: ", "))")
    }
    guard path.hasSuffix("." + type) else {
      throw MediaError(.assertion, "path: \"\(path)\" must end in .\(type)")
    }
    return type
  }

  /// Refuses content that is recognised as something else than the suffix says, or that is cut off. Content that is
  /// not recognised at all passes: the formats that are text have no mark to know them by.
  ///
  /// - Parameters:
  ///   - head: the beginning of the content, at least 512 bytes of it or all.
  ///   - size: bytes of the whole content.
  ///   - name: what the texts of errors call it.
  /// - Throws: `.io` with the reason.
  public static func check(
    _ head: UnsafeRawBufferPointer, size: Int64, type: String, name: String
  ) throws(MediaError) {
    guard size > 0 else { throw MediaError(.io, "\(name): is empty, not a .\(type) file") }
    let kind = ContentKind(head)
    func other() -> MediaError {
      MediaError(.io, "\(name): is \(kind?.title ?? "binary data"), not a .\(type) file")
    }
    switch type {
    case "glb":
      if kind == .glTFBinary {
        // Bytes 8...11: the length of the whole.
        guard head.count >= 12 else { throw MediaError(.io, "\(name): is cut off: a .glb file has 12 bytes and more") }
        let stated = Int64(UInt32(littleEndian: head.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        guard stated <= size else {
          throw MediaError(.io, "\(name): is cut off: it says that it has \(stated) bytes, but there are \(size)")
        }
      } else if kind != nil || ContentKind.isBinary(head) {
        throw other()
      }
    case "stl":
      if kind == .stlText || ContentKind.isBinarySTL(head, size: size) { return }
      if kind != nil || ContentKind.isBinary(head) { throw other() }
    case "obj":
      if kind != nil || ContentKind.isBinary(head) { throw other() }
    case "pts.json":
      if kind == .jsonList || kind == .jsonObject { return }
      if kind != nil || ContentKind.isBinary(head) { throw other() }
    default:  // gltf, babylon
      if kind == .jsonObject { return }
      if kind != nil || ContentKind.isBinary(head) { throw other() }
    }
  }
}
