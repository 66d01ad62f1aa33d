import QuipuBase

/// Where a medium lies in an artifact that was logged.
struct ArtifactPlace: Sendable {
  var clientID: String
  var sequenceID: String
  /// Of the entry with the medium's JSON.
  var path: String
  var digest: String
  /// The version of the table that lies there; 0 for other media.
  var version: Int
  /// False for the artifacts that the library makes of logged tables.
  var isOfUser = true

  var url: String { "wandb-client-artifact://\(clientID)/\(path)" }
  var latestURL: String { "wandb-client-artifact://\(sequenceID):latest/\(path)" }
}

extension Media {
  /// Where this medium lies in an artifact; nil if it does not, or if its table has been changed since in a mode in which
  /// changes make another version.
  ///
  /// - Parameter version: of the table that is meant.
  func place(version: Int) -> ArtifactPlace? {
    state.withLock { state in
      guard let place = state.place else { return nil }
      if case .table(let table) = state.content {
        switch table.logMode {
        case .immutable: break
        case .mutable: if place.version != version { return nil }
        case .incremental: return nil
        }
      }
      return place
    }
  }

  /// Notes that a call has put the medium, as it is now, into an artifact and logged that.
  func notePlaced() { state.withLock { $0.placedVersion = $0.tableVersion } }

  /// Whether adding the medium to another artifact makes a reference to the first.
  var isPlaced: Bool {
    state.withLock { state in
      guard let version = state.placedVersion else { return false }
      guard case .table(let table) = state.content else { return true }
      return table.logMode == .immutable || (table.logMode == .mutable && version == state.tableVersion)
    }
  }
}
