struct Token {
  enum Kind: Equatable {
    case bang, dollar, ampersand, openParenthesis, closeParenthesis, spread, colon, equals, at
    case openBracket, closeBracket, openBrace, pipe, closeBrace
    case name, int, float
    /// With the decoded text, quotes and escapes gone.
    case string(String)
    case end
  }

  var kind: Kind
  /// Byte offsets in the source.
  var range: Range<Int>

  var start: Int { range.lowerBound }
}
