import QuipuBase

/// A page, decoded: for each row whether it has a value, and the value.
final class PageValues {
  enum Form { case absent, integers, doubles, texts }

  let capacity: Int
  private(set) var rows = 0
  private(set) var form = Form.absent
  private(set) var isDense = false
  /// By row; meaningful where a value is present. Integers and doubles as their bits, texts as offset << 28 | length
  /// in `texts`.
  let bits: UnsafeMutablePointer<UInt64>
  /// A bit for each row.
  let present: UnsafeMutablePointer<UInt64>
  private(set) var texts = UnsafeRawBufferPointer(start: nil, count: 0)

  /// - Parameter capacity: rows.
  init(capacity: Int) {
    self.capacity = capacity
    bits = .allocate(capacity: capacity)
    bits.initialize(repeating: 0, count: capacity)
    present = .allocate(capacity: Self.words(capacity))
    present.initialize(repeating: 0, count: Self.words(capacity))
  }

  deinit {
    bits.deallocate()
    present.deallocate()
  }

  static func words(_ rows: Int) -> Int { (rows &+ 63) / 64 }

  @inline(__always)
  func has(_ row: Int) -> Bool { present[row &>> 6] &>> UInt64(truncatingIfNeeded: row & 63) & 1 != 0 }

  @inline(__always)
  func integer(_ row: Int) -> Int64 { Int64(bitPattern: bits[row]) }

  @inline(__always)
  func double(_ row: Int) -> Double { Double(bitPattern: bits[row]) }

  @inline(__always)
  func text(_ row: Int) -> UnsafeRawBufferPointer {
    let place = bits[row]
    return UnsafeRawBufferPointer(
      start: texts.baseAddress.map { $0 + Int(truncatingIfNeeded: place &>> 28) },
      count: Int(truncatingIfNeeded: place & 0xfff_ffff))
  }

  /// The value as a number; NaN if it is none.
  func number(_ row: Int) -> Double {
    switch form {
    case .absent: .nan
    case .integers: Double(integer(row))
    case .doubles: double(row)
    case .texts: NumberText.double(text(row))
    }
  }

  /// Sets the bits of rows `0 ..< count`, clears those above.
  static func fill(_ words: UnsafeMutablePointer<UInt64>, _ count: Int, of capacity: Int) {
    for word in 0..<Self.words(capacity) {
      let left = count &- word &* 64
      words[word] = left >= 64 ? .max : left <= 0 ? 0 : (1 &<< UInt64(truncatingIfNeeded: left)) &- 1
    }
  }

  /// - Parameter rows: rows of the page, at most `capacity`.
  func decode(_ entry: PageEntry, rows: Int, of layout: SegmentLayout) throws(SegmentError) {
    guard rows <= capacity else { throw SegmentError("page is too long") }
    self.rows = rows
    form = .absent
    isDense = false
    guard entry.encoding != .absent else {
      Self.fill(present, 0, of: capacity)
      return
    }
    let range = entry.offset..<entry.offset &+ entry.size
    if !layout.isCheckedWhole {
      guard crc32(UnsafeRawBufferPointer(rebasing: layout.bytes[range])) == entry.check else {
        throw SegmentError("page is damaged")
      }
    }
    var reader = ByteReader(layout.bytes, range)
    try decodeShape(entry, &reader)
    try decodeValues(entry, &reader)
    guard reader.remaining == 0 else { throw SegmentError("page is longer than its values") }
    if entry.shape != .dense { spread(entry.present) }
    isDense = entry.shape == .dense
    form = entry.encoding == .texts ? .texts : entry.encoding.isInteger ? .integers : .doubles
  }

  private func decodeShape(_ entry: PageEntry, _ reader: inout ByteReader) throws(SegmentError) {
    switch entry.shape {
    case .dense: Self.fill(present, rows, of: capacity)
    case .bitmap:
      Self.fill(present, 0, of: capacity)
      var count = 0
      let map = try reader.bytes((rows &+ 7) / 8)
      for (at, byte) in map.enumerated() {
        present[at &>> 3] |= UInt64(byte) &<< UInt64(truncatingIfNeeded: (at & 7) &* 8)
        count &+= byte.nonzeroBitCount
      }
      let excess = rows & 63 == 0 ? 0 : present[rows &>> 6] &>> UInt64(truncatingIfNeeded: rows & 63)
      guard count == entry.present, excess == 0 else { throw SegmentError("presence bitmap is damaged") }
    case .positions:
      Self.fill(present, 0, of: capacity)
      var row = 0
      for _ in 0..<entry.present {
        row &+= try reader.count(rows)
        guard row < rows else { throw SegmentError("position out of range") }
        present[row &>> 6] |= 1 &<< UInt64(truncatingIfNeeded: row & 63)
        row &+= 1
      }
    }
  }

  /// Values to `bits[0 ..< entry.present]`.
  private func decodeValues(_ entry: PageEntry, _ reader: inout ByteReader) throws(SegmentError) {
    let count = entry.present
    switch entry.encoding {
    case .absent: return
    case .constantInteger:
      bits.update(repeating: UInt64(bitPattern: try reader.zigzag()), count: count)
    case .linear:
      var value = try reader.zigzag()
      let stride = try reader.zigzag()
      for at in 0..<count {
        bits[at] = UInt64(bitPattern: value)
        value &+= stride
      }
    case .integerDeltas:
      var value: Int64 = 0
      for at in 0..<count {
        value &+= try reader.zigzag()
        bits[at] = UInt64(bitPattern: value)
      }
    case .constantDouble:
      bits.update(repeating: try reader.uint64(), count: count)
    case .doubleDeltas:
      var value = Int64(bitPattern: try reader.uint64())
      bits[0] = UInt64(bitPattern: value)
      for at in 1..<max(1, count) {
        value &+= try reader.zigzag()
        bits[at] = UInt64(bitPattern: value)
      }
    case .floats:
      let source = try reader.bytes(count &* 4)
      for at in 0..<count {
        let float = UInt32(littleEndian: source.loadUnaligned(fromByteOffset: at &* 4, as: UInt32.self))
        bits[at] = Double(Float(bitPattern: float)).bitPattern
      }
    case .integers, .doubles:
      let source = try reader.bytes(count &* 8)
      for at in 0..<count {
        bits[at] = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: at &* 8, as: UInt64.self))
      }
    case .texts:
      texts = try reader.bytes(reader.remaining)
      guard texts.count < 1 << 36 else { throw SegmentError("page is too long") }
      var walk = ByteReader(texts, 0..<texts.count)
      var place: UInt64 = 0
      for at in 0..<count {
        let length = try walk.count(min(walk.remaining, SegmentFormat.maximumTextSize))
        if length > 0 {
          place = UInt64(truncatingIfNeeded: walk.at) &<< 28 | UInt64(truncatingIfNeeded: length)
          _ = try walk.bytes(length)
        }
        guard place != 0 else { throw SegmentError("empty text") }
        bits[at] = place
      }
      guard walk.remaining == 0 else { throw SegmentError("page is longer than its values") }
    }
  }

  /// Moves the values from the front of `bits` to their rows.
  private func spread(_ count: Int) {
    var source = count
    var word = Self.words(rows)
    while word > 0 {
      word &-= 1
      var left = present[word]
      while left != 0 && source > 0 {
        let bit = 63 &- left.leadingZeroBitCount
        left ^= 1 &<< UInt64(truncatingIfNeeded: bit)
        source &-= 1
        bits[word &* 64 &+ bit] = bits[source]
      }
    }
  }
}
