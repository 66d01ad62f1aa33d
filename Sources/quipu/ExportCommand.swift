import Glibc
import Quipu
import QuipuBase
import QuipuRecords

/// `quipu export`: the rows of a run for other programs.
enum ExportCommand {
  static let help = """
    Usage: quipu export [RUN] [--format jsonl|csv|upload] [--output FILE] [--strict]

    Writes the rows of a run, one a line. Works while the run is being written.

      RUN              as for quipu show (default: the latest run here)
      --format jsonl   one JSON object a line, nested as logged (the default)
      --format csv     one column for each key of any row; nested keys are joined by "."
      --format upload  one JSON object: what a server has of the run once its log is sent: lines of
                       history, events and console, summary, config, metadata, files, exit code
      --output FILE    write to FILE instead of standard output; - is standard output
      --strict         null (csv: nothing) for NaN and infinities, which JSON does not have;
                       without it they are written as NaN, Infinity, -Infinity

    Examples
      quipu export --format csv --output rows.csv
      quipu export ab12cd34 --strict | jq -c '{_step, loss}'

    """

  static func run(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(
      arguments,
      options: [
        .init(name: "--help"), .init(name: "--strict"), .init(name: "--format", takesValue: true),
        .init(name: "--output", takesValue: true),
      ])
    if line.has("--help") {
      let output = Output()
      output.write(help)
      output.flush()
      return 0
    }
    let format = line["--format"] ?? "jsonl"
    guard ["jsonl", "csv", "upload"].contains(format) else {
      throw CommandLineArguments.UsageError(message: "--format must be jsonl, csv or upload, not \(format)")
    }
    let path = try RunLocation.find(line.only("run", default: "."))
    let target = line["--output"] ?? "-"
    if target == "-" {
      let output = Output()
      let damaged = try export(path, format, line.has("--strict"), output)
      output.flush()
      if let failure = output.failure { throw fileError("write", "standard output", failure) }
      return finish(path, damaged)
    }
    // Written beside the target and renamed, so that a failure leaves an older export alone.
    let temporary = "\(target).\(getpid())~"
    let descriptor = temporary.withCString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
    if descriptor < 0 { throw fileError("create", temporary, errno) }
    let output = Output(descriptor: descriptor)
    do {
      let damaged = try export(path, format, line.has("--strict"), output)
      output.flush()
      if let failure = output.failure { throw fileError("write", temporary, failure) }
      if close(descriptor) != 0 { throw fileError("write", temporary, errno) }
      if rename(temporary, target) != 0 { throw fileError("write", target, errno) }
      return finish(path, damaged)
    } catch {
      unlink(temporary)
      throw error
    }
  }

  private static func fileError(_ doing: String, _ path: String, _ number: Int32) -> QuipuError {
    FileTools.error(.file, kind: "export_failed", doing: doing, path, number)
  }

  private static func finish(_ path: String, _ damaged: Bool) -> Int32 {
    if damaged { complain("quipu export: \(path) is damaged, rows may be missing; see quipu verify") }
    return 0
  }

  /// True if parts of the log could not be read.
  private static func export(_ path: String, _ format: String, _ strict: Bool, _ output: Output) throws -> Bool {
    switch format {
    case "csv": try csv(path, strict, output)
    case "upload": try UploadExport.write(path, output)
    default: try jsonl(path, strict, output)
    }
  }

  // MARK: rows

  /// The rows of a log, one after another.
  private struct Rows: ~Copyable {
    private var reader: LogReader<LogFile>
    private(set) var damaged = false

    init(_ path: String) throws {
      do throws(LogFileError) {
        reader = LogReader(try LogFile.openForReading(path: path))
      } catch {
        throw ExportCommand.fileError(error.operation.rawValue, path, error.code)
      }
    }

    /// The items of the next row: internal ones first, then in order of their keys. Nil at the end.
    mutating func next() throws -> [RowItem]? {
      while true {
        switch try reader.next() {
        case .record:
          guard let record = try? Record(decoding: reader.payload) else {
            damaged = true
            continue
          }
          guard case .history(let history) = record.payload else { continue }
          var items = history.item.compactMap { RowItem($0) }
          if let step = history.step, !items.contains(where: { $0.path == ["_step"] }),
            let item = RowItem(step: step.num)
          {
            items.append(item)
          }
          items.sort { ExportCommand.precedes($0.path, $1.path) }
          return items
        case .damage: damaged = true
        case .endOfFile: return nil
        case .unexpectedEnd:
          damaged = true
          return nil
        case .badHeader:
          throw QuipuError(.format, kind: "not_a_log", "not a .wandb log, or one of newer software")
        }
      }
    }
  }

  private static func precedes(_ a: [String], _ b: [String]) -> Bool {
    func rank(_ path: [String]) -> Int {
      guard path.count == 1 else { return 3 }
      switch path[0] {
      case "_step": return 0
      case "_runtime": return 1
      case "_timestamp": return 2
      default: return 3
      }
    }
    let x = rank(a), y = rank(b)
    if x != y { return x < y }
    for (left, right) in zip(a, b) {
      let left = Key(left), right = Key(right)
      if left != right { return left < right }
    }
    return a.count < b.count
  }

  // MARK: jsonl

  private static func jsonl(_ path: String, _ strict: Bool, _ output: Output) throws -> Bool {
    var rows = try Rows(path)
    while let items = try rows.next() {
      var object = JSONObject()
      for item in items { insert(&object, item.path[...], strict ? finite(item.value) : item.value) }
      output.line(JSON.object(object).text(style: .core))
      if output.failure != nil { break }
    }
    return rows.damaged
  }

  private static func insert(_ object: inout JSONObject, _ path: ArraySlice<String>, _ value: JSON) {
    guard let first = path.first else { return }
    let key = Key(first)
    if path.count == 1 {
      object[key] = value
    } else if path.count <= JSON.maximumDepth {
      var inner = object[key]?.objectValue ?? JSONObject()
      insert(&inner, path.dropFirst(), value)
      object[key] = .object(inner)
    }
  }

  /// With null for what JSON does not have.
  private static func finite(_ value: JSON) -> JSON {
    switch value {
    case .double(let number): return number.isFinite ? value : .null
    case .array(let array): return .array(array.map(finite))
    case .object(let object):
      var out = JSONObject()
      for member in object.members { out[member.key] = finite(member.value) }
      return .object(out)
    default: return value
    }
  }

  // MARK: csv

  /// Paths as dictionary keys; the separator cannot be typed by accident.
  private static func columnKey(_ path: [String]) -> Key { Key(path.joined(separator: "\u{1F}")) }

  private static func csv(_ path: String, _ strict: Bool, _ output: Output) throws -> Bool {
    // First the columns, then the rows: only the names are kept in memory.
    var seen: [Key: [String]] = [:]
    var count = 0
    var first = try Rows(path)
    while let items = try first.next() {
      for item in items where seen[columnKey(item.path)] == nil { seen[columnKey(item.path)] = item.path }
      count += 1
    }
    let columns = seen.values.sorted(by: precedes)
    var place: [Key: Int] = [:]
    for (at, column) in columns.enumerated() { place[columnKey(column)] = at }
    output.line(columns.map { quoted($0.joined(separator: ".")) }.joined(separator: ","))

    var rows = try Rows(path)
    // Rows that arrived since the first reading may have other columns.
    while count > 0, let items = try rows.next() {
      var fields = [String](repeating: "", count: columns.count)
      for item in items {
        if let at = place[columnKey(item.path)] { fields[at] = field(item.value, strict) }
      }
      output.line(fields.joined(separator: ","))
      count -= 1
      if output.failure != nil { break }
    }
    return first.damaged
  }

  private static func field(_ value: JSON, _ strict: Bool) -> String {
    switch value {
    case .null: return ""
    case .string(let text): return quoted(text)
    case .double(let number) where strict && !number.isFinite: return ""
    default: return quoted((strict ? finite(value) : value).text(style: .core))
    }
  }

  /// RFC 4180.
  private static func quoted(_ text: String) -> String {
    let special = text.utf8.contains { [UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13].contains($0) }
    let padded = text.utf8.first == UInt8(ascii: " ") || text.utf8.last == UInt8(ascii: " ")
    if !special && !padded { return text }
    var out = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { out += "\"" }
      out.unicodeScalars.append(scalar)
    }
    return out + "\""
  }
}
