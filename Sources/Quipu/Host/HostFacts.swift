import Glibc
import QuipuBase

/// What is known about the machine and the program, for the `environment` records and `wandb-metadata.json`.
///
/// Collected from a few small files and system calls, without starting a process and without asking a name service.
/// Unknown facts are nil or empty.
///
/// Source: wandb-metadata.json and the environment record of the W&B client 0.31.0.
package struct HostFacts: Sendable, Equatable {
  package struct Disk: Sendable, Equatable {
    package var mount: String
    /// Bytes.
    package var total: UInt64
    package var used: UInt64
  }

  // About the program.
  /// Platform text such as `Linux-6.1.0-x86_64-with-glibc2.36`.
  package var os: String?
  /// Interpreter and version, `CPython 3.11.7`; given by a binding.
  package var python: String?
  /// Nanoseconds since 1970.
  package var startedAt: Int64
  package var host: String?
  package var userName: String?
  /// Absolute path of the running binary or interpreter.
  package var executable: String?
  /// Absolute path of the script or binary.
  package var program: String?
  /// The program's path from the repository's top, or from the working directory outside of one.
  package var codePath: String?
  /// The program's path from the working directory.
  package var codePathLocal: String?
  /// Arguments after the program, secrets replaced.
  package var arguments: [String] = []
  /// Directory that holds `wandb/`.
  package var root: String?
  package var git: GitFacts?

  // About the machine.
  package var cpuCount: UInt32?
  package var cpuCountLogical: UInt32?
  package var cpuModel: String?
  /// Bytes.
  package var memoryTotal: UInt64?
  package var disks: [Disk] = []
  /// SLURM_* variables, lower case without the prefix, sorted by name.
  package var slurm: [(name: String, value: String)] = []

  package struct Options: Sendable {
    /// Interpreter and version, given by a binding.
    package var python: String?
    /// The script; nil: the running binary.
    package var program: String?
    /// Arguments after the program; nil: those of the process.
    package var arguments: [String]?
    /// Nil: the running binary.
    package var executable: String?
    /// Name to use instead of the machine's.
    package var host: String?
    package var root: String?
    /// Nanoseconds since 1970.
    package var startedAt: Int64
    /// Nil: that of the process at its start.
    package var environment: [String: String]?
    /// False (setting `x_disable_machine_info`): only the program's part.
    package var machine = true
    /// False (setting `disable_git`): no look at a repository.
    package var git = true
    /// Where to look for a repository; nil: the program's directory, then the working directory.
    package var gitRoot: String?
    package var gitRemote = "origin"

    package init(startedAt: Int64) { self.startedAt = startedAt }
  }

  /// Looks everything up. Never fails; takes about a millisecond.
  package static func collect(_ options: Options) -> HostFacts {
    var facts = HostFacts(startedAt: options.startedAt)
    let here = PathTools.workingDirectory()
    let environment = options.environment ?? processEnvironment()
    let commandLine = processCommandLine()

    facts.os = platform()
    facts.python = options.python
    facts.root = options.root
    facts.host = options.host ?? hostName()
    facts.userName = userName(environment)
    let binary = linkTarget("/proc/self/exe")
    facts.executable = options.executable ?? binary
    let program = options.program ?? binary ?? commandLine.first
    facts.program = program.map { PathTools.absolute($0, workingDirectory: here) }
    facts.arguments = SecretArguments.redacted(options.arguments ?? Array(commandLine.dropFirst()))

    if options.git {
      let start = facts.program.map { PathTools.directory($0) }
      for place in options.gitRoot.map({ [$0] }) ?? [start, here].compactMap({ $0 }) where facts.git == nil {
        facts.git = GitFacts.find(from: PathTools.absolute(place, workingDirectory: here), remote: options.gitRemote)
      }
    }
    if let program = facts.program {
      facts.codePathLocal = PathTools.relative(program, to: here)
      let top = facts.git?.top ?? here
      facts.codePath = PathTools.below(program, top).map { $0.joined(separator: "/") }
    }
    if options.machine { facts.addMachine(environment) }
    return facts
  }

  // MARK: machine

  private mutating func addMachine(_ environment: [String: String]) {
    let cores = Self.cores()
    cpuCount = cores.physical
    cpuCountLogical = cores.logical
    cpuModel = Self.cpuModel()
    if let bytes = FileTools.read("/proc/meminfo", limit: 4096) {
      memoryTotal = Self.field("MemTotal", in: bytes).flatMap { text in
        UInt64(text.prefix { $0.isASCII && $0.isNumber }).flatMap { kib in
          let bytes = kib.multipliedReportingOverflow(by: 1024)
          return bytes.overflow ? nil : bytes.partialValue
        }
      }
    }
    var info = statvfs()
    if statvfs("/", &info) == 0 {
      let unit = UInt64(info.f_frsize)
      let total = UInt64(info.f_blocks) &* unit
      let free = UInt64(info.f_bfree) &* unit
      disks = [Disk(mount: "/", total: total, used: total >= free ? total - free : 0)]
    }
    for (name, value) in environment where name.utf8.starts(with: "SLURM_".utf8) {
      slurm.append((name.dropFirst(6).lowercased(), SecretArguments.redacted(name: name, value: value)))
    }
    slurm.sort { Key($0.name) < Key($1.name) }
  }

  /// Processors that are online, and cores behind them.
  private static func cores() -> (physical: UInt32?, logical: UInt32?) {
    let online = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    guard online > 0, let logical = UInt32(exactly: online) else { return (nil, nil) }
    let base = "/sys/devices/system/cpu/"
    if FileTools.readLine(base + "smt/active", limit: 64) == "0" { return (logical, logical) }
    // Each core once, by the list of its threads. On large machines the first core speaks for all: one small file per
    // processor would take longer than the rest of the start.
    var groups: Set<String> = []
    var seen: UInt32 = 0
    for number in 0..<min(logical, 64) {
      let topology = base + "cpu\(number)/topology/"
      guard
        let siblings = FileTools.readLine(topology + "core_cpus_list", limit: 256)
          ?? FileTools.readLine(topology + "thread_siblings_list", limit: 256)
      else { continue }
      groups.insert(siblings)
      seen += 1
    }
    if groups.isEmpty { return (logical, logical) }
    if seen == logical { return (UInt32(groups.count), logical) }
    return (max(1, UInt32(groups.count) * logical / max(1, seen)), logical)
  }

  private static func cpuModel() -> String? {
    // The first block is enough, and the kernel only makes what is read.
    guard let bytes = FileTools.read("/proc/cpuinfo", limit: 4096) else { return nil }
    return field("model name", in: bytes) ?? field("Model", in: bytes) ?? field("Processor", in: bytes)
  }

  /// The value of the first `name : value` line.
  private static func field(_ name: String, in bytes: [UInt8]) -> String? {
    for line in bytes.split(separator: UInt8(ascii: "\n")) where line.starts(with: name.utf8) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
        FileTools.trim(line[..<colon]).elementsEqual(name.utf8)
      else { continue }
      let value = FileTools.trim(line[line.index(after: colon)...])
      return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
    }
    return nil
  }

  // MARK: program

  private static func platform() -> String? {
    var names = utsname()
    guard uname(&names) == 0 else { return nil }
    let system = text(&names.sysname), release = text(&names.release), machine = text(&names.machine)
    let base = "\(system)-\(release)-\(machine)"
    // "glibc 2.36"
    var buffer = [UInt8](repeating: 0, count: 64)
    let n = buffer.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { confstr(Int32(_CS_GNU_LIBC_VERSION), $0.baseAddress, $0.count) }
    }
    let library = String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
    guard n > 0, !library.isEmpty else { return base }
    return "\(base)-with-\(String(library.filter { $0 != " " }))"
  }

  private static func text<T>(_ field: inout T) -> String {
    withUnsafeBytes(of: &field) { raw in
      String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func hostName() -> String? {
    var buffer = [UInt8](repeating: 0, count: 256)
    let failed = buffer.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { text -> Bool in
        guard let start = text.baseAddress else { return true }
        return gethostname(start, text.count - 1) != 0
      }
    }
    if failed { return nil }
    let name = String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
    return name.isEmpty ? nil : name
  }

  /// As Python's getpass: the first set of four variables, else the account's name. Only the local account file is
  /// read; a name service could take seconds.
  private static func userName(_ environment: [String: String]) -> String? {
    for name in ["LOGNAME", "USER", "LNAME", "USERNAME"] {
      if let value = environment[name], !value.isEmpty { return value }
    }
    guard let bytes = FileTools.read("/etc/passwd", limit: 1 << 20) else { return nil }
    let wanted = Array(String(getuid()).utf8)
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
      if fields.count > 2, fields[2].elementsEqual(wanted) { return String(decoding: fields[0], as: UTF8.self) }
    }
    return nil
  }

  private static func linkTarget(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = path.withCString { path in
      buffer.withUnsafeMutableBytes { raw in
        raw.withMemoryRebound(to: CChar.self) { text -> Int in
          guard let start = text.baseAddress else { return -1 }
          return readlink(path, start, text.count)
        }
      }
    }
    return n > 0 && n < buffer.count ? String(decoding: buffer[..<n], as: UTF8.self) : nil
  }

  private static func processCommandLine() -> [String] { nulSeparated("/proc/self/cmdline", limit: 1 << 20) }

  /// The environment as it was at the start of the process: reading the live one races with `setenv`.
  package static func processEnvironment() -> [String: String] {
    var out: [String: String] = [:]
    for entry in nulSeparated("/proc/self/environ", limit: 1 << 20) {
      guard let cut = entry.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
      out[String(entry[..<cut])] = String(entry[entry.utf8.index(after: cut)...])
    }
    return out
  }

  private static func nulSeparated(_ path: String, limit: Int) -> [String] {
    guard var bytes = FileTools.read(path, limit: limit) else { return [] }
    if bytes.last == 0 { bytes.removeLast() }
    if bytes.isEmpty { return [] }
    return bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }

  package static func == (a: HostFacts, b: HostFacts) -> Bool { a.metadata == b.metadata }

  // MARK: metadata

  /// The content of `wandb-metadata.json`. 64-bit integers are texts, as protobuf's JSON form has them.
  package var metadata: JSONObject {
    var out = JSONObject()
    func set(_ key: Key, _ value: String?) { if let value, !value.isEmpty { out[key] = .string(value) } }
    set("os", os)
    set("python", python)
    out["startedAt"] = .string(Self.timestamp(startedAt))
    if !arguments.isEmpty { out["args"] = .array(arguments.map { .string($0) }) }
    set("program", program)
    set("codePath", codePath)
    set("codePathLocal", codePathLocal)
    if let git {
      var object = JSONObject()
      if let remote = git.remote { object["remote"] = .string(remote) }
      object["commit"] = .string(git.commit)
      out["git"] = .object(object)
    }
    set("root", root)
    set("host", host)
    set("username", userName)
    set("executable", executable)
    if let cpuCount { out["cpu_count"] = .int(Int64(cpuCount)) }
    if let cpuCountLogical { out["cpu_count_logical"] = .int(Int64(cpuCountLogical)) }
    if !disks.isEmpty {
      var object = JSONObject()
      for disk in disks {
        object[Key(disk.mount)] = ["total": .string(String(disk.total)), "used": .string(String(disk.used))]
      }
      out["disk"] = .object(object)
    }
    if let memoryTotal { out["memory"] = ["total": .string(String(memoryTotal))] }
    if let cpuModel { out["cpu"] = ["model": .string(cpuModel)] }
    if !slurm.isEmpty {
      var object = JSONObject()
      for (name, value) in slurm { object[Key(name)] = .string(value) }
      out["slurm"] = .object(object)
    }
    return out
  }

  /// `metadata` as the file has it: two spaces, a line break at the end.
  package func metadataJSON() -> String { PrettyJSON.text(.object(metadata)) + "\n" }

  /// RFC 3339 in UTC with microseconds.
  package static func timestamp(_ nanoseconds: Int64) -> String {
    var seconds = nanoseconds / 1_000_000_000
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 {
      rest += 1_000_000_000
      seconds -= 1
    }
    var time = time_t(seconds)
    var parts = tm()
    guard gmtime_r(&time, &parts) != nil else { return "1970-01-01T00:00:00Z" }
    func pad(_ value: Int, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    let day = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
    let clock = "\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
    return "\(day)T\(clock).\(pad(Int(rest / 1000), 6))Z"
  }
}
