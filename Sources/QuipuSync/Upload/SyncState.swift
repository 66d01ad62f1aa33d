import QuipuBase

/// `<log>.syncstate`, which the official client writes as well: where the rows of a resumed run began when the log was
/// sent first, so that sending it again gives the same steps.
///
/// Source: transaction-log.md, section 10.
struct SyncState {
  var step: Int64
  /// Units: seconds; in the file milliseconds.
  var runtime: Double

  static func read(log: String) -> SyncState? {
    guard let bytes = SideFile.read(log + ".syncstate", limit: 1 << 16),
      let object = (try? JSON(parsing: String(decoding: bytes, as: UTF8.self)))?.objectValue
    else { return nil }
    let step = object["starting_step"]?.wholeNumber ?? 0
    let runtime = object["starting_runtime"]?.doubleValue ?? 0
    return SyncState(step: max(step, 0), runtime: runtime.isFinite ? max(runtime, 0) / 1000 : 0)
  }

  func write(log: String) {
    let milliseconds = Int64(exactly: (runtime * 1000).rounded()) ?? 0
    let object: JSONObject = ["starting_step": .int(step), "starting_runtime": .int(milliseconds)]
    _ = SideFile.replace(log + ".syncstate", Array(JSON.object(object).text(style: .core).utf8))
  }
}

/// What a resumed run takes over from the server: `<log>.resumed`, written once, so that an upload that starts again
/// builds on the same ground.
struct ResumeBase {
  /// As the server has it: `{"key": {"value": ...}}`, `_wandb` included.
  var config: JSONObject
  var summary: JSONObject

  init(_ run: ResumedRun) {
    config = run.storedConfig
    summary = run.summary
  }

  private init(_ object: JSONObject) {
    config = object["config"]?.objectValue ?? JSONObject()
    summary = object["summary"]?.objectValue ?? JSONObject()
  }

  static func read(log: String) -> ResumeBase? {
    guard let bytes = SideFile.read(log + ".resumed"),
      let object = (try? JSON(parsing: String(decoding: bytes, as: UTF8.self)))?.objectValue
    else { return nil }
    return ResumeBase(object)
  }

  func write(log: String) {
    let object: JSONObject = ["config": .object(config), "summary": .object(summary)]
    _ = SideFile.replace(log + ".resumed", Array(JSON.object(object).text(style: .core).utf8))
  }
}

/// `<log>.synced`, the official client's mark for a log that was sent as a whole: its `sync` leaves it out then.
package enum SyncedMarker {
  package static func exists(log: String) -> Bool { SideFile.size(log + ".synced") != nil }
  static func write(log: String) { _ = SideFile.replace(log + ".synced", []) }
}
