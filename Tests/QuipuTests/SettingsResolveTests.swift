import QuipuBase
import Testing

@testable import Quipu

@Suite struct SettingsResolveTests {
  static func context(
    _ environment: [String: String] = [:], files: [String: String] = [:], directory: String = "/w"
  ) -> ProcessContext {
    var context = ProcessContext()
    context.environment = environment
    context.currentDirectory = directory
    context.homeDirectory = "/home/u"
    context.programPath = "/opt/app/bin/train"
    context.hostName = "node1"
    context.arguments = ["--lr", "1"]
    context.files = .memory(files, directories: ["/w", directory])
    return context
  }

  static func resolve(
    _ options: RunOptions = RunOptions(), setup: JSONObject = [:], _ environment: [String: String] = [:],
    files: [String: String] = [:]
  ) throws -> Settings {
    try Settings.resolve(options: options, setup: setup, context: context(environment, files: files)).0
  }

  static func failure(_ options: RunOptions = RunOptions(), _ environment: [String: String] = [:]) -> QuipuError? {
    do throws(QuipuError) {
      _ = try Settings.resolve(options: options, context: context(environment))
      return nil
    } catch {
      return error
    }
  }

  @Test func givesDocumentedDefaults() throws {
    let settings = try Self.resolve()
    #expect(settings.project == "uncategorized")
    #expect(settings.mode == .online)
    #expect(settings.rootDirectory == "/w")
    #expect(settings.wandbDirectory == "/w/wandb")
    #expect(settings.host == "node1")
    #expect(settings.console == "wrap")
    #expect(settings.lowSteps == .drop)
    #expect(settings.ringBytes == 4_194_304)
    #expect(settings.fullWaitMilliseconds == 1000)
    #expect(settings.statsSamplingInterval == 15)
    #expect(settings.reinit == .default)
    #expect(settings.runID == nil && settings.resume == nil && settings.saveCode == nil)
    #expect(settings.symlink && settings.saveRequirements && !settings.disableMeta)
  }

  @Test func everyTypedSettingHasItsTableEntry() {
    // A misspelled name in an accessor would read as unset.
    var settings = Settings()
    for setting in Setting.all {
      #expect(Setting.named(setting.name) != nil)
      settings.set(setting.name, setting.fallback)
    }
    #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
    #expect(settings.settingsJSON["x_label"] == .null)
  }

  @Test func ordersSourcesFromFilesToArguments() throws {
    let files = [
      "/home/u/.config/wandb/settings": "[default]\nproject=user\nentity=user\nrun_group=user\nrun_name=user\n",
      "/w/wandb/settings": "[default]\nproject=work\nentity=work\nrun_group=work\n",
    ]
    let settings = try Self.resolve(
      RunOptions(project: "argument", settings: ["project": "start", "entity": "start"]),
      setup: ["entity": "process", "run_group": "process", "run_notes": "process"],
      ["WANDB_RUN_GROUP": "environment", "WANDB_NOTES": "environment", "WANDB_JOB_TYPE": "environment"], files: files)
    #expect(settings.project == "argument")
    #expect(settings.entity == "start")
    #expect(settings.runGroup == "process")
    #expect(settings.runNotes == "process")
    #expect(settings.runJobType == "environment")
    #expect(settings.runName == "user")
  }

  @Test func ownVariablesWinOverTheirTwins() throws {
    let settings = try Self.resolve(
      RunOptions(),
      [
        "WANDB_PROJECT": "w", "QUIPU_PROJECT": "q", "WANDB_QUIET": "nonsense", "QUIPU_QUIET": "1",
        "QUIPU_MODE": "offline", "QUIPU_DIR": "/data", "WANDB__LABEL": "a", "QUIPU_X_LABEL": "b",
        "QUIPU_LOW_STEPS": "keep",
      ])
    #expect(settings.project == "q")
    #expect(settings.quiet)
    #expect(settings.mode == .offline)
    #expect(settings.rootDirectory == "/data")
    #expect(settings.label == "b")
    #expect(settings.lowSteps == .keep)
  }

  @Test func ownConfigDirectoryWins() throws {
    let settings = try Self.resolve(
      RunOptions(), ["WANDB_CONFIG_DIR": "/a", "QUIPU_CONFIG_DIR": "/b"],
      files: ["/a/settings": "[default]\nproject=a\n", "/b/settings": "[default]\nproject=b\n"])
    #expect(settings.project == "b")
  }

  @Test func emptyArgumentWinsOverTheEnvironment() throws {
    let settings = try Self.resolve(RunOptions(project: "", name: ""), ["WANDB_NAME": "n", "WANDB_PROJECT": "p"])
    #expect(settings.project == "" && !settings.isProjectDefault)
    #expect(settings.runName == "")
    #expect(try Self.resolve().isProjectDefault)
  }

  @Test func acceptsOlderForms() throws {
    let settings = try Self.resolve(
      RunOptions(), ["WANDB_CONSOLE": "on", "WANDB_MODE": "dryrun", "WANDB_CONFIG_PATHS": "a.yaml,b.yaml"])
    #expect(settings.console == "wrap")
    #expect(settings.mode == .offline)
    #expect(settings["mode"] == "dryrun")
    #expect(settings.configPaths == ["a.yaml", "b.yaml"])
    #expect(try Self.resolve(RunOptions(settings: ["console": "on"])).console == "wrap")
    #expect(try Self.resolve(RunOptions(settings: ["resume": true])).resume == .auto)
    #expect(try Self.resolve(RunOptions(settings: ["resume": false])).resume == nil)
  }

  @Test func warnsOfBooleanReinit() throws {
    let (settings, said) = try Settings.resolve(
      options: RunOptions(settings: ["reinit": true]), context: Self.context())
    #expect(settings.reinit == .finishPrevious)
    #expect(said.map(\.kind) == ["reinit_bool_deprecated"])
    #expect(try Self.resolve(RunOptions(), ["WANDB_REINIT": "create_new"]).reinit == .createNew)
    #expect(Self.failure(RunOptions(settings: ["reinit": "perhaps"]))?.kind == "setting_bad_choice")
  }

  static let badValues: [(String, JSON, String)] = [
    ("quiet", "5", "setting_bad_bool"), ("quiet", [], "setting_bad_bool"), ("quiet", 2, "setting_bad_bool"),
    ("summary_warnings", 2.5, "setting_bad_number"), ("summary_warnings", "2.5", "setting_bad_number"),
    ("init_timeout", "0x10", "setting_bad_number"), ("console_chunk_max_bytes", -1, "setting_bad_number"),
    ("project", 5, "setting_bad_string"), ("run_tags", [1], "setting_bad_string"), ("run_tags", 1, "setting_bad_list"),
    ("mode", 3, "setting_bad_choice"), ("x_extra_http_headers", ["a": 1], "setting_bad_object"),
    ("x_extra_http_headers", "{", "setting_bad_object"), ("x_stats_gpu_device_ids", ["a"], "setting_bad_list"),
    ("nope", 1, "setting_unknown"), ("_nope", 1, "setting_unknown"), ("root_dir", "a\0b", "setting_bad_string"),
    ("x_stats_sampling_interval", .double(.nan), "sampling_interval_too_small"),
    ("ring_bytes", 100, "setting_bad_number"),
    ("base_url", "ftp://x", "base_url_bad"), ("base_url", "https://wandb.ai", "base_url_bad"),
    ("base_url", "http://api.wandb.ai", "base_url_bad"), ("base_url", "https://", "base_url_bad"),
    ("fork_from", "abc", "run_moment_bad"),
  ]

  @Test(arguments: badValues)
  func refusesBadValues(name: String, value: JSON, kind: String) {
    let error = Self.failure(RunOptions(settings: [Key(name): value]))
    #expect(error?.kind == kind)
    #expect(error?.code == .setting)
    #expect(error?.message.contains(name) == true)
  }

  @Test func convertsLeniently() throws {
    let settings = try Self.resolve(
      RunOptions(settings: [
        "summary_warnings": "7", "init_timeout": "12.5", "quiet": "Yes", "silent": 1, "heartbeat_seconds": 30.0,
        "run_tags": "one tag", "ignore_globs": "*.pt,*.bin", "x_stats_gpu_device_ids": "[0, 2]", "run_notes": nil,
        "base_url": "https://example.com/", "x_stats_disk_paths": "[\"/\", \"/data\"]",
      ]), ["WANDB_NOTES": "kept"])
    #expect(settings["summary_warnings"] == 7)
    #expect(settings["init_timeout"] == 12.5)
    #expect(settings.quiet && settings.silent)
    #expect(settings["heartbeat_seconds"] == 30)
    #expect(settings.runTags == ["one tag"])
    #expect(settings.ignoreGlobs == ["*.pt", "*.bin"])
    #expect(settings["x_stats_gpu_device_ids"] == [0, 2])
    #expect(settings.runNotes == "kept")
    #expect(settings["base_url"] == "https://example.com")
    #expect(settings["x_stats_disk_paths"] == ["/", "/data"])
  }

  @Test func countsNamesInCodePoints() throws {
    let accent = "e\u{301}"
    #expect(try Self.resolve(RunOptions(project: String(repeating: accent, count: 64))).project.utf8.count == 192)
    #expect(Self.failure(RunOptions(project: String(repeating: accent, count: 65)))?.kind == "project_too_long")
    #expect(Self.failure(RunOptions(tags: [String(repeating: accent, count: 33)]))?.kind == "tag_too_long")
    #expect(try Self.resolve(RunOptions(tags: [String(repeating: accent, count: 32)])).runTags?.count == 1)
    // A forbidden character under a combining mark is still there.
    #expect(Self.failure(RunOptions(project: "a/\u{301}b"))?.kind == "project_bad_char")
    #expect(Self.failure(RunOptions(id: "a:\u{301}b"))?.kind == "run_id_bad_char")
    #expect(Self.failure(RunOptions(id: "a\0b"))?.kind == "run_id_bad_char")
    #expect(Self.failure(RunOptions(id: "\u{3000}a"))?.kind == "run_id_whitespace")
  }

  @Test func keepsSecretsOutOfListingsAndMessages() throws {
    let secret = "0123456789abcdef0123456789abcdef01234567"
    let settings = try Self.resolve(
      RunOptions(settings: ["http_proxy": "http://u:pw@proxy:3128", "x_proxies": ["a": "http://u:pw@p"],
        "x_extra_http_headers": ["Authorization": "Bearer pw@"]]),
      ["WANDB_API_KEY": secret, "WANDB_GIT_REMOTE_URL": "https://u:pw@example.com/a.git"])
    let shown = JSON.object(settings.settingsJSON).text(style: .core)
    #expect(!shown.contains(secret))
    #expect(!shown.contains("pw@"))
    #expect(settings["http_proxy"] == "http://u:@proxy:3128")
    #expect(settings["api_key"] == nil)
    #expect(settings.text("api_key") == secret)
    for name in ["quiet", "init_timeout", "mode", "x_extra_http_headers", "run_id", "nope", "base_url"] {
      let error = Self.failure(RunOptions(settings: [Key(name): .string(" " + secret + "?")]))
      #expect(error != nil)
      #expect(error?.message.contains(secret) == false)
    }
  }

  @Test func takesTheProjectFromGit() throws {
    func project(_ program: String, directory: String, _ files: [String: String]) throws -> String {
      let context = Self.context(files: files, directory: directory)
      return try Settings.resolve(options: RunOptions(program: program), context: context).0.project
    }
    let repository = ["/src/repo/.git/HEAD": "", "/src/repo/tools/a/x": ""]
    #expect(try project("train", directory: "/src/repo", repository) == "repo")
    #expect(try project("train", directory: "/src/repo/tools/a", repository) == "repo-tools_a")
    #expect(try project("/elsewhere/train", directory: "/src/repo/tools/a", repository) == "repo")
    #expect(try project("train", directory: "/src", repository) == "uncategorized")
    // A work tree's .git is a file.
    #expect(try project("train", directory: "/src/tree", ["/src/tree/.git": "gitdir: x"]) == "tree")
    // What a project name may not hold is replaced.
    #expect(try project("train", directory: "/src/a#b", ["/src/a#b/.git/HEAD": ""]) == "a_b")
  }

  @Test func findsTheProgram() throws {
    var context = Self.context(files: ["/w/run/train": "", "/w/.git/HEAD": ""], directory: "/w/run")
    var settings = try Settings.resolve(options: RunOptions(program: "train"), context: context).0
    #expect(settings.program == "/w/run/train")
    #expect(settings.programRelativePath == "run/train")
    #expect(settings.gitRoot == nil || settings.gitRoot == "/w")
    context.environment["WANDB_PROGRAM"] = "shown"
    settings = try Settings.resolve(options: RunOptions(program: "train"), context: context).0
    #expect(settings.program == "shown")
    #expect(settings.programRelativePath == nil)
    settings = try Settings.resolve(options: RunOptions(), context: Self.context()).0
    #expect(settings.program == "/opt/app/bin/train")
    #expect(settings.arguments == ["--lr", "1"])
    #expect(settings.settingsJSON["_args"] == ["--lr", "1"])
    settings = try Settings.resolve(options: RunOptions(settings: ["_args": ["x"]]), context: Self.context()).0
    #expect(settings.arguments == ["x"])
  }

  @Test func ignoresRunArgumentsWithinASweep() throws {
    let (settings, said) = try Settings.resolve(
      options: RunOptions(project: "p", entity: "e", id: "i", name: "n"),
      context: Self.context(["WANDB_SWEEP_ID": "s", "WANDB_RUN_ID": "r"]))
    #expect(settings.runID == "r")
    #expect(settings.project == "uncategorized")
    #expect(settings.entity == nil)
    #expect(settings.runName == "n")
    #expect(said.map(\.kind) == ["sweep_ignores", "sweep_ignores", "sweep_ignores"])
  }

  @Test func settlesBranching() throws {
    #expect(try Self.resolve(RunOptions(resumeFrom: "old?_step=4")).runID == "old")
    #expect(try Self.resolve(RunOptions(forkFrom: "old?_step=4")).forkFrom == RunMoment(runID: "old", step: 4))
    #expect(Self.failure(RunOptions(id: "a", resumeFrom: "old?_step=4"))?.kind == "resume_from_other_run")
    #expect(Self.failure(RunOptions(id: "old", forkFrom: "old?_step=4"))?.kind == "fork_same_run")
    #expect(Self.failure(RunOptions(resume: .never, forkFrom: "o?_step=4"))?.kind == "branch_args_exclusive")
    #expect(Self.failure(RunOptions(resumeFrom: "a;b?_step=4"))?.kind == "run_id_bad_char")
  }

  @Test(arguments: [
    ("old?_step=10", 10), ("old?_step=2.7", 2), ("old?_step=-1.9", -1), ("old?_step=1e2", 100), ("old?_step=007", 7),
    ("old?_step= 5 ", 5), ("old?_step=1&_step=2", 1), ("old", nil), ("?_step=1", nil), ("old?step=1", nil),
    ("old?_step=", nil), ("old?_step=x", nil), ("a/b?_step=1", nil), ("a b?_step=1", nil), ("a#b?_step=1", nil),
    ("old?_step=1&b=2", nil), ("old?_step=1e30", nil), ("old?_step=nan", nil), ("old?_step=0x10", nil), ("", nil),
  ])
  func parsesMoments(text: String, step: Int64?) {
    #expect(RunMoment(parsing: text)?.step == step)
    if step != nil { #expect(RunMoment(parsing: text)?.runID == "old") }
  }

  @Test func refusesAnOfflineRunWithoutLog() {
    #expect(
      Self.failure(RunOptions(mode: .offline, settings: ["x_skip_transaction_log": true]))?.kind == "setting_conflict")
  }

  @Test func saysWhichVariablesChanged() {
    let before = Self.context(["WANDB_A": "1", "WANDB_B": "1", "OTHER": "1"])
    let after = Self.context(["WANDB_A": "2", "QUIPU_C": "1", "OTHER": "2"])
    #expect(after.changedVariables(since: before) == ["QUIPU_C", "WANDB_A", "WANDB_B"])
  }

  @Test func readsTheProcess() {
    let context = ProcessContext.current()
    #expect(context.environment["PATH"]?.isEmpty == false)
    #expect(context.files.kind(context.currentDirectory) == .directory)
    #expect(context.files.kind(context.programPath) == .file)
    #expect(context.now > 1_700_000_000_000_000_000)
    #expect(!context.hostName.isEmpty)
    #expect(context.files.kind(context.homeDirectory + "/no-such-file-here") == nil)
    #expect(context.files.read("/") == nil)
  }

  @Test(arguments: [
    ("/a/b/../c/./d//", "/a/c/d"), ("/..", "/"), ("a/../..", ".."), ("", "."), ("/", "/"), ("../x", "../x"),
  ])
  func normalisesPaths(path: String, wanted: String) { #expect(PathTools.normalise(path) == wanted) }

  @Test func expandsOnlyTheOwnHome() {
    let context = Self.context()
    #expect(context.absolutePath("~") == "/home/u")
    #expect(context.absolutePath("~/a") == "/home/u/a")
    #expect(context.absolutePath("~other/a") == "/w/~other/a")
    #expect(context.absolutePath("a/b") == "/w/a/b")
  }

  @Test(arguments: [
    ("https://u:p@h/x", "https://u:@h/x"), ("https://u@h/x", "https://u@h/x"), ("https://h/a:b@c", "https://h/a:b@c"),
    ("https://u:p:q@h", "https://u:@h"), ("no url", "no url"), ("", ""), ("git@h:a/b", "git@h:a/b"),
    ("https://u:a@b@h/", "https://u:@h/"),
  ])
  func removesPasswordsFromURLs(url: String, wanted: String) { #expect(URLText.withoutPassword(url) == wanted) }
}
