import Glibc
import QuipuBase
import Testing

@testable import Quipu

struct FilesTests {
  // MARK: save

  @Test func savesMatchEveryRecordedScenario() throws {
    var played = 0
    for (name, scenario) in try PartsScenarios.load("files.json") {
      try PartsScenarios.withTemporaryDirectory { top in
        let here = top + "/work", files = top + "/work/wandb/run/files"
        for (path, text) in scenario["files"]?.objectValue?.members ?? [] {
          try PartsScenarios.writeFile(here + "/" + path.string, text.stringValue ?? "")
        }
        try PathTools.makeDirectories(files)
        var results: [JSON] = []
        var errors: [JSON] = []
        var records: [JSON] = []
        var warnings: [String] = []
        for (at, call) in (scenario["calls"]?.arrayValue ?? []).enumerated() {
          guard let call = call.objectValue, call["op"]?.stringValue == "save" else { continue }
          let args = try #require(call["args"]?.objectValue)
          do {
            let plan = try SavePlan.make(
              pattern: args["glob_str"]?.stringValue ?? "", basePath: args["base_path"]?.stringValue,
              policy: args["policy"]?.stringValue ?? "live", glob: args["glob"]?.boolValue ?? true,
              filesDirectory: files, workingDirectory: here)
            let outcome = plan.execute(filesDirectory: files)
            results.append([
              "call": .int(Int64(at)), "value": .array(outcome.saved.map { .string($0.destination) }),
            ])
            for (path, policy) in outcome.saved {
              records.append(["file": ["path": .string(path), "policy": .string(policy.rawValue)]])
              #expect(FileTools.exists(files + "/" + path), "\(name)")
            }
            warnings += outcome.diagnostics.filter { $0.level == .warning }.map(\.kind)
          } catch let error as QuipuError {
            #expect(error.code == .argument)
            errors.append(["call": .int(Int64(at)), "type": "ValueError", "kind": .string(error.kind)])
          }
        }
        let expect = try #require(scenario["expect"]?.objectValue)
        let run = expect["runs"]?.arrayValue?.first?.objectValue
        #expect(JSON.array(results) == expect["results"] ?? [], "\(name)")
        #expect(JSON.array(errors) == expect["errors"] ?? [], "\(name)")
        #expect(JSON.array(records) == run?["records"] ?? [], "\(name)")
        let expected = (expect["warnings"]?.arrayValue ?? []).compactMap { $0.objectValue?["kind"]?.stringValue }
        #expect(warnings.sorted() == expected.sorted(), "\(name)")
      }
      played += 1
    }
    #expect(played == 17)
  }

  @Test func keepsOneLevelOfAnAbsolutePath() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PartsScenarios.writeFile(top + "/a/b/c.txt", "C")
      let plan = try SavePlan.make(pattern: top + "/a/b/c.txt", filesDirectory: top + "/files", workingDirectory: "/")
      #expect(plan.files == [.init(source: top + "/a/b/c.txt", destination: "b/c.txt")])
      #expect(plan.diagnostics.map(\.kind) == ["save_no_folders"])
    }
  }

  @Test func fallsBackToHardLinksAndCopies() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PartsScenarios.writeFile(top + "/a.txt", "A")
      let files = top + "/files"
      let plan = try SavePlan.make(pattern: "a.txt", filesDirectory: files, workingDirectory: top)
      var outcome = plan.execute(filesDirectory: files, symlinks: false)
      #expect(outcome.diagnostics.map(\.kind) == ["save_hardlinked"])
      #expect(FileTools.isSame(files + "/a.txt", top + "/a.txt") && !PartsScenarios.isLink(files + "/a.txt"))
      #expect(outcome.saved.map(\.policy) == [.live])
      // Across file systems a hard link is refused.
      guard FileTools.kind("/dev/shm") == .directory else { return }
      let other = "/dev/shm/quipu-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
      defer { PartsScenarios.removeTree(other) }
      try PathTools.makeDirectories(other)
      var x = stat(), y = stat()
      if stat(other, &x) != 0 || stat(top, &y) != 0 || x.st_dev == y.st_dev { return }
      outcome = plan.execute(filesDirectory: other, symlinks: false)
      #expect(outcome.diagnostics.map(\.kind) == ["save_copied"])
      #expect(outcome.saved.map(\.policy) == [.now])
      #expect(PartsScenarios.readFile(other + "/a.txt") == "A")
    }
  }

  @Test func replacesALinkAndReportsWhatCannotBePlaced() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PartsScenarios.writeFile(top + "/a.txt", "A")
      let files = top + "/files"
      try PathTools.makeDirectories(files)
      symlink("/nowhere", files + "/a.txt")
      let plan = try SavePlan.make(pattern: "a.txt", filesDirectory: files, workingDirectory: top)
      #expect(plan.execute(filesDirectory: files).saved.count == 1)
      #expect(PartsScenarios.linkTarget(files + "/a.txt") == top + "/a.txt")
      unlink(files + "/a.txt")
      try PathTools.makeDirectories(files + "/a.txt/x")
      let outcome = plan.execute(filesDirectory: files)
      #expect(outcome.saved.isEmpty)
      #expect(outcome.diagnostics.map(\.kind) == ["save_failed"])
      #expect((FileTools.list(files) ?? []) == ["a.txt"], "no temporary names are left")
    }
  }

  @Test func includesFilesTheRunWroteItself() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PartsScenarios.writeFile(top + "/files/own.txt", "O")
      let plan = try SavePlan.make(pattern: "*.txt", filesDirectory: top + "/files", workingDirectory: top)
      let outcome = plan.execute(filesDirectory: top + "/files")
      #expect(outcome.saved.map(\.destination) == ["own.txt"])
      #expect(!PartsScenarios.isLink(top + "/files/own.txt"))
    }
  }

  @Test(arguments: [
    ("*.txt", "a.txt", true), ("*.txt", "a.txtx", false), ("a?c", "aéc", true), ("a?c", "ac", false),
    ("[ab]", "b", true),
    ("[!ab]", "b", false), ("[!ab]", "c", true), ("[a-c]x", "bx", true), ("[]]", "]", true), ("[", "[", true),
    ("[a", "[a", true), ("**", "anything", true), ("a*b*c", "aXbYbZc", true),
    ("a*b*c", "aXbYbZ", false), ("", "", true),
    ("*", "", true), ("[-a]", "-", true), ("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
  ])
  func globMatches(_ pattern: String, _ name: String, _ expected: Bool) {
    #expect(Glob.matches(Array(pattern.unicodeScalars), Array(name.unicodeScalars)) == expected)
  }

  @Test func globLeavesHiddenFilesAlone() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      for name in ["a", ".b", "d/x", "d/.y", ".e/z"] { try PartsScenarios.writeFile(top + "/" + name, "") }
      #expect(Glob.expand(base: top, parts: ["*"]) == ["a", "d"])
      #expect(Glob.expand(base: top, parts: [".*"]) == [".b", ".e"])
      #expect(Glob.expand(base: top, parts: ["*", "*"]) == ["d/x"])
    }
  }

  // MARK: paths

  @Test func normalisesPaths() {
    #expect(PathTools.normalise("/a/./b//c/../d/") == "/a/b/d")
    #expect(PathTools.normalise("/../..") == "/")
    #expect(PathTools.normalise("a/../..") == "..")
    #expect(PathTools.normalise("") == ".")
    #expect(PathTools.relative("/a/b/c", to: "/a/d") == "../b/c")
    #expect(PathTools.relative("/a", to: "/a") == ".")
    #expect(PathTools.below("/a/b/c", "/a") == ["b", "c"])
    #expect(PathTools.below("/ab", "/a") == nil)
    #expect(PathTools.directory("/a") == "/" && PathTools.directory("a") == "" && PathTools.name("/x/y") == "y")
    #expect(PathTools.join("/a", "/b") == "/b" && PathTools.join("a/", "b") == "a/b")
  }

  @Test func rejectsPathsThatAreTooLong() {
    let error = #expect(throws: QuipuError.self) {
      try PathTools.makeDirectories("/tmp/" + String(repeating: "x/", count: 100_000))
    }
    #expect(error?.code == .directory)
  }

  // MARK: the run directory

  @Test func makesTheDirectoryLayout() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      let root = top + "/deep/root"
      let made = try RunDirectory.create(.init(root: root, id: "ab12", startedAt: 1_700_000_000))
      let name = PathTools.name(made.path)
      #expect(made.wandbDirectory == root + "/wandb")
      #expect(name == "offline-run-\(RunDirectory.localStamp(1_700_000_000))-ab12")
      #expect(made.logPath == made.path + "/run-ab12.wandb" && !FileTools.exists(made.logPath))
      for part in ["files", "logs", "tmp/code"] { #expect(FileTools.kind(made.path + "/" + part) == .directory) }
      #expect(PartsScenarios.linkTarget(root + "/wandb/latest-run") == name)
      #expect(PartsScenarios.linkTarget(root + "/wandb/debug.log") == name + "/logs/debug.log")
      #expect(PartsScenarios.linkTarget(root + "/wandb/debug-internal.log") == name + "/logs/debug-internal.log")
      #expect(made.diagnostics.isEmpty)
    }
  }

  @Test func numbersDirectoriesOfTheSameSecond() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      var options = RunDirectory.Options(root: top, id: "x", offline: false, startedAt: 0)
      let first = try RunDirectory.create(options)
      #expect(try RunDirectory.create(options).path == first.path + "-1")
      options.symlink = false
      #expect(try RunDirectory.create(options).path == first.path + "-2")
      #expect(PartsScenarios.linkTarget(top + "/wandb/latest-run") == PathTools.name(first.path) + "-1")
      #expect(PathTools.name(first.path).hasPrefix("run-"))
    }
  }

  @Test func usesDotWandbIfItExists() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PathTools.makeDirectories(top + "/.wandb")
      var options = RunDirectory.Options(root: top, id: "x", startedAt: 0)
      #expect(try RunDirectory.create(options).wandbDirectory == top + "/.wandb")
      options.useDotWandb = false
      #expect(try RunDirectory.create(options).wandbDirectory == top + "/wandb")
    }
  }

  @Test func fallsBackToATemporaryDirectoryAndSaysSo() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      // A file in the way stands for a root that cannot be written; it works for the superuser too.
      try PartsScenarios.writeFile(top + "/file", "")
      let made = try RunDirectory.create(.init(root: top + "/file/root", id: "tmp-\(getpid())", startedAt: 0))
      defer { PartsScenarios.removeTree(made.path) }
      #expect(FileTools.kind(made.filesDirectory) == .directory)
      #expect(made.diagnostics.map(\.kind) == ["directory_temporary"])
      #expect(made.diagnostics.first?.message.contains(top + "/file/root") == true)
      #expect(made.diagnostics.first?.message.contains("Not a directory") == true)
    }
  }

  @Test func rejectsAnIdThatIsAPath() {
    for id in ["", "a/b", "a\0b"] {
      #expect(throws: QuipuError.self) { try RunDirectory.create(.init(root: "/nonexistent", id: id, startedAt: 0)) }
    }
  }
}
