import QuipuBase

/// Writes one column after another: collects the values of a page, chooses an encoding, keeps statistics.
final class ColumnEncoder {
  let rowCount: Int
  let pageCount: Int
  private let pageRows = SegmentFormat.pageRows
  private let isCheckedWhole: Bool
  /// Types that are counted apart; media beyond them count as maps.
  private static let maximumTypes = 64

  // The output, one block each.
  private var pages = ByteBuffer(capacity: 4096)
  private var indexes = ByteBuffer(capacity: 1024)
  private var table = ByteBuffer(capacity: 1024)
  private(set) var columnCount = 0
  private(set) var valueCount = 0

  // The column.
  private var isSteps = false
  private var pagesStart = 0
  private var indexStart = 0
  private var entries = ByteBuffer(capacity: 1024)
  private var columnValues = 0
  private var isMonotonic = true
  private var firstNumber = Double.nan
  private var lastNumber = Double.nan
  private var numberCount = 0
  private var otherTypes: [(name: [UInt8], count: Int)] = []

  // The page.
  private var page = 0
  private var count = 0
  private var doubleCount = 0
  private var textCount = 0
  /// Integers that no double equals.
  private var wideCount = 0
  private let rows: UnsafeMutablePointer<UInt16>
  /// Integers and doubles as their bits, texts as addresses.
  private let bits: UnsafeMutablePointer<UInt64>
  private let kinds: UnsafeMutablePointer<UInt8>
  private let lengths: UnsafeMutablePointer<Int>

  /// - Parameter checkPages: whether each page gets a check of its own, or the segment one.
  init(rowCount: Int, checkPages: Bool) {
    self.rowCount = rowCount
    pageCount = (rowCount &+ pageRows &- 1) / pageRows
    isCheckedWhole = !checkPages
    rows = .allocate(capacity: pageRows)
    bits = .allocate(capacity: pageRows)
    kinds = .allocate(capacity: pageRows)
    lengths = .allocate(capacity: pageRows)
  }

  deinit {
    rows.deallocate()
    bits.deallocate()
    kinds.deallocate()
    lengths.deallocate()
  }

  // MARK: Values, in ascending order of rows

  @inline(__always)
  func add(_ row: Int, _ value: Int64) {
    take(row, .integer, UInt64(bitPattern: value))
    // Beyond 2^53 both ways: 2^63 itself does not convert back.
    if value.magnitude > 1 << 53 && Int64(exactly: Double(value)) != value { wideCount &+= 1 }
  }

  @inline(__always)
  func add(_ row: Int, _ value: Double) {
    take(row, .double, value.bitPattern)
    doubleCount &+= 1
  }

  /// - Parameter text: not empty; must stay in place until the column ends.
  @inline(__always)
  func add(_ row: Int, _ text: UnsafeRawBufferPointer) {
    take(row, .text, UInt64(UInt(bitPattern: text.baseAddress)))
    lengths[count &- 1] = text.count
    textCount &+= 1
  }

  @inline(__always)
  private func take(_ row: Int, _ kind: CellKind, _ value: UInt64) {
    let at = row / pageRows
    if at != page { finishPages(before: at) }
    rows[count] = UInt16(truncatingIfNeeded: row &- at &* pageRows)
    bits[count] = value
    kinds[count] = kind.rawValue
    count &+= 1
  }

  /// Rows of a decoded page, to output rows from `row` on.
  func add(_ values: PageValues, _ range: Range<Int>, to row: Int) {
    let shift = row &- range.lowerBound
    switch values.form {
    case .absent: return
    case .integers:
      for source in range where values.isDense || values.has(source) { add(source &+ shift, values.integer(source)) }
    case .doubles:
      for source in range where values.isDense || values.has(source) {
        let number = Number(values.double(source))
        if number.kind == .integer {
          add(source &+ shift, Int64(bitPattern: number.bits))
        } else {
          add(source &+ shift, Double(bitPattern: number.bits))
        }
      }
    case .texts:
      for source in range where values.has(source) {
        let text = values.text(source)
        if let number = TextType.number(text) {
          if number.kind == .integer {
            add(source &+ shift, Int64(bitPattern: number.bits))
          } else {
            add(source &+ shift, Double(bitPattern: number.bits))
          }
        } else {
          add(source &+ shift, text)
        }
      }
    }
  }

  // MARK: Columns

  func begin(steps: Bool = false) {
    isSteps = steps
    pagesStart = pages.count
    indexStart = indexes.count
    entries.removeAll()
    columnValues = 0
    isMonotonic = true
    firstNumber = .nan
    lastNumber = .nan
    numberCount = 0
    otherTypes.removeAll()
    page = 0
    clearPage()
  }

  /// Ends the step column, which is the first.
  /// - Returns: its part of the column table.
  func endSteps() -> [UInt8] {
    endColumn()
    let part = table.array()
    table.removeAll()
    return part
  }

  /// Ends a column; one without values is left out.
  /// - Parameter path: its components, as the column table holds them.
  func end(components: Int, path: UnsafeRawBufferPointer) {
    finishPages(before: pageCount)
    guard columnValues > 0 else { return }
    table.appendVarint(components)
    table.append(path)
    endColumn()
    columnCount &+= 1
    valueCount &+= columnValues
  }

  private func endColumn() {
    finishPages(before: pageCount)
    let start = indexes.count
    if !isCheckedWhole { indexes.append(littleEndian: UInt32(0)) }
    if pageCount > 1 && !isSteps { writeSummary() }
    indexes.append(entries.bytes)
    if !isCheckedWhole {
      let check = crc32(UnsafeRawBufferPointer(rebasing: indexes.bytes[(start + 4)...]))
      indexes.mutableBytes.storeBytes(of: check.littleEndian, toByteOffset: start, as: UInt32.self)
    }
    table.appendVarint(indexes.count &- indexStart)
    table.appendVarint(pages.count &- pagesStart)
  }

  private func writeSummary() {
    indexes.append((isMonotonic && otherTypes.isEmpty ? 1 : 0) | (otherTypes.isEmpty ? 0 : 2) as UInt8)
    indexes.appendVarint(columnValues)
    indexes.append(littleEndian: firstNumber.bitPattern)
    indexes.append(littleEndian: lastNumber.bitPattern)
    guard !otherTypes.isEmpty else { return }
    indexes.appendVarint(otherTypes.count &+ (numberCount > 0 ? 1 : 0))
    if numberCount > 0 {
      indexes.appendVarint(TextType.number.count)
      indexes.append(TextType.number)
      indexes.appendVarint(numberCount)
    }
    for (name, count) in otherTypes {
      indexes.appendVarint(name.count)
      indexes.append(name)
      indexes.appendVarint(count)
    }
  }

  /// The segment of all columns.
  func segment(stepKey: [UInt8]?, stepTable: [UInt8], firstStep: Int64, lastStep: Int64) -> [UInt8] {
    var head = ByteBuffer(capacity: 256)
    if let stepKey {
      head.appendVarint(stepKey.count &+ 1)
      head.append(stepKey)
    } else {
      head.append(0 as UInt8)
    }
    head.append(stepTable)
    head.appendVarint(columnCount)

    let indexAt = SegmentFormat.headerSize &+ pages.count
    let tableAt = indexAt &+ indexes.count
    let size = tableAt &+ head.count &+ table.count
    var out = ByteBuffer(capacity: size)
    out.append(littleEndian: SegmentFormat.magic)
    out.append(littleEndian: SegmentFormat.version)
    out.append(littleEndian: UInt16(pageRows))
    out.append(littleEndian: isCheckedWhole ? SegmentFormat.checkedWhole : 0)
    for number in [size, rowCount, valueCount] { out.append(littleEndian: UInt64(truncatingIfNeeded: number)) }
    out.append(littleEndian: firstStep)
    out.append(littleEndian: lastStep)
    for number in [indexAt, tableAt] { out.append(littleEndian: UInt64(truncatingIfNeeded: number)) }
    out.append(littleEndian: isCheckedWhole ? crc32(crc32(pages.bytes), indexes.bytes) : 0)
    let check = crc32(crc32(crc32(out.bytes), head.bytes), table.bytes)
    out.append(littleEndian: check)
    out.append(pages.bytes)
    out.append(indexes.bytes)
    out.append(head.bytes)
    out.append(table.bytes)
    return out.array()
  }

  // MARK: Pages

  private func clearPage() {
    count = 0
    doubleCount = 0
    textCount = 0
    wideCount = 0
  }

  @inline(never)
  private func finishPages(before next: Int) {
    while page < next {
      if count == 0 {
        entries.append(PageEncoding.absent.rawValue)
      } else {
        writePage()
        clearPage()
      }
      page &+= 1
    }
  }

  private func writePage() {
    columnValues &+= count
    let start = pages.count
    let rowsInPage = min(pageRows, rowCount &- page &* pageRows)
    let shape = writeShape(rowsInPage)
    let encoding: PageEncoding
    if textCount > 0 || (doubleCount > 0 && wideCount > 0) {
      encoding = .texts
      writeTexts()
    } else if doubleCount == 0 {
      encoding = writeIntegers()
    } else {
      encoding = writeDoubles()
    }
    let size = pages.count &- start
    let hasStatistics =
      (isSteps && pageCount > 1)
      || (count >= SegmentFormat.valuesForStatistics && encoding.isNumber)
    var statistics: Statistics?
    if encoding.isNumber && (hasStatistics || pageCount > 1) {
      statistics = encoding.isInteger ? integerStatistics() : doubleStatistics()
    }
    if !hasStatistics || statistics?.numbers == 0 {
      entries.append(encoding.rawValue | shape.rawValue << 4)
    } else {
      entries.append(encoding.rawValue | shape.rawValue << 4 | 0x40)
    }
    entries.appendVarint(size)
    if !isCheckedWhole {
      entries.append(littleEndian: crc32(UnsafeRawBufferPointer(rebasing: pages.bytes[start...])))
    }
    if shape != .dense { entries.appendVarint(count) }
    if hasStatistics, let statistics, statistics.numbers > 0 {
      entries.appendVarint(statistics.numbers)
      entries.append(littleEndian: statistics.minimum)
      entries.append(littleEndian: statistics.maximum)
      entries.append(littleEndian: statistics.first)
      entries.append(littleEndian: statistics.last)
      entries.append(littleEndian: statistics.sum.bitPattern)
    }
    if pageCount > 1 && !isSteps { summarize(encoding, statistics) }
  }

  private func writeShape(_ rowsInPage: Int) -> PageShape {
    if count == rowsInPage { return .dense }
    let mapSize = (rowsInPage &+ 7) / 8
    var positionsSize = 0
    var expected = 0
    for at in 0..<count {
      positionsSize &+= Int(rows[at]) &- expected < 128 ? 1 : 2
      expected = Int(rows[at]) &+ 1
    }
    if positionsSize < mapSize {
      expected = 0
      for at in 0..<count {
        pages.appendVarint(Int(rows[at]) &- expected)
        expected = Int(rows[at]) &+ 1
      }
      return .positions
    }
    let start = pages.count
    pages.append(repeating: 0, count: mapSize)
    let map = pages.mutableBytes
    for at in 0..<count {
      let row = Int(rows[at])
      map[start &+ row &>> 3] |= 1 &<< UInt8(truncatingIfNeeded: row & 7)
    }
    return .bitmap
  }

  private func writeIntegers() -> PageEncoding {
    let first = Int64(bitPattern: bits[0])
    let stride = count > 1 ? Int64(bitPattern: bits[1]) &- first : 0
    var isLinear = true
    var size = Varint.size(Varint.zigzag(first))
    var previous = first
    for at in 1..<max(1, count) {
      let value = Int64(bitPattern: bits[at])
      let delta = value &- previous
      if delta != stride { isLinear = false }
      size &+= Varint.size(Varint.zigzag(delta))
      previous = value
    }
    if isLinear {
      pages.appendZigzag(first)
      if stride == 0 { return .constantInteger }
      pages.appendZigzag(stride)
      return .linear
    }
    if size > count &* 8 {
      writeWords()
      return .integers
    }
    pages.reserve(size)
    previous = 0
    for at in 0..<count {
      let value = Int64(bitPattern: bits[at])
      pages.appendZigzag(value &- previous)
      previous = value
    }
    return .integerDeltas
  }

  private func writeDoubles() -> PageEncoding {
    var isConstant = true
    var areFloats = true
    var deltaSize = 8
    // Integers among doubles: all of them are exact as doubles here.
    if doubleCount < count {
      for at in 0..<count where kinds[at] == CellKind.integer.rawValue {
        bits[at] = Double(Int64(bitPattern: bits[at])).bitPattern
      }
    }
    let first = bits[0]
    var previous = first
    for at in 0..<count {
      let value = bits[at]
      if value != first { isConstant = false }
      let double = Double(bitPattern: value)
      if Double(Float(double)).bitPattern != value { areFloats = false }
      deltaSize &+= Varint.size(Varint.zigzag(Int64(bitPattern: value &- previous)))
      previous = value
    }
    if isConstant {
      pages.append(littleEndian: first)
      return .constantDouble
    }
    // Varints take longer to read: they have to save an eighth.
    let plain = areFloats ? count &* 4 : count &* 8
    if deltaSize < plain &- plain / 8 {
      pages.append(littleEndian: first)
      previous = first
      for at in 1..<count {
        pages.appendZigzag(Int64(bitPattern: bits[at] &- previous))
        previous = bits[at]
      }
      return .doubleDeltas
    }
    guard areFloats else {
      writeWords()
      return .doubles
    }
    pages.appendUnchecked(capacity: plain) { out in
      for at in 0..<count {
        let float = Float(Double(bitPattern: bits[at])).bitPattern.littleEndian
        out.storeBytes(of: float, toByteOffset: at &* 4, as: UInt32.self)
      }
      return plain
    }
    return .floats
  }

  private func writeWords() {
    pages.appendUnchecked(capacity: count &* 8) { out in
      for at in 0..<count { out.storeBytes(of: bits[at].littleEndian, toByteOffset: at &* 8, as: UInt64.self) }
      return count &* 8
    }
  }

  private func text(_ at: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(bits[at])), count: lengths[at])
  }

  private func writeTexts() {
    var scratch = ByteBuffer(capacity: 64)
    var previous = 0
    for at in 0..<count {
      switch CellKind(rawValue: kinds[at]) {
      case .text:
        let text = text(at)
        if at > 0 && kinds[previous] == CellKind.text.rawValue && compareBytes(text, self.text(previous)) == 0 {
          pages.append(0 as UInt8)
        } else {
          pages.appendVarint(text.count)
          pages.append(text)
        }
      case .integer:
        scratch.removeAll()
        scratch.appendDecimal(Int64(bitPattern: bits[at]))
        pages.appendVarint(scratch.count)
        pages.append(scratch.bytes)
      default:
        scratch.removeAll()
        scratch.appendDouble(Double(bitPattern: bits[at]), style: .core)
        pages.appendVarint(scratch.count)
        pages.append(scratch.bytes)
      }
      previous = at
    }
  }

  // MARK: Statistics

  private struct Statistics {
    var numbers = 0
    var minimum: UInt64 = 0
    var maximum: UInt64 = 0
    var first: UInt64 = 0
    var last: UInt64 = 0
    var sum = 0.0
    var neverFalls = true
  }

  private func integerStatistics() -> Statistics {
    var least = Int64(bitPattern: bits[0]), greatest = least, previous = least
    var neverFalls = true
    var sum = 0.0
    for at in 0..<count {
      let value = Int64(bitPattern: bits[at])
      least = min(least, value)
      greatest = max(greatest, value)
      if value < previous { neverFalls = false }
      previous = value
      sum += Double(value)
    }
    return Statistics(
      numbers: count, minimum: UInt64(bitPattern: least), maximum: UInt64(bitPattern: greatest), first: bits[0],
      last: bits[count &- 1], sum: sum, neverFalls: neverFalls)
  }

  private func doubleStatistics() -> Statistics {
    var statistics = Statistics()
    var least = Double.infinity, greatest = -Double.infinity
    var previous = -Double.infinity
    for at in 0..<count {
      let value = Double(bitPattern: bits[at])
      if value != value { continue }
      if statistics.numbers == 0 { statistics.first = bits[at] }
      statistics.numbers &+= 1
      least = value < least ? value : least
      greatest = value > greatest ? value : greatest
      statistics.neverFalls = statistics.neverFalls && value >= previous
      previous = value
      statistics.sum += value
    }
    statistics.last = previous.bitPattern
    statistics.minimum = least.bitPattern
    statistics.maximum = greatest.bitPattern
    return statistics
  }

  private func summarize(_ encoding: PageEncoding, _ statistics: Statistics?) {
    if let statistics {
      numberCount &+= count
      guard statistics.numbers > 0 else { return }
      func double(_ bits: UInt64) -> Double {
        encoding.isInteger ? Double(Int64(bitPattern: bits)) : Double(bitPattern: bits)
      }
      let first = double(statistics.first)
      if !statistics.neverFalls || lastNumber > first { isMonotonic = false }
      if firstNumber.isNaN { firstNumber = first }
      lastNumber = double(statistics.last)
      return
    }
    for at in 0..<count {
      var value = Double.nan
      switch CellKind(rawValue: kinds[at]) {
      case .integer: value = Double(Int64(bitPattern: bits[at]))
      case .double: value = Double(bitPattern: bits[at])
      default:
        var type = TextType.name(text(at))
        if otherTypes.count >= Self.maximumTypes && type.first != UInt8(ascii: "n") { type = TextType.map }
        if !type.elementsEqual(TextType.number) {
          if let known = otherTypes.firstIndex(where: { $0.name.elementsEqual(type) }) {
            otherTypes[known].count &+= 1
          } else {
            otherTypes.append((Array(type), 1))
          }
          continue
        }
        value = NumberText.double(text(at))
      }
      numberCount &+= 1
      if value.isNaN { continue }
      if lastNumber > value { isMonotonic = false }
      if firstNumber.isNaN { firstNumber = value }
      lastNumber = value
    }
  }
}
