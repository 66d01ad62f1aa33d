import Storage

extension MemoryStorage {
  public func addBlob(_ blob: BlobRecord) {
    state.withLock { $0.blobs[blob.sha256] = ($0.blobs[blob.sha256]?.blob ?? blob, .now) }
  }

  public func blob(md5: String) -> BlobRecord? {
    state.withLock { state in
      state.blobs.values.map(\.blob).filter { isSame($0.md5, md5) }.min { isBefore($0.sha256, $1.sha256) }
    }
  }

  public func sweep(before moment: Timestamp) {
    state.withLock { state in
      let used = Set(state.files.map(\.blob.sha256) + state.artifacts.blobs)
      state.blobs = state.blobs.filter { $0.value.addedAt >= moment || used.contains($0.key) }
      let named = Set(state.blobs.values.map(\.blob.objectKey) + state.segments.compactMap(\.objectKey))
      memory.remove(storedBefore: moment) { !named.contains($0) }
    }
  }

  public func putFile(_ file: FileRecord) throws {
    try state.withLock { state in
      guard let blob = state.blobs[file.blob.sha256]?.blob else { throw StorageError.conflict }
      guard state.runs[file.runID] != nil else { throw StorageError.failed("there is no such run") }
      var file = file
      file.blob = blob
      if let index = state.files.firstIndex(where: { $0.runID == file.runID && isSame($0.name, file.name) }) {
        file.id = state.files[index].id
        state.files[index] = file
      } else {
        file.id = state.newID()
        state.files.append(file)
      }
    }
  }

  public func file(id: Int64) -> FileRecord? { state.withLock { $0.files.first { $0.id == id } } }

  public func file(runID: Int64, name: String) -> FileRecord? {
    state.withLock { $0.files.first { $0.runID == runID && isSame($0.name, name) } }
  }

  public func files(
    runID: Int64, names: [String], pattern: String?, after: String?, limit: Int
  ) -> [FileRecord] {
    let pattern = pattern.map { LikePattern($0) }
    let found = state.withLock { state in
      state.files.filter { file in
        file.runID == runID && (names.isEmpty || names.contains { isSame($0, file.name) })
          && pattern.map { $0.matches(file.name) } ?? true && after.map { isBefore($0, file.name) } ?? true
      }
    }
    return Array(found.sorted { isBefore($0.name, $1.name) }.prefix(max(0, limit)))
  }

  public func countFiles(runID: Int64) -> Int { state.withLock { $0.files.count { $0.runID == runID } } }
  public func deleteFiles(ids: [Int64]) { state.withLock { $0.files.removeAll { ids.contains($0.id) } } }
}
