import CQuipu
import Glibc
import Quipu
import QuipuBase

// Options of a run; a run.

@c @implementation
public func quipu_run_options_init(_ options: UnsafeMutablePointer<quipu_run_options>?, _ size: Int) -> quipu_status {
  guard let options else { return QuipuError.Code.null.rawValue }
  guard size >= 8, size <= 1 << 16 else { return QuipuError.Code.options.rawValue }
  memset(options, 0, size)
  UnsafeMutableRawPointer(options).storeBytes(of: UInt32(size), as: UInt32.self)
  return QuipuOK
}

private func runOptions(_ pointer: UnsafePointer<quipu_run_options>?) throws(QuipuError) -> RunOptions {
  let given = try copyOptions(pointer, quipu_run_options(), "options")
  var options = RunOptions()
  switch given.mode {
  case 0: break
  case 1: options.mode = .online
  case 2: options.mode = .offline
  case 3: options.mode = .disabled
  case 4: options.mode = .shared
  default: throw QuipuError(.argument, kind: "mode_unknown", "mode: \(given.mode) is not a quipu_mode")
  }
  options.project = try text(given.project, "project")
  options.entity = try text(given.entity, "entity")
  options.id = try text(given.id, "id")
  options.name = try text(given.name, "name")
  options.notes = try text(given.notes, "notes")
  options.group = try text(given.group, "group")
  options.jobType = try text(given.job_type, "job_type")
  options.dir = try text(given.dir, "dir")
  if given.tags != nil || given.tag_count > 0 {
    guard given.tag_count <= 1 << 16 else {
      throw QuipuError(.tooLarge, kind: "too_large", "tag_count: \(given.tag_count) cannot be right")
    }
    options.tags = try texts(given.tags, Int(given.tag_count), "tags")
  }
  if given.config_json.size > 0 || given.config_json.data != nil {
    options.config = .object(try object(given.config_json, "config_json"))
  }
  options.configPath = try text(given.config_path, "config_path")
  if given.settings_json.size > 0 || given.settings_json.data != nil {
    options.settings = try object(given.settings_json, "settings_json")
  }
  switch given.resume {
  case 0: break
  case 1: options.resume = .allow
  case 2: options.resume = .must
  case 3: options.resume = .never
  case 4: options.resume = .auto
  default: throw QuipuError(.argument, kind: "resume_unknown", "resume: \(given.resume) is not a quipu_resume")
  }
  switch given.low_steps {
  case 0: break
  case 1: options.lowSteps = .keep
  default: throw QuipuError(.argument, kind: "low_steps_unknown", "low_steps: \(given.low_steps) is not known")
  }
  options.resumeFrom = try text(given.resume_from, "resume_from")
  options.forkFrom = try text(given.fork_from, "fork_from")
  if given.ring_bytes != 0 {
    guard given.ring_bytes >= 65_536, given.ring_bytes <= 1 << 30 else {
      throw QuipuError(.argument, kind: "ring_bytes", "ring_bytes: \(given.ring_bytes) is not within 64 KiB ... 1 GiB")
    }
    options.ringBytes = Int64(given.ring_bytes)
  }
  if given.full_wait_ms != 0 { options.fullWaitMilliseconds = given.full_wait_ms < 0 ? -1 : given.full_wait_ms }
  options.program = try text(given.program, "program")
  options.language = try text(given.language, "language") ?? "c"
  return options
}

@c @implementation
public func quipu_run_start(
  _ options: UnsafePointer<quipu_run_options>?, _ run: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  run?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let run else { throw isNull("run") }
    let started = try Run.start(try runOptions(options))
    guard let handle = Handles.runs.insert(RunHandle(started)) else {
      try? started.finish()
      throw QuipuError(.memory, kind: "too_many_handles", "four million run handles are in use: free some")
    }
    run.pointee = handle
  }
}

@c @implementation
public func quipu_run_finish(
  _ run: OpaquePointer?, _ exit_code: Int32, _ timeout_ms: Int64, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try theRun(run).finish(exitCode: exit_code, timeoutMilliseconds: timeout_ms)
  }
}

@c @implementation
public func quipu_run_flush(_ run: OpaquePointer?, _ timeout_ms: Int64, _ error: ErrorOut) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).flush(timeoutMilliseconds: timeout_ms) }
}

@c @implementation
public func quipu_run_free(_ run: OpaquePointer?) {
  guard run != nil, let handle = Handles.runs.remove(run) else { return }
  try? handle.run.setStopHandler(nil)
  if !handle.run.isFinished { try? handle.run.finish(exitCode: 0, timeoutMilliseconds: 5000) }
}

@c @implementation
public func quipu_run_get_stats(_ run: OpaquePointer?, _ stats: UnsafeMutablePointer<quipu_run_stats>?) -> quipu_status {
  guard let stats else { return QuipuError.Code.null.rawValue }
  let size = Int(UnsafeRawPointer(stats).load(as: UInt32.self))
  guard size >= 8, size <= 1 << 16 else { return QuipuError.Code.options.rawValue }
  return attempt(nil) { () throws(QuipuError) in
    let now = try ownRun(run).stats
    var result = quipu_run_stats()
    result.struct_size = UInt32(size)
    result.disk_failing = now.isDiskFailing ? 1 : 0
    result.calls_accepted = now.callsAccepted
    result.rows_written = now.rowsWritten
    result.rows_dropped_low_step = now.rowsDroppedLowStep
    result.calls_dropped_full = now.callsDroppedFull
    result.records_lost = now.recordsLost
    result.values_dropped = now.valuesDropped
    result.bytes_written = now.bytesWritten
    result.write_errors = now.writeErrors
    result.media_pending = now.mediaPending
    result.step = now.step
    result.upload_state = now.uploadState.rawValue
    result.stop_requested = now.isStopRequested ? 1 : 0
    result.rows_uploaded = now.rowsUploaded
    result.rows_pending = now.rowsPending
    result.files_uploaded = now.filesUploaded
    result.files_pending = now.filesPending
    result.bytes_uploaded = now.bytesUploaded
    result.log_bytes_read = now.logBytesRead
    result.upload_requests = now.uploadRequests
    result.upload_retries = now.uploadRetries
    result.retry_in_ms = now.retryIn ?? -1
    withUnsafeBytes(of: &result) { source in
      if let start = source.baseAddress {
        UnsafeMutableRawPointer(stats).copyMemory(from: start, byteCount: min(size, source.count))
      }
    }
  }
}

@c @implementation
public func quipu_run_info_json(
  _ run: OpaquePointer?, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    give(JSON.object(try ownRun(run).info).text(style: .client), to: out)
  }
}

@c @implementation
public func quipu_run_wait_online(_ run: OpaquePointer?, _ timeout_ms: Int64, _ error: ErrorOut) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).waitOnline(timeoutMilliseconds: timeout_ms) }
}

@c @implementation
public func quipu_run_stop_requested(_ run: OpaquePointer?) -> Int32 {
  Handles.runs.object(run)?.run.isStopRequested == true ? 1 : 0
}

@c @implementation
public func quipu_run_set_stop_handler(
  _ run: OpaquePointer?, _ fn: quipu_stop_fn?, _ user: UnsafeMutableRawPointer?
) -> quipu_status {
  attempt(nil) { () throws(QuipuError) in
    let handle = run
    try theRun(run).setStopHandler(fn.map { fn in { fn(handle, user) } })
  }
}

// Never written after it was made.
nonisolated(unsafe) private let emptyText = strdup("")

@c @implementation
public func quipu_run_id(_ run: OpaquePointer?) -> UnsafePointer<CChar>? {
  UnsafePointer(Handles.runs.object(run)?.id ?? emptyText)
}

@c @implementation
public func quipu_run_directory(_ run: OpaquePointer?) -> UnsafePointer<CChar>? {
  UnsafePointer(Handles.runs.object(run)?.directory ?? emptyText)
}

@c @implementation
public func quipu_run_set_name(_ run: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ error: ErrorOut) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).setName(try required(name, "name")) }
}

@c @implementation
public func quipu_run_set_notes(
  _ run: OpaquePointer?, _ notes: UnsafePointer<CChar>?, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).setNotes(try required(notes, "notes")) }
}

@c @implementation
public func quipu_run_set_tags(
  _ run: OpaquePointer?, _ tags: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).setTags(try texts(tags, count, "tags")) }
}
