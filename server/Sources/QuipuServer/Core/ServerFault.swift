/// What a client is told when a request is refused: an HTTP status and one line.
///
/// Statuses matter to clients (protocol reference, 5.1): 4xx but 408, 425 and 429 are final, and final for a whole file
/// stream; 5xx but 501 are tried again. So passing trouble is never 4xx here.
struct ServerFault: Error, Equatable {
  var status: Int
  var message: String

  init(_ status: Int, _ message: String) {
    self.status = status
    self.message = message
  }
}
