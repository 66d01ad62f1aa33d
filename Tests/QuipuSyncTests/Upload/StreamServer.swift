import QuipuBase
import Testing

@testable import QuipuSync

/// A server of one run, without wires: what `FakeServer` has, UpsertBucket, resuming and the file stream.
///
/// Lines are kept at their offset, as a server does that knows nothing else: a row that comes twice at the same place
/// is there once, one that comes at another place is there twice.
final class StreamServer {
  let base = FakeServer()
  var rows: [String] = []
  var events: [String] = []
  var console: [String] = []
  var summary: String?
  var configs: [JSONObject] = []
  var alerts: [String] = []
  var uploadedNames: [String] = []
  var exitCodes: [Int64] = []
  /// What a server could not make sense of.
  var complaints: [String] = []
  private(set) var requests = 0
  private(set) var largestRequest = 0
  /// Asked before each request; what it says comes back instead of the usual answer.
  var onRequest: (FakeNetwork.Sent) -> Fate = { _ in .answered([]) }
  /// Changes what comes back.
  var bend: (HTTPAnswer) -> HTTPAnswer = { $0 }
  var stops = false
  var project = "demo"

  enum Fate {
    /// The usual answer, with these headers.
    case answered([HTTPHeader])
    /// The request never arrives.
    case lost
    /// It arrives, the answer does not.
    case answerLost
    case instead(HTTPAnswer)
  }

  var network: FakeNetwork {
    get { base.network }
    set {
      base.network = newValue
      attach()
    }
  }

  init() {
    base.onGraphQL = { [unowned self] in graphQL($0, $1) }
    attach()
  }

  private func attach() {
    base.network.answer = { [unowned self] sent in
      requests += 1
      switch onRequest(sent) {
      case .lost: return nil
      case .instead(let answer): return answer
      case .answerLost:
        _ = usual(sent)
        return nil
      case .answered(let headers):
        guard var answer = usual(sent) else { return nil }
        answer.headers += headers
        return bend(answer)
      }
    }
  }

  private func usual(_ sent: FakeNetwork.Sent) -> HTTPAnswer? {
    guard sent.request.url.hasSuffix("/file_stream") else { return base.answer(sent) }
    largestRequest = max(largestRequest, sent.body.count)
    guard let body = (try? JSON(parsing: sent.body))?.objectValue else {
      complaints.append("a body that is not JSON")
      return HTTPAnswer(status: 400)
    }
    for (file, content) in body["files"]?.objectValue?.members ?? [] {
      let lines = content.objectValue?["content"]?.arrayValue?.compactMap(\.stringValue) ?? []
      let offset = content.objectValue?["offset"]?.intValue ?? -1
      switch file.string {
      case "wandb-history.jsonl": put(lines, offset, in: &rows, file.string)
      case "wandb-events.jsonl": put(lines, offset, in: &events, file.string)
      case "output.log": put(lines, offset, in: &console, file.string)
      case "wandb-summary.json": summary = lines.last
      default: complaints.append("unknown file \(file)")
      }
    }
    uploadedNames += body["uploaded"]?.arrayValue?.compactMap(\.stringValue) ?? []
    if body["complete"]?.boolValue == true { exitCodes.append(body["exitcode"]?.intValue ?? -1) }
    return FakeServer.json(stops ? ["stopped": true] : ["limits": [:]])
  }

  private func put(_ lines: [String], _ offset: Int64, in stored: inout [String], _ file: String) {
    guard offset >= 0, offset <= stored.count else {
      complaints.append("\(file): lines at \(offset), behind the end \(stored.count)")
      return
    }
    for (at, line) in lines.enumerated() {
      let place = Int(offset) + at
      if place == stored.count {
        stored.append(line)
      } else {
        if file != "output.log", stored[place] != line {
          complaints.append("\(file): line \(place) was \(stored[place]) and becomes \(line)")
        }
        stored[place] = line
      }
    }
  }

  private func graphQL(_ operation: String, _ variables: JSONObject) -> HTTPAnswer? {
    switch operation {
    case "UpsertBucket":
      if let text = variables["config"]?.stringValue, let config = (try? JSON(parsing: text))?.objectValue {
        configs.append(config)
      }
      return FakeServer.json([
        "data": [
          "upsertBucket": [
            "bucket": [
              "id": "UnVuOjE=", "name": variables["name"] ?? nil, "displayName": "calm-sea-1", "sweepName": nil,
              "historyLineCount": .int(Int64(rows.count)),
              "project": ["name": .string(project), "entity": ["name": "team"]],
            ]
          ]
        ]
      ])
    case "NotifyScriptableRunAlert":
      alerts.append(variables["title"]?.stringValue ?? "")
      return FakeServer.json(["data": ["notifyScriptableRunAlert": ["success": true]]])
    case "RunResumeStatus":
      return FakeServer.json([
        "data": [
          "model": [
            "name": .string(project), "entity": ["name": "team"],
            "bucket": [
              "id": "UnVuOjE=", "name": variables["name"] ?? nil, "displayName": "calm-sea-1",
              "summaryMetrics": "{\"_step\":7}",
              "historyLineCount": .int(Int64(rows.count)), "eventsLineCount": .int(Int64(events.count)),
              "logLineCount": .int(Int64(console.count)), "historyTail": "[\"{\\\"_step\\\":9}\"]", "eventsTail": "[]",
              "config": "{}", "tags": [], "notes": nil, "wandbConfig": "{\"t\":{}}",
            ],
          ]
        ]
      ])
    case "RewindRun":
      rows.removeLast(max(rows.count - 4, 0))
      return FakeServer.json([
        "data": [
          "rewindRun": [
            "rewoundRun": [
              "id": "UnVuOjE=", "displayName": "calm-sea-1", "config": "{}",
              "historyLineCount": .int(Int64(rows.count)),
              "project": ["name": .string(project), "entity": ["name": "team"]],
            ]
          ]
        ]
      ])
    default: return nil
    }
  }
}
