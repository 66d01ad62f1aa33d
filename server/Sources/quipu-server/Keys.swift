import ArgumentParser
import QuipuServer
import SQLiteStorage
import Storage

struct Keys: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, make and revoke API keys. A running server must be stopped first.",
    subcommands: [List.self, Add.self, Remove.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the keys; the keys themselves are not kept.")
    @OptionGroup var options: DataOptions

    func run() async throws {
      let storage = try await SQLiteStorage(directory: options.data)
      for key in try await storage.keys() {
        print("\(key.id)\t…\(key.hint)\t\(key.isReadOnly ? "read-only" : "full")\t\(key.createdAt.text)\t\(key.name)")
      }
      await storage.close()
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a key and print it, once.")
    @OptionGroup var options: DataOptions
    @Argument(help: "What the key is for.") var name: String
    @Flag(help: "The key may read everything and write nothing.") var readOnly = false

    func run() async throws {
      let storage = try await SQLiteStorage(directory: options.data)
      print(try await APIKeys(storage: storage).make(name: name, isReadOnly: readOnly).secret)
      await storage.close()
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Revoke a key.")
    @OptionGroup var options: DataOptions
    @Argument(help: "The key's number, as the list shows it.") var id: Int64

    func run() async throws {
      let storage = try await SQLiteStorage(directory: options.data)
      let removed = try await storage.removeKey(id: id)
      await storage.close()
      guard removed else { throw ValidationError("there is no key \(id)") }
    }
  }
}
