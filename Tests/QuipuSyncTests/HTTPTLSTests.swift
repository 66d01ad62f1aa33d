import Glibc
import QuipuBase
import QuipuSync
import Testing

/// The `openssl` program, for servers with certificates of all kinds.
private enum OpenSSL {
  static let path: String? = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first { access($0 as String, X_OK) == 0 }

  static func spawn(_ arguments: [String], output: Int32?) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    if let output {
      posix_spawn_file_actions_adddup2(&actions, output, 1)
    } else {
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    }
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words = ([path ?? ""] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    return posix_spawn(&pid, path ?? "", &actions, nil, &words, environ) == 0 ? pid : -1
  }

  static func run(_ arguments: String...) -> Bool {
    let pid = spawn(arguments, output: nil)
    var status: Int32 = -1
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0
  }
}

/// `openssl s_server` with a certificate of its own.
private final class TLSServer {
  let port: Int
  let certificate: String
  private let pid: pid_t
  private let folder = TemporaryFolder()

  init(name: String = "IP:127.0.0.1", expired: Bool = false) throws {
    let key = folder.path + "/key.pem"
    certificate = folder.path + "/cert.pem"
    if expired {
      // Only `ca` takes dates that have passed.
      let config = folder.file(
        "ca.cnf",
        Array(
          """
          [ca]
          default_ca = own
          [own]
          new_certs_dir = \(folder.path)
          database = \(folder.path)/index
          serial = \(folder.path)/serial
          default_md = sha256
          policy = any
          x509_extensions = extensions
          [any]
          commonName = optional
          [extensions]
          subjectAltName = \(name)
          """.utf8))
      _ = folder.file("index", [])
      _ = folder.file("serial", Array("01\n".utf8))
      let request = folder.path + "/request.pem"
      #expect(OpenSSL.run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=test"))
      #expect(
        OpenSSL.run(
          "ca", "-batch", "-selfsign", "-notext", "-config", config, "-keyfile", key, "-in", request, "-out", certificate,
          "-startdate", "20200101000000Z", "-enddate", "20200102000000Z"))
    } else {
      #expect(
        OpenSSL.run(
          "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
          "/CN=test", "-addext", "subjectAltName=\(name)"))
    }
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    pid = OpenSSL.spawn(["s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate, "-www"], output: ends[1])
    close(ends[1])
    defer { close(ends[0]) }
    // "ACCEPT 127.0.0.1:45123"
    var text = ""
    var block = [UInt8](repeating: 0, count: 4096)
    while !text.contains("ACCEPT") || !text.hasSuffix("\n") {
      let count = read(ends[0], &block, block.count)
      if count <= 0 { break }
      text += String(decoding: block.prefix(count), as: UTF8.self)
    }
    let digits = text.split(separator: "ACCEPT").last?.split(separator: ":").last?.prefix { $0.isNumber }
    port = try #require(digits.flatMap { Int($0) })
  }

  deinit {
    if pid > 0 {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
  }

  func get(_ options: ConnectionOptions = ConnectionOptions(), _ environment: [String: String] = [:]) -> Result<
    HTTPAnswer, HTTPFailure
  > { fetch(HTTPRequest(.get, "https://127.0.0.1:\(port)/"), options, environment: environment) }
}

@Suite(.enabled(if: OpenSSL.path != nil, "needs the openssl program")) struct HTTPTLSTests {
  @Test func trustsACertificateOfTheGivenFileOrOfTheEnvironments() throws {
    let server = try TLSServer()
    var options = ConnectionOptions()
    options.caFile = server.certificate
    #expect(server.get(options).answer?.status == 200)
    #expect(server.get(ConnectionOptions(), ["SSL_CERT_FILE": server.certificate]).answer?.status == 200)
    options = ConnectionOptions()
    options.isInsecure = true
    #expect(server.get(options).answer?.status == 200)
  }

  @Test func refusesACertificateThatNobodyVouchesForAndSaysWhatToDo() throws {
    let server = try TLSServer()
    let failed = try #require(server.get().failed)
    #expect(failed.kind == .tls)
    #expect(!failed.isPassing)
    for word in ["127.0.0.1:\(server.port)", "SSL_CERT_FILE", "insecure_disable_ssl", "self"] {
      #expect(failed.message.contains(word), "\(failed.message)")
    }
    var options = ConnectionOptions()
    options.caFile = "/nonexistent/ca.pem"
    let missing = server.get(options).failed
    #expect(missing?.kind == .tls)
    #expect(missing?.message.contains("/nonexistent/ca.pem") == true)
  }

  @Test func refusesACertificateThatHasExpiredOrIsForAnotherHost() throws {
    for (server, word) in [(try TLSServer(expired: true), "expired"), (try TLSServer(name: "DNS:elsewhere.example"), "127.0.0.1")] {
      var options = ConnectionOptions()
      options.caFile = server.certificate
      let failed = try #require(server.get(options).failed)
      #expect(failed.kind == .tls)
      #expect(failed.message.contains(word), "\(failed.message)")
    }
  }

  @Test func triesAgainWhenTheHandshakeBreaksOff() {
    let server = HTTPTestServer { _, _, _ in .close }
    defer { server.stop() }
    let failed = fetch(HTTPRequest(.get, "https://127.0.0.1:\(server.port)/", timeoutMilliseconds: 2000)).failed
    #expect(failed?.isPassing == true)
  }
}
