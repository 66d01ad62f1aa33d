import Glibc
import QuipuMedia
import Testing

@testable import Quipu

/// Programs that stand in for ffmpeg. The Python tests use the real one.
struct FFmpegTests {
  private let directory = CoreDirectory()

  private func program(_ text: String, name: String = "fake") throws -> String {
    let path = directory.path + "/" + name
    #expect(FileTools.writeFile(path, Array(("#!/bin/sh\n" + text).utf8)) == 0)
    #expect(chmod(path, 0o755) == 0)
    return path
  }

  private func encode(_ program: String, frames: Int = 3, patience: Int64 = 60_000_000_000) throws -> [UInt8] {
    let samples = [UInt8](repeating: 7, count: frames * 3 * 100 * 100)
    let video = try samples.withUnsafeBytes { raw in
      try VideoFrames(array: ArrayView(base: raw.baseAddress, dtype: .u8, shape: [frames, 3, 100, 100]))
    }
    let file = try FFmpeg(path: program).encode(video, fps: 4, format: .mp4, patience: patience)
    return file.read(limit: Int.max) ?? []
  }

  private func reason(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return (error as? MediaError)?.message ?? "\(error)"
    }
  }

  @Test func programGetsAllFramesAndItsFileIsRead() throws {
    let text = "cat > /proc/self/fd/3\n"
    #expect(try encode(program(text), frames: 40) == [UInt8](repeating: 7, count: 40 * 3 * 100 * 100))
  }

  @Test func programThatHangsIsKilledWithWhatItStarted() throws {
    let mark = directory.path + "/pids"
    for text in ["sleep 1000\n", "cat > /dev/null; sleep 1000\n"] {
      let path = try program("sleep 1000 & echo $$ $! > \(mark)\n" + text)
      let message = reason { _ = try encode(path, frames: 60, patience: 300_000_000) }
      #expect(message.hasPrefix(path + ": did nothing for"))
      let pids = String(decoding: FileTools.readAll(mark) ?? [], as: UTF8.self).split { $0 == " " || $0 == "\n" }
      try #require(pids.count == 2)
      for pid in pids.compactMap({ pid_t($0) }) {
        // What it started is nobody's child here; it is gone, or waits for its new parent.
        let isGone = eventually {
          let status = FileTools.read("/proc/\(pid)/stat").map { String(decoding: $0, as: UTF8.self) } ?? ""
          return status.isEmpty || status.contains(") Z")
        }
        #expect(isGone)
      }
    }
  }

  @Test func failuresSayWhy() throws {
    let cases = [
      ("cat > /dev/null; printf 'one\\ntwo\\n\\n' >&2; exit 4\n", "ended with code 4: two"),
      ("exit 127\n", "ended with code 127"), ("kill -TERM $$\n", "was ended by signal 15"),
      ("cat > /dev/null\n", "wrote no mp4 file"),
    ]
    for (text, wanted) in cases {
      let path = try program(text)
      #expect(reason { _ = try encode(path) } == path + ": " + wanted)
    }
    #expect(reason { _ = try encode(directory.path + "/none") }.hasPrefix("cannot start"))
    let notRunnable = try program("", name: "text")
    chmod(notRunnable, 0o644)
    #expect(reason { _ = try encode(notRunnable) }.hasPrefix("cannot start"))
  }

  @Test func isFoundByPathOrName() throws {
    let path = try program("", name: "ffmpeg")
    #expect(FFmpeg.find("ffmpeg", on: "/nowhere::\(directory.path):/usr/bin") == path)
    #expect(FFmpeg.find(path, on: "") == path)
    #expect(FFmpeg.find("ffmpeg", on: "") == nil)
    #expect(FFmpeg.find(directory.path, on: "") == nil)
    chmod(path, 0o644)
    #expect(FFmpeg.find("ffmpeg", on: directory.path) == nil)
  }

  @Test func leavesNoDescriptorsOpen() throws {
    let path = try program("cat > /dev/null; exit 1\n")
    _ = reason { _ = try encode(path) }
    // Other tests open files meanwhile, but not two hundred that stay.
    let before = FileTools.list("/proc/self/fd")?.count ?? 0
    for _ in 0..<60 { _ = reason { _ = try encode(path, frames: 1) } }
    #expect((FileTools.list("/proc/self/fd")?.count ?? 0) < before + 100)
  }
}
