/// Where a `LogReader` gets its bytes from. The bytes may grow between two calls, but bytes once read stay as they are.
public protocol LogSource: ~Copyable {
  /// Reads from `offset` until `into` is full or the source ends.
  ///
  /// - Parameters:
  ///   - offset: position of the first byte, in bytes from the start.
  ///   - into: receives the bytes.
  /// - Returns: number of bytes read; less than asked for only at the end of the source, 0 at or behind the end.
  /// - Throws: `LogFileError` when the bytes cannot be read.
  func read(at offset: UInt64, into: UnsafeMutableRawBufferPointer) throws(LogFileError) -> Int
}

/// A log in memory.
public struct MemoryLogSource: LogSource {
  public var bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public func read(at offset: UInt64, into: UnsafeMutableRawBufferPointer) -> Int {
    guard offset < UInt64(bytes.count) else { return 0 }
    let start = Int(offset)
    let size = min(into.count, bytes.count - start)
    bytes.withUnsafeBytes { into.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + size)])) }
    return size
  }
}
