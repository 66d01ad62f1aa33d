import Glibc
import QuipuBase
import QuipuSync

/// Sends one request on a loop of its own and waits for what comes of it.
func fetch(
  _ request: HTTPRequest, _ options: ConnectionOptions = ConnectionOptions(), environment: [String: String] = [:]
) -> Result<HTTPAnswer, HTTPFailure> {
  let loop = SyncLoop(environment: environment)
  defer { loop.stop() }
  return fetch(request, options, on: loop)
}

func fetch(_ request: HTTPRequest, _ options: ConnectionOptions = ConnectionOptions(), on loop: SyncLoop) -> Result<
  HTTPAnswer, HTTPFailure
> {
  var result: Result<HTTPAnswer, HTTPFailure>?
  loop.send(request, options) { result = $0 }
  loop.run(until: Clock.monotonic() + 60_000_000_000) { result != nil }
  return result ?? .failure(HTTPFailure(.other, "the test waited a minute"))
}

extension Result where Success == HTTPAnswer, Failure == HTTPFailure {
  var answer: HTTPAnswer? { try? get() }
  var failed: HTTPFailure? {
    if case .failure(let failure) = self { return failure }
    return nil
  }
}

extension HTTPAnswer {
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A folder that is removed with the object.
final class TemporaryFolder {
  let path: String
  init() {
    var template = Array("/tmp/quipu-http-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
  }
  deinit {
    guard path != "/tmp", let list = opendir(path) else { return }
    while let entry = readdir(list) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { unlink(path + "/" + name) }
    }
    closedir(list)
    rmdir(path)
  }
  func file(_ name: String, _ bytes: [UInt8]) -> String {
    let file = path + "/" + name
    let stream = fopen(file, "w")
    fwrite(bytes, 1, bytes.count, stream)
    fclose(stream)
    return file
  }
}
