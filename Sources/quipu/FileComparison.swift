import Quipu
import QuipuRecords

extension FileTools {
  /// True if both files have the same bytes.
  static func isEqual(_ a: String, _ b: String) -> Bool {
    guard let x = try? LogFile.openForReading(path: a), let y = try? LogFile.openForReading(path: b) else {
      return false
    }
    let size = 1 << 17
    var left = [UInt8](repeating: 0, count: size), right = left
    var at: UInt64 = 0
    while true {
      let n = left.withUnsafeMutableBytes { (try? x.read(at: at, into: $0)) ?? -1 }
      let m = right.withUnsafeMutableBytes { (try? y.read(at: at, into: $0)) ?? -1 }
      if n != m || n < 0 || left[..<n] != right[..<n] { return false }
      if n < size { return true }
      at += UInt64(n)
    }
  }
}
