import CQuipu
import Quipu

// Point clouds and 3-D models.

@c @implementation
public func quipu_point_cloud_new(
  _ points: UnsafePointer<quipu_array>?, _ caption: UnsafePointer<CChar>?,
  _ cloud: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(cloud, "cloud", error) { () throws(QuipuError) in
    try .pointCloud(try view(points, "points"), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_object3d_from_text(
  _ text_: quipu_str, _ file_type: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?,
  _ object: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(object, "object", error) { () throws(QuipuError) in
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
  makeMedia(object, "object", error) { () throws(QuipuError) in
    try .object3D(path: try required(path, "path"), caption: try text(caption, "caption"))
  }
}
