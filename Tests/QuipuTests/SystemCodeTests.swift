import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

@Suite struct SystemCodeTests {
  /// A repository with one commit.
  private func repository() throws -> CoreDirectory {
    let directory = CoreDirectory()
    for command in [
      ["init", "-q", "-b", "main"], ["config", "user.email", "a@b"], ["config", "user.name", "a"],
    ] { try git(command, directory) }
    _ = FileTools.writeNew(directory.path + "/train.txt", Array("one\n".utf8))
    try git(["add", "."], directory)
    try git(["commit", "-q", "-m", "first"], directory)
    return directory
  }

  @discardableResult
  private func git(_ arguments: [String], _ directory: CoreDirectory) throws -> [UInt8] {
    try #require(GitCommand.output(arguments, in: directory.path, environment: HostFacts.processEnvironment()))
  }

  private func recorder(_ directory: CoreDirectory, _ files: CoreDirectory) -> CodeRecorder {
    var recorder = CodeRecorder(filesDirectory: files.path)
    recorder.repository = directory.path
    recorder.environment = HostFacts.processEnvironment()
    return recorder
  }

  private func change(_ directory: CoreDirectory, _ text: String) {
    _ = FileTools.replace(directory.path + "/train.txt") { FileTools.writeNew($0, Array(text.utf8)) ? 0 : -1 }
  }

  private func text(_ directory: CoreDirectory, _ name: String) -> String {
    String(decoding: FileTools.readAll(directory.path + "/" + name) ?? [], as: UTF8.self)
  }

  @Test func uncommittedChangesBecomeAPatchThatApplies() throws {
    let directory = try repository()
    let files = CoreDirectory()
    #expect(recorder(directory, files).record().isEmpty)
    change(directory, "two\n")
    #expect(recorder(directory, files).record() == ["diff.patch"])
    #expect(text(files, "diff.patch").contains("\n-one\n+two\n"))
    try git(["checkout", "-q", "train.txt"], directory)
    try git(["apply", files.path + "/diff.patch"], directory)
    #expect(text(directory, "train.txt") == "two\n")
  }

  @Test func secretsDoNotLeaveInPatches() throws {
    let directory = try repository()
    let files = CoreDirectory()
    change(
      directory,
      "api_key = \"local-0a1b2c3d4e\"\nurl = 'https://me:hunter2@host/x'\nk = sk-proj-0123456789abcdef0123\n")
    _ = recorder(directory, files).record()
    let patch = text(files, "diff.patch")
    #expect(patch.contains("+api_key = \"***\""))
    #expect(patch.contains("+url = 'https://me:***@host/x'"))
    #expect(patch.contains("+k = ***"))
  }

  @Test func changesSinceTheUpstreamBranchAreKeptOnlyIfAskedFor() throws {
    let origin = try repository()
    let directory = CoreDirectory()
    try git(["clone", "-q", origin.path, directory.path + "/clone"], origin)
    let clone = directory.path + "/clone"
    let base = String(decoding: FileTools.trim(try git(["rev-parse", "HEAD"], origin)[...]), as: UTF8.self)
    _ = FileTools.writeNew(clone + "/more.txt", Array("more\n".utf8))
    for command in [["add", "."], ["-c", "user.email=a@b", "-c", "user.name=a", "commit", "-q", "-m", "second"]] {
      #expect(GitCommand.output(command, in: clone, environment: HostFacts.processEnvironment()) != nil)
    }
    let files = CoreDirectory()
    var recorder = recorder(directory, files)
    recorder.repository = clone
    #expect(recorder.record().isEmpty)
    recorder.comparesUpstream = true
    #expect(recorder.record() == ["diff_\(base).patch"])
    #expect(text(files, "diff_\(base).patch").contains("+more\n"))
  }

  @Test func aProgramThatHangsOrPrintsTooMuchIsEnded() {
    let directory = CoreDirectory()
    func script(_ body: String) -> String {
      let path = directory.path + "/" + String(body.utf8.count)
      _ = FileTools.writeNew(path, Array("#!/bin/sh\n\(body)\n".utf8))
      chmod(path, 0o755)
      return path
    }
    func run(_ body: String, patience: Int64 = 20_000_000_000, limit: Int = 1 << 20) -> [UInt8]? {
      GitCommand.output(
        [], in: "/", environment: HostFacts.processEnvironment(), program: script(body), patience: patience,
        byteLimit: limit)
    }
    #expect(run("echo fine") == Array("fine\n".utf8))
    #expect(run("sleep 1000", patience: 100_000_000) == nil)
    #expect(run("yes yes", limit: 100_000) == nil)
    #expect(run("echo bad; exit 3") == nil)
    // No variables of the host, no input.
    #expect(run("env | grep -c SECRET_OF_HOST; cat; true") == Array("0\n".utf8))
    #expect(GitCommand.output([], in: "/", environment: [:], program: "/nothing/git") == nil)
  }

  @Test func theProgramIsKeptUnlessItIsABinary() throws {
    let files = CoreDirectory()
    var recorder = CodeRecorder(filesDirectory: files.path)
    let source = files.path + "/main.jl"
    _ = FileTools.writeNew(source, Array("println()\n".utf8))
    recorder.program = (source, "src/main.jl")
    #expect(recorder.record() == ["code/src/main.jl"])
    #expect(text(files, "code/src/main.jl") == "println()\n")
    recorder.program = ("/proc/self/exe", "binary")
    #expect(recorder.record().isEmpty)
  }

  @Test func nothingIsKeptUnlessCodeIsToBeSaved() throws {
    var settings = Settings()
    #expect(CodeRecorder(settings, filesDirectory: "/", language: nil) == nil)
    settings.set("save_code", true)
    #expect(CodeRecorder(settings, filesDirectory: "/", language: nil) != nil)
    settings.set("disable_code", true)
    #expect(CodeRecorder(settings, filesDirectory: "/", language: nil) == nil)
  }

  @Test func aRunKeepsItsPatchEvenIfItEndsAtOnce() throws {
    let directory = try repository()
    change(directory, "two\n")
    let run = try Run.start(
      RunOptions(
        mode: .offline, dir: CoreDirectory().path, saveCode: true,
        settings: ["git_root": .string(directory.path), "x_disable_stats": true]))
    try run.finish(exitCode: 0, timeoutMilliseconds: 20_000)
    #expect(try CoreLog(run.logPath).files.contains("diff.patch"))
  }

  @Test(arguments: [
    ("plain text, nothing else", "plain text, nothing else"),
    ("password = get_password()", "password = get_password()"),
    ("def f(token: str = None)", "def f(token: str = None)"), ("{\"api_key\": \"abcdef\"}", "{\"api_key\": \"***\"}"),
    ("x=https://u:p@h/ y", "x=https://u:***@h/ y"), ("http://h:80/@x", "http://h:80/@x"),
    ("export HF_TOKEN=hf_abcdefghij0123456789", "export HF_TOKEN=***"),
    ("sk-learn-like-names-are-kept", "sk-learn-like-names-are-kept"), ("tokens: 12345678a", "tokens: 12345678a"),
    ("curl -H 'Authorization: Bearer a1b2c3d4e5'", "curl -H 'Authorization: Bearer ***'"), ("", ""), ("=", "="),
    ("://", "://"), ("a://@", "a://@"), ("ключ = \"значение\"", "ключ = \"значение\""),
  ])
  func secretsAreFoundInsideText(_ given: String, _ expected: String) {
    #expect(SecretText.redacted(given) == expected)
  }
}
