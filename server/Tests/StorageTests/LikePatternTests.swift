import Storage
import Testing

@Suite struct LikePatternTests {
  @Test(arguments: [
    ("", "", true), ("", "a", false), ("%", "", true), ("%%", "abc", true), ("a%", "abc", true), ("%c", "abc", true),
    ("%b", "abc", false), ("a%c%e", "abcde", true), ("a%c%f", "abcde", false), ("%ab%ab", "abab", true),
    ("%ab%ab", "abaab", true), ("%abab", "aabab", true), ("_", "", false), ("_", "\u{e9}", true),
    ("__", "e\u{301}", true), ("_%_", "a", false), ("_%_", "ab", true), ("A", "a", false), ("a.c", "abc", false),
    ("a\\%", "a%", false), ("[ab]", "a", false), ("a%", "b", false), ("ab", "a", false), ("%_", "a\0", true),
  ])
  func matches(_ pattern: String, _ text: String, _ expected: Bool) {
    #expect(LikePattern(pattern).matches(text) == expected)
  }
}
