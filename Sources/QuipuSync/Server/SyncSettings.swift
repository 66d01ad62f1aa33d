/// Everything an upload has to know beside the log.
package struct SyncSettings: Sendable {
  /// Base URL without a slash at its end, checked by ``ServerAddress``.
  package var server: ServerAddress
  package var credentials: Credentials
  package var connection = ConnectionOptions()
  package var graphQL = RetryPolicy.graphQL
  package var fileStream = RetryPolicy.fileStream
  package var transfer = RetryPolicy.transfer
  /// Least time between two file stream requests of a run. Units: nanoseconds. Default 0.5 s.
  package var transmitInterval: Int64 = 500_000_000
  /// A run that sends nothing says so every so often. Units: nanoseconds. Default 30 s.
  package var heartbeatInterval: Int64 = 30_000_000_000
  /// Most bytes of lines in one request. Default 256 KiB, because a training process pays for them several times over;
  /// at most 10 MiB.
  package var requestBytes = 256 << 10
  /// Longer lines are left out with a warning.
  package var lineBytes = 10_383_360
  /// Transfers at once, for a run. Default 16.
  package var concurrentTransfers = 16
  /// Shell patterns; files whose path in the run matches one are not uploaded.
  package var ignoreGlobs: [String] = []
  /// Headers `X-WANDB-USERNAME` and `X-WANDB-USER-EMAIL`.
  package var userName = ""
  package var userEmail = ""
  /// Several processes write the run: the id of this writer.
  package var sharedWriter: String?
  /// In shared mode the name of this writer.
  package var label: String?
  /// The server makes the summary from the rows; said in a header. Writers of a shared run then send none.
  package var isServerSideSummary = false
  /// False: a secondary writer, which uploads no summary, config file, metadata or requirements.
  package var isPrimary = true
  /// False: the run is not completed at its end.
  package var updatesFinishState = true

  package init(server: ServerAddress, credentials: Credentials) {
    self.server = server
    self.credentials = credentials
  }
}
