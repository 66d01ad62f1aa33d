import QuipuBase

/// Columns of the tables that charts make, packed.
enum ChartColumn {
  /// Lends labels, all of one kind, as a column.
  static func withData(
    _ labels: [ChartLabels.Value], _ body: (TableColumnData) throws(MediaError) -> Void
  ) throws(MediaError) {
    switch labels.first {
    case .integer?:
      try lend(labels.map { if case .integer(let value) = $0 { value } else { 0 } }) { (list) throws(MediaError) in
        try body(.integers(list))
      }
    case .boolean?:
      let list: [UInt8] = labels.map { if case .boolean(true) = $0 { 1 } else { 0 } }
      try lend(list) { (list) throws(MediaError) in try body(.booleans(list)) }
    case .float?:
      try withDoubles(labels.map { if case .float(let value) = $0 { value } else { 0 } }, body)
    case .text?:
      var bytes: [UInt8] = []
      var offsets: [Int64] = [0]
      offsets.reserveCapacity(labels.count &+ 1)
      for label in labels {
        if case .text(let key) = label { bytes.append(contentsOf: key.string.utf8) }
        offsets.append(Int64(bytes.count))
      }
      try lend(bytes) { (bytes) throws(MediaError) in
        try lend(offsets) { (offsets) throws(MediaError) in
          try body(.strings(UnsafeRawBufferPointer(bytes), offsets: offsets))
        }
      }
    case nil: try body(.cells([]))
    }
  }

  /// Lends numbers as a column whose NaN is a number.
  static func withDoubles(
    _ values: [Double], _ body: (TableColumnData) throws(MediaError) -> Void
  ) throws(MediaError) {
    try lend(values) { (list) throws(MediaError) in try body(.doubles(list, numpy: true)) }
  }

  // `withUnsafeBufferPointer` with a typed throw crashes the compiler (Swift 6.3.1).
  private static func lend<T>(
    _ values: [T], _ body: (UnsafeBufferPointer<T>) throws(MediaError) -> Void
  ) throws(MediaError) {
    var failure: MediaError?
    values.withUnsafeBufferPointer { list in
      do throws(MediaError) { try body(list) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
