import Glibc
import Quipu
import QuipuBase
import QuipuRecords

// The command line: looks at runs on disk and sends them to a server.

let help = """
  Usage: quipu COMMAND [RUN] [OPTIONS]

  Looks at training runs on disk, those of Quipu and those of the official W&B client, and sends
  them to a server.

    show      one run on one screen: state, config, metrics, summary
    export    its rows as JSON lines or CSV
    verify    checks every block of its log
    recover   repairs its log after a crash
    sync      sends runs to a server, once or while they are written
    login     keeps an API key; logout forgets it
    serve     runs the self-hosted server; quipu serve --help says more

    RUN is a .wandb file, a run directory, a wandb directory, a directory that holds one, or a
    run id. Without it the latest run here is taken.

    --version, --help; quipu COMMAND --help says more

  Examples
    quipu show
    quipu export --format csv --output rows.csv
    quipu verify wandb/offline-run-20260131_235959-ab12cd34

  """

func runCommand(_ arguments: [String]) -> Int32 {
  guard let command = arguments.first else {
    let output = Output(descriptor: STDERR_FILENO)
    output.write(help)
    output.flush()
    return 2
  }
  let rest = Array(arguments.dropFirst())
  do {
    switch command {
    case "show": return try ShowCommand.run(rest)
    case "export": return try ExportCommand.run(rest)
    case "verify": return try VerifyCommand.run(rest)
    case "recover": return try RecoverCommand.run(rest)
    case "sync": return try SyncCommand.run(rest)
    case "login": return try LoginCommand.run(rest)
    case "logout": return try LoginCommand.logout(rest)
    case "serve": return ServeCommand.run(rest)
    case "--version", "version":
      let output = Output()
      output.line("quipu \(QuipuVersion.text)")
      output.flush()
      return 0
    case "--help", "-h", "help":
      let output = Output()
      output.write(help)
      output.flush()
      return 0
    default:
      let kind = command.utf8.first == UInt8(ascii: "-") ? "option" : "command"
      complain("quipu: unknown \(kind) \(command); quipu --help lists them")
      return 2
    }
  } catch let error as CommandLineArguments.UsageError {
    complain("quipu \(command): \(error.message); see quipu \(command) --help")
    return 2
  } catch let error as QuipuError {
    complain("quipu \(command): \(error.message)")
    return 1
  } catch let error as LogFileError {
    complain("quipu \(command): cannot \(error.operation.rawValue) the log: \(FileTools.errnoText(error.code))")
    return 1
  } catch {
    complain("quipu \(command): \(error)")
    return 1
  }
}

exit(runCommand(Array(CommandLine.arguments.dropFirst())))
