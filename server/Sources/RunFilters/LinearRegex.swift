/// A regular expression that answers in time linear in the text, whatever the pattern.
///
/// Syntax: RE2's, without Unicode scripts (`\p{Greek}`; general categories such as `\p{Lu}` are known) and `\C`. Back
/// references and lookaround do not exist. Matching is over Unicode scalars.
/// Source: https://github.com/google/re2/wiki/Syntax; K. Thompson, Regular Expression Search Algorithm (1968); R. Cox,
/// https://swtch.com/~rsc/regexp/regexp2.html, on R. Pike's virtual machine. One deviation: a quantifier right behind
/// flags, `a(?i)*`, is refused.
public struct LinearRegex: Sendable {
  /// Longest pattern, in bytes.
  public static let maximumPattern = 8192

  private let program: RegexProgram
  /// Size of the program.
  var stepCount: Int { program.instructions.count }

  /// - Parameter flags: letters of `ims`, as in `(?ims)`.
  /// - Throws: for a pattern that is malformed, not supported, or too large (8,192 bytes, a repetition of 1,000,
  ///   5,000 steps once repetitions are written out).
  public init(_ pattern: String, flags: String = "") throws(FilterError) {
    guard pattern.utf8.count <= Self.maximumPattern else {
      throw FilterError("pattern longer than \(Self.maximumPattern) bytes")
    }
    var parser = RegexParser(pattern, flags: flags)
    let tree = try parser.parse()
    program = try RegexProgram(tree, sets: parser.sets)
  }

  /// Whether the pattern matches anywhere in the text.
  /// - Complexity: at most the size of the program for each scalar of the text.
  public func matches(_ text: String) -> Bool {
    var search = RegexSearch(program)
    return search.run(text)
  }
}
