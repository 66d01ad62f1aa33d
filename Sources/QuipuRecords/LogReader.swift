import QuipuBase

/// Reads the records of a log one after another, over damage and at the end of a growing file.
///
/// It finds the same records as the official reader, whatever the file holds. Each call of `next` moves forward or
/// reports an end; memory is one block and the record being joined. Not thread-safe.
///
/// Source: the transaction log format, "Reading and recovery".
public struct LogReader<Source: LogSource & ~Copyable>: ~Copyable {
  private enum Failure: Error {
    case unexpectedEnd
    case endOfFile
    case damage(LogDamage.Kind)
    case file(LogFileError)
  }

  private enum State {
    case header
    case records
    case ended(LogEvent)
  }

  private struct Chunk {
    var type: UInt8
    var payload: Range<Int>
    var start: UInt64
    var end: UInt64
  }

  public let source: Source
  private let limit: Int
  private let checksum = ChunkChecksum()
  private let block: UnsafeMutableRawBufferPointer
  // The state that the format's description names: start B and size of the loaded block, position p of the next chunk
  // header (`cursor`), end of the last chunk examined in this block, and whether damage is being skipped.
  private var blockStart: UInt64 = 0
  private var blockSize = 0
  private var loaded = false
  private var cursor = UInt64(LogFormat.fileHeaderSize)
  private var last: UInt64?
  private var skipping = false
  private var state = State.header
  // Position before the read that met the end: where a growing file is read on.
  private var retryPosition = UInt64(LogFormat.fileHeaderSize)
  private var joined = ByteBuffer(capacity: 64)
  private var payloadInBlock: Range<Int>? = 0..<0

  /// - Parameters:
  ///   - source: the log.
  ///   - maximumRecordSize: records with more bytes count as damage. Default 2 GiB, the limit of the format.
  public init(_ source: consuming Source, maximumRecordSize: Int = LogFormat.maximumRecordSize) {
    self.source = source
    limit = maximumRecordSize
    block = UnsafeMutableRawBufferPointer.allocate(byteCount: LogFormat.blockSize, alignment: 16)
  }

  deinit { block.deallocate() }

  /// Where the next read begins, in bytes from the start of the file.
  public var position: UInt64 { cursor }

  /// Encoded bytes of the record that `next` returned last. Valid until the next mutating call.
  public var payload: UnsafeRawBufferPointer {
    if let payloadInBlock { return UnsafeRawBufferPointer(rebasing: block[payloadInBlock]) }
    return joined.bytes
  }

  /// Reads on: the next record, the next damage, or the end.
  ///
  /// After an end or a bad header every further call returns the same event, until `retryTail` or `seek`.
  ///
  /// - Throws: `LogFileError` if the source cannot be read. The same call may be tried again.
  public mutating func next() throws(LogFileError) -> LogEvent {
    payloadInBlock = 0..<0
    if case .ended(let event) = state { return event }
    if case .header = state, let event = try readHeader() {
      state = .ended(event)
      return event
    }
    state = .records
    let before = cursor
    do throws(Failure) {
      return .record(try readRecord())
    } catch {
      switch error {
      case .file(let problem):
        // As if the call had not happened.
        loaded = false
        cursor = before
        throw problem
      case .damage(let kind):
        recover()
        return .damage(LogDamage(kind: kind, offset: before, resumesAt: cursor))
      case .endOfFile:
        return end(.endOfFile, retryingAt: before)
      case .unexpectedEnd:
        recover()
        return end(.unexpectedEnd(offset: before), retryingAt: before)
      }
    }
  }

  /// After an end: makes the following `next` look again for what has been appended meanwhile.
  public mutating func retryTail() {
    guard case .ended(let event) = state else { return }
    if case .badHeader = event { return }
    seek(to: retryPosition)
  }

  /// Goes on reading at `position`, which must be the start or the end of a record (or of a read, see `position`).
  ///
  /// The file header is checked first if that has not been done.
  public mutating func seek(to position: UInt64) {
    var target = max(position, UInt64(LogFormat.fileHeaderSize))
    // Behind a record with fewer than seven bytes left in its block, the next header is in the next block.
    let remainder = LogFormat.blockRemainder(at: target)
    if remainder < LogFormat.chunkHeaderSize { target &+= UInt64(remainder) }
    cursor = target
    loaded = false
    last = nil
    skipping = false
    if isHeaderGood { state = .records } else { state = .header }
  }

  // MARK: Header

  /// Whether the file header has been read and is that of this format.
  public private(set) var isHeaderGood = false

  /// Nil if the header is good.
  private mutating func readHeader() throws(LogFileError) -> LogEvent? {
    let size = try source.read(at: 0, into: UnsafeMutableRawBufferPointer(rebasing: block[..<LogFormat.fileHeaderSize]))
    loaded = false
    retryPosition = cursor
    if size == 0 { return .endOfFile }
    if size < LogFormat.fileHeaderSize { return .unexpectedEnd(offset: 0) }
    let expected = LogFormat.fileHeader
    for at in 0..<LogFormat.fileHeaderSize where block[at] != expected[at] {
      if at < 4 { return .badHeader(.identifier) }
      return .badHeader(at < 6 ? .magic : .version(block[at]))
    }
    isHeaderGood = true
    return nil
  }

  // MARK: Records

  private mutating func end(_ event: LogEvent, retryingAt position: UInt64) -> LogEvent {
    retryPosition = position
    state = .ended(event)
    return event
  }

  private mutating func readRecord() throws(Failure) -> RecordSpan {
    let head = try readChunk(wantFirst: true)
    if head.type == ChunkType.full.rawValue {
      payloadInBlock = head.payload
      return RecordSpan(start: head.start, end: head.end)
    }
    payloadInBlock = nil
    // One huge record must not keep its memory while thousands of small ones follow.
    if joined.capacity > 1 << 20 { joined = ByteBuffer(capacity: 64) }
    joined.removeAll()
    try join(head)
    while true {
      let chunk: Chunk
      do throws(Failure) {
        chunk = try readChunk(wantFirst: false)
      } catch {
        if case .endOfFile = error { throw .unexpectedEnd }
        throw error
      }
      try join(chunk)
      if chunk.type == ChunkType.full.rawValue || chunk.type == ChunkType.last.rawValue {
        return RecordSpan(start: head.start, end: chunk.end)
      }
    }
  }

  private mutating func join(_ chunk: Chunk) throws(Failure) {
    guard chunk.payload.count <= limit &- joined.count else { throw .damage(.recordTooLarge) }
    joined.append(UnsafeRawBufferPointer(rebasing: block[chunk.payload]))
  }

  // MARK: Chunks and blocks

  private var blockEnd: UInt64 { blockStart &+ UInt64(blockSize) }

  private mutating func readChunk(wantFirst: Bool) throws(Failure) -> Chunk {
    if !loaded {
      blockStart = cursor &- cursor % UInt64(LogFormat.blockSize)
      blockSize = try load(blockStart)
      last = nil
      loaded = true
    }
    while true {
      if cursor &+ UInt64(LogFormat.chunkHeaderSize) <= blockEnd {
        do throws(Failure) {
          let chunk = try examine()
          skipping = false
          let starts = chunk.type == ChunkType.full.rawValue || chunk.type == ChunkType.first.rawValue
          if !wantFirst || starts { return chunk }
        } catch {
          var silent = skipping
          if wantFirst, case .damage(.zeroChunk) = error { silent = true }
          guard silent else { throw error }
          recover()
        }
        continue
      }
      let short = blockSize < LogFormat.blockSize
      if short, let last, last != blockEnd { throw .unexpectedEnd }
      if cursor < blockEnd { throw .unexpectedEnd }
      if short { throw .endOfFile }
      // The loaded block stays as it is when nothing follows it.
      let size = try load(blockEnd)
      if size == 0 { throw .endOfFile }
      blockStart = blockEnd
      blockSize = size
      last = nil
    }
  }

  /// Checks the chunk whose header is at `cursor` and moves behind it. The whole header is in the loaded block.
  private mutating func examine() throws(Failure) -> Chunk {
    let at = Int(cursor &- blockStart)
    let bytes = UnsafeRawBufferPointer(block)
    let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    let length = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: at &+ 4, as: UInt16.self)))
    let type = bytes[at &+ 6]
    if stored == 0 && length == 0 && type == 0 { throw .damage(.zeroChunk) }
    let start = cursor
    let stop = at &+ LogFormat.chunkHeaderSize &+ length
    let end = blockStart &+ UInt64(stop)
    last = end
    let room = LogFormat.blockSize &- stop
    cursor = room < LogFormat.chunkHeaderSize ? blockStart &+ UInt64(LogFormat.blockSize) : end
    if room < 0 { throw .damage(.tooLong) }
    if stop > blockSize { throw .unexpectedEnd }
    let covered = UnsafeRawBufferPointer(rebasing: bytes[(at &+ 6)..<stop])
    if checksum.value(of: covered) != stored { throw .damage(.checksum) }
    return Chunk(type: type, payload: (at &+ LogFormat.chunkHeaderSize)..<stop, start: start, end: end)
  }

  /// Drops the rest of the loaded block.
  private mutating func recover() {
    skipping = true
    last = nil
    cursor = blockEnd
  }

  private func load(_ start: UInt64) throws(Failure) -> Int {
    do throws(LogFileError) {
      return try source.read(at: start, into: block)
    } catch {
      throw .file(error)
    }
  }
}
