import Quipu
import QuipuBase
import QuipuRecords

/// `quipu show`: one run on one screen.
enum ShowCommand {
  static let help = """
    Usage: quipu show [RUN] [--all] [--config] [--summary]

    Shows a run: what it is, how it stands, its config, its metrics and its summary. Works while
    the run is being written, and on logs of the official client.

      RUN        a .wandb file, a run directory, a wandb directory, a directory that holds one,
                 or a run id (default: the latest run here)
      --all      every key, not only the first 40 of each part
      --config   only the config, as JSON
      --summary  only the summary, as JSON

    Examples
      quipu show
      quipu show wandb/offline-run-20260131_235959-ab12cd34
      quipu show ab12cd34 --all
      quipu show --config | jq .lr

    """

  private static let limit = 40

  static func run(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(
      arguments, options: ["--help", "--all", "--config", "--summary"].map { .init(name: $0) })
    let output = Output()
    if line.has("--help") {
      output.write(help)
      output.flush()
      return 0
    }
    let facts = try LogFacts(path: RunLocation.find(line.only("run", default: ".")))
    if let first = facts.problems().first, first.0 == .unusable {
      complain("quipu show: \(facts.path): \(first.1)")
      return 1
    }
    if line.has("--config") || line.has("--summary") {
      output.line(PrettyJSON.text(.object(line.has("--config") ? facts.view.config : facts.view.summary)))
    } else {
      Page(facts: facts, screen: Screen(), output: output, limit: line.has("--all") ? Int.max : limit).write()
    }
    output.flush()
    return 0
  }

  private struct Page {
    let facts: LogFacts
    let screen: Screen
    let output: Output
    let limit: Int
    var view: RunView { facts.view }

    func write() {
      head()
      pairs("Config", flattened(view.config).map { ($0.0, $0.1) })
      metrics()
      let known = Set(view.metrics.keys)
      let rest = flattened(view.summary).filter { !known.contains(Key($0.0)) && $0.0.utf8.first != UInt8(ascii: "_") }
      pairs("Summary", rest)
      notes()
    }

    // MARK: head

    private func head() {
      let name = RunBlocks.printable(view.displayName.isEmpty ? view.runID : view.displayName)
      let id = view.displayName.isEmpty || view.displayName == view.runID ? "" : "  \(RunBlocks.printable(view.runID))"
      let (state, style) = stateText()
      output.line("\(screen.paint(name, .bold))\(screen.paint(id, .dim))  \(screen.paint(state, style))")

      let place = [view.entity, view.project].filter { !$0.isEmpty }.joined(separator: "/")
      fact("project", place.isEmpty ? "uncategorized" : place)
      fact("group", view.group)
      fact("job type", view.jobType)
      fact("sweep", view.sweepID)
      fact("tags", view.tags.joined(separator: ", "))
      fact("branch of", view.branchPoint ?? "")
      for (at, line) in view.notes.split(separator: "\n", omittingEmptySubsequences: false).prefix(8).enumerated() {
        fact(at == 0 ? "notes" : "", String(line))
      }
      fact("started", started())
      fact("host", host())
      fact("program", program())
      fact("git", [String(view.gitCommit.prefix(12)), view.gitRemote].filter { !$0.isEmpty }.joined(separator: "  "))
      fact("rows", rows())
      fact("also", others())
      fact("log", facts.path + "  " + HumanText.size(facts.size))
    }

    private func fact(_ label: String, _ text: String) {
      if text.isEmpty { return }
      let shown = Screen.fit(RunBlocks.printable(text), screen.width - 13)
      output.line("  \(screen.paint(Screen.padded(label, 9), .dim))  \(shown)")
    }

    private func stateText() -> (String, Screen.Style) {
      switch facts.state {
      case .running: ("running", .yellow)
      case .finished: ("finished", .green)
      case .failed(let code): ("failed, exit code \(code)", .red)
      case .crashed: (view.preempting ? "preempted" : "crashed", .red)
      }
    }

    private func started() -> String {
      guard let start = view.startTime, let text = start.text else { return "" }
      var line = text.prefix(10) + " " + text.dropFirst(11).prefix(8) + " UTC"
      if let runtime = view.runtime { line += ", ran \(HumanText.duration(runtime))" }
      if facts.state == .running, let idle = facts.idle {
        line += ", last write \(HumanText.duration(Double(idle))) ago"
      }
      return String(line)
    }

    private func host() -> String {
      let environment = view.environment
      var parts: [String] = []
      let host = view.host.isEmpty ? environment.host : view.host
      if !host.isEmpty { parts.append(host) }
      let processors = Int(environment.cpuCountLogical)
      if processors > 0 { parts.append(HumanText.count(processors, "processor")) }
      if let memory = environment.memory { parts.append("\(HumanText.size(Int64(clamping: memory.total))) memory") }
      if environment.gpuCount > 0 { parts.append("\(environment.gpuCount) x \(environment.gpuType)") }
      return parts.joined(separator: ", ")
    }

    private func program() -> String {
      ([PathTools.name(view.environment.program)] + view.environment.args).filter { !$0.isEmpty }.joined(separator: " ")
    }

    private func rows() -> String {
      guard view.rows > 0 else { return "none" }
      var text = HumanText.grouped(Int64(view.rows))
      if let first = view.firstStep, let last = view.lastStep { text += ", steps \(first) to \(last)" }
      if let runtime = view.runtime, runtime > 0, view.rows > 1 {
        text += ", \(HumanText.number(Double(view.rows) / runtime, digits: 3)) per second"
      }
      return text
    }

    private func others() -> String {
      var parts: [String] = []
      if view.files > 0 { parts.append(HumanText.count(view.files, "file")) }
      if view.artifacts > 0 { parts.append(HumanText.count(view.artifacts, "artifact")) }
      if view.alerts > 0 { parts.append(HumanText.count(view.alerts, "alert")) }
      if view.consoleRecords > 0 { parts.append(HumanText.count(view.consoleRecords, "console record")) }
      if view.statsRecords > 0 { parts.append(HumanText.count(view.statsRecords, "system sample")) }
      return parts.joined(separator: ", ")
    }

    // MARK: parts

    private func title(_ text: String, _ shown: Int, _ all: Int) {
      let more = all > shown ? "  \(shown) of \(HumanText.grouped(Int64(all))), --all shows the rest" : ""
      output.line()
      output.line(screen.paint(text, .bold) + screen.paint(more, .dim))
    }

    private func keyWidth(_ keys: [String]) -> Int {
      min(keys.map { Screen.columns($0) }.max() ?? 0, max(12, screen.width * 2 / 5))
    }

    private func pairs(_ name: String, _ all: [(String, JSON)]) {
      if all.isEmpty { return }
      let shown = all.prefix(limit).map { (RunBlocks.printable($0.0), $0.1) }
      title(name, shown.count, all.count)
      let width = keyWidth(shown.map(\.0))
      for (key, (_, value)) in zip(Screen.fitNames(shown.map(\.0), width), shown) {
        let text = Screen.fitEnd(HumanText.value(value), max(8, screen.width - width - 4))
        output.line("  \(screen.paint(Screen.padded(key, width), .cyan))  \(text)")
      }
    }

    private func metrics() {
      let all = view.metrics.sorted { $0.key < $1.key }
      if all.isEmpty { return }
      let shown = Array(all.prefix(limit))
      title("Metrics", shown.count, all.count + view.unlistedMetrics)
      // What is narrower than 64 columns has room for the last value only.
      let headings = screen.width >= 64 ? ["last", "min", "max"] : ["last"]
      let rows = shown.map { key, series in
        let low = series.minimum.map { HumanText.number($0, digits: 4) } ?? ""
        let high = series.maximum.map { HumanText.number($0, digits: 4) } ?? ""
        return [HumanText.number(series.last), low, high]
      }
      let widths = headings.indices.map { column in
        max(headings[column].count, rows.map { $0[column].count }.max() ?? 0)
      }
      let numbers = widths.reduce(0) { $0 + $1 + 2 }
      let key = min(keyWidth(shown.map { RunBlocks.printable($0.key.string) }), max(8, screen.width - numbers - 14))
      let longest = shown.map { $0.value.values(width: 60).count }.max() ?? 0
      let line = max(4, min(60, longest, screen.width - 2 - key - 2 - numbers))
      var heading = String(repeating: " ", count: 2 + key + 2 + line)
      for (column, text) in headings.enumerated() { heading += "  " + Screen.padded(text, widths[column], right: true) }
      output.line(screen.paint(heading, .dim))
      let names = Screen.fitNames(shown.map { RunBlocks.printable($0.key.string) }, key)
      for (at, (_, series)) in shown.enumerated() {
        let text = Screen.padded(names[at], key)
        let picture = Sparkline.text(series.values(width: line), width: line) ?? ""
        var out = "  \(screen.paint(text, .cyan))  \(Screen.padded(picture, line))"
        for column in headings.indices { out += "  " + Screen.padded(rows[at][column], widths[column], right: true) }
        output.line(out)
      }
    }

    private func notes() {
      let problems = facts.problems()
      if problems.isEmpty { return }
      output.line()
      for (severity, text) in problems.prefix(8) {
        let isDamage = severity != .note
        output.line(screen.paint(isDamage ? "damage" : "note  ", isDamage ? .red : .dim) + "  " + text)
      }
      if problems.count > 8 { output.line("\(problems.count - 8) more, see quipu verify") }
    }

    /// Leaves with their joined paths, in order.
    private func flattened(_ object: JSONObject, _ prefix: String = "") -> [(String, JSON)] {
      var out: [(String, JSON)] = []
      for member in object.members.sorted(by: { $0.key < $1.key }) {
        let name = prefix.isEmpty ? member.key.string : prefix + "." + member.key.string
        if let inner = member.value.objectValue, !inner.isEmpty, inner["_type"] == nil {
          out += flattened(inner, name)
        } else {
          out.append((name, member.value))
        }
      }
      return out
    }
  }
}
