import CQuipu
import Glibc
import Quipu
import QuipuBase
import QuipuMedia

// Arrays and media.

/// The layout of DLPack's `DLTensor`, which has not changed since version 0.2.
private enum DLPack {
  static let data = 0
  static let deviceType = 8
  static let ndim = 16
  static let code = 20
  static let bits = 21
  static let lanes = 22
  static let shape = 24
  static let strides = 32
  static let byteOffset = 40
  /// Device types whose memory the host can read: CPU, CUDA pinned host, ROCm pinned host.
  static let hostDevices: Set<Int32> = [1, 3, 11]

  static func dtype(code: UInt8, bits: UInt8) -> DType? {
    switch (code, bits) {
    case (0, 8): .i8
    case (0, 16): .i16
    case (0, 32): .i32
    case (0, 64): .i64
    case (1, 8): .u8
    case (1, 16): .u16
    case (1, 32): .u32
    case (1, 64): .u64
    case (2, 16): .f16
    case (2, 32): .f32
    case (2, 64): .f64
    case (4, 16): .bf16
    case (5, 64): .c64
    case (5, 128): .c128
    case (6, 8): .bool
    default: nil
    }
  }
}

@c @implementation
public func quipu_array_from_dlpack(
  _ tensor: OpaquePointer?, _ array: UnsafeMutablePointer<quipu_array>?, _ strides_out: UnsafeMutablePointer<Int64>?,
  _ capacity: Int, _ error: ErrorOut
) -> quipu_status {
  array?.pointee = quipu_array()
  return attempt(error) { () throws(QuipuError) in
    guard let tensor else { throw isNull("tensor") }
    guard let array else { throw isNull("array") }
    let raw = UnsafeRawPointer(tensor)
    let device = raw.load(fromByteOffset: DLPack.deviceType, as: Int32.self)
    guard DLPack.hostDevices.contains(device) else {
      throw QuipuError(
        .device, kind: "array_on_device",
        "tensor: its memory is on a device (type \(device)); copy it to the host first, e.g. with .cpu()")
    }
    let ndim = raw.load(fromByteOffset: DLPack.ndim, as: Int32.self)
    guard ndim >= 0, ndim <= 32 else {
      throw QuipuError(.shape, kind: "array_dimensions", "tensor: ndim is \(ndim); 0 to 32 are possible")
    }
    guard Int(ndim) <= capacity, strides_out != nil || ndim == 0 else {
      throw QuipuError(.shape, kind: "strides_capacity", "strides_out: needs room for \(ndim) strides")
    }
    let code = raw.load(fromByteOffset: DLPack.code, as: UInt8.self)
    let bits = raw.load(fromByteOffset: DLPack.bits, as: UInt8.self)
    let lanes = raw.load(fromByteOffset: DLPack.lanes, as: UInt16.self)
    guard lanes == 1, let dtype = DLPack.dtype(code: code, bits: bits) else {
      throw QuipuError(
        .dtype, kind: "dtype_unknown", "tensor: element type (code \(code), \(bits) bits, \(lanes) lanes) is not supported")
    }
    let shape = raw.load(fromByteOffset: DLPack.shape, as: UnsafePointer<Int64>?.self)
    if ndim > 0, shape == nil { throw isNull("tensor: shape") }
    var result = quipu_array()
    let offset = raw.load(fromByteOffset: DLPack.byteOffset, as: UInt64.self)
    let data = raw.load(fromByteOffset: DLPack.data, as: UnsafeRawPointer?.self)
    result.data = data.map { $0 + Int(truncatingIfNeeded: offset) }
    result.dtype = dtype.rawValue
    result.ndim = ndim
    result.shape = shape
    if let steps = raw.load(fromByteOffset: DLPack.strides, as: UnsafePointer<Int64>?.self), let strides_out {
      for at in 0..<Int(ndim) {
        let bytes = steps[at].multipliedReportingOverflow(by: Int64(bits / 8))
        guard !bytes.overflow else {
          throw QuipuError(.shape, kind: "array_shape", "tensor: stride \(at) is too large")
        }
        strides_out[at] = bytes.partialValue
      }
      result.strides = UnsafePointer(strides_out)
    }
    array.pointee = result
  }
}

@c @implementation
public func quipu_media_free(_ media: OpaquePointer?) {
  if media != nil { _ = Handles.media.remove(media) }
}

@c @implementation
public func quipu_media_json(
  _ media: OpaquePointer?, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    guard let value = try medium(media, "media").inlineValue else {
      throw QuipuError(.state, kind: "media_has_file", "media: is kept in a file, so a row holds no value of it")
    }
    give(value.text(style: .client), to: out)
  }
}

/// Makes a media handle.
private func make(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ argument: String, _ error: ErrorOut,
  _ body: () throws(QuipuError) -> Media
) -> quipu_status {
  out?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let out else { throw isNull(argument) }
    try give(try body(), to: out)
  }
}

@c @implementation
public func quipu_media_list_new(
  _ items: UnsafePointer<OpaquePointer?>?, _ count: Int, _ list: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  make(list, "list", error) { () throws(QuipuError) in
    guard count >= 0, count <= 1 << 20 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) media cannot be right")
    }
    return .list(try mediaList(items, count, "items"))
  }
}

@c @implementation
public func quipu_image_new(
  _ array: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_image_options>?,
  _ image: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(image, "image", error) { () throws(QuipuError) in
    let given = try copyOptions(options, quipu_image_options(), "options")
    return try .image(
      try view(array, "array"), mode: try text(given.mode, "mode"), caption: try text(given.caption, "caption"),
      fileType: try text(given.file_type, "file_type"), grouping: given.grouping,
      channelsFirst: given.channels_first != 0)
  }
}

@c @implementation
public func quipu_image_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<quipu_image_options>?,
  _ image: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(image, "image", error) { () throws(QuipuError) in
    let given = try copyOptions(options, quipu_image_options(), "options")
    return try .image(
      path: try required(path, "path"), caption: try text(given.caption, "caption"), grouping: given.grouping)
  }
}

@c @implementation
public func quipu_histogram_new(
  _ array: UnsafePointer<quipu_array>?, _ bins: Int64, _ histogram: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  make(histogram, "histogram", error) { () throws(QuipuError) in
    try .histogram(try view(array, "array"), bins: bins == 0 ? Histogram.defaultBins : Int(bins))
  }
}

@c @implementation
public func quipu_histogram_from_counts(
  _ counts: UnsafePointer<quipu_array>?, _ edges: UnsafePointer<quipu_array>?,
  _ histogram: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(histogram, "histogram", error) { () throws(QuipuError) in
    try .histogram(counts: try view(counts, "counts"), edges: try view(edges, "edges"))
  }
}

@c @implementation
public func quipu_histogram_from_json(
  _ json: quipu_str, _ histogram: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(histogram, "histogram", error) { () throws(QuipuError) in
    let members = try object(json, "json")
    guard let counts = members["values"]?.arrayValue, let edges = members["bins"]?.arrayValue else {
      throw QuipuError(.value, kind: "histogram_members", "json: needs the lists \"values\" and \"bins\"")
    }
    return try .histogram(counts: counts, edges: edges)
  }
}

@c @implementation
public func quipu_array_value_new(
  _ array: UnsafePointer<quipu_array>?, _ value: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(value, "value", error) { () throws(QuipuError) in try .array(try view(array, "array")) }
}

@c @implementation
public func quipu_point_cloud_new(
  _ points: UnsafePointer<quipu_array>?, _ caption: UnsafePointer<CChar>?,
  _ cloud: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(cloud, "cloud", error) { () throws(QuipuError) in
    try .pointCloud(try view(points, "points"), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_object3d_from_text(
  _ text_: quipu_str, _ file_type: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?,
  _ object: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  make(object, "object", error) { () throws(QuipuError) in
    try .object3D(
      text: try text(text_, "text"), fileType: try required(file_type, "file_type"),
      caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_object3d_open(
  _ path: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?, _ object: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  make(object, "object", error) { () throws(QuipuError) in
    try .object3D(path: try required(path, "path"), caption: try text(caption, "caption"))
  }
}
