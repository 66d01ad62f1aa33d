import QuipuBase
import QuipuMedia

/// How many rows of a table are written.
struct TableLimits: Sendable {
  /// To the run's file.
  var runRows = Table.maximumRunFileRows
  /// To the artifact.
  var artifactRows = Table.maximumArtifactRows
  /// Whether a longer table is an error of the call, instead of being cut.
  var isStrict = false

  init() {}

  /// Settings `table_max_rows`, `table_max_artifact_rows`, `table_raise_on_max_row_limit_exceeded`, `strict`.
  init(_ settings: Settings) {
    runRows = Int(clamping: settings.integer("table_max_rows") ?? Int64(runRows))
    artifactRows = Int(clamping: settings.integer("table_max_artifact_rows") ?? Int64(artifactRows))
    isStrict = settings.flag("table_raise_on_max_row_limit_exceeded") || settings.flag("strict")
  }

  /// A table's own limits come before those of the run.
  func overridden(by own: (run: Int?, artifact: Int?)) -> TableLimits {
    var result = self
    if let rows = own.run { result.runRows = rows }
    if let rows = own.artifact { result.artifactRows = rows }
    return result
  }
}

extension Media {
  /// Refuses a table that no file can hold, or that is longer than strict settings allow.
  ///
  /// - Throws: `value`, and what `Table.checkStorable` throws.
  func check(_ limits: TableLimits) throws(QuipuError) {
    let table = chartTable ?? self
    typealias Found = (rows: Int, own: (run: Int?, artifact: Int?), fresh: Table?)
    let found: Found? = table.state.withLock { state in
      guard case .table(let content) = state.content else { return nil }
      let handed = content.logMode == .incremental ? state.handedRows : 0
      // A table that is not written again need not be one that can be.
      let isDone =
        state.handedVersion == state.tableVersion || (content.logMode == .immutable && state.handedVersion >= 0)
      return (content.rowCount - handed, state.ownLimits, isDone ? nil : content)
    }
    guard let found else { return }
    if let fresh = found.fresh {
      do throws(MediaError) { try fresh.checkStorable() } catch { throw QuipuError(error) }
    }
    let limits = limits.overridden(by: found.own)
    guard limits.isStrict, found.rows > limits.artifactRows else { return }
    throw QuipuError(
      .value, kind: "table_too_long",
      "table: has \(found.rows) rows, the limit is \(limits.artifactRows) (setting table_max_artifact_rows); log fewer, "
        + "or turn table_raise_on_max_row_limit_exceeded and strict off to have it cut")
  }
}
