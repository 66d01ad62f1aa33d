import CQuipu
import Glibc
import Quipu

// Version, status and errors, text, diagnostics.

/// Texts that live as long as the process.
private final class Texts: Sendable {
  nonisolated(unsafe) static let version = strdup(QuipuVersion.text)
  nonisolated(unsafe) static let empty = strdup("")
  nonisolated(unsafe) static let names: [Int32: (name: UnsafeMutablePointer<CChar>?, text: UnsafeMutablePointer<CChar>?)] = {
    var table: [Int32: (name: UnsafeMutablePointer<CChar>?, text: UnsafeMutablePointer<CChar>?)] = [:]
    for (code, name, text) in list { table[code] = (strdup(name), strdup(text)) }
    return table
  }()
  nonisolated(unsafe) static let unknown = (name: strdup("QUIPU_ERROR"), text: strdup("A failure that this version has no text for."))

  private static let list: [(Int32, String, String)] = [
    (0, "QUIPU_OK", "Success."),
    (-100, "QUIPU_ERROR_ARGUMENT", "An argument is wrong."),
    (-101, "QUIPU_ERROR_NULL", "A required pointer is NULL."),
    (-102, "QUIPU_ERROR_UTF8", "A text is not valid UTF-8, or a name holds a NUL."),
    (-103, "QUIPU_ERROR_KEY", "A key is empty or too long."),
    (-104, "QUIPU_ERROR_STEP", "The step is negative and not QUIPU_STEP_AUTO."),
    (-105, "QUIPU_ERROR_SHAPE", "Shape, strides or row width do not fit."),
    (-106, "QUIPU_ERROR_DTYPE", "The element type is unknown or not supported here."),
    (-107, "QUIPU_ERROR_VALUE", "A value cannot be stored."),
    (-108, "QUIPU_ERROR_NAME", "A run id, project, tag or metric name is not allowed."),
    (-109, "QUIPU_ERROR_SETTING", "A setting is unknown or has a wrong value."),
    (-110, "QUIPU_ERROR_OPTIONS", "An options struct has a wrong size or unknown fields."),
    (-111, "QUIPU_ERROR_DEVICE", "The array is in device memory; copy it to the host first."),
    (-112, "QUIPU_ERROR_TOO_LARGE", "More bytes than the limit."),
    (-200, "QUIPU_ERROR_STATE", "The call does not fit the object's state."),
    (-201, "QUIPU_ERROR_FINISHED", "The run is finished."),
    (-202, "QUIPU_ERROR_HANDLE", "The handle was freed or is of another kind."),
    (-203, "QUIPU_ERROR_FORKED", "The run belongs to the parent process."),
    (-204, "QUIPU_ERROR_CONFIG_CHANGED", "A config value would change without permission."),
    (-205, "QUIPU_ERROR_NOT_FOUND", "There is no such key, file or run."),
    (-206, "QUIPU_ERROR_TIMEOUT", "Not done within the time; it goes on in the background."),
    (-207, "QUIPU_ERROR_FULL", "The hand-off ring is full; the call was dropped and counted."),
    (-300, "QUIPU_ERROR_MEMORY", "Not enough memory or threads."),
    (-400, "QUIPU_ERROR_FILE", "A file could not be read or written."),
    (-401, "QUIPU_ERROR_DIRECTORY", "The run directory could not be made."),
    (-402, "QUIPU_ERROR_FORMAT", "A file is not what it should be."),
    (-403, "QUIPU_ERROR_DISK_FULL", "The disk is full."),
    (-404, "QUIPU_ERROR_BUSY", "The run is still being written by another process."),
    (-500, "QUIPU_ERROR_NETWORK", "The server cannot be reached."),
    (-501, "QUIPU_ERROR_HOST", "There is no host of that name."),
    (-502, "QUIPU_ERROR_CONNECT", "The connection to the server was refused or broken."),
    (-503, "QUIPU_ERROR_NETWORK_TIMEOUT", "The server did not answer in time."),
    (-504, "QUIPU_ERROR_TLS", "The server's certificate or the handshake failed."),
    (-505, "QUIPU_ERROR_PROXY", "The proxy cannot be reached or refuses."),
    (-506, "QUIPU_ERROR_LIBRARY", "libcurl is not installed."),
    (-600, "QUIPU_ERROR_AUTH", "The server refuses the API key or what it may do."),
    (-601, "QUIPU_ERROR_NO_API_KEY", "No API key was found."),
    (-602, "QUIPU_ERROR_API_KEY", "What was given cannot be an API key."),
    (-700, "QUIPU_ERROR_SERVER", "The server refuses or fails."),
    (-701, "QUIPU_ERROR_ANSWER", "The server's answer cannot be understood."),
    (-702, "QUIPU_ERROR_RESUME", "The run exists or does not, against what resume asks for."),
    (-800, "QUIPU_ERROR_ENCODE", "An encoder refused the value."),
    (-900, "QUIPU_ERROR_INTERNAL", "A bug in Quipu; please report it."),
  ]
}

@c @implementation
public func quipu_version() -> UnsafePointer<CChar>? { UnsafePointer(Texts.version) }

@c @implementation
public func quipu_version_number() -> UInt32 {
  UInt32(QUIPU_VERSION_MAJOR) * 1_000_000 + UInt32(QUIPU_VERSION_MINOR) * 1000 + UInt32(QUIPU_VERSION_PATCH)
}

@c @implementation
public func quipu_abi_version() -> UInt32 { UInt32(QUIPU_ABI) }

@c @implementation
public func quipu_status_name(_ status: quipu_status) -> UnsafePointer<CChar>? {
  UnsafePointer(Texts.names[status]?.name ?? Texts.unknown.name)
}

@c @implementation
public func quipu_status_text(_ status: quipu_status) -> UnsafePointer<CChar>? {
  UnsafePointer(Texts.names[status]?.text ?? Texts.unknown.text)
}

private func box(_ error: OpaquePointer?) -> ErrorBox? {
  error.map { Unmanaged<ErrorBox>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
}

@c @implementation
public func quipu_error_code(_ error: OpaquePointer?) -> quipu_status { box(error)?.code ?? 0 }

@c @implementation
public func quipu_error_message(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
  UnsafePointer(box(error)?.message ?? Texts.empty)
}

@c @implementation
public func quipu_error_kind(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
  UnsafePointer(box(error)?.kind ?? Texts.empty)
}

@c @implementation
public func quipu_error_free(_ error: OpaquePointer?) {
  guard let error else { return }
  Unmanaged<ErrorBox>.fromOpaque(UnsafeRawPointer(error)).release()
}

@c @implementation
public func quipu_text_free(_ text: quipu_str) { free(UnsafeMutablePointer(mutating: text.data)) }

@c @implementation
public func quipu_set_diagnostics(_ fn: quipu_diagnostic_fn?, _ user: UnsafeMutableRawPointer?) {
  guard let fn else {
    Diagnostics.shared.setHandler(nil)
    return
  }
  Diagnostics.shared.setHandler { diagnostic, run in
    diagnostic.kind.withCString { kind in
      diagnostic.message.withCString { message in
        run.withCString { run in fn(diagnostic.level.rawValue, kind, message, run, user) }
      }
    }
  }
}
