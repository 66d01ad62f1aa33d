/// How the upload of a run stands.
public enum UploadState: Int32, Sendable {
  /// The run is not online.
  case off = 0
  /// The server has not taken up the run yet.
  case connecting = 1
  case streaming = 2
  /// The server cannot be reached or is busy; the next attempt follows.
  case waiting = 3
  /// The run has ended; the last rows and files are on their way.
  case finishing = 4
  /// Everything is with the server, the exit code included.
  case done = 5
  /// Given up for good. The log keeps everything.
  case failed = 6

  /// The word in `quipu_run_info_json`.
  public var name: String {
    switch self {
    case .off: "off"
    case .connecting: "connecting"
    case .streaming: "streaming"
    case .waiting: "waiting"
    case .finishing: "finishing"
    case .done: "done"
    case .failed: "failed"
    }
  }

  var hasEnded: Bool { self == .off || self == .done || self == .failed }
}
