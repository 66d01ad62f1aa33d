import Dispatch
import Storage
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Objects as files below one directory, the key as the path.
///
/// An object is whole and on the disk before its name exists: it is written in the staging directory of the same file
/// system, forced to the disk and renamed. Blocking work runs on threads of its own.
public final class FileObjectStorage: ObjectStorage {
  let root: String
  let staging: String
  /// Between looking for an object and putting it there, or between looking at its age and removing it, nothing may
  /// happen to it.
  private let names = Mutex(())
  private let queue = DispatchQueue(label: "quipu.objects", attributes: .concurrent)

  /// - Parameters:
  ///   - root: directory of the objects, made if it is missing.
  ///   - staging: directory on the same file system for what is still arriving, made if it is missing.
  public init(root: String, staging: String) throws {
    self.root = root
    self.staging = staging
    try FileSystem.makeDirectories(root)
    try FileSystem.makeDirectories(staging)
  }

  public func stagingPath() -> String {
    "\(staging)/\(String(UInt128.random(in: .min ... .max), radix: 36))"
  }

  public func store(stagedFile path: String, key: String) async throws {
    let place = try self.path(key)
    try await blocking { try self.place(path, at: place) }
  }

  public func store(_ bytes: [UInt8], key: String) async throws {
    let place = try self.path(key)
    try await blocking {
      let path = self.stagingPath()
      try FileSystem.write(bytes, to: path)
      do {
        try self.place(path, at: place)
      } catch {
        unlink(path)
        throw error
      }
    }
  }

  public func localFile(key: String) async throws -> String? {
    let place = try path(key)
    return try await blocking {
      guard let status = FileSystem.status(place) else {
        guard errno == ENOENT || errno == ENOTDIR else { throw StorageError.system(place) }
        return nil
      }
      return status.st_mode & S_IFMT == S_IFREG ? place : nil
    }
  }

  public func delete(key: String) async throws {
    try await blocking { try self.remove(key) }
  }

  public func keys(prefix: String) async throws -> [String] {
    try await blocking {
      var keys: [String] = []
      // Only the part before the last slash can name a directory.
      try self.collect(below: FileSystem.parent(of: prefix), matching: Array(prefix.utf8), into: &keys)
      return keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
  }

  // MARK: Blocking

  func remove(_ key: String) throws {
    let place = try path(key)
    guard unlink(place) == 0 || errno == ENOENT else { throw StorageError.system(place) }
  }

  /// Removes an object if it was last stored before `date`.
  func remove(_ key: String, ifStoredBefore date: Timestamp) throws {
    let place = try path(key)
    try names.withLock { _ in
      guard let status = FileSystem.status(place), Self.modification(status) < date else { return }
      guard unlink(place) == 0 else { throw StorageError.system(place) }
    }
  }

  func isStored(_ key: String, before date: Timestamp) throws -> Bool {
    FileSystem.status(try path(key)).map { Self.modification($0) < date } ?? false
  }

  private static func modification(_ status: stat) -> Timestamp {
    Timestamp(microseconds: Int64(status.st_mtim.tv_sec) &* 1_000_000 &+ Int64(status.st_mtim.tv_nsec) / 1000)
  }

  private func place(_ staged: String, at place: String) throws {
    // The age of an object counts from here, however long its bytes took to arrive.
    utimensat(AT_FDCWD, staged, nil, 0)
    try FileSystem.synchronize(staged)
    let directory = FileSystem.parent(of: place)
    for made in try FileSystem.makeDirectories(directory) {
      try FileSystem.synchronize(FileSystem.parent(of: made))
    }
    try names.withLock { _ in
      // One that is there becomes young again, so that no sweep takes it for a leftover.
      if utimensat(AT_FDCWD, place, nil, 0) == 0 {
        unlink(staged)
      } else if rename(staged, place) != 0 {
        throw StorageError.system(place)
      }
    }
    try FileSystem.synchronize(directory)
  }

  private func collect(below directory: String, matching prefix: [UInt8], into keys: inout [String]) throws {
    for name in try FileSystem.names(in: directory.isEmpty ? root : "\(root)/\(directory)") {
      let key = directory.isEmpty ? name : "\(directory)/\(name)"
      let isOnTheWay = prefix.starts(with: key.utf8)
      guard isOnTheWay || key.utf8.starts(with: prefix), let status = FileSystem.status("\(root)/\(key)")
      else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        try collect(below: key, matching: prefix, into: &keys)
      } else if key.utf8.starts(with: prefix) {
        keys.append(key)
      }
    }
  }

  /// Where an object lies. Refuses every key that could lead out of the directory.
  private func path(_ key: String) throws -> String {
    let parts = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let isSafe = parts.allSatisfy { part in
      !part.isEmpty && part.count <= 255 && !part.contains(0) && !part.elementsEqual(".".utf8)
        && !part.elementsEqual("..".utf8)
    }
    guard isSafe, key.utf8.count <= 1024 else { throw StorageError.failed("\(key) cannot be the key of an object") }
    return "\(root)/\(key)"
  }

  private func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try work() }) }
    }
  }
}
