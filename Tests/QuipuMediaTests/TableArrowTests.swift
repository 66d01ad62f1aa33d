import QuipuBase
import Testing

@testable import QuipuMedia

/// An Arrow stream made by hand, one batch with one column, so that what it holds can be wrong.
private final class HandMadeStream {
  static let streamBytes = 40
  var format = "+s"
  var columnFormat = "l"
  var length: Int64 = 3
  var nullCount: Int64 = 0
  var buffers: [UnsafeRawPointer?] = []
  var childCount: Int64 = 1
  var isGiven = false
  private(set) var releases = 0
  private var owned: [UnsafeMutableRawPointer] = []
  let base: UnsafeMutableRawPointer

  init() {
    base = .allocate(byteCount: Self.streamBytes, alignment: 16)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.streamBytes)
    let schema: @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32 = { stream, out in
      HandMadeStream.of(stream).writeSchema(out)
      return 0
    }
    let next: @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32 = { stream, out in
      let own = HandMadeStream.of(stream)
      if own.isGiven { return 0 }
      own.isGiven = true
      own.writeBatch(out)
      return 0
    }
    let release: @convention(c) (UnsafeMutableRawPointer) -> Void = { stream in
      HandMadeStream.of(stream).releases += 1
      stream.storeBytes(of: 0, toByteOffset: 24, as: UInt.self)
    }
    base.storeBytes(of: schema, as: (@convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32).self)
    base.storeBytes(
      of: next, toByteOffset: 8, as: (@convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32).self)
    base.storeBytes(of: release, toByteOffset: 24, as: (@convention(c) (UnsafeMutableRawPointer) -> Void).self)
    base.storeBytes(of: Unmanaged.passUnretained(self).toOpaque(), toByteOffset: 32, as: UnsafeMutableRawPointer.self)
  }

  deinit {
    for block in owned { block.deallocate() }
    base.deallocate()
  }

  static func of(_ stream: UnsafeMutableRawPointer) -> HandMadeStream {
    let own = stream.load(fromByteOffset: 32, as: UnsafeMutableRawPointer.self)
    return Unmanaged<HandMadeStream>.fromOpaque(own).takeUnretainedValue()
  }

  func block(_ count: Int) -> UnsafeMutableRawPointer {
    let made = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16), alignment: 16)
    made.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 16))
    owned.append(made)
    return made
  }

  func values<T: BitwiseCopyable>(_ list: [T]) -> UnsafeRawPointer {
    let made = block(list.count * MemoryLayout<T>.stride)
    list.withUnsafeBytes { made.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(made), byteCount: $0.count) }
    return UnsafeRawPointer(made)
  }

  private func text(_ text: String) -> UnsafeRawPointer { values(Array(text.utf8) + [0]) }

  private func writeSchema(_ out: UnsafeMutableRawPointer) {
    let nothing: @convention(c) (UnsafeMutableRawPointer) -> Void = { _ in }
    let child = block(72)
    child.storeBytes(of: text(columnFormat), as: UnsafeRawPointer.self)
    child.storeBytes(of: text("c"), toByteOffset: 8, as: UnsafeRawPointer.self)
    out.storeBytes(of: text(format), as: UnsafeRawPointer.self)
    out.storeBytes(of: 1, toByteOffset: 32, as: Int64.self)
    out.storeBytes(of: values([UnsafeRawPointer(child)]), toByteOffset: 40, as: UnsafeRawPointer.self)
    out.storeBytes(of: nothing, toByteOffset: 56, as: (@convention(c) (UnsafeMutableRawPointer) -> Void).self)
  }

  private func writeBatch(_ out: UnsafeMutableRawPointer) {
    let nothing: @convention(c) (UnsafeMutableRawPointer) -> Void = { _ in }
    let child = block(80)
    child.storeBytes(of: length, as: Int64.self)
    child.storeBytes(of: nullCount, toByteOffset: 8, as: Int64.self)
    child.storeBytes(of: Int64(buffers.count), toByteOffset: 24, as: Int64.self)
    child.storeBytes(of: values(buffers), toByteOffset: 40, as: UnsafeRawPointer.self)
    out.storeBytes(of: 3, as: Int64.self)
    out.storeBytes(of: childCount, toByteOffset: 32, as: Int64.self)
    out.storeBytes(of: values([UnsafeRawPointer(child)]), toByteOffset: 48, as: UnsafeRawPointer.self)
    out.storeBytes(of: nothing, toByteOffset: 64, as: (@convention(c) (UnsafeMutableRawPointer) -> Void).self)
  }
}

struct TableArrowTests {
  private func rows(_ stream: HandMadeStream) throws -> String {
    let table = try Table(arrowStream: stream.base)
    return String(decoding: try table.runFile(), as: UTF8.self)
  }

  @Test func readsNumbersWithGapsAndReleasesTheStream() throws {
    let stream = HandMadeStream()
    stream.nullCount = 1
    stream.buffers = [stream.values([UInt8(0b101)]), stream.values([Int64(1), 2, 3])]
    #expect(try rows(stream) == #"{"columns":["c"],"data":[[1],[null],[3]]}"#)
    #expect(stream.releases == 1)
  }

  @Test func readsTextsOfEachLayout() throws {
    let short = HandMadeStream()
    short.columnFormat = "u"
    short.buffers = [nil, short.values([Int32(0), 1, 1, 3]), short.values(Array("xyz".utf8))]
    #expect(try rows(short) == #"{"columns":["c"],"data":[["x"],[""],["yz"]]}"#)
    let wide = HandMadeStream()
    wide.columnFormat = "U"
    wide.buffers = [nil, wide.values([Int64(0), 1, 1, 3]), wide.values(Array("xyz".utf8))]
    #expect(try rows(wide) == #"{"columns":["c"],"data":[["x"],[""],["yz"]]}"#)
    let views = HandMadeStream()
    views.columnFormat = "vu"
    func view(_ size: Int32, _ inline: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: size) { Array($0) } + inline + [UInt8](repeating: 0, count: 12 - inline.count)
    }
    let far = withUnsafeBytes(of: Int32(14)) { Array($0) } + [UInt8](repeating: 0, count: 4)
      + withUnsafeBytes(of: (Int32(0), Int32(2))) { Array($0) }
    views.buffers = [
      nil, views.values(view(1, Array("x".utf8)) + view(0, []) + far), views.values(Array("__0123456789abcd".utf8)),
      views.values([Int64(16)]),
    ]
    #expect(try rows(views) == #"{"columns":["c"],"data":[["x"],[""],["0123456789abcd"]]}"#)
  }

  @Test func refusesWhatIsMalformedAndReleasesTheStream() {
    func refused(_ change: (HandMadeStream) -> Void) {
      let stream = HandMadeStream()
      stream.buffers = [nil, stream.values([Int64(1), 2, 3])]
      change(stream)
      #expect(throws: MediaError.self) { try rows(stream) }
      #expect(stream.releases == 1)
    }
    refused { $0.format = "l" }
    refused { $0.columnFormat = "+us:0" }
    refused { $0.columnFormat = "" }
    refused { $0.columnFormat = "d:9,999" }
    refused { $0.buffers = [nil] }
    refused { $0.buffers = [nil, nil] }
    refused { $0.length = -1 }
    refused { $0.length = 2 }
    refused { $0.length = .max }
    refused { $0.childCount = 2 }
    refused {
      $0.columnFormat = "u"
      $0.buffers = [nil, $0.values([Int32(0), 2, 1, 3]), $0.values(Array("xyz".utf8))]
    }
    refused {
      $0.columnFormat = "u"
      $0.buffers = [nil, $0.values([Int32(0), 1, 2, 3]), $0.values([UInt8(0xff), 0xfe, 0xfd])]
    }
    refused {
      $0.columnFormat = "vu"
      $0.buffers = [nil, $0.values([Int32(-1), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), nil]
    }
  }

  @Test func aStreamThatWasReleasedIsRefused() throws {
    let stream = HandMadeStream()
    stream.buffers = [nil, stream.values([Int64(1), 2, 3])]
    _ = try rows(stream)
    #expect(throws: MediaError.self) { try rows(stream) }
    #expect(stream.releases == 1)
  }
}

struct TablePackedColumnTests {
  /// The same cells appended one by one, and as they would be without packing.
  @Test(arguments: 0..<40) func packedColumnsHoldTheCellsThatWereAppended(seed: Int) throws {
    var random = SystemRandomNumberGenerator()
    _ = seed
    let kinds: [TableCell] = [
      .none, .double(.nan), .double(1.5), .numpyDouble(2), .int(3), .bool(true), .string("x"), .string(""),
    ]
    let few = (0..<3).map { _ in kinds.randomElement(using: &random) ?? .none }
    var column = TableColumn()
    var cells: [TableCell] = []
    for _ in 0..<Int.random(in: 0..<30, using: &random) {
      let cell = few.randomElement(using: &random) ?? .none
      column.append(cell)
      cells.append(cell)
    }
    var other = TableColumn(cells: cells)
    other.append(contentsOf: column)
    #expect(column.count == cells.count && other.count == 2 * cells.count)
    func text(_ cell: TableCell) -> String { "\(cell)" }
    for (at, cell) in cells.enumerated() {
      #expect(text(column[at]) == text(cell))
      #expect(text(other[cells.count + at]) == text(cell))
    }
    column.truncate(to: cells.count / 2)
    column.append(.int(9))
    #expect(column.count == cells.count / 2 + 1 && text(column[column.count - 1]) == text(.int(9)))
    let start = ColumnType.unknown.optional
    var expected: ColumnType? = start
    for cell in cells { expected = expected?.assigning(cell) }
    #expect(TableColumn(cells: cells).learned(by: start).type?.text == expected?.text)
  }

  @Test func timesAreShownByTheirUnit() {
    func text(_ unit: TableTimeUnit, _ value: Int64) -> String { unit.timestamp(value).run.text(style: .client) }
    #expect(text(.days, -1) == "\"1969-12-31\"" && text(.days, 11_016) == "\"2000-02-29\"")
    #expect(text(.days, -719_162) == "\"0001-01-01\"")
    #expect(text(.seconds, -1) == "\"1969-12-31T23:59:59\"")
    #expect(text(.milliseconds, -1) == "\"1969-12-31T23:59:59.999000\"")
    #expect(text(.microseconds, 1) == "\"1970-01-01T00:00:00.000001\"")
    #expect(text(.nanoseconds, 5) == "5" && text(.seconds, .min) == "null")
    for unit: TableTimeUnit in [.days, .seconds, .milliseconds, .microseconds] {
      _ = text(unit, .max)
      _ = text(unit, .min + 1)
    }
  }
}
