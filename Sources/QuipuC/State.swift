import CQuipu
import Quipu
import QuipuBase

// Metric definitions, config, summary.

@c @implementation
public func quipu_run_define_metric(
  _ run: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ options: UnsafePointer<quipu_metric_options>?,
  _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let run = try theRun(run)
    let given = try copyOptions(options, quipu_metric_options(), "options")
    try run.defineMetric(
      try required(name, "name"), stepMetric: try text(given.step_metric, "step_metric"),
      stepSync: try toggle(given.step_sync, "step_sync"), hidden: try toggle(given.hidden, "hidden"),
      summary: try text(given.summary, "summary"), goal: try text(given.goal, "goal"),
      overwrite: try toggle(given.overwrite, "overwrite") ?? false)
  }
}

@c @implementation
public func quipu_run_config_update(
  _ run: OpaquePointer?, _ json: quipu_str, _ allow_change: Int32, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try theRun(run).updateConfig(try object(json, "json"), allowChange: allow_change != 0)
  }
}

@c @implementation
public func quipu_run_config_set_defaults(
  _ run: OpaquePointer?, _ json: quipu_str, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).setConfigDefaults(try object(json, "json")) }
}

@c @implementation
public func quipu_run_config_lock(
  _ run: OpaquePointer?, _ json: quipu_str, _ owner: UnsafePointer<CChar>?, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try theRun(run).lockConfig(try object(json, "json"), owner: try text(owner, "owner") ?? "user")
  }
}

@c @implementation
public func quipu_run_config_json(
  _ run: OpaquePointer?, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    give(JSON.object(try ownRun(run).config).text(style: .client), to: out)
  }
}

@c @implementation
public func quipu_run_summary_set(
  _ run: OpaquePointer?, _ path: UnsafePointer<UnsafePointer<CChar>?>?, _ depth: Int, _ json: quipu_str,
  _ media: UnsafePointer<OpaquePointer?>?, _ media_count: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let run = try theRun(run)
    try run.setSummaryJSON(
      try texts(path, depth, "path"), try QuipuC.json(json, "json"), media: try mediaList(media, media_count))
  }
}

@c @implementation
public func quipu_run_summary_remove(
  _ run: OpaquePointer?, _ path: UnsafePointer<UnsafePointer<CChar>?>?, _ depth: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try theRun(run).removeSummary(try texts(path, depth, "path")) }
}

@c @implementation
public func quipu_run_summary_json(
  _ run: OpaquePointer?, _ timeout_ms: Int64, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    let summary = try theRun(run).summary(timeoutMilliseconds: timeout_ms)
    give(JSON.object(summary).text(style: .client), to: out)
  }
}
