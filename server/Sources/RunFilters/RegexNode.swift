/// A pattern as a tree.
indirect enum RegexNode {
  case empty
  case scalar(UInt32)
  /// One scalar of a set, by its number in the parser's list.
  case set(Int)
  case assert(RegexAssertion)
  case sequence([RegexNode])
  case alternatives([RegexNode])
  /// `maximum` nil: without end. Lazy and greedy forms find the same, so they are not told apart.
  case `repeat`(RegexNode, minimum: Int, maximum: Int?)
}

/// A condition on a place between two scalars.
enum RegexAssertion: Sendable {
  case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary

  func holds(between previous: UInt32?, and next: UInt32?) -> Bool {
    switch self {
    case .textStart: previous == nil
    case .textEnd: next == nil
    case .lineStart: previous == nil || previous == 10
    case .lineEnd: next == nil || next == 10
    case .wordBoundary: Self.isWord(previous) != Self.isWord(next)
    case .noWordBoundary: Self.isWord(previous) == Self.isWord(next)
    }
  }

  /// ASCII only, as in RE2.
  private static func isWord(_ scalar: UInt32?) -> Bool {
    guard let scalar, let byte = UInt8(exactly: scalar) else { return false }
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      return true
    default: return false
    }
  }
}
