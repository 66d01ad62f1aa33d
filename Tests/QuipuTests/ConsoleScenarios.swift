import Glibc
import QuipuBase
import Testing

@testable import Quipu

/// The recorded scenarios of `Tests/Vectors/run`, for the parts that can be tested without a run.
enum PartsScenarios {
  static let directory: String = {
    if let given = getenv("QUIPU_VECTORS") { return String(cString: given) }
    return PathTools.normalise(PathTools.directory(#filePath) + "/../Vectors")
  }()

  static func load(_ file: String) throws -> [(name: String, scenario: JSONObject)] {
    let bytes = try #require(FileTools.read("\(directory)/run/\(file)", limit: 1 << 24))
    let document = try bytes.withUnsafeBytes { raw in try JSON(parsing: raw) }
    let scenarios = try #require(document.objectValue?["scenarios"]?.arrayValue)
    return try scenarios.map { scenario in
      let object = try #require(scenario.objectValue)
      return (try #require(object["name"]?.stringValue), object)
    }
  }

  /// Undoes the forms that stand for long or special values.
  static func decoded(_ value: JSON) -> JSON {
    guard let object = value.objectValue else { return value }
    if let text = object["$float"]?.stringValue {
      return .double(text == "nan" ? .nan : text == "inf" ? .infinity : -.infinity)
    }
    if let repeated = object["$repeat"]?.objectValue {
      return .string(String(
        repeating: repeated["text"]?.stringValue ?? "", count: Int(repeated["times"]?.intValue ?? 0)))
    }
    return value
  }

  static func withTemporaryDirectory<R>(_ body: (String) throws -> R) throws -> R {
    var template = Array("/tmp/quipu-test-XXXXXX".utf8CString)
    let path = try template.withUnsafeMutableBufferPointer { buffer in
      let start = try #require(buffer.baseAddress)
      let made = try #require(mkdtemp(start))
      return String(cString: made)
    }
    defer { removeTree(path) }
    return try body(path)
  }

  static func removeTree(_ path: String) {
    if !isLink(path), FileTools.kind(path) == .directory {
      _ = chmod(path, 0o700)
      for name in FileTools.list(path) ?? [] { removeTree(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  static func isLink(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFLNK
  }

  static func linkTarget(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let n = readlink(path, &buffer, buffer.count)
    return n > 0 ? String(decoding: buffer[..<n].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }

  static func writeFile(_ path: String, _ text: String) throws {
    try PathTools.makeDirectories(PathTools.directory(path))
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(FileTools.writeAll(descriptor, Array(text.utf8), at: 0) == nil)
  }

  static func readFile(_ path: String) -> String? { FileTools.read(path).map { String(decoding: $0, as: UTF8.self) } }
}
