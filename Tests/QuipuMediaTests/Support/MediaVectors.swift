import Foundation
import QuipuBase
import QuipuMedia

/// The recorded behaviour of the reference client.
enum MediaVectors {
  static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["QUIPU_VECTORS"] { return URL(fileURLWithPath: path) }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Vectors")
  }()

  static func url(_ path: String) -> URL { root.appendingPathComponent("media").appendingPathComponent(path) }

  static func json(_ path: String) throws -> JSON {
    let data = [UInt8](try Data(contentsOf: url(path)))
    return try data.withUnsafeBytes { try JSON(parsing: $0) }
  }

  static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(path))) }

  /// The only file below a case's `files` folder.
  static func onlyFile(_ path: String) throws -> [UInt8] {
    guard let walk = FileManager.default.enumerator(at: url(path), includingPropertiesForKeys: [.isRegularFileKey])
    else { throw CocoaError(.fileNoSuchFile) }
    for case let file as URL in walk
    where try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true {
      return [UInt8](try Data(contentsOf: file))
    }
    throw CocoaError(.fileNoSuchFile)
  }
}

extension JSON {
  subscript(_ key: Key) -> JSON? { objectValue?[key] }
  subscript(_ index: Int) -> JSON? { arrayValue.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
}
