/// Replaces what looks like a key, a token or a password in command lines before they are stored.
package enum SecretArguments {
  package static let replacement = "***"

  /// Words that make an option's or variable's value a secret, as whole parts of its name.
  private static let words: Set<String> = [
    "apikey", "token", "secret", "password", "passwd", "passphrase", "pwd", "credential", "credentials", "auth",
    "authorization", "bearer", "jwt", "cookie",
  ]
  /// Pairs that mean the same: "api key", "private key".
  private static let keyOwners: Set<String> = [
    "api", "access", "private", "secret", "auth", "ssh", "wandb", "aws", "encryption", "signing",
    "master", "account", "storage", "openai", "hf", "anthropic",
  ]

  /// The arguments with secrets replaced: `--api-key=X`, `--api-key X`, `api_key=X`, `https://user:X@host`, and values
  /// that have the form of a known service's key.
  package static func redacted(_ arguments: [String]) -> [String] {
    var out: [String] = []
    var hideNext = false
    for argument in arguments {
      if hideNext {
        hideNext = false
        // An option follows: the secret one was a switch. A secret may begin with one dash too.
        let isOption =
          argument.utf8.starts(with: "--".utf8)
          || (argument.utf8.first == UInt8(ascii: "-") && argument.utf8.count < 8)
        if !isOption {
          out.append(replacement)
          continue
        }
      }
      if let cut = argument.utf8.firstIndex(of: UInt8(ascii: "=")) {
        let name = String(argument[..<cut])
        let value = String(argument[argument.utf8.index(after: cut)...])
        out.append("\(name)=\(redacted(name: name, value: value))")
      } else if argument.utf8.first == UInt8(ascii: "-"), isSecretName(argument) {
        out.append(argument)
        hideNext = true
      } else {
        out.append(redacted(name: "", value: argument))
      }
    }
    return out
  }

  /// The value, or its replacement if the name or the value itself looks secret.
  package static func redacted(name: String, value: String) -> String {
    if value.isEmpty { return value }
    if isSecretName(name) || isSecretValue(value) { return replacement }
    return SecretText.redacted(URLText.withoutPassword(value))
  }

  static func isSecretName(_ name: String) -> Bool {
    let parts = nameParts(name)
    for (at, part) in parts.enumerated() {
      if words.contains(part) { return true }
      if part == "key", at > 0, keyOwners.contains(parts[at - 1]) { return true }
    }
    // A bare `--key=...` is more often a metric's name; `-k` likewise. They stay.
    return false
  }

  /// "--wandb-apiKey" -> wandb, api, key. "max_tokens" stays tokens, which is no secret.
  private static func nameParts(_ name: String) -> [String] {
    var parts: [String] = []
    var current: [UInt8] = []
    var wasLower = false
    func flush() {
      if !current.isEmpty { parts.append(String(decoding: current, as: UTF8.self)) }
      current = []
    }
    for byte in name.utf8 {
      let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      let isLower = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      if !isUpper && !isLower && !isDigit && byte < 0x80 {
        flush()
        wasLower = false
        continue
      }
      if isUpper && wasLower { flush() }
      current.append(isUpper ? byte | 0x20 : byte)
      wasLower = isLower || isDigit
    }
    flush()
    return parts
  }

  /// 40 hexadecimal digits (a classic W&B key; a commit hash is lost too), and what services give out as keys.
  private static func isSecretValue(_ value: String) -> Bool {
    let bytes = Array(value.utf8)
    if SecretText.isKey(bytes) { return true }
    return bytes.count == 40
      && bytes.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
