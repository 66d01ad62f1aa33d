import Glibc
import Quipu
import QuipuSync

/// `quipu sync`: sends logs to a server.
enum SyncCommand {
  static let help = """
    Usage: quipu sync [RUN...] [OPTIONS]

    Sends runs on disk to a W&B server: offline runs, runs whose upload was cut short, runs that are
    still being written, those of the official client included. What the server has acknowledged is
    kept beside the log, so a second pass sends nothing and an interrupted one goes on where it was.

      RUN              a .wandb file, a run directory, a wandb directory (all its runs), a run id;
                       without any the latest run here
      --all            all runs here, or below the directories named
      --follow         stay with runs that are still being written, also by another host that shares
                       the directory, and send rows within 2 s of their being logged
      --project NAME, --entity NAME, --id RUNID
                       send to another place than the log says (--id: one run only)
      --include-synced send runs again that the official client has marked as sent
      --include-online send runs that the official client sent while they ran
      --dry-run        say what would be sent, send nothing
      --quiet          only problems

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, settings files and netrc
    (`quipu login`).

    Exit status: 0 everything is on the server, 1 some run could not be sent, 2 wrong arguments,
    3 nothing failed, but a run is still being written or sent by somebody else.

    Examples
      quipu sync
      quipu sync --all
      quipu sync --follow /shared/experiment/wandb/offline-run-20260131_235959-ab12cd34

    """

  static func run(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(
      arguments,
      options: [
        .init(name: "--help"), .init(name: "--all"), .init(name: "--follow"), .init(name: "--dry-run"),
        .init(name: "--quiet"), .init(name: "--include-synced"), .init(name: "--include-online"),
        .init(name: "--project", takesValue: true), .init(name: "--entity", takesValue: true),
        .init(name: "--id", takesValue: true),
      ])
    if line.has("--help") {
      let output = Output()
      output.write(help)
      output.flush()
      return 0
    }
    let paths = try SyncList.find(line.positional, all: line.has("--all"))
    if line["--id"] != nil, paths.count != 1 {
      throw CommandLineArguments.UsageError(message: "--id names one run, and there are \(paths.count)")
    }
    let session = SyncSession(
      entity: line["--entity"], project: line["--project"], runID: line["--id"], follows: line.has("--follow"),
      includeSynced: line.has("--include-synced"), includeOnline: line.has("--include-online"),
      display: SyncDisplay(isQuiet: line.has("--quiet")))
    if line.has("--dry-run") { return session.describe(paths) }
    return try session.send(paths)
  }
}
