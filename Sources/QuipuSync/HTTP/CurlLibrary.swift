import CCurl
import Glibc

/// The system's libcurl, opened at the first request.
///
/// Threads: opened on the loop's thread; once for the process, and never closed.
final class CurlLibrary: @unchecked Sendable {
  // @unchecked: the table is written once, before anybody else sees the object.

  enum Opened: Sendable {
    case library(CurlLibrary)
    /// For a person: what is missing and which package has it.
    case missing(String)
  }

  static let shared: Opened = open()

  let functions: UnsafePointer<quipu_curl>
  /// e.g. `7.88.1 OpenSSL/3.0.15`.
  let version: String
  /// Where libcurl looks for certificates if nobody says otherwise; nil: it does not say, or keeps none.
  let caFile: String?
  let caDirectory: String?
  let speaksTLS: Bool
  /// The directory's certificates can be found one by one (OpenSSL's hashed names), so that the file with all of them
  /// need not be read: that costs a megabyte, and time.
  let findsCertificates: Bool

  private init(_ functions: UnsafePointer<quipu_curl>, _ facts: curl_version_info_data) {
    self.functions = functions
    let tls = facts.ssl_version.map { String(cString: $0) }
    version = (facts.version.map { String(cString: $0) } ?? "") + (tls.map { " " + $0 } ?? "")
    speaksTLS = tls != nil
    // These two came with 7.70.0.
    let names = facts.age.rawValue >= CURLVERSION_SEVENTH.rawValue
    caFile = names ? facts.cainfo.map { String(cString: $0) } : nil
    caDirectory = names ? facts.capath.map { String(cString: $0) } : nil
    findsCertificates =
      tls?.utf8.starts(with: "OpenSSL/".utf8) == true && caDirectory.map { Self.isHashed($0) } == true
  }

  private static func isHashed(_ directory: String) -> Bool {
    guard let list = opendir(directory) else { return false }
    defer { closedir(list) }
    while let entry = readdir(list) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      let isHash = name.prefix(8).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
      if name.count == 10, isHash, name.suffix(2).elementsEqual(".0".utf8) { return true }
    }
    return false
  }

  /// A debugger's breakpoints are written into code: its pages are then kept.
  private static var isTraced: Bool {
    guard case .success(let bytes) = SmallFile.read("/proc/self/status", limit: 1 << 16) else { return true }
    for line in bytes.split(separator: 10) where line.starts(with: "TracerPid:".utf8) {
      return line.contains { (0x31...0x39).contains($0) }
    }
    return true
  }

  private static let names = ["libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4"]
  /// 7.68.0, the first with a poll that another thread can end.
  private static let oldest: UInt32 = 0x07_44_00
  private static let advice = "install the package libcurl4 (Debian, Ubuntu) or libcurl (Fedora, RHEL)"

  private static func open() -> Opened {
    var problem = "libcurl.so.4 is not installed"
    let known = quipu_objects_count()
    for name in names {
      guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { continue }
      let table = UnsafeMutablePointer<quipu_curl>.allocate(capacity: 1)
      table.initialize(to: quipu_curl())
      if let missing = quipu_curl_bind(table, handle) {
        problem = "\(name) is too old: it lacks \(String(cString: missing))"
        continue
      }
      guard let facts = quipu_curl_version(table)?.pointee, facts.version_num >= oldest else {
        problem = "\(name) is older than 7.68"
        continue
      }
      quipu_curl_keep_openssl(handle)
      guard quipu_curl_global_init(table) == CURLE_OK else {
        problem = "\(name) cannot be initialised"
        continue
      }
      let library = CurlLibrary(table, facts)
      if !isTraced { quipu_objects_trim(known) }
      return .library(library)
    }
    return .missing("nothing can be sent over the network: \(problem); \(advice)")
  }
}
