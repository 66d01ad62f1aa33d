import CQuipu
import Quipu
import QuipuMedia

// Arrays.

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
  /// Device types whose memory the host can read: CPU, CUDA pinned host, ROCm pinned host, CUDA managed.
  static func isHost(_ device: Int32) -> Bool { device == 1 || device == 3 || device == 11 || device == 13 }

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
    guard DLPack.isHost(device) else {
      throw QuipuError(
        .device, kind: "array_on_device",
        "tensor: its memory is on a device (DLPack type \(device)); bring it to the host first: tensor.cpu() in torch, "
          + "jax.device_get(array), array.get() in cupy")
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
        .dtype, kind: "dtype_unknown",
        "tensor: element type (code \(code), \(bits) bits, \(lanes) lanes) is not supported; convert it, e.g. to float32")
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
