import Glibc
import QuipuBase
import Synchronization

/// Points of the 3-D viewer, copied from an array; made into text later, on another thread.
///
/// Shape: `[n, 3]` x y z, `[n, 4]` x y z and a category (by convention 1...14), `[n, 6]` x y z and red, green, blue (by
/// convention 0...255). n may be 0. Integers stay integers, floats are widened to double; NaN and infinities are kept.
/// Threads: immutable, may be read anywhere.
/// Source: W&B's `Object3D`.
public struct PointCloud: Sendable {
  public let rows: Int
  /// 3, 4 or 6.
  public let columns: Int
  let dtype: DType
  private let storage: Storage

  /// Most numbers a cloud may have: their text is at most 4 GB.
  public static let maximumCount = 150_000_000

  /// Malloc, because it reports exhaustion instead of trapping.
  private final class Storage: @unchecked Sendable {
    // Unchecked because of the raw pointer: it is written before the object is shared and never after.
    let bytes: UnsafeMutableRawPointer
    init?(byteCount: Int) {
      guard let fresh = malloc(max(byteCount, 1)) else { return nil }
      preferLargePages(fresh, count: byteCount)
      bytes = fresh
    }
    deinit { free(bytes) }
  }

  /// - Parameter points: any real type, strides and byte order.
  /// - Throws: `.value` for another shape or too many points, `.type` for complex numbers, `.memory`. The texts name
  ///   the argument `points`.
  public init(_ points: ArrayView) throws(MediaError) {
    guard !points.dtype.isComplex else {
      throw MediaError(.type, "points: are \(points.dtype.name); pass real numbers")
    }
    // A list without points has no second axis where it was made of a plain list.
    let isEmptyList = points.shape.count == 1 && points.shape[0] == 0
    guard isEmptyList || (points.shape.count == 2 && [3, 4, 6].contains(points.shape[1])) else {
      throw MediaError(
        .value, "points: have the shape \(points.shape); pass [n, 3] (x y z), [n, 4] (and a category) or [n, 6] (and r g b)"
      )
    }
    guard points.count <= Self.maximumCount else {
      throw MediaError(.memory, "points: \(points.shape[0]) are more than fit into one file; log every nth of them")
    }
    rows = points.shape[0]
    columns = isEmptyList ? 3 : points.shape[1]
    dtype = points.dtype
    guard let storage = Storage(byteCount: points.count &* points.dtype.itemSize) else {
      throw MediaError(.memory, "points: out of memory for a copy of \(rows) points")
    }
    points.copyElements(to: storage.bytes)
    self.storage = storage
  }

  public var byteCount: Int { rows &* columns &* dtype.itemSize }

  /// The text of a `.pts.json` file: a list of lists.
  public func encode() throws(MediaError) -> [UInt8] { try encode(before: [], after: []) }

  /// The list of points between two pieces of text.
  func encode(before: [UInt8], after: [UInt8]) throws(MediaError) -> [UInt8] {
    let count = rows &* columns
    // What cannot be filled is never touched, and so takes no memory.
    let (text, overflow) = (count &* numberRoom).addingReportingOverflow(rows &* 3)
    let room = text &+ before.count &+ after.count &+ NumberRows.slack &+ 2
    guard !overflow, let probe = malloc(room) else {
      throw MediaError(.memory, "points: out of memory for the text of \(rows) points")
    }
    free(probe)
    var failure: MediaError?
    let result = [UInt8](unsafeUninitializedCapacity: room) { buffer, used in
      guard let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
      preferLargePages(start, count: room)
      var out = start
      Self.put(before, &out)
      out.storeBytes(of: UInt8(ascii: "["), as: UInt8.self)
      out += 1
      do throws(MediaError) { try writeAll(&out) } catch { failure = error }
      out.storeBytes(of: UInt8(ascii: "]"), as: UInt8.self)
      out += 1
      Self.put(after, &out)
      used = out - start
    }
    if let failure { throw failure }
    return result
  }

  /// Clouds of fewer numbers are written by one thread.
  static let sharedFrom = 200_000

  private func writeAll(_ out: inout UnsafeMutableRawPointer) throws(MediaError) {
    guard rows &* columns >= Self.sharedFrom else { return try write(0..<rows, &out) }
    // The second half where the first would end if all its numbers were as long as can be; then moved up to it.
    let middle = rows / 2
    let second = out + (middle &* columns &* numberRoom &+ middle &* 3)
    let helper = HalfJob(cloud: self, rows: middle..<rows, out: second)
    let shared = Thread.start(name: "quipu-points") { helper.run() }
    var failure: MediaError?
    do throws(MediaError) { try write(0..<middle, &out) } catch { failure = error }
    if !shared { helper.run() }
    let written = helper.wait()
    if let failure { throw failure }
    let count = try written.get()
    memmove(out, second, count)
    out += count
  }

  /// Rows that another thread writes.
  private final class HalfJob: @unchecked Sendable {
    // Unchecked because of the raw pointer: only `run` writes behind it, and `wait` comes after that.
    private let cloud: PointCloud
    private let rows: Range<Int>
    private let out: UnsafeMutableRawPointer
    private let result = Mutex<Result<Int, MediaError>?>(nil)
    private let done: UnsafeMutablePointer<sem_t>

    init(cloud: PointCloud, rows: Range<Int>, out: UnsafeMutableRawPointer) {
      self.cloud = cloud
      self.rows = rows
      self.out = out
      done = .allocate(capacity: 1)
      sem_init(done, 0, 0)
    }

    deinit {
      sem_destroy(done)
      done.deallocate()
    }

    func run() {
      var end = out
      var written: Result<Int, MediaError>
      do throws(MediaError) {
        try cloud.write(rows, &end)
        written = .success(end - out)
      } catch {
        written = .failure(error)
      }
      result.withLock { $0 = written }
      sem_post(done)
    }

    func wait() -> Result<Int, MediaError> {
      while sem_wait(done) != 0 && errno == EINTR {}
      return result.withLock { $0 } ?? .success(0)
    }
  }

  /// Most bytes of a number with the comma behind it.
  private var numberRoom: Int {
    switch dtype {
    case .u8: 4
    case .i8: 5
    case .u16, .bool: 6
    case .i16: 7
    case .u32: 11
    case .i32: 12
    case .i64, .u64: 21
    default: NumberRows.doubleRoom
    }
  }

  private static func put(_ bytes: [UInt8], _ out: inout UnsafeMutableRawPointer) {
    bytes.withUnsafeBytes { if let base = $0.baseAddress { out.copyMemory(from: base, byteCount: $0.count) } }
    out += bytes.count
  }

  /// Writes some of the rows; those behind the first with a comma before them.
  private func write(_ rows: Range<Int>, _ out: inout UnsafeMutableRawPointer) throws(MediaError) {
    let columns = columns
    let limit = columns &* 1024
    let item = dtype.itemSize
    let view = ArrayView(
      unchecked: storage.bytes + rows.lowerBound &* columns &* item, dtype, [rows.count &* columns], [item], false)
    var continued = rows.lowerBound > 0
    var at = out
    if dtype == .bool {
      try view.forEachIntegerBlock(limit: limit) { (block) throws(MediaError) in
        for (index, value) in block.enumerated() {
          let column = index % columns
          let mark: StaticString = column > 0 ? "," : continued ? ",[" : "["
          let word: StaticString = value != 0 ? "true" : "false"
          for text in [mark, word] {
            at.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
            at += text.utf8CodeUnitCount
          }
          if column == columns - 1 {
            at.storeBytes(of: UInt8(ascii: "]"), as: UInt8.self)
            at += 1
          }
          continued = true
        }
      }
    } else if dtype.isFloating {
      try view.forEachDoubleBlock(limit: limit) { (block) throws(MediaError) in
        at += NumberRows.write(block, length: columns, continued: continued, to: at)
        continued = true
      }
    } else {
      let unsigned = dtype == .u64
      try view.forEachIntegerBlock(limit: limit) { (block) throws(MediaError) in
        at += NumberRows.write(block, unsigned: unsigned, length: columns, continued: continued, to: at)
        continued = true
      }
    }
    out = at
  }
}
