import QuipuSync

/// Server, key and settings for programs that send logs without a run of their own.
package enum SyncConnection {
  /// - Returns: what a run that is started now would use, and the environment for the loop.
  /// - Throws: `setting`, `noAPIKey`, `apiKey`.
  package static func find() throws(QuipuError) -> (settings: SyncSettings, environment: [String: String]) {
    let context = ProcessContext.current()
    let (settings, server) = try Login.settings(host: nil, context)
    do throws(CredentialLookup.Problem) {
      let found = try RunCredentials.find(settings, server, context)
      return (settings.syncSettings(server: server, credentials: found.credentials), context.environment)
    } catch {
      throw QuipuError(error)
    }
  }
}
