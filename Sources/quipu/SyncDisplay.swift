import Glibc
import Quipu
import QuipuSync

/// What `quipu sync` shows: on a terminal one changing line for each run under way, else a line when a run has ended.
final class SyncDisplay {
  private let output = Output(descriptor: STDERR_FILENO)
  private let screen = Screen(descriptor: STDERR_FILENO)
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let isQuiet: Bool
  private var live: [(index: Int, name: String, progress: UploadProgress, since: Int64)] = []
  private var shown = 0
  private var lastDrawn: Int64 = 0

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  func started(_ index: Int, _ name: String, now: Int64) {
    live.append((index, name, UploadProgress(), now))
    draw(now: now, force: true)
  }

  func progressed(_ index: Int, _ progress: UploadProgress, now: Int64) {
    guard let at = live.firstIndex(where: { $0.index == index }) else { return }
    live[at].progress = progress
    draw(now: now)
  }

  /// A line that stays.
  func say(_ text: String, now: Int64) {
    clear()
    output.line(text)
    output.flush()
    draw(now: now, force: true)
  }

  func ended(_ index: Int, _ text: String, now: Int64) {
    live.removeAll { $0.index == index }
    if isQuiet || text.isEmpty {
      draw(now: now, force: true)
    } else {
      say(text, now: now)
    }
  }

  func draw(now: Int64, force: Bool = false) {
    guard isTerminal, !isQuiet, force || now &- lastDrawn > 100_000_000 else { return }
    lastDrawn = now
    clear()
    for run in live { output.line(Screen.fitEnd(line(run.name, run.progress, now &- run.since), screen.width - 1)) }
    shown = live.count
    output.flush()
  }

  private func clear() {
    guard isTerminal else { return }
    for _ in 0..<shown { output.write("\u{1B}[1A\u{1B}[2K") }
    shown = 0
  }

  private func line(_ name: String, _ progress: UploadProgress, _ elapsed: Int64) -> String {
    let size = max(progress.logSize, 1)
    let part = min(max(Double(progress.logRead) / Double(size), 0), 1)
    let cells = 20
    let filled = Int(part * Double(cells))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: cells - filled)
    var text = "\(name)  \(bar) \(Int(part * 100))%  \(HumanText.grouped(progress.rows)) rows"
    if progress.filesDone + progress.filesPending > 0 {
      text += ", \(progress.filesDone) of \(progress.filesDone + progress.filesPending) files"
    }
    switch progress.state {
    case .connecting: text += ", connecting"
    case .waiting: text += ", no answer, trying again"
    case .finishing: text += ", finishing"
    default: break
    }
    return text
  }
}
