/// What proves to a server who sends.
///
/// Source: http.md, section 2.
package enum Credentials: Sendable, Equatable {
  case none
  case apiKey(String)
  /// A file with a JWT that is exchanged for access tokens; where those are kept.
  case identityToken(file: String, cache: String)
}
