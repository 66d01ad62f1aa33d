import CQuipu
import Glibc
import Quipu
import QuipuBase

// Files, alerts, console; the process.

private func policy(_ value: quipu_file_policy) throws(QuipuError) -> String {
  switch value {
  case 0: "live"
  case 1: "now"
  case 2: "end"
  default: throw QuipuError(.argument, kind: "save_bad_policy", "policy: \(value) is not a quipu_file_policy")
  }
}

@c @implementation
public func quipu_run_save(
  _ run: OpaquePointer?, _ pattern: UnsafePointer<CChar>?, _ base_path: UnsafePointer<CChar>?,
  _ policy_: quipu_file_policy, _ literal: Int32, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    let paths = try theRun(run).save(
      try required(pattern, "pattern"), basePath: try text(base_path, "base_path"), policy: try policy(policy_),
      isPattern: literal == 0)
    give(JSON.array(paths.map { .string($0) }).text(style: .client), to: out)
  }
}

@c @implementation
public func quipu_run_alert(
  _ run: OpaquePointer?, _ title: UnsafePointer<CChar>?, _ text_: quipu_str, _ level: UnsafePointer<CChar>?,
  _ wait_ms: Int64, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try theRun(run).alert(
      title: try required(title, "title"), text: try text(text_, "text"), level: try text(level, "level") ?? "INFO",
      waitMilliseconds: wait_ms)
  }
}

@c @implementation
public func quipu_run_mark_preempting(_ run: OpaquePointer?) -> quipu_status {
  attempt(nil) { () throws(QuipuError) in try theRun(run).markPreempting() }
}

@c @implementation
public func quipu_run_output(_ run: OpaquePointer?, _ stream: quipu_stream, _ text_: quipu_str) -> quipu_status {
  attempt(nil) { () throws(QuipuError) in
    let run = try theRun(run)
    guard stream >= 1, stream <= 3, let kind = Run.OutputStream(rawValue: UInt8(truncatingIfNeeded: stream)) else {
      throw QuipuError(.argument, kind: "stream_unknown", "stream: \(stream) is not a quipu_stream")
    }
    // Console text may be anything: what is not UTF-8 is repaired, not refused.
    try run.output(kind, String(decoding: try bytes(text_, "text"), as: UTF8.self))
  }
}

@c @implementation
public func quipu_run_record_file(
  _ run: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ policy_: quipu_file_policy, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try theRun(run).recordFile(try required(path, "path"), policy: try policy(policy_))
  }
}

@c @implementation
public func quipu_run_record_requirements(
  _ run: OpaquePointer?, _ lines: quipu_str, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).recordRequirements(try text(lines, "lines")) }
}

@c @implementation
public func quipu_run_report(
  _ run: OpaquePointer?, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    give(try ownRun(run).report, to: out)
  }
}

@c @implementation
public func quipu_set_exit_code(_ exit_code: Int32) { Run.setExitCode(exit_code) }

@c @implementation
public func quipu_finish_all(_ exit_code: Int32, _ timeout_ms: Int64) -> quipu_status {
  Run.finishAll(exitCode: exit_code, timeoutMilliseconds: timeout_ms) ? QuipuOK : QuipuError.Code.timeout.rawValue
}

@c @implementation
public func quipu_recover(
  _ path: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    let report = try Recovery.recover(path: try required(path, "path"))
    give(report.json.text(style: .client), to: out)
  }
}
