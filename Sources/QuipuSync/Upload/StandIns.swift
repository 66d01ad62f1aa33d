import QuipuBase
import QuipuRecords

// Stand-ins for parts that are being built; RunUpload is written against these shapes. Whoever lands the real type
// deletes its stand-in here (names and details may change: adapt the use in RunUpload*).

/// The server's wishes about the pace of the file stream (RateLimit headers).
package struct RatePace {
  package init() {}
  package mutating func took(_ answer: HTTPAnswer, now: Int64) {}
  package func earliest(now: Int64) -> Int64 { now }
}

extension ServerAddress {
  package func fileStream(entity: String, project: String, run: String) -> String {
    "\(base)/files/\(entity)/\(project)/\(run)/file_stream"
  }
  package func runPage(entity: String, project: String, run: String) -> String {
    "\(app)/\(entity)/\(project)/runs/\(run)"
  }
}
