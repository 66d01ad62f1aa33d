import Glibc
import QuipuBase
import QuipuRecords

/// Keeps the state of the program's source with a run (`save_code`): uncommitted changes as `diff.patch`, changes
/// against the upstream branch as `diff_<hash>.patch`, the program itself as `code/<path>`.
///
/// Works on a thread of its own, "quipu-code"; what looks like a secret is taken out of the patches. What is not there
/// (git, a repository, changes) is silently left out.
///
/// Source: run.md 14.2, 14.3.
struct CodeRecorder: Sendable {
  var filesDirectory: String
  /// Top directory of the working tree; nil: no patches.
  var repository: String?
  /// Also the changes since the upstream branch (setting `disable_git_fork_point` = false).
  var comparesUpstream = false
  /// Absolute path of the program's source, and where it goes below `code/`; nil: not saved here.
  var program: (path: String, name: String)?
  var environment: [String: String] = [:]

  /// - Returns: nil if nothing of this is wanted.
  init?(_ settings: Settings, filesDirectory: String, language: String?) {
    guard settings.saveCode == true, !settings.disableCode else { return nil }
    self.filesDirectory = filesDirectory
    if !settings.disableGit { repository = settings.gitRoot }
    comparesUpstream = !settings.flag("disable_git_fork_point")
    environment = HostFacts.processEnvironment()
    // Python's face saves the script itself.
    let isScripted = language?.hasPrefix("python") ?? false
    if !isScripted, let path = settings.programPath, let name = settings.programRelativePath,
      !PathTools.parts(name).contains("..")
    {
      program = (path, name)
    }
  }

  init(filesDirectory: String) { self.filesDirectory = filesDirectory }

  /// - Returns: the paths that were written, below the run's files.
  /// Blocking: starts git.
  func record() -> [String] {
    var written: [String] = []
    if let program, let bytes = FileTools.read(program.path, limit: GitCommand.byteLimit + 1),
      bytes.count <= GitCommand.byteLimit, !bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46])
    {
      write("code/" + program.name, bytes, &written)
    }
    guard let repository else { return written }
    let diff = ["--no-pager", "-c", "core.fsmonitor=false", "diff", "--no-ext-diff", "--no-textconv", "--no-color"]
    func git(_ arguments: [String]) -> [UInt8]? {
      GitCommand.output(arguments, in: repository, environment: environment)
    }
    if let patch = git(diff + ["--submodule=diff", "HEAD"]), !patch.isEmpty { write("diff.patch", patch, &written) }
    if comparesUpstream, let base = hash(git(["merge-base", "HEAD", "@{upstream}"])),
      base != hash(git(["rev-parse", "HEAD"])),
      let patch = git(diff + ["--submodule=diff", base]), !patch.isEmpty
    {
      write("diff_\(base).patch", patch, &written)
    }
    return written
  }

  private func hash(_ output: [UInt8]?) -> String? {
    guard let output else { return nil }
    let text = FileTools.trim(output[...])
    let isHash = (text.count == 40 || text.count == 64) && text.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
    return isHash ? String(decoding: text, as: UTF8.self) : nil
  }

  private func write(_ name: String, _ bytes: [UInt8], _ written: inout [String]) {
    let content = name.utf8.starts(with: "diff".utf8) ? SecretText.redacted(bytes) : bytes
    if FileTools.writeFile(filesDirectory + "/" + name, content) == 0 { written.append(name) }
  }

  /// Starts the thread; the files become known to the run when they are written.
  func start(_ core: RunCore) {
    core.beginSideWork()
    let started = Thread.start(name: "quipu-code") {
      var record = FilesRecord()
      for path in self.record() {
        var item = FilesItem()
        item.path = path
        item.type = FileType(rawValue: 1)
        record.files.append(item)
      }
      if !record.files.isEmpty { _ = core.offer(Record(num: 0, .files(record))) }
      core.endSideWork()
    }
    if !started { core.endSideWork() }
  }
}
