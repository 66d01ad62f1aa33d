import QuipuBase

/// A label for each of many samples, or a list of names: numbers, booleans or texts.
public struct ChartLabels: Sendable {
  enum Values: Sendable {
    case integers([Int64])
    case booleans([Int64])
    case floats([Double])
    case texts([Key])
  }

  /// More would not fit into the memory of most machines; a broadcast array may claim any number.
  static let maximumCount = 1 << 28

  let values: Values
  /// What the caller calls them, for errors.
  let argument: String

  public var count: Int {
    switch values {
    case .integers(let list), .booleans(let list): list.count
    case .floats(let list): list.count
    case .texts(let list): list.count
    }
  }

  /// - Parameters:
  ///   - view: booleans, integers or floats, `[n]` or `[n, 1]`.
  ///   - argument: what errors call the array.
  /// - Throws: `value` for another shape, NaN, or integers above 2^63 - 1; `type` for complex numbers.
  public init(_ view: ArrayView, argument: String) throws(MediaError) {
    guard view.shape.count >= 1, view.shape.count(where: { $0 != 1 }) <= 1 else {
      throw MediaError(.value, "\(argument): has the shape \(view.shape); pass one label per sample")
    }
    guard view.count <= Self.maximumCount else {
      throw MediaError(.memory, "\(argument): \(view.count) labels are more than \(Self.maximumCount)")
    }
    guard !view.dtype.isComplex else { throw MediaError(.type, "\(argument): complex numbers are no labels") }
    self.argument = argument
    if view.dtype.isFloating {
      let list = try view.doubles()
      guard !list.contains(where: \.isNaN) else {
        throw MediaError(.value, "\(argument): holds NaN; give every sample a label")
      }
      values = .floats(list)
      return
    }
    var list: [Int64] = []
    list.reserveCapacity(view.count)
    let isUnsigned = view.dtype == .u64
    try view.forEachIntegerBlock(limit: 65_536) { (block) throws(MediaError) in
      list.append(contentsOf: block)
      if isUnsigned, block.contains(where: { $0 < 0 }) {
        throw MediaError(.value, "\(argument): holds a label above 2^63 - 1")
      }
    }
    values = view.dtype == .bool ? .booleans(list) : .integers(list)
  }

  public init(texts: [String], argument: String) {
    values = .texts(texts.map { Key($0) })
    self.argument = argument
  }

  init(integers: [Int64], argument: String) {
    values = .integers(integers)
    self.argument = argument
  }

  /// One label in the form that tables and errors show.
  enum Value: Sendable, Equatable {
    case integer(Int64)
    case boolean(Bool)
    case float(Double)
    case text(Key)

    var description: String {
      switch self {
      case .integer(let value): String(value)
      case .boolean(let value): value ? "true" : "false"
      case .float(let value): JSON.double(value).text(style: .client)
      case .text(let key): "\"\(key.string)\""
      }
    }

    /// The number as an integer, nil for texts and fractions.
    var whole: Int64? {
      switch self {
      case .integer(let value): value
      case .boolean(let value): value ? 1 : 0
      case .float(let value): Int64(exactly: value)
      case .text: nil
      }
    }

    /// Numbers by their value, before texts; texts by their code points.
    static func precedes(_ a: Value, _ b: Value) -> Bool {
      switch (a, b) {
      case (.text(let x), .text(let y)): x < y
      case (.text, _): false
      case (_, .text): true
      default: a.number < b.number
      }
    }

    private var number: Double {
      switch self {
      case .integer(let value): Double(value)
      case .boolean(let value): value ? 1 : 0
      case .float(let value): value
      case .text: 0
      }
    }

    /// True when both are the same class: 1, 1.0 and true are.
    func isSame(as other: Value) -> Bool {
      switch (self, other) {
      case (.text(let x), .text(let y)): x == y
      case (.text, _), (_, .text): false
      case (.integer(let x), .integer(let y)): x == y
      default: number == other.number
      }
    }
  }

  subscript(index: Int) -> Value {
    switch values {
    case .integers(let list): .integer(list[index])
    case .booleans(let list): .boolean(list[index] != 0)
    case .floats(let list): .float(list[index])
    case .texts(let list): .text(list[index])
    }
  }

  var isText: Bool { if case .texts = values { true } else { false } }

  /// The distinct labels in ascending order, and for each sample its place among them.
  func ranked() -> (classes: [Value], ranks: [Int32]) {
    switch values {
    case .integers(let list):
      let (distinct, ranks) = Self.rank(list)
      return (distinct.map { .integer($0) }, ranks)
    case .booleans(let list):
      let (distinct, ranks) = Self.rank(list)
      return (distinct.map { .boolean($0 != 0) }, ranks)
    case .floats(let list):
      // The order of doubles is that of their bits once the negative ones are turned round; -0.0 is 0.0.
      let (distinct, ranks) = Self.rank(list.map { Self.ordered($0) })
      return (distinct.map { .float(Self.double(ordered: $0)) }, ranks)
    case .texts(let list):
      var number: [Key: Int32] = [:]
      var seen: [Int32] = []
      var distinct: [Key] = []
      seen.reserveCapacity(list.count)
      for key in list {
        if let known = number[key] {
          seen.append(known)
        } else {
          seen.append(Int32(distinct.count))
          number[key] = Int32(distinct.count)
          distinct.append(key)
        }
      }
      let order = distinct.indices.sorted { distinct[$0] < distinct[$1] }
      var rank = [Int32](repeating: 0, count: distinct.count)
      for (place, at) in order.enumerated() { rank[at] = Int32(place) }
      return (order.map { .text(distinct[$0]) }, seen.map { rank[Int($0)] })
    }
  }

  private static func ordered(_ value: Double) -> Int64 {
    let bits = Int64(bitPattern: (value + 0).bitPattern)
    return bits < 0 ? bits ^ .max : bits
  }

  private static func double(ordered bits: Int64) -> Double {
    Double(bitPattern: UInt64(bitPattern: bits < 0 ? bits ^ .max : bits))
  }

  /// By a table of all values between the least and the greatest where that is small, else by sorting.
  private static func rank(_ list: [Int64]) -> ([Int64], [Int32]) {
    guard let first = list.first else { return ([], []) }
    return list.withUnsafeBufferPointer { list in
      var distinct: [Int64] = []
      let ranks = [Int32](unsafeUninitializedCapacity: list.count) { ranks, count in
        distinct = rank(list, first, ranks)
        count = list.count
      }
      return (distinct, ranks)
    }
  }

  @_optimize(speed) private static func rank(
    _ list: UnsafeBufferPointer<Int64>, _ first: Int64, _ ranks: UnsafeMutableBufferPointer<Int32>
  ) -> [Int64] {
    var low = first, high = first
    for value in list {
      low = min(low, value)
      high = max(high, value)
    }
    let span = UInt64(bitPattern: high &- low)
    if span <= UInt64(max(65_536, list.count)) {
      var table = [Int32](repeating: -1, count: Int(span) &+ 1)
      var distinct: [Int64] = []
      table.withUnsafeMutableBufferPointer { table in
        for value in list { table[Int(value &- low)] = 0 }
        for at in table.indices where table[at] == 0 {
          table[at] = Int32(distinct.count)
          distinct.append(low &+ Int64(at))
        }
        for at in list.indices { ranks[at] = table[Int(list[at] &- low)] }
      }
      return distinct
    }
    var distinct = list.sorted()
    var kept = 1
    for at in 1..<distinct.count where distinct[at] != distinct[kept &- 1] {
      distinct[kept] = distinct[at]
      kept &+= 1
    }
    distinct.removeLast(distinct.count &- kept)
    for at in list.indices {
      var from = 0, to = distinct.count &- 1
      while from < to {
        let middle = (from &+ to) / 2
        if distinct[middle] < list[at] { from = middle &+ 1 } else { to = middle }
      }
      ranks[at] = Int32(from)
    }
    return distinct
  }
}
