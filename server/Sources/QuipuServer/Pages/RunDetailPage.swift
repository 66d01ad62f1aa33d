import Hummingbird
import QuipuBase
import Storage

/// The page of one run: state, config, summary, alerts, files.
struct RunDetailPage {
  let context: ServerContext
  let project: ProjectRecord
  let run: RunRecord

  func response() async throws -> Response {
    let state = context.liveness.state(run.state, heartbeatAt: run.heartbeatAt).rawValue
    let links = FileLinks(
      signer: context.signer, lifetime: context.configuration.urlLifetime, baseURL: "")
    let files = try await context.storage.files(runID: run.id, names: [], pattern: nil, after: nil, limit: 1000)
    let alerts = try await context.storage.alerts(runID: run.id, limit: 100)
    let tags = run.tags.map { "<code>\(escaped($0))</code>" }.joined(separator: " ")
    var facts: [(String, String)] = [
      ("State", "<span class=\"state \(state)\">\(state)</span>\(run.exitCode.map { " (exit code \($0))" } ?? "")"),
      ("Run id", "<code>\(escaped(run.name))</code>"), ("Started", "\(Pages.time(run.createdAt)) UTC"),
      ("Last sign of life", "\(Pages.time(run.heartbeatAt)) UTC"), ("Rows", "\(run.historyLineCount)"),
    ]
    if !tags.isEmpty { facts.append(("Tags", tags)) }
    for (name, text) in [
      ("Group", run.group), ("Job type", run.jobType), ("Notes", run.notes), ("Host", run.host),
      ("Program", run.program), ("Commit", run.commit),
    ] {
      if let text, !text.isEmpty { facts.append((name, escaped(text))) }
    }
    return page(
      run.displayName,
      """
      <nav><a href="/">Projects</a> /
      <a href="\(Pages.link(project))">\(escaped(project.entity))/\(escaped(project.name))</a></nav>
      <h1>\(escaped(run.displayName))</h1>
      \(Self.table(facts.map { ($0.0, $0.1) }))
      \(Self.section("Summary", Self.numbers(run.summary).map { ($0.key, "<code>\(escaped($0.value))</code>") }))
      \(Self.section("Config", Self.config(run.config).map { ($0.key, "<code>\(escaped($0.value))</code>") }))
      \(Self.section("Alerts", alerts.map { ("\($0.severity): \($0.title)", escaped($0.text)) }))
      \(Self.section("Files", files.map { file in
        let link = links.plain(project: project, run: run.name, name: file.name)
        return (file.name, "<a href=\"\(link)\">\(Self.size(file.blob.size))</a>")
      }))
      """)
  }

  private static func section(_ title: String, _ rows: [(String, String)]) -> String {
    rows.isEmpty ? "" : "<h2>\(title)</h2>\n\(table(rows))"
  }

  /// - Parameter rows: a name as plain text, and HTML.
  private static func table(_ rows: [(String, String)]) -> String {
    let lines = rows.map { "<tr><th>\(escaped($0.0))</th><td>\($0.1)</td></tr>" }.joined(separator: "\n")
    return "<div class=\"scroll\"><table><tbody>\n\(lines)\n</tbody></table></div>"
  }

  /// Values of a summary, those of the client's own bookkeeping left out.
  static func numbers(_ summary: String) -> [(key: String, value: String)] {
    entries((try? JSON(parsing: summary))?.objectValue ?? [:]) { $0 }
  }

  /// Values of a config, freed of their `{"value": V}`.
  static func config(_ config: String) -> [(key: String, value: String)] {
    entries((try? JSON(parsing: config))?.objectValue ?? [:]) { $0.objectValue?["value"] ?? $0 }
  }

  private static func entries(_ object: JSONObject, _ value: (JSON) -> JSON) -> [(key: String, value: String)] {
    object.members.filter { !$0.key.string.hasPrefix("_") }.sorted { $0.key < $1.key }.map {
      let text = value($0.value).text(style: .core)
      return ($0.key.string, text.count > 300 ? text.prefix(300) + "…" : text)
    }
  }

  private static func size(_ bytes: Int64) -> String {
    switch bytes {
    case ..<1000: "\(bytes) B"
    case ..<1_000_000: "\((bytes + 500) / 1000) kB"
    default: "\((bytes + 500_000) / 1_000_000) MB"
    }
  }
}
