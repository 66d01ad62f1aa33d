import HTTPTypes

extension HTTPField.Name {
  /// A name of ours is a token, so the initialiser cannot fail; `.server` never stands in.
  private static func name(_ text: String) -> HTTPField.Name { HTTPField.Name(text) ?? .server }

  /// The writer of a file stream in shared mode. Source: protocol reference, section 3.
  static let asyncClientID = name("X-WANDB-ASYNC-CLIENT-ID")
  static let contentMD5 = name("Content-MD5")
  static let rateLimitLimit = name("RateLimit-Limit")
  static let rateLimitRemaining = name("RateLimit-Remaining")
  static let rateLimitReset = name("RateLimit-Reset")
}
