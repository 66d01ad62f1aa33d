import Foundation
import SQLiteStorage
import Storage
import Testing

@Suite struct CrashTests {
  /// A child process commits as fast as it can, notes what was acknowledged, and is killed in the middle of it.
  @Test(arguments: 0..<4) func losesNothingAcknowledgedWhenKilled(_ round: Int) async throws {
    try await withDirectory { directory in
      let acknowledgements = directory + "-acknowledged"
      defer { try? FileManager.default.removeItem(atPath: acknowledgements) }
      let killAfter = Int.random(in: 50...400)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [
          directory = directory as String, acknowledgements = acknowledgements as String, killAfter = killAfter as Int
        ] in
        let storage = try await SQLiteStorage(directory: directory)
        let project = try await makeProject(storage)
        let log = open(acknowledgements, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for writer in 0..<4 {
            group.addTask {
              var run = try await makeRun(storage, project, "run\(writer)")
              var last: [Int64] = []
              for step in 0..<Int.max {
                let key = "history/\(writer)/\(step)"
                if step % 10 == 9 { try await storage.objects.store(Array("\(step)".utf8), key: key) }
                var change = RunChange(run: run)
                change.run.historyLineCount = Int64(step)
                change.addedSegments = [
                  makeSegment(
                    run, order: Int64(step),
                    body: step % 10 == 9 ? .object(key: key) : .inline([UInt8](repeating: 1, count: step * 37)))
                ]
                change.removedSegments = step % 3 == 0 ? [] : last
                change.console = [ConsoleLine(writer: "", number: Int64(step), content: "\(step)")]
                last = try await storage.commit(change)
                run.version += 1
                let line = Array("\(writer) \(step)\n".utf8)
                write(log, line, line.count)
                if writer == 0 && step == killAfter { kill(getpid(), SIGKILL) }
              }
            }
          }
          try await group.waitForAll()
        }
      }

      var newest: [Substring: Int] = [:]
      for line in try String(contentsOfFile: acknowledgements, encoding: .utf8).split(separator: "\n") {
        let parts = line.split(separator: " ")
        newest[parts[0]] = Int(parts[1])
      }
      #expect(newest["0"] == killAfter && newest.count == 4)

      let storage = try await SQLiteStorage(directory: directory)
      let project = try await makeProject(storage)
      for (writer, step) in newest {
        let run = try #require(try await storage.run(projectID: project.id, name: "run\(writer)"))
        // One more may have been stored and not acknowledged, with all that belongs to it.
        let stored = Int(run.historyLineCount)
        #expect(stored == step || stored == step + 1)
        #expect(run.version == run.historyLineCount + 1)
        let lines = try await storage.console(runID: run.id, after: nil, limit: .max)
        #expect(lines.map(\.content) == (0...stored).map { "\($0)" })
        let segments = try await storage.segments(runID: run.id, stream: .history)
        #expect(segments.map { Int($0.order) } == (0...stored).filter { $0 % 3 == 2 || $0 == stored })
        for segment in segments {
          switch segment.body {
          case .inline(let bytes): #expect(bytes.count == Int(segment.order) * 37)
          case .object(let key): #expect(try await bytes(storage, key) == Array("\(segment.order)".utf8))
          }
        }
      }
      await storage.close()
    }
  }
}
