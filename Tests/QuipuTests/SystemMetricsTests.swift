import Glibc
import QuipuBase
import Synchronization
import Testing

@testable import Quipu

@Suite struct SystemMetricsTests {
  /// Answers every connection with the same text, or not at all.
  private final class Endpoint: Sendable {
    let url: String
    private let socket: Int32
    private let heard = Mutex<[String]>([])
    var requests: [String] { heard.withLock { $0 } }

    init(_ body: String, status: String = "200 OK", isDeaf: Bool = false) {
      let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      self.socket = socket
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let port: UInt16 = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          bind(socket, address, size)
          listen(socket, 16)
          getsockname(socket, address, &size)
        }
        return UInt16(bigEndian: pointer.pointee.sin_port)
      }
      url = "http://127.0.0.1:\(port)/metrics"
      if isDeaf { return }
      let heard: @Sendable (String) -> Void = { [weak self] text in self?.heard.withLock { $0.append(text) } }
      _ = Thread.start(name: "test-metrics") {
        while true {
          let connection = accept(socket, nil, nil)
          if connection < 0 { return }
          var room = [UInt8](repeating: 0, count: 4096)
          let count = read(connection, &room, room.count)
          heard(String(decoding: room[..<max(0, count)], as: UTF8.self))
          let text =
            "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n" + body
          _ = text.withCString { write(connection, $0, strlen($0)) }
          close(connection)
        }
      }
    }

    deinit {
      shutdown(socket, Int32(SHUT_RDWR))
      close(socket)
    }
  }

  private func sample(_ body: String, _ filters: JSON? = nil) -> [String: Double] {
    let found = ExpositionText.samples(Array(body.utf8), limit: 1000)
    let filter = MetricsFilter(filters)
    var result: [String: Double] = [:]
    for sample in found where filter.keeps("e." + sample.name, sample.labels.map { ($0.name, $0.value) }) {
      result[sample.name + sample.labels.map { "{\($0.name)=\($0.value)}" }.joined()] = sample.value
    }
    return result
  }

  @Test func countersAndGaugesAreRead() {
    let text = """
      # HELP power Power draw.
      # TYPE power gauge
      power{gpu="0",host="a\\"b\\\\c"} 250.5
      power{gpu="1"} 1e2 1700000000
      # TYPE requests_total counter
      requests_total 7
      # TYPE jobs counter
      jobs_total{} 3
      # TYPE latency histogram
      latency_bucket{le="1"} 5
      untyped 4
      power{broken 5
      power
      # TYPE
      # EOF
      """
    #expect(
      sample(text) == [
        "power{gpu=0}{host=a\"b\\c}": 250.5, "power{gpu=1}": 100, "requests_total": 7, "jobs_total": 3,
      ])
    #expect(sample("\u{0}\n{}\n=\n{\"\n# TYPE a gauge\na{=\"\n").isEmpty)
  }

  @Test func filtersChooseByNameAndLabels() {
    let text = "# TYPE a_1 gauge\na_1{pod=\"train-1\"} 1\na_1{pod=\"other\"} 2\n# TYPE b gauge\nb 3\n"
    #expect(sample(text, ["a_\\d"]).count == 2)
    #expect(sample(text, ["^e\\.b$"]) == ["b": 3])
    #expect(sample(text, ["a_.*": ["pod": "^train-"]]) == ["a_1{pod=train-1}": 1])
    #expect(sample(text, ["b": ["pod": ".*"]]).isEmpty)
    #expect(sample(text, [:]).count == 3)
    #expect(sample(text, ["nothing"]).isEmpty)
    // A pattern that is none matches nothing, and is told of.
    #expect(sample(text, ["("]).isEmpty)
    #expect(MetricsFilter(["(", "a"]).refused == ["("])
  }

  private func monitor() -> SystemMonitor {
    SystemMonitor(makeGPU: { GPUThread(library: "/nothing", root: SystemRoot(prefix: "/nothing"), delivered: $0) })
  }

  private func options(_ endpoints: [(Key, String)], _ more: JSONObject = JSONObject()) -> StatsOptions {
    var settings = Settings()
    var urls = JSONObject()
    for (name, url) in endpoints { urls[name] = .string(url) }
    settings.set("x_stats_open_metrics_endpoints", .object(urls))
    for (name, value) in more.members { settings.set(name.string, value) }
    settings.set("x_stats_sampling_interval", 0.1)
    return StatsOptions(settings)
  }

  private func log(_ run: CoreRun) -> [[String: Double]] {
    run.pump()
    return (try? statsOf(run.logPath)) ?? []
  }

  @Test func samplesHoldWhatEndpointsTell() throws {
    let endpoint = Endpoint("# TYPE power gauge\npower{gpu=\"0\"} 5\npower{gpu=\"1\"} 6\n")
    let hanging = Endpoint("", isDeaf: true)
    let failing = Endpoint("# TYPE power gauge\npower 9\n", status: "500 Oops")
    let run = try CoreRun()
    let core = RunCore(writer: run.writer, ring: run.ring, runID: "abc", fullWaitMilliseconds: 0)
    let monitor = monitor()
    monitor.add(
      core,
      options(
        [("dcgm", endpoint.url), ("hanging", hanging.url), ("failing", failing.url)],
        ["x_stats_open_metrics_http_headers": ["X-Own": "mine"]]))
    #expect(
      eventually {
        log(run).filter { $0["openmetrics.dcgm.power.1"] == 6 && $0["memory_percent"] != nil }.count >= 2
      })
    monitor.remove(core)
    #expect(log(run).contains { $0["openmetrics.dcgm.power.0"] == 5 })
    #expect(!log(run).contains { $0.keys.contains { $0.hasPrefix("openmetrics.failing") } })
    #expect(endpoint.requests.first?.contains("X-Own: mine\r\n") == true)
  }
}
