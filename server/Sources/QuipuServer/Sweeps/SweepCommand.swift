import QuipuBase

/// What an agent is told to do. Source: protocol reference, 14.3.
enum SweepCommand: Sendable, Equatable {
  case run(RunStart)
  case resume(RunStart)
  case stop(run: String)
  case exit

  struct RunStart: Sendable, Equatable {
    var run: String
    var program: String?
    /// Values by their names.
    var arguments: JSONObject
  }

  var json: JSON {
    switch self {
    case .run(let start): Self.json("run", start)
    case .resume(let start): Self.json("resume", start)
    case .stop(let run): ["type": "stop", "run_id": .string(run)]
    case .exit: ["type": "exit"]
    }
  }

  private static func json(_ type: String, _ start: RunStart) -> JSON {
    [
      "type": .string(type), "run_id": .string(start.run), "program": start.program.map { .string($0) } ?? .null,
      "args": .object(wrapped(start.arguments)), "logs": [],
    ]
  }

  /// Values in the form of a run's config: `{"NAME": {"value": V}}`.
  static func wrapped(_ arguments: JSONObject) -> JSONObject {
    var result = JSONObject()
    for member in arguments.members { result[member.key] = .object(["value": member.value]) }
    return result
  }
}
