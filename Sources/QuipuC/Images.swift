import CQuipu
import Quipu
import QuipuBase
import QuipuMedia

// Images, masks, boxes, classes.

/// A caller's options, and the caption.
private func imageOptions(
  _ options: UnsafePointer<quipu_image_options>?
) throws(QuipuError) -> (options: ImageOptions, caption: String?) {
  let given = try copyOptions(options, quipu_image_options(), "options")
  var result = ImageOptions()
  result.mode = try text(given.mode, "mode")
  result.channelsFirst = given.channels_first != 0
  result.normalize = given.raw_values == 0
  if given.bit_depth != 0 { result.bitDepth = Int(given.bit_depth) }
  if given.quality != 0 { result.quality = Int(given.quality) }
  result.fileType = try text(given.file_type, "file_type")
  result.grouping = given.grouping
  result.strict = given.any_layers == 0
  return (result, try text(given.caption, "caption"))
}

@c @implementation
public func quipu_image_new(
  _ array: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_image_options>?,
  _ image: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(image, "image", error) { () throws(QuipuError) in
    let (options, caption) = try imageOptions(options)
    return try .image(try view(array, "array"), options, caption: caption)
  }
}

@c @implementation
public func quipu_images_new(
  _ array: UnsafePointer<quipu_array>?, _ captions: UnsafePointer<UnsafePointer<CChar>?>?,
  _ options: UnsafePointer<quipu_image_options>?, _ list: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(list, "list", error) { () throws(QuipuError) in
    let (options, _) = try imageOptions(options)
    let batch = try view(array, "array")
    let names = captions == nil ? [] : try texts(captions, batch.shape.first ?? 0, "captions")
    return try .images(batch, options, captions: names)
  }
}

@c @implementation
public func quipu_image_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<quipu_image_options>?,
  _ image: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(image, "image", error) { () throws(QuipuError) in
    let (options, caption) = try imageOptions(options)
    return try .image(path: try required(path, "path"), options, caption: caption)
  }
}

@c @implementation
public func quipu_image_from_bytes(
  _ data: UnsafeRawPointer?, _ size: Int, _ options: UnsafePointer<quipu_image_options>?,
  _ image: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(image, "image", error) { () throws(QuipuError) in
    let (options, caption) = try imageOptions(options)
    let content = quipu_str(data: data?.assumingMemoryBound(to: CChar.self), size: size)
    return try .image(bytes: try bytes(content, "data"), options, caption: caption)
  }
}

@c @implementation
public func quipu_image_copy(
  _ image: OpaquePointer?, _ options: UnsafePointer<quipu_image_options>?,
  _ copy: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(copy, "copy", error) { () throws(QuipuError) in
    let (options, _) = try imageOptions(options)
    return try .image(copying: try medium(image, "image"), grouping: options.grouping == 0 ? nil : options.grouping)
  }
}

@c @implementation
public func quipu_classes_new(
  _ classes: UnsafePointer<quipu_class>?, _ count: Int, _ out: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(out, "out", error) { () throws(QuipuError) in
    var labels: [(id: Int64, name: String)] = []
    if count > 0 {
      guard let classes else { throw isNull("classes") }
      for at in 0..<count { labels.append((classes[at].id, try required(classes[at].name, "classes[\(at)].name"))) }
    }
    return .classes(OverlayLabels(labels))
  }
}

@c @implementation
public func quipu_classes_from_json(
  _ json_: quipu_str, _ out: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(out, "out", error) { () throws(QuipuError) in try .classes(try json(json_, "json")) }
}

@c @implementation
public func quipu_mask_new(
  _ array: UnsafePointer<quipu_array>?, _ classes: OpaquePointer?, _ key: UnsafePointer<CChar>?,
  _ mask: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(mask, "mask", error) { () throws(QuipuError) in
    try .mask(
      try view(array, "array"), classes: classes == nil ? nil : try medium(classes, "classes"),
      key: try text(key, "key"))
  }
}

@c @implementation
public func quipu_mask_open(
  _ path: UnsafePointer<CChar>?, _ mask: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(mask, "mask", error) { () throws(QuipuError) in try .mask(path: try required(path, "path")) }
}

@c @implementation
public func quipu_boxes_new(
  _ array: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_boxes_options>?,
  _ boxes: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(boxes, "boxes", error) { () throws(QuipuError) in
    let given = try copyOptions(options, quipu_boxes_options(), "options")
    let rows = try view(array, "array")
    var columns = OverlayBoxes.Columns()
    guard let layout = OverlayBoxes.Layout(rawValue: given.layout) else {
      throw QuipuError(.argument, kind: "layout_unknown", "layout: \(given.layout) is not a quipu_box_layout")
    }
    columns.layout = layout
    columns.inPixels = given.in_pixels != 0
    if given.class_ids != nil { columns.classIDs = try view(given.class_ids, "class_ids") }
    if given.scores != nil { columns.scores = try view(given.scores, "scores") }
    columns.scoreNames = try texts(given.score_names, Int(given.score_count), "score_names")
    if given.captions != nil { columns.captions = try texts(given.captions, rows.shape.first ?? 0, "captions") }
    return try .boxes(
      rows, columns, classes: given.classes == nil ? nil : try medium(given.classes, "classes"),
      key: try text(given.key, "key"))
  }
}

@c @implementation
public func quipu_boxes_from_json(
  _ json_: quipu_str, _ key: UnsafePointer<CChar>?, _ boxes: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(boxes, "boxes", error) { () throws(QuipuError) in
    try .boxes(json: try object(json_, "json"), key: try text(key, "key"))
  }
}

@c @implementation
public func quipu_image_add(
  _ image: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ layer: OpaquePointer?, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let added = try medium(layer, "layer")
    try medium(image, "image").add(added, name: try text(name, "name") ?? "")
  }
}
