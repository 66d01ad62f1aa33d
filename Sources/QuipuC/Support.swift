import CQuipu
import Glibc
import Quipu
import QuipuBase
import QuipuMedia

public typealias ErrorOut = UnsafeMutablePointer<OpaquePointer?>?

/// What a `quipu_error` points to.
final class ErrorBox {
  let code: Int32
  let message: UnsafeMutablePointer<CChar>?
  let kind: UnsafeMutablePointer<CChar>?

  init(_ error: QuipuError) {
    code = error.code.rawValue
    message = strdup(error.message)
    kind = strdup(error.kind)
  }

  deinit {
    free(message)
    free(kind)
  }
}

/// The one place where errors become statuses.
func fail(_ error: QuipuError, _ out: ErrorOut) -> quipu_status {
  out?.pointee = OpaquePointer(Unmanaged.passRetained(ErrorBox(error)).toOpaque())
  return error.code.rawValue
}

/// Runs a body that throws; clears the error output first.
func attempt(_ out: ErrorOut, _ body: () throws(QuipuError) -> Void) -> quipu_status {
  out?.pointee = nil
  do throws(QuipuError) {
    try body()
    return QuipuOK
  } catch {
    return fail(error, out)
  }
}

let QuipuOK: quipu_status = 0

func isNull(_ argument: String) -> QuipuError {
  QuipuError(.null, kind: "null_argument", "\(argument): is NULL")
}

private func notUTF8(_ argument: String) -> QuipuError {
  QuipuError(.utf8, kind: "not_utf8", "\(argument): is not valid UTF-8")
}

/// An optional text argument; nil if it is NULL.
func text(_ pointer: UnsafePointer<CChar>?, _ argument: String) throws(QuipuError) -> String? {
  guard let pointer else { return nil }
  guard let text = String(validatingCString: pointer) else { throw notUTF8(argument) }
  return text
}

/// A required text argument.
func required(_ pointer: UnsafePointer<CChar>?, _ argument: String) throws(QuipuError) -> String {
  guard let text = try text(pointer, argument) else { throw isNull(argument) }
  return text
}

/// The bytes of a `quipu_str`.
func bytes(_ value: quipu_str, _ argument: String) throws(QuipuError) -> UnsafeRawBufferPointer {
  guard let data = value.data else {
    if value.size == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
    throw QuipuError(.null, kind: "null_argument", "\(argument): data is NULL but size is \(value.size)")
  }
  guard let size = Int(exactly: value.size), size >= 0, size < 1 << 40 else {
    throw QuipuError(.tooLarge, kind: "too_large", "\(argument): size \(value.size) cannot be right")
  }
  return UnsafeRawBufferPointer(start: data, count: size)
}

/// A `quipu_str` as checked text.
func text(_ value: quipu_str, _ argument: String) throws(QuipuError) -> String {
  let raw = try bytes(value, argument)
  guard let text = String(validating: raw.bindMemory(to: UInt8.self), as: UTF8.self) else { throw notUTF8(argument) }
  return text
}

/// A `quipu_str` as JSON.
func json(_ value: quipu_str, _ argument: String) throws(QuipuError) -> JSON {
  let raw = try bytes(value, argument)
  do {
    return try JSON(parsing: raw)
  } catch {
    if String(validating: raw.bindMemory(to: UInt8.self), as: UTF8.self) == nil { throw notUTF8(argument) }
    throw QuipuError(
      .value, kind: "json_invalid", "\(argument): is not JSON: \(error.reason) at byte \(error.offset)")
  }
}

func object(_ value: quipu_str, _ argument: String) throws(QuipuError) -> JSONObject {
  guard case .object(let object) = try json(value, argument) else {
    throw QuipuError(.value, kind: "json_not_object", "\(argument): must be a JSON object")
  }
  return object
}

func toggle(_ value: quipu_toggle, _ argument: String) throws(QuipuError) -> Bool? {
  switch value {
  case 0: nil
  case 1: true
  case 2: false
  default: throw QuipuError(.argument, kind: "toggle_unknown", "\(argument): \(value) is not a quipu_toggle")
  }
}

func texts(
  _ list: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ argument: String
) throws(QuipuError) -> [String] {
  guard count > 0 else { return [] }
  guard let list else { throw isNull(argument) }
  var result: [String] = []
  for at in 0..<count { result.append(try required(list[at], "\(argument)[\(at)]")) }
  return result
}

/// Hands text to the caller.
func give(_ text: String, to out: UnsafeMutablePointer<quipu_str>?) {
  guard let out else { return }
  var text = text
  text.withUTF8 { source in
    guard let copy = malloc(source.count + 1) else { return }
    if let start = source.baseAddress { copy.copyMemory(from: start, byteCount: source.count) }
    copy.storeBytes(of: 0, toByteOffset: source.count, as: UInt8.self)
    out.pointee = quipu_str(data: UnsafePointer(copy.assumingMemoryBound(to: CChar.self)), size: source.count)
  }
}

func clear(_ out: UnsafeMutablePointer<quipu_str>?) { out?.pointee = quipu_str(data: nil, size: 0) }

// MARK: Handles

func theRun(_ handle: OpaquePointer?) throws(QuipuError) -> Run {
  guard handle != nil else { throw isNull("run") }
  guard let found = Handles.runs.object(handle) else {
    throw QuipuError(.handle, kind: "bad_handle", "run: was freed, or is not a run")
  }
  return found.run
}

/// A run of this process: what a forked child inherits may be locked by threads that it does not have.
func ownRun(_ handle: OpaquePointer?) throws(QuipuError) -> Run {
  let run = try theRun(handle)
  if run.isForked { throw QuipuError(.forked, kind: "run_forked", "run: belongs to the parent process") }
  return run
}

func medium(_ handle: OpaquePointer?, _ argument: String) throws(QuipuError) -> Media {
  guard handle != nil else { throw isNull(argument) }
  guard let found = Handles.media.object(handle) else {
    throw QuipuError(.handle, kind: "bad_handle", "\(argument): was freed, or is not a media handle")
  }
  return found
}

func mediaList(
  _ list: UnsafePointer<OpaquePointer?>?, _ count: Int, _ argument: String = "media"
) throws(QuipuError) -> [Media] {
  guard count > 0 else { return [] }
  guard let list else { throw isNull(argument) }
  var result: [Media] = []
  for at in 0..<count { result.append(try medium(list[at], "\(argument)[\(at)]")) }
  return result
}

func give(_ media: Media, to out: UnsafeMutablePointer<OpaquePointer?>) throws(QuipuError) {
  guard let handle = Handles.media.insert(media) else {
    throw QuipuError(.memory, kind: "too_many_handles", "four million media handles are in use: free some")
  }
  out.pointee = handle
}

// MARK: Options

/// Copies a caller's options, of whatever version, into the present form.
///
/// - Throws: `options` if the size is 0 or a field this version does not know is not zero.
func copyOptions<T>(
  _ source: UnsafePointer<T>?, _ initial: T, _ argument: String
) throws(QuipuError) -> T {
  guard let source else { return initial }
  let raw = UnsafeRawPointer(source)
  let size = Int(raw.load(as: UInt32.self))
  // A size that no version of the struct has would cut a pointer in two.
  guard size >= 8, size % MemoryLayout<T>.alignment == 0 else {
    throw QuipuError(
      .options, kind: "options_size", "\(argument): struct_size is \(size); set it with the initialiser macro")
  }
  let known = MemoryLayout<T>.size
  if size > known {
    guard size <= 1 << 16 else {
      throw QuipuError(.options, kind: "options_size", "\(argument): struct_size is \(size); set it with the initialiser")
    }
    for at in known..<size where raw.load(fromByteOffset: at, as: UInt8.self) != 0 {
      throw QuipuError(
        .options, kind: "options_unknown",
        "\(argument): was made for a newer version and uses a field that this library does not know")
    }
  }
  var result = initial
  withUnsafeMutableBytes(of: &result) { target in
    guard let start = target.baseAddress else { return }
    start.copyMemory(from: raw, byteCount: min(size, known))
  }
  return result
}

// MARK: Arrays

func view(_ array: UnsafePointer<quipu_array>?, _ argument: String) throws(QuipuError) -> ArrayView {
  guard let array else { throw isNull(argument) }
  return try view(array.pointee, argument)
}

func view(_ array: quipu_array, _ argument: String) throws(QuipuError) -> ArrayView {
  guard let dtype = DType(rawValue: array.dtype) else {
    throw QuipuError(.dtype, kind: "dtype_unknown", "\(argument): dtype \(array.dtype) is not known; see quipu_dtype")
  }
  guard array.ndim >= 0, array.ndim <= 32 else {
    throw QuipuError(.shape, kind: "array_dimensions", "\(argument): ndim is \(array.ndim); 0 to 32 are possible")
  }
  let count = Int(array.ndim)
  if count > 0, array.shape == nil { throw isNull("\(argument): shape") }
  var shape: [Int] = []
  var strides: [Int] = []
  for at in 0..<count {
    guard let extent = array.shape.map({ $0[at] }), extent >= 0, let value = Int(exactly: extent) else {
      throw QuipuError(.shape, kind: "array_shape", "\(argument): shape[\(at)] is negative")
    }
    shape.append(value)
    if let given = array.strides { strides.append(Int(given[at])) }
  }
  if array.data == nil, !shape.contains(0) {
    throw QuipuError(.null, kind: "null_argument", "\(argument): data is NULL but the shape has elements")
  }
  do throws(MediaError) {
    return try ArrayView(
      base: array.data, dtype: dtype, shape: shape, strides: array.strides == nil ? nil : strides,
      byteSwapped: array.flags & 1 != 0)
  } catch {
    throw QuipuError(.shape, kind: "array_shape", "\(argument): \(error.message)")
  }
}
