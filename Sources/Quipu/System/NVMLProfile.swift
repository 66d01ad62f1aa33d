import Glibc

/// Activity of a GPU's parts between two samples, on Hopper and later ("GPM").
///
/// Threads: the GPU thread only.
final class NVMLProfile {
  private let library: NVMLLibrary
  private let handle: NVMLLibrary.Handle
  private var before: NVMLLibrary.Handle
  private var after: NVMLLibrary.Handle
  private var hasBefore = false
  private let request: UnsafeMutableRawPointer

  /// Number in the library, name, factor.
  private static let metrics: [(id: UInt32, name: String, factor: Double)] = [
    (2, "smActive", 1), (3, "smOccupancy", 1), (5, "pipeTensorActive", 1), (7, "pipeTensorHmmaActive", 1),
    (10, "dramActive", 1), (11, "pipeFp64Active", 1), (12, "pipeFp32Active", 1), (13, "pipeFp16Active", 1),
    (20, "pcieTxBytes", 1_048_576), (21, "pcieRxBytes", 1_048_576), (60, "nvlinkRxBytes", 1_048_576),
    (61, "nvlinkTxBytes", 1_048_576),
  ]
  // version, count, two samples; then entries: id, status, value, three texts.
  private static let headBytes = 24
  private static let entryBytes = 40
  /// Room for more than any version of the library knows.
  private static let entries = 512

  /// Nil where the GPU has none of this.
  init?(_ library: NVMLLibrary, _ handle: NVMLLibrary.Handle) {
    guard let supports = library.gpmSupport, let allocate = library.gpmAllocate, library.gpmTake != nil,
      library.gpmMetrics != nil
    else { return nil }
    var answer: [UInt32] = [1, 0]
    let status = answer.withUnsafeMutableBytes { bytes in bytes.baseAddress.map { supports(handle, $0) } ?? 1 }
    guard status == 0, answer[1] != 0 else { return nil }
    var first: OpaquePointer?
    var second: OpaquePointer?
    guard allocate(&first) == 0, allocate(&second) == 0 else { return nil }
    self.library = library
    self.handle = handle
    before = first
    after = second
    request = .allocate(byteCount: Self.headBytes + Self.entryBytes * Self.entries, alignment: 8)
  }

  deinit { request.deallocate() }

  /// Empty the first time.
  func sample() -> [GPUReading.Value] {
    guard let take = library.gpmTake, let compute = library.gpmMetrics, take(handle, after) == 0 else { return [] }
    defer {
      swap(&before, &after)
      hasBefore = true
    }
    guard hasBefore else { return [] }
    memset(request, 0, Self.headBytes + Self.entryBytes * Self.entries)
    request.storeBytes(of: 1, as: UInt32.self)
    request.storeBytes(of: UInt32(Self.metrics.count), toByteOffset: 4, as: UInt32.self)
    request.storeBytes(of: before, toByteOffset: 8, as: OpaquePointer?.self)
    request.storeBytes(of: after, toByteOffset: 16, as: OpaquePointer?.self)
    for (at, metric) in Self.metrics.enumerated() {
      request.storeBytes(of: metric.id, toByteOffset: Self.headBytes + at * Self.entryBytes, as: UInt32.self)
    }
    guard compute(request) == 0 else { return [] }
    var values: [GPUReading.Value] = []
    for (at, metric) in Self.metrics.enumerated() {
      let entry = request + (Self.headBytes + at * Self.entryBytes)
      guard entry.load(fromByteOffset: 4, as: Int32.self) == 0 else { continue }
      let value = entry.load(fromByteOffset: 8, as: Double.self)
      values.append(GPUReading.Value(name: metric.name, number: value * metric.factor))
    }
    return values
  }
}
