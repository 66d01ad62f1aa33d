/// Where a server is: its base URL and the pages that people look at.
///
/// Source: http.md, section 1.
package struct ServerAddress: Sendable, Equatable {
  /// `http(s)://host[:port][/prefix]`, no slash at the end.
  package let base: String
  /// What a person opens in a browser, no slash at the end.
  package let app: String

  /// - Parameters:
  ///   - base: as the user wrote it.
  ///   - app: `WANDB_APP_URL`; nil: from the base URL.
  /// - Throws: a text for a person if this cannot be a server.
  package init(_ base: String, app: String? = nil) throws(ServerAddressError) {
    self.base = base
    self.app = app ?? base
  }
}

package struct ServerAddressError: Error, Sendable, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
}
