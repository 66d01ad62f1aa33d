import Quipu
import QuipuRecords

/// `quipu verify`: is the log whole, and if not, what is lost.
enum VerifyCommand {
  static let help = """
    Usage: quipu verify [RUN] [--quiet]

    Reads every block of a log and checks headers, checksums and records.

      RUN      as for quipu show (default: the latest run here)
      --quiet  no output, only the exit status

    Exit status: 0 the log is whole, 1 parts of it are damaged, 2 nothing can be used.

    Examples
      quipu verify wandb/latest-run
      quipu verify run-ab12cd34.wandb --quiet || quipu recover run-ab12cd34.wandb

    """

  static func run(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(arguments, options: [.init(name: "--help"), .init(name: "--quiet")])
    let output = Output()
    if line.has("--help") {
      output.write(help)
      output.flush()
      return 0
    }
    let facts: LogFacts
    do {
      facts = try LogFacts(path: RunLocation.find(line.only("run", default: ".")))
    } catch let error as QuipuError {
      complain("quipu verify: \(error.message)")
      return 2
    }
    let problems = facts.problems()
    let isUnusable = problems.contains { $0.0 == .unusable }
    let isDamaged = problems.contains { $0.0 == .damage }
    if !line.has("--quiet") {
      let screen = Screen()
      output.line(facts.path)
      output.line(
        "  \(HumanText.count(facts.scan.recordCount, "record")), \(HumanText.count(facts.view.rows, "row")), "
          + "\(HumanText.size(facts.size)), \(HumanText.size(Int64(clamping: facts.scan.validBytes))) in use")
      if let exit = facts.view.exit { output.line("  ended with exit code \(exit.exitCode)") }
      for (severity, text) in problems {
        switch severity {
        case .unusable: output.line("  \(screen.paint("unusable", .red))  \(text)")
        case .damage: output.line("  \(screen.paint("damage", .red))  \(text)")
        case .note: output.line("  \(screen.paint("note", .dim))    \(text)")
        }
      }
      if !isUnusable && !isDamaged { output.line("  \(screen.paint("whole", .green))") }
      if isDamaged && !isUnusable { output.line("  quipu recover keeps every record that can be read") }
      output.flush()
    }
    return isUnusable ? 2 : isDamaged ? 1 : 0
  }
}
