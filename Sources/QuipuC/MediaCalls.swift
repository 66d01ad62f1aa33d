import CQuipu
import Quipu
import QuipuBase

// What all media have in common.

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
func makeMedia(
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
  makeMedia(list, "list", error) { () throws(QuipuError) in
    guard count >= 0, count <= 1 << 20 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) media cannot be right")
    }
    let list = try mediaList(items, count, "items")
    try Media.refuseCharts(list, "items")
    return .list(list)
  }
}
