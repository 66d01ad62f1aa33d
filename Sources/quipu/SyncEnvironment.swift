import Glibc
import Quipu
import QuipuSync

/// Server and key for the commands that go over the network.
enum SyncEnvironment {
  static let variables: [String: String] = {
    var result: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text)
      if let cut = pair.utf8.firstIndex(of: UInt8(ascii: "=")) {
        result[String(pair[..<cut])] = String(pair[pair.utf8.index(after: cut)...])
      }
      entry += 1
    }
    return result
  }()

  static func settings() throws -> SyncSettings {
    func variable(_ name: String) -> String? { variables[name] }
    let base = variable("QUIPU_BASE_URL") ?? variable("WANDB_BASE_URL") ?? "https://api.wandb.ai"
    let key = variable("QUIPU_API_KEY") ?? variable("WANDB_API_KEY") ?? ""
    return SyncSettings(server: try ServerAddress(base), credentials: .apiKey(key))
  }
}
