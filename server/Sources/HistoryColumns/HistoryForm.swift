/// How rows are written as JSON.
public enum HistoryForm: Sendable {
  /// An array of JSON strings, each the text of one row; NaN and the infinities are bare words inside that text.
  case strings
  /// An array of objects; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity".
  case objects
}
