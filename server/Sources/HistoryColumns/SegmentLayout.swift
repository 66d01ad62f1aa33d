import QuipuBase

/// Where things are in a segment: its header and column table, checked.
final class SegmentLayout: Sendable {
  /// A column's places, as offsets in the segment.
  struct Column {
    /// The first component's length.
    var path: Int
    var components: Int
    var index: Range<Int>
    var pages: Range<Int>
  }

  let storage: SegmentBytes
  let pageRows: Int
  let isCheckedWhole: Bool
  let rowCount: Int
  let valueCount: Int
  let firstStep: Int64
  let lastStep: Int64
  /// The key that shows a row's step.
  let stepKey: [UInt8]?
  let stepColumn: Column
  /// Ascending by path.
  let columns: [Column]

  var bytes: UnsafeRawBufferPointer { storage.bytes }
  var pageCount: Int { (rowCount &+ pageRows &- 1) / pageRows }

  /// The rows of a page.
  func rows(ofPage page: Int) -> Range<Int> { page &* pageRows..<min(rowCount, (page &+ 1) &* pageRows) }

  init(_ storage: SegmentBytes) throws(SegmentError) {
    self.storage = storage
    let bytes = storage.bytes
    var header = ByteReader(bytes, 0..<bytes.count)
    guard try header.uint64() == SegmentFormat.magic else { throw SegmentError("not a segment") }
    let versionAndRows = try header.uint32()
    guard versionAndRows & 0xffff == SegmentFormat.version else {
      throw SegmentError("segment of version \(versionAndRows & 0xffff)")
    }
    pageRows = Int(versionAndRows >> 16)
    let flags = try header.uint32()
    isCheckedWhole = flags & SegmentFormat.checkedWhole != 0
    guard try header.uint64() == UInt64(bytes.count) else { throw SegmentError("segment is cut short") }
    let rows = try header.uint64()
    let values = try header.uint64()
    firstStep = Int64(bitPattern: try header.uint64())
    lastStep = Int64(bitPattern: try header.uint64())
    let indexAt = try header.uint64()
    let tableAt = try header.uint64()
    let bodyCheck = try header.uint32()
    let checkedHeader = header.at
    let tableCheck = try header.uint32()
    guard UInt64(header.at) <= indexAt, indexAt <= tableAt, tableAt <= UInt64(bytes.count) else {
      throw SegmentError("header is damaged")
    }
    let pagesStart = header.at
    let indexStart = Int(truncatingIfNeeded: indexAt), tableStart = Int(truncatingIfNeeded: tableAt)
    let check = crc32(UnsafeRawBufferPointer(rebasing: bytes[0..<checkedHeader]))
    guard crc32(check, UnsafeRawBufferPointer(rebasing: bytes[tableStart...])) == tableCheck else {
      throw SegmentError("header or column table is damaged")
    }
    if isCheckedWhole {
      guard crc32(UnsafeRawBufferPointer(rebasing: bytes[pagesStart..<tableStart])) == bodyCheck else {
        throw SegmentError("pages are damaged")
      }
    }
    // A page of rows takes at least a byte of index, so that no count below can ask for more memory than the bytes do.
    guard flags & ~SegmentFormat.checkedWhole == 0, pageRows >= 1, pageRows <= SegmentFormat.maximumPageRows,
      rows >= 1, rows <= UInt64(bytes.count) &* UInt64(pageRows), values <= UInt64(Int32.max) &* 1024,
      firstStep <= lastStep
    else { throw SegmentError("header makes no sense") }
    rowCount = Int(truncatingIfNeeded: rows)
    valueCount = Int(truncatingIfNeeded: values)

    var table = ByteReader(bytes, tableStart..<bytes.count)
    let keySize = try table.count(table.remaining)
    stepKey = keySize == 0 ? nil : Array(try table.bytes(keySize - 1))
    var indexEnd = indexStart, pagesEnd = pagesStart
    func place(_ table: inout ByteReader) throws(SegmentError) -> (index: Range<Int>, pages: Range<Int>) {
      let index = indexEnd, pages = pagesEnd
      indexEnd = index &+ (try table.count(tableStart &- index))
      pagesEnd = pages &+ (try table.count(indexStart &- pages))
      return (index..<indexEnd, pages..<pagesEnd)
    }
    let step = try place(&table)
    stepColumn = Column(path: 0, components: 0, index: step.index, pages: step.pages)
    let count = try table.count(table.remaining)
    var columns: [Column] = []
    columns.reserveCapacity(count)
    for _ in 0..<count {
      let components = try table.count(SegmentFormat.maximumComponents)
      guard components > 0 else { throw SegmentError("column without a key") }
      let path = table.at
      for _ in 0..<components { _ = try table.bytes(try table.count(table.remaining)) }
      let (index, pages) = try place(&table)
      let column = Column(path: path, components: components, index: index, pages: pages)
      if let previous = columns.last {
        guard Self.precedes(bytes, previous, column) else { throw SegmentError("columns are not in order") }
      }
      columns.append(column)
    }
    guard table.remaining == 0, indexEnd == tableStart, pagesEnd == indexStart else {
      throw SegmentError("column table does not fit the segment")
    }
    self.columns = columns
  }

  private static func precedes(_ bytes: UnsafeRawBufferPointer, _ a: Column, _ b: Column) -> Bool {
    var x = PathReader(bytes, a), y = PathReader(bytes, b)
    while let right = y.next() {
      guard let left = x.next() else { return true }
      let order = compareBytes(left, right)
      if order != 0 { return order < 0 }
    }
    return false
  }

  func path(_ column: Int) -> PathReader { PathReader(bytes, columns[column]) }

  /// A path component; empty if there are not so many.
  func component(_ column: Int, _ depth: Int) -> UnsafeRawBufferPointer {
    var path = path(column)
    for _ in 0..<depth { _ = path.next() }
    return path.next() ?? UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// The column's key, components joined by dots.
  func joinedKey(_ column: Int) -> [UInt8] {
    var key: [UInt8] = []
    var path = path(column)
    while let component = path.next() {
      if path.index > 1 { key.append(UInt8(ascii: ".")) }
      key.append(contentsOf: component)
    }
    return key
  }
}

/// The components of a column's path, one after the other. The table has been checked before.
struct PathReader {
  private var reader: ByteReader
  private let count: Int
  /// How many components have been read.
  private(set) var index = 0

  init(_ bytes: UnsafeRawBufferPointer, _ column: SegmentLayout.Column) {
    reader = ByteReader(bytes, column.path..<bytes.count)
    count = column.components
  }

  mutating func next() -> UnsafeRawBufferPointer? {
    guard index < count, let length = try? reader.count(reader.remaining) else { return nil }
    index &+= 1
    return try? reader.bytes(length)
  }
}
