import Glibc
import QuipuBase
import Testing

@testable import Quipu

struct HostTests {
  // MARK: facts

  @Test func knowsThisMachineAndProgram() {
    var options = HostFacts.Options(startedAt: 1_700_000_000_123_456_789)
    options.arguments = ["--lr=1", "--api-key", "abc"]
    options.environment = ["SLURM_JOB_ID": "7", "SLURM_JWT_TOKEN": "t", "USER": "ada", "OTHER": "x"]
    let facts = HostFacts.collect(options)
    #expect(facts.os?.hasPrefix("Linux-") == true && facts.os?.contains("-with-glibc2.") == true)
    #expect(facts.userName == "ada")
    #expect(facts.host?.isEmpty == false)
    #expect(facts.program?.hasPrefix("/") == true)
    #expect(facts.arguments == ["--lr=1", "--api-key", "***"])
    #expect((facts.cpuCountLogical ?? 0) >= (facts.cpuCount ?? 1))
    #expect((facts.memoryTotal ?? 0) > 1 << 20)
    #expect(facts.disks.first.map { $0.total >= $0.used && $0.total > 0 } == true)
    #expect(facts.slurm.map(\.name) == ["job_id", "jwt_token"])
    #expect(facts.slurm.map(\.value) == ["7", "***"])
    let metadata = facts.metadata
    #expect(metadata["startedAt"] == "2023-11-14T22:13:20.123456Z")
    #expect(metadata["memory"]?.objectValue?["total"]?.stringValue == facts.memoryTotal.map { String($0) })
    let text = facts.metadataJSON()
    #expect((try? JSON(parsing: text)) == .object(metadata))
    #expect(text.hasPrefix("{\n  \"os\": "))
  }

  @Test func leavesTheMachineOutWhenAsked() {
    var options = HostFacts.Options(startedAt: 0)
    options.machine = false
    options.git = false
    let facts = HostFacts.collect(options)
    #expect(facts.cpuCount == nil && facts.memoryTotal == nil && facts.disks.isEmpty && facts.git == nil)
    #expect(facts.os != nil)
  }

  // MARK: secrets

  @Test(arguments: [
    (["--api-key=abc"], ["--api-key=***"]), (["--api_key", "abc", "x"], ["--api_key", "***", "x"]),
    (["--wandbApiKey=abc"], ["--wandbApiKey=***"]), (["token=abc"], ["token=***"]),
    (["--hf-token", "--fast"], ["--hf-token", "--fast"]),
    (["--password="], ["--password="]), (["--max-tokens=128"], ["--max-tokens=128"]), (["--key=loss"], ["--key=loss"]),
    (["--monkey=1", "--author=me"], ["--monkey=1", "--author=me"]), (["https://u:secret@h/p"], ["https://u:@h/p"]),
    (["--remote=https://u:secret@h/p"], ["--remote=https://u:@h/p"]),
    (["--x=0123456789abcdef0123456789abcdef01234567"], ["--x=***"]), (["sk-abcdefghijklmnopqrst"], ["***"]),
    (["--lr", "0.1", "-v"], ["--lr", "0.1", "-v"]), ([], []),
    (["--password", "-x9Kq2mLp0"], ["--password", "***"]), (["--db-pwd", "hunter2"], ["--db-pwd", "***"]),
    (["WANDB_API_KEY=local-abc", "AWS_SECRET_ACCESS_KEY=x"], ["WANDB_API_KEY=***", "AWS_SECRET_ACCESS_KEY=***"]),
    (["hf_abcdefghijklmnopqrstuvwx"], ["***"]), (["AKIAIOSFODNN7EXAMPLE"], ["***"]),
    (["eyJ0eXAi.eyJzdWIiOiIxMjM0NTY3.c2ln"], ["***"]),
    (["-H", "Authorization: Bearer abc123def456"], ["-H", "Authorization: Bearer ***"]),
    (["https://h/p?access_token=abcd1234efgh&x=1"], ["https://h/p?access_token=***"]),
    (["https://ghp_0123456789abcdefghij0123456789@h/p"], ["https://***@h/p"]),
    (["--tokenizer", "gpt2", "--token-file"], ["--tokenizer", "gpt2", "--token-file"]),
  ])
  func replacesSecretArguments(_ given: [String], _ expected: [String]) {
    #expect(SecretArguments.redacted(given) == expected)
  }

  // MARK: git

  static let hash = "0123456789abcdef0123456789abcdef01234567"

  @Test func readsALooseReference() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PartsScenarios.writeFile(top + "/.git/HEAD", "ref: refs/heads/main\n")
      #expect(GitFacts.find(from: top) == nil, "a repository without a commit counts as none")
      #expect(GitFacts.top(from: top + "/sub") == top)
      try PartsScenarios.writeFile(top + "/.git/refs/heads/main", Self.hash + "\n")
      try PartsScenarios.writeFile(
        top + "/.git/config",
        """
        [core]
        \turl = no
        [remote "other"]
        \turl = o
        [remote "origin"]
        \tfetch = x
        \turl = https://u:pw@h/p.git

        """)
      try PathTools.makeDirectories(top + "/a/b")
      #expect(GitFacts.find(from: top + "/a/b") == GitFacts(top: top, remote: "https://u:@h/p.git", commit: Self.hash))
      #expect(GitFacts.find(from: top, remote: "other")?.remote == "o")
      #expect(GitFacts.find(from: top, remote: "none")?.remote == nil)
    }
  }

  @Test func readsPackedReferencesAndADetachedHead() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      let other = String(repeating: "f", count: 40)
      try PartsScenarios.writeFile(top + "/.git/HEAD", "ref: refs/heads/x/y\n")
      try PartsScenarios.writeFile(
        top + "/.git/packed-refs",
        """
        # pack-refs with: peeled fully-peeled sorted
        \(other) refs/heads/w/x/y
        ^\(other)
        \(Self.hash) refs/heads/x/y

        """)
      #expect(GitFacts.find(from: top)?.commit == Self.hash)
      try PartsScenarios.writeFile(top + "/.git/HEAD", other + "\n")
      #expect(GitFacts.find(from: top)?.commit == other)
    }
  }

  @Test func readsAWorktree() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      try PartsScenarios.writeFile(top + "/main/.git/HEAD", "ref: refs/heads/main\n")
      try PartsScenarios.writeFile(top + "/main/.git/config", "[remote \"origin\"]\nurl = git@h:p.git\n")
      try PartsScenarios.writeFile(top + "/main/.git/refs/heads/topic", Self.hash)
      try PartsScenarios.writeFile(top + "/main/.git/worktrees/w/HEAD", "ref: refs/heads/topic\n")
      try PartsScenarios.writeFile(top + "/main/.git/worktrees/w/commondir", "../..\n")
      try PartsScenarios.writeFile(top + "/w/.git", "gitdir: \(top)/main/.git/worktrees/w\n")
      #expect(GitFacts.find(from: top + "/w") == GitFacts(top: top + "/w", remote: "git@h:p.git", commit: Self.hash))
    }
  }

  @Test func survivesABrokenRepository() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      for head in ["", "ref:", "ref: ../../secret", "ref: /etc/passwd", "zzz", "ref: HEAD", "\u{FFFD}\0"] {
        try PartsScenarios.writeFile(top + "/.git/HEAD", head)
        #expect(GitFacts.find(from: top) == nil)
      }
    }
  }

  @Test func agreesWithGit() throws {
    // This very checkout, where there is one.
    let here = PathTools.directory(#filePath)
    guard let top = GitFacts.top(from: here), let facts = GitFacts.find(from: here) else { return }
    #expect(facts.top == top && facts.commit.utf8.count == 40)
  }
}
