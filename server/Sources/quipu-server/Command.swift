import ArgumentParser

@main
struct Command: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quipu-server",
    abstract: "A self-hosted server for W&B clients, in one program and one directory.",
    version: serverVersion,
    subcommands: [Serve.self, Keys.self], defaultSubcommand: Serve.self)
}

struct DataOptions: ParsableArguments {
  @Option(help: "Directory that holds everything the server keeps. It is made if it is not there.")
  var data: String
}
