/// What a column's index says about one page.
struct PageEntry {
  var encoding = PageEncoding.absent
  var shape = PageShape.dense
  var hasStatistics = false
  /// Offset of the page in the segment.
  var offset = 0
  var size = 0
  var check: UInt32 = 0
  /// How many rows have a value.
  var present = 0
  /// Numbers that are not NaN; only with statistics, like the rest.
  var numbers = 0
  /// Bit patterns: of integers for integer encodings, else of doubles.
  var minimum: UInt64 = 0
  var maximum: UInt64 = 0
  var first: UInt64 = 0
  var last: UInt64 = 0
  var sum = 0.0

  /// - Parameter rows: how many rows the page covers.
  /// - Parameter offset: moved behind the page.
  init(
    _ reader: inout ByteReader, rows: Int, isCheckedWhole: Bool, offset: inout Int, end: Int
  ) throws(SegmentError) {
    let head = try reader.byte()
    guard let encoding = PageEncoding(rawValue: head & 15), let shape = PageShape(rawValue: head >> 4 & 3), head < 0x80
    else { throw SegmentError("unknown page encoding") }
    self.encoding = encoding
    guard encoding != .absent else {
      guard head == 0 else { throw SegmentError("unknown page encoding") }
      return
    }
    self.shape = shape
    self.offset = offset
    size = try reader.count(end &- offset)
    offset &+= size
    if !isCheckedWhole { check = try reader.uint32() }
    present = shape == .dense ? rows : try reader.count(rows)
    guard present > 0 else { throw SegmentError("page without values") }
    hasStatistics = head & 0x40 != 0
    if hasStatistics {
      guard encoding.isNumber else { throw SegmentError("statistics of texts") }
      numbers = try reader.count(present)
      guard numbers > 0 else { throw SegmentError("statistics of nothing") }
      minimum = try reader.uint64()
      maximum = try reader.uint64()
      first = try reader.uint64()
      last = try reader.uint64()
      sum = Double(bitPattern: try reader.uint64())
    }
  }

  /// A statistic as a double.
  @inline(__always)
  func double(_ bits: UInt64) -> Double {
    encoding.isInteger ? Double(Int64(bitPattern: bits)) : Double(bitPattern: bits)
  }
}
