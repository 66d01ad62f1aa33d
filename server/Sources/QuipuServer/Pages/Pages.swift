import Hummingbird
import QuipuBase
import RunFilters
import Storage

/// Plain pages: projects, their runs, a run. They need a key, which a browser asks for as the password.
struct Pages: Sendable {
  let context: ServerContext
  private static let pageSize = 100

  func respond(to request: Request, parts: [Substring], key _: APIKeyRecord) async throws -> Response {
    let names = parts.map { percentDecoded($0) }
    guard !names.contains(nil) else { throw ServerFault(404, "not found") }
    let path = names.compactMap { $0 }.filter { !$0.isEmpty }
    let after = request.uri.queryParameters["after"].flatMap { percentDecoded($0, plusIsSpace: true) }
    switch path.count {
    case 0: return try await projects(after: after)
    case 1:
      guard try await context.storage.entity(named: path[0]) != nil else { break }
      return try await projects(entity: path[0], after: after)
    case 2,
      3 where path[2] == "workspace" || path[2] == "runs":
      guard let project = try await context.storage.project(entity: path[0], name: path[1]) else { break }
      return try await runs(project, after: after)
    case 4... where path[2] == "runs":
      guard let project = try await context.storage.project(entity: path[0], name: path[1]),
        let run = try await context.storage.run(projectID: project.id, name: path[3])
      else { break }
      return try await RunDetailPage(context: context, project: project, run: run).response()
    default: break
    }
    return page("Not found", status: .notFound, "<h1>Not found</h1><p><a href=\"/\">All projects</a></p>")
  }

  /// Where clients send a person for the key. The page cannot show it: other users of the machine could read it too.
  func authorize() -> Response {
    page(
      "API key",
      """
      <h1>API key</h1>
      <p>The key was printed when the server first started.
      Whoever may read the server's data directory finds it there:</p>
      <pre>cat DATA/api-key</pre>
      <p>or makes another one:</p>
      <pre>quipu-server keys add NAME --data DATA</pre>
      """)
  }

  // MARK: Lists

  private func projects(entity: String? = nil, after: String?) async throws -> Response {
    let found = try await context.storage.projects(
      entity: entity, before: after.flatMap { Int64($0) }, limit: Self.pageSize + 1)
    var rows = ""
    for project in found.prefix(Self.pageSize) {
      let count = try await context.storage.countRuns(query(project, after: nil))
      rows += """
        <tr><td><a href="\(Self.link(project))">\(escaped(project.entity))/\(escaped(project.name))</a></td>
        <td class="number">\(count)</td><td>\(Self.time(project.createdAt))</td></tr>\n
        """
    }
    let table =
      rows.isEmpty
      ? "<p>No projects yet. The first <code>wandb.init(project=…)</code> makes one.</p>"
      : """
      <div class="scroll"><table>
      <thead><tr><th>Project</th><th class="number">Runs</th><th>Since (UTC)</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
    let more = found.count > Self.pageSize ? found[Self.pageSize - 1].id : nil
    return page("Projects", "<h1>Projects</h1>\n\(table)\n\(Self.next(more.map { "\($0)" }))")
  }

  private func runs(_ project: ProjectRecord, after: String?) async throws -> Response {
    let found = try await context.storage.runs(query(project, after: after))
    var rows = ""
    for (run, _) in found.runs {
      let state = context.liveness.state(run.state, heartbeatAt: run.heartbeatAt).rawValue
      let summary = RunDetailPage.numbers(run.summary).prefix(4)
        .map { "<span class=\"muted\">\(escaped($0.key))</span> \(escaped($0.value))" }.joined(separator: " &ensp; ")
      rows += """
        <tr><td><a href="\(Self.link(project))/runs/\(percentEncoded(run.name))">\(escaped(run.displayName))</a>
        <div class="muted"><code>\(escaped(run.name))</code></div></td>
        <td class="state \(state)">\(state)</td><td>\(Self.time(run.createdAt))</td>
        <td class="number">\(run.historyLineCount)</td><td>\(summary)</td></tr>\n
        """
    }
    let table =
      rows.isEmpty
      ? "<p>No runs.</p>"
      : """
      <div class="scroll"><table>
      <thead><tr><th>Run</th><th>State</th><th>Started (UTC)</th><th class="number">Rows</th><th>Summary</th></tr>
      </thead>
      <tbody>\(rows)</tbody></table></div>
      """
    return page(
      project.name,
      """
      <nav><a href="/">Projects</a></nav>
      <h1>\(escaped(project.entity))/\(escaped(project.name))</h1>
      \(table)
      \(Self.next(found.hasNext ? found.runs.last?.cursor : nil))
      """)
  }

  private func query(_ project: ProjectRecord, after: String?) throws -> RunQuery {
    let liveness = context.liveness
    return RunQuery(
      projectID: project.id, filter: nil, order: try RunOrder("-created_at"), after: after, limit: Self.pageSize,
      username: context.configuration.user
    ) { liveness.state($0, heartbeatAt: $1) }
  }

  static func link(_ project: ProjectRecord) -> String {
    "/\(percentEncoded(project.entity))/\(percentEncoded(project.name))"
  }

  static func time(_ time: Timestamp) -> String { time.text.prefix(19).replacing("T", with: " ") }

  private static func next(_ cursor: String?) -> String {
    cursor.map { "<p><a href=\"?after=\(percentEncoded($0))\">Older</a></p>" } ?? ""
  }
}

extension StringProtocol {
  fileprivate func replacing(_ old: Character, with new: Character) -> String {
    String(map { $0 == old ? new : $0 })
  }
}
