import Glibc
import QuipuBase
import QuipuRecords

/// Files, directories, content in memory and references.
extension Artifact {
  private static var stagingDirectory: String { Run.stagingDirectory(ProcessContext.current()) }

  private static func error(_ code: Int32, _ argument: String, _ path: String) -> QuipuError {
    let missing = code == ENOENT || code == ENOTDIR
    return QuipuError(
      missing ? .notFound : code == ENOSPC || code == EDQUOT ? .diskFull : .file,
      kind: missing ? "file_not_found" : "file_unreadable", "\(argument): \(path): \(FileTools.errorText(code))")
  }

  private func put(
    _ entry: ArtifactManifestEntry, copy: String?, overwrite: Bool
  ) throws(QuipuError) {
    do throws(QuipuError) {
      try change { state throws(QuipuError) in
        let key = Key(entry.path)
        if let old = state.entries[key] {
          // The same content again is no contradiction.
          if !overwrite, old.digest != entry.digest || old.ref != entry.ref {
            throw QuipuError(
              .value, kind: "artifact_path_taken",
              "name: \"\(entry.path)\" is in the artifact with other content; pass overwrite or another name")
          }
        } else if state.objects[key] != nil {
          throw QuipuError(.value, kind: "artifact_path_taken", "name: \"\(entry.path)\" is an object of the artifact")
        }
        state.entries[key] = entry
        if let copy { state.copies.append(copy) }
      }
    } catch {
      if let copy { unlink(copy) }
      throw error
    }
  }

  /// Adds a file.
  ///
  /// - Parameters:
  ///   - path: of a regular file; a leading `~` means the home directory.
  ///   - name: path in the artifact; nil: the file's own name.
  ///   - copies: false: the file is uploaded from where it is and must not change until then.
  ///   - overwrite: replaces what is there under the name.
  /// - Returns: the path of the entry.
  /// - Throws: `notFound`, `file` (a directory, not readable), `value` (a bad name, or one that is taken by other
  ///   content), `diskFull`, `state` once the artifact was logged.
  /// Blocking: reads and copies the file.
  @discardableResult
  public func addFile(
    _ path: String, name: String? = nil, copies: Bool = true, overwrite: Bool = false
  ) throws(QuipuError) -> String {
    let source = PathTools.absolute(PathTools.expandHome(path), workingDirectory: PathTools.workingDirectory())
    let entryPath = try Self.entryPath(name ?? PathTools.name(path))
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw QuipuError(.argument, kind: "path_bad", "path: is empty or holds a NUL")
    }
    let descriptor = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw Self.error(errno, "path", path) }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = info.st_mode & S_IFMT == S_IFDIR
      throw QuipuError(
        .file, kind: isDirectory ? "file_is_directory" : "file_not_regular",
        "path: \(path) is \(isDirectory ? "a directory; add it as one" : "not a regular file")")
    }
    let copy = copies ? ArtifactStaging.newPath(in: Self.stagingDirectory) : nil
    let (digest, size, code) = ArtifactStaging.copy(descriptor, to: copy)
    guard code == 0 else { throw Self.error(code, "path", path) }
    var entry = ArtifactManifestEntry()
    entry.path = entryPath
    entry.digest = digest
    entry.size = size
    entry.localPath = copy ?? source
    try put(entry, copy: copy, overwrite: overwrite)
    return entryPath
  }

  /// Adds all files below a directory; links are followed.
  ///
  /// - Parameters:
  ///   - path: of a directory.
  ///   - name: the folder in the artifact; nil: its top.
  /// - Throws: as ``addFile(_:name:copies:overwrite:)``. What was added before an error stays.
  public func addDirectory(
    _ path: String, name: String? = nil, copies: Bool = true, overwrite: Bool = true
  ) throws(QuipuError) {
    let source = PathTools.absolute(PathTools.expandHome(path), workingDirectory: PathTools.workingDirectory())
    switch FileTools.kind(source) {
    case nil: throw Self.error(ENOENT, "path", path)
    case .directory?: break
    default: throw QuipuError(.file, kind: "file_not_directory", "path: \(path) is not a directory")
    }
    let folder = try name.map { name throws(QuipuError) in try Self.entryPath(name) }
    for file in Self.files(below: source) {
      let inside = String(decoding: file.utf8.dropFirst(source.utf8.count + 1), as: UTF8.self)
      try addFile(file, name: folder.map { $0 + "/" + inside } ?? inside, copies: copies, overwrite: overwrite)
    }
  }

  /// - Parameter above: the directories that this one lies in. A link back to one of them is not followed: two such
  ///   links would make the walk double at every level.
  private static func files(below directory: String, above: [(dev_t, ino_t)] = []) -> [String] {
    var info = stat()
    guard stat(directory, &info) == 0, !above.contains(where: { $0 == (info.st_dev, info.st_ino) }) else { return [] }
    let inside = above + [(info.st_dev, info.st_ino)]
    var found: [String] = []
    for name in (FileTools.list(directory) ?? []).sorted(by: { Key($0) < Key($1) }) {
      let path = PathTools.join(directory, name)
      switch FileTools.kind(path) {
      case .file?: found.append(path)
      case .directory?: found += files(below: path, above: inside)
      default: break
      }
    }
    return found
  }

  /// Adds a file whose content is in memory.
  ///
  /// - Returns: the path of the entry.
  /// - Throws: `value` (a bad or taken name), `file`, `diskFull`, `state` once the artifact was logged.
  /// Blocking: writes the content.
  @discardableResult
  public func addBytes(
    _ bytes: UnsafeRawBufferPointer, name: String, overwrite: Bool = false
  ) throws(QuipuError) -> String {
    let path = try Self.entryPath(name)
    let copy = ArtifactStaging.newPath(in: Self.stagingDirectory)
    let code = FileTools.writeFile(copy, Array(bytes))
    guard code == 0 else { throw Self.error(code, "name", copy) }
    var entry = ArtifactManifestEntry()
    entry.path = path
    entry.digest = base64(MD5.hash(bytes))
    entry.size = Int64(bytes.count)
    entry.localPath = copy
    entry.skipCache = true
    try put(entry, copy: copy, overwrite: overwrite)
    return path
  }

  /// Adds an object that stays where it is.
  ///
  /// A `file://` address is looked up: the entry has the digest and size of the file, a directory one entry for each
  /// file. Other addresses are taken as they are, and stand for their own digest.
  ///
  /// - Parameters:
  ///   - uri: an address with a scheme.
  ///   - name: path in the artifact; nil: the last part of the address.
  ///   - digest: what identifies the version of the object, e.g. an ETag; nil: the address.
  ///   - size: bytes; 0: unknown.
  /// - Returns: the paths of the entries.
  /// - Throws: `value` for an address without scheme or a bad name, `notFound`, `state` once the artifact was logged.
  @discardableResult
  public func addReference(
    _ uri: String, name: String? = nil, digest: String? = nil, size: Int64 = 0
  ) throws(QuipuError) -> [String] {
    let parts = uri.utf8
    guard let colon = parts.firstIndex(of: UInt8(ascii: ":")), colon > parts.startIndex, !parts.contains(0),
      parts[colon...].starts(with: "://".utf8)
    else {
      throw QuipuError(
        .value, kind: "artifact_reference_bad", "uri: \"\(uri)\" has no scheme; pass an address such as s3://bucket/key")
    }
    let scheme = "file://"
    if digest == nil, uri.hasPrefix(scheme) {
      return try addFileReference(String(decoding: parts.dropFirst(scheme.utf8.count), as: UTF8.self), name)
    }
    var entry = ArtifactManifestEntry()
    let last = PathTools.name(String(decoding: parts[colon...].dropFirst(3), as: UTF8.self))
    entry.path = try Self.entryPath(name ?? last)
    entry.digest = digest ?? uri
    entry.ref = uri
    entry.size = max(0, size)
    try put(entry, copy: nil, overwrite: true)
    return [entry.path]
  }

  private func addFileReference(_ path: String, _ name: String?) throws(QuipuError) -> [String] {
    let files: [(path: String, name: String)]
    switch FileTools.kind(path) {
    case .file?: files = [(path, name ?? PathTools.name(path))]
    case .directory?:
      let top = path.hasSuffix("/") ? String(path.dropLast()) : path
      files = Self.files(below: top).map { file in
        let inside = String(decoding: file.utf8.dropFirst(top.utf8.count + 1), as: UTF8.self)
        return (file, name.map { $0 + "/" + inside } ?? inside)
      }
    default: throw Self.error(ENOENT, "uri", "file://" + path)
    }
    var names: [String] = []
    for file in files {
      let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      if descriptor < 0 { throw Self.error(errno, "uri", file.path) }
      defer { close(descriptor) }
      let (digest, size, code) = ArtifactStaging.copy(descriptor, to: nil)
      guard code == 0 else { throw Self.error(code, "uri", file.path) }
      var entry = ArtifactManifestEntry()
      entry.path = try Self.entryPath(file.name)
      entry.digest = digest
      entry.size = size
      entry.ref = "file://" + file.path
      try put(entry, copy: nil, overwrite: true)
      names.append(entry.path)
    }
    return names
  }
}
