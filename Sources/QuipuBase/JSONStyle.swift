/// The three spellings of JSON text in the system. The values are the same; the text differs.
public enum JSONStyle: Sendable {
  /// What a client hands over: no spaces, members in order, raw UTF-8, `1.0`, `0.00001`, `1e+16`, `1e-6`.
  case client
  /// Files inside artifacts: members sorted by code point, `, ` and `: `, ASCII only, `1.0`, `1e-05`, `1e+16`.
  case artifact
  /// The transaction log and the wire: no spaces, raw UTF-8, `1`, `1e+06`, `1e-05`; integers beyond 64 bits become
  /// doubles.
  case core
}
