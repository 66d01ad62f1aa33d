import Glibc
import QuipuBase
import QuipuRecords

/// Everything that is not a row: config, summary, definitions, identity, files, console, exit.
extension RunWriter {
  private func json(_ entry: RingEntry) -> JSON? {
    guard let message = JSONPayload(entry.payload), let value = message.parse() else {
      drop(kind: "entry_damaged", "a call could not be read back and was dropped")
      return nil
    }
    return value
  }

  private static func path(_ value: JSON?) -> [Key] {
    (value?.arrayValue ?? []).compactMap { $0.stringValue.map { Key($0) } }
  }

  // MARK: Config, metrics, summary

  func processConfig(_ entry: RingEntry) {
    guard let pairs = json(entry)?.arrayValue else { return }
    var record = ConfigRecord()
    for pair in pairs {
      guard let pair = pair.arrayValue, pair.count == 2, let key = pair[0].stringValue else { continue }
      var item = ConfigItem()
      item.key = key
      item.valueJSON = pair[1].text(style: .client)
      record.update.append(item)
    }
    if !record.update.isEmpty { stream.append(.config(record), streamID: context.runID) }
  }

  func processMetric(_ entry: RingEntry) {
    guard let value = json(entry), let definition = MetricDefinition(json: value) else { return }
    writeDerivedSummary(at: entry.time)
    summary.define(definition)
    stream.append(.metric(definition.record), streamID: context.runID)
  }

  func processSummarySet(_ entry: RingEntry) -> Bool {
    guard let message = JSONPayload(entry.payload) else { return true }
    guard media.areReady(message.media) else { return false }
    let object = message.parse()?.objectValue
    let path = Self.path(object?["path"])
    guard var value = object?["value"], !path.isEmpty else {
      media.release(message.media)
      drop(kind: "entry_damaged", "a call could not be read back and was dropped")
      return true
    }
    if !message.media.isEmpty {
      var binder = MediaBinder(writer: self, ids: message.media, label: "summary")
      guard let bound = binder.bindSummary(value, key: path.map(\.string).joined(separator: ".")) else { return false }
      value = bound
      media.release(message.media)
    }
    writeDerivedSummary(at: entry.time)
    summary.set(path, value)
    var record = SummaryRecord()
    var item = SummaryItem()
    Self.address(path, &item)
    item.valueJSON = value.text(style: .client)
    record.update = [item]
    stream.append(.summary(record), streamID: context.runID)
    return true
  }

  func processSummaryRemove(_ entry: RingEntry) {
    let path = Self.path(json(entry)?.objectValue?["path"])
    guard !path.isEmpty else { return }
    writeDerivedSummary(at: entry.time)
    summary.remove(path)
    var record = SummaryRecord()
    var item = SummaryItem()
    Self.address(path, &item)
    record.remove = [item]
    stream.append(.summary(record), streamID: context.runID)
  }

  private static func address(_ path: [Key], _ item: inout SummaryItem) {
    if path.count == 1 { item.key = path[0].string } else { item.nestedKey = path.map(\.string) }
  }

  // MARK: Identity

  func processIdentity(_ entry: RingEntry) {
    guard let object = json(entry)?.objectValue, var record = identity else { return }
    if let name = object["name"]?.stringValue { record.displayName = name }
    if let notes = object["notes"]?.stringValue { record.notes = notes }
    if let tags = object["tags"]?.arrayValue { record.tags = tags.compactMap(\.stringValue) }
    identity = record
    stream.append(.run(record), streamID: context.runID)
  }

  func processAlert(_ entry: RingEntry) {
    guard let object = json(entry)?.objectValue else { return }
    var record = AlertRecord()
    record.title = object["title"]?.stringValue ?? ""
    record.text = object["text"]?.stringValue ?? ""
    record.level = object["level"]?.stringValue ?? "INFO"
    record.waitDuration = object["wait"]?.intValue ?? 60_000
    stream.append(.alert(record), streamID: context.runID)
  }

  // MARK: Files

  func appendFile(_ path: String, policy: Int32 = 0, type: Int32 = 0, derived: Bool = false) {
    appendFiles([(path, policy, type)], derived: derived)
  }

  func appendFiles(_ files: [(path: String, policy: Int32, type: Int32)], derived: Bool = false) {
    var record = FilesRecord()
    for file in files {
      var item = FilesItem()
      item.path = file.path
      item.policy = FilePolicy(rawValue: file.policy)
      item.type = FileType(rawValue: file.type)
      record.files.append(item)
    }
    stream.append(.files(record), streamID: derived ? nil : context.runID)
  }

  func processFiles(_ entry: RingEntry) {
    guard let list = json(entry)?.arrayValue else { return }
    var files: [(path: String, policy: Int32, type: Int32)] = []
    for item in list {
      guard let object = item.objectValue, let path = object["path"]?.stringValue else { continue }
      files.append((path, Int32(truncatingIfNeeded: object["policy"]?.intValue ?? 0), 0))
    }
    if !files.isEmpty { appendFiles(files) }
  }

  func processRequirements(_ entry: RingEntry) {
    guard let message = JSONPayload(entry.payload) else { return }
    let path = context.filesDirectory + "/requirements.txt"
    unlink(path)
    if FileTools.writeNew(path, Array(message.text)) {
      appendFile("requirements.txt", policy: 0, type: 1, derived: true)
    } else {
      drop(kind: "file_failed", "cannot write \(path)")
    }
  }

  // MARK: What the library makes itself

  func processStats(_ entry: RingEntry) {
    guard let object = json(entry)?.objectValue else { return }
    var record = StatsRecord()
    record.timestamp = Timestamp(nanoseconds: entry.time &+ wallOffset)
    for (key, value) in object.members {
      var item = StatsItem()
      item.key = key.string
      item.valueJSON = value.text(style: .client)
      record.item.append(item)
    }
    if !record.item.isEmpty { stream.append(.stats(record)) }
  }

  /// The number inside is ignored: the writer gives its own.
  func processRecord(_ entry: RingEntry) {
    guard let record = try? Record(decoding: entry.payload) else { return }
    if case .unknown = record.payload { return }
    stream.append(record.payload, streamID: record.info?.streamID)
  }

  // MARK: Console

  /// Payload: one byte stream number, then the text.
  func processOutput(_ entry: RingEntry) {
    guard let number = entry.payload.first else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: entry.payload[1...])
    let text = String(decoding: bytes, as: UTF8.self)
    feedConsole(number, text, at: entry.time)
    if number == 3 {
      var record = OutputLoggerRecord()
      record.line = text
      stream.append(.outputLogger(record))
    } else {
      var record = OutputRawRecord()
      record.outputType = OutputType(rawValue: number == 1 ? 1 : 0)
      record.timestamp = Timestamp(nanoseconds: entry.time &+ wallOffset)
      record.line = text
      stream.append(.outputRaw(record), streamID: context.runID)
    }
  }

  func feedConsole(_ stream: UInt8, _ text: String, at time: Int64) {
    guard context.consoleFile != nil else { return }
    if context.consoleParts != nil, consolePart == nil { openConsolePart(at: time) }
    switch stream {
    case 1: console.feed(.stdout, text)
    case 2: console.feed(.stderr, text)
    default: console.addLines(text)
    }
    consoleDirty = true
  }

  // MARK: End

  func processExit(_ entry: RingEntry) {
    let object = json(entry)?.objectValue ?? JSONObject()
    finish(
      code: Int32(truncatingIfNeeded: object["code"]?.intValue ?? 0),
      isExplicit: object["explicit"]?.boolValue == true, at: entry.time)
  }

  /// Writes what is open and the exit record.
  func finish(code: Int32, isExplicit: Bool, at time: Int64) {
    writeOpenRow()
    close(at: time)
    var record = RunExitRecord()
    record.exitCode = code
    record.runtime = Int32(clamping: Int64(runtimeSeconds(time)))
    stream.append(.exit(record), streamID: isExplicit ? context.runID : nil)
    exitCode = code
    finishProcessing()
  }

  /// The last summary record of a run: what rows have changed, and the run's length.
  func close(at time: Int64) {
    writeDerivedSummary(at: time)
    let seconds = Int64(runtimeSeconds(time))
    stream.summary { out in
      Self.runtimeItemKey.withUnsafeBytes { key in out.appendItem(key: key) { $0.appendDecimal(seconds) } }
      if rowsWritten == 0 {
        runtimeKey.withUnsafeBytes { key in out.appendItem(key: key) { $0.appendDecimal(seconds) } }
      }
    }
    if rowsWritten == 0 { runtimeNode.update(.int(seconds)) }
  }
}

extension MetricDefinition {
  /// The definition as the log has it: only what this call gave.
  var record: MetricRecord {
    var record = MetricRecord()
    if isGlob { record.globName = name } else { record.name = name }
    if let stepMetric { record.stepMetric = stepMetric }
    var options = MetricOptions()
    options.stepSync = stepSync ?? (stepMetric != nil)
    options.hidden = hidden ?? false
    options.defined = true
    record.options = options
    if let modes, !modes.isEmpty {
      var flags = Flags<MetricSummary>()
      for number in 1...8 where modes.rawValue & (1 << number) != 0 { flags.insert(UInt8(number)) }
      record.summary = flags
    }
    record.goal = MetricGoal(rawValue: Int32(truncatingIfNeeded: goal.rawValue))
    if overwrite {
      var control = MetricControl()
      control.overwrite = true
      record.control = control
    }
    return record
  }
}
