import QuipuBase

/// Payload of an entry that carries JSON text and refers to media:
/// u32 number of media, u32 unused, u64 media ids, text.
struct JSONPayload {
  static let headerBytes = 8

  var media: [UInt64]
  var text: UnsafeRawBufferPointer

  init?(_ payload: UnsafeRawBufferPointer) {
    guard payload.count >= Self.headerBytes else { return nil }
    let count = Int(payload.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
    guard count <= (payload.count &- Self.headerBytes) / 8 else { return nil }
    media = []
    media.reserveCapacity(count)
    for at in 0..<count {
      media.append(payload.loadUnaligned(fromByteOffset: Self.headerBytes &+ at &* 8, as: UInt64.self))
    }
    text = UnsafeRawBufferPointer(rebasing: payload[(Self.headerBytes &+ count &* 8)...])
  }

  /// What a call's check lets pass stands a few levels deeper in an entry.
  static let maximumDepth = JSON.maximumDepth + 8

  func parse() -> JSON? { try? JSON(parsing: text, maximumDepth: Self.maximumDepth) }

  static func bytes(media: [UInt64], textCount: Int) -> Int { headerBytes &+ media.count &* 8 &+ textCount }

  static func write(media: [UInt64], text: UnsafeRawBufferPointer, to out: UnsafeMutableRawPointer) {
    out.storeBytes(of: UInt32(truncatingIfNeeded: media.count), as: UInt32.self)
    out.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
    for (at, id) in media.enumerated() {
      out.storeBytes(of: id, toByteOffset: headerBytes &+ at &* 8, as: UInt64.self)
    }
    if let start = text.baseAddress {
      (out + (headerBytes &+ media.count &* 8)).copyMemory(from: start, byteCount: text.count)
    }
  }
}
