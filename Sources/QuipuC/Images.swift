import CQuipu
import Quipu

// Images.

@c @implementation
public func quipu_image_new(
  _ array: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_image_options>?,
  _ image: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(image, "image", error) { () throws(QuipuError) in
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
  makeMedia(image, "image", error) { () throws(QuipuError) in
    let given = try copyOptions(options, quipu_image_options(), "options")
    return try .image(
      path: try required(path, "path"), caption: try text(given.caption, "caption"), grouping: given.grouping)
  }
}
