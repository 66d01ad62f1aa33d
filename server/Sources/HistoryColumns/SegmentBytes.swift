import Glibc

/// Bytes that stay in place as long as the object lives: a copy in memory, or a mapped file.
///
/// A mapped file must not be shortened or rewritten while it is mapped; replace it by renaming another over it.
public final class SegmentBytes: Sendable {
  // Read only after init; freed in deinit only.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Copies `array`.
  public convenience init(_ array: [UInt8]) {
    self.init(copying: array.span.bytes)
  }

  public init(copying source: RawSpan) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: Swift.max(1, source.byteCount), alignment: 16)
    source.withUnsafeBytes { copy.copyMemory(from: $0) }
    bytes = UnsafeRawBufferPointer(start: copy.baseAddress, count: source.byteCount)
    isMapped = false
  }

  /// Maps the file at `path` for reading.
  public init(mapping path: String) throws(SegmentError) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw SegmentError("cannot open \(path): error \(errno)") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw SegmentError("cannot look at \(path): error \(errno)") }
    guard status.st_size > 0 else { throw SegmentError("\(path) is empty") }
    let size = Int(status.st_size)
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED else {
      throw SegmentError("cannot map \(path): error \(errno)")
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
    isMapped = true
  }

  deinit {
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else {
      bytes.baseAddress?.deallocate()
    }
  }
}
