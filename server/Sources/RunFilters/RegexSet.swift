/// A set of Unicode scalars: what `.`, `\d`, `[a-z]`, `\pL` and a letter without regard to case stand for.
struct RegexSet: Sendable {
  struct Category: Sendable {
    /// One bit for each general category.
    var mask: UInt32
    var isNegated: Bool
  }

  private(set) var ranges: [ClosedRange<UInt32>] = []
  private(set) var categories: [Category] = []
  var isNegated = false
  var ignoresCase = false
  /// Answers for ASCII, filled by `finish`.
  private var ascii: (low: UInt64, high: UInt64) = (0, 0)

  static let last: UInt32 = 0x10ffff
  static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
  static let word: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a]
  static let space: [ClosedRange<UInt32>] = [0x09...0x0a, 0x0c...0x0d, 0x20...0x20]

  mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }

  /// - Parameter list: within ASCII, ascending, without overlap.
  mutating func insert(_ list: [ClosedRange<UInt32>], isNegated: Bool) {
    guard isNegated else { return ranges.append(contentsOf: list) }
    // What is left out are all cases of the list: /(?i)\W/ does not match "k" for the sake of the Kelvin sign.
    var members = Set(list.flatMap { Array($0) })
    if ignoresCase { members.formUnion(members.flatMap { Self.otherCases(of: $0) }) }
    var next: UInt32 = 0
    for member in members.sorted() {
      if member > next { ranges.append(next...(member - 1)) }
      next = member + 1
    }
    ranges.append(next...Self.last)
  }

  mutating func insert(_ category: Category) { categories.append(category) }

  /// Sorts and joins the ranges, so that a look-up is a binary search, and works out ASCII.
  mutating func finish() {
    var joined: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let end = joined.last?.upperBound, range.lowerBound <= end {
        joined[joined.count - 1] = joined[joined.count - 1].lowerBound...max(end, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    ranges = joined
    var cases = Cases()
    for scalar in 0..<UInt32(128) where search(scalar, &cases) {
      if scalar < 64 { ascii.low |= 1 << UInt64(scalar) } else { ascii.high |= 1 << UInt64(scalar - 64) }
    }
  }

  /// The cases of the scalar last asked for: many sets are asked about the same one, and Unicode's tables are slow.
  struct Cases {
    private var scalar: UInt32 = 0
    private var all: [UInt32] = [0]

    mutating func callAsFunction(of scalar: UInt32) -> [UInt32] {
      if scalar != self.scalar {
        self.scalar = scalar
        all = [scalar] + RegexSet.otherCases(of: scalar)
      }
      return all
    }
  }

  @inline(__always)
  func contains(_ scalar: UInt32, _ cases: inout Cases) -> Bool {
    if scalar < 64 { return ascii.low >> UInt64(scalar) & 1 != 0 }
    if scalar < 128 { return ascii.high >> UInt64(scalar &- 64) & 1 != 0 }
    return search(scalar, &cases)
  }

  private func search(_ scalar: UInt32, _ cases: inout Cases) -> Bool {
    let found =
      ignoresCase
      ? cases(of: scalar).contains { isInRange($0) } || isInCategory(cases(of: scalar))
      : isInRange(scalar) || isInCategory([scalar])
    return found != isNegated
  }

  private func isInRange(_ scalar: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(scalar)
  }

  private func isInCategory(_ cases: [UInt32]) -> Bool {
    guard !categories.isEmpty else { return false }
    let bits = cases.reduce(UInt32(0)) { bits, value in
      bits | (Unicode.Scalar(value)?.properties.generalCategory.bit ?? 0)
    }
    return categories.contains { ($0.mask & bits != 0) != $0.isNegated }
  }

  /// Lower case, upper case and the lower case of that, where they are single scalars.
  static func otherCases(of value: UInt32) -> [UInt32] {
    guard let scalar = Unicode.Scalar(value) else { return [] }
    var cases: [UInt32] = []
    let mapped = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
    for text in mapped.map(\.unicodeScalars) {
      guard text.count == 1, let other = text.first else { continue }
      cases.append(other.value)
      let lower = other.properties.lowercaseMapping.unicodeScalars
      if lower.count == 1, let last = lower.first { cases.append(last.value) }
    }
    // Long s and the Kelvin sign: the only letters beyond ASCII whose other case lies in it.
    if value | 0x20 == 0x73 { cases.append(0x17f) }
    if value | 0x20 == 0x6b { cases.append(0x212a) }
    return cases
  }

  /// - Parameter name: of a POSIX class, without brackets and colons.
  static func posix(_ name: some StringProtocol) -> [ClosedRange<UInt32>]? {
    switch name {
    case "alnum": [0x30...0x39, 0x41...0x5a, 0x61...0x7a]
    case "alpha": [0x41...0x5a, 0x61...0x7a]
    case "ascii": [0x00...0x7f]
    case "blank": [0x09...0x09, 0x20...0x20]
    case "cntrl": [0x00...0x1f, 0x7f...0x7f]
    case "digit": digits
    case "graph": [0x21...0x7e]
    case "lower": [0x61...0x7a]
    case "print": [0x20...0x7e]
    case "punct": [0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e]
    case "space": [0x09...0x0d, 0x20...0x20]
    case "upper": [0x41...0x5a]
    case "word": word
    case "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66]
    default: nil
    }
  }

  /// - Parameter name: a general category of one or two letters, or `Any`.
  static func categoryMask(_ name: String) -> UInt32? {
    if name == "Any" { return .max }
    let mask = Unicode.GeneralCategory.abbreviations.enumerated().reduce(UInt32(0)) { mask, entry in
      entry.element == name || (name.utf8.count == 1 && entry.element.hasPrefix(name))
        ? mask | 1 << UInt32(entry.offset) : mask
    }
    return mask == 0 ? nil : mask
  }
}

extension Unicode.GeneralCategory {
  /// In the order of the bits of a mask.
  fileprivate static let abbreviations = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
    "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
  ]

  fileprivate var bit: UInt32 {
    let place: UInt32 =
      switch self {
      case .uppercaseLetter: 0
      case .lowercaseLetter: 1
      case .titlecaseLetter: 2
      case .modifierLetter: 3
      case .otherLetter: 4
      case .nonspacingMark: 5
      case .spacingMark: 6
      case .enclosingMark: 7
      case .decimalNumber: 8
      case .letterNumber: 9
      case .otherNumber: 10
      case .connectorPunctuation: 11
      case .dashPunctuation: 12
      case .openPunctuation: 13
      case .closePunctuation: 14
      case .initialPunctuation: 15
      case .finalPunctuation: 16
      case .otherPunctuation: 17
      case .mathSymbol: 18
      case .currencySymbol: 19
      case .modifierSymbol: 20
      case .otherSymbol: 21
      case .spaceSeparator: 22
      case .lineSeparator: 23
      case .paragraphSeparator: 24
      case .control: 25
      case .format: 26
      case .surrogate: 27
      case .privateUse: 28
      case .unassigned: 29
      @unknown default: 29
      }
    return 1 << place
  }
}
