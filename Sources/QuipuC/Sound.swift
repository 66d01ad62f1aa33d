import CQuipu
import Quipu
import QuipuMedia

// Audio and video.

@c @implementation
public func quipu_audio_new(
  _ samples: UnsafePointer<quipu_array>?, _ sample_rate: Int64, _ caption: UnsafePointer<CChar>?,
  _ audio: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(audio, "audio", error) { () throws(QuipuError) in
    try .audio(
      try view(samples, "samples"), sampleRate: Int(clamping: sample_rate), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_audio_open(
  _ path: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?, _ audio: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(audio, "audio", error) { () throws(QuipuError) in
    try .audio(path: try required(path, "path"), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_audio_from_bytes(
  _ content: quipu_str, _ format: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?,
  _ audio: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(audio, "audio", error) { () throws(QuipuError) in
    try .audio(
      content: Array(try bytes(content, "content")), format: try required(format, "format"),
      caption: try text(caption, "caption"))
  }
}

/// A format by its name.
private func videoFormat(_ name: String) throws(QuipuError) -> VideoFormat {
  do throws(MediaError) { return try VideoFormat(named: name, argument: "format") } catch { throw QuipuError(error) }
}

@c @implementation
public func quipu_video_new(
  _ frames: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_video_options>?,
  _ video: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(video, "video", error) { () throws(QuipuError) in
    let given = try copyOptions(options, quipu_video_options(), "options")
    return try .video(
      try view(frames, "frames"), format: try videoFormat(try text(given.format, "format") ?? "gif"),
      fps: given.fps, caption: try text(given.caption, "caption"), channelsLast: given.channels_last != 0)
  }
}

@c @implementation
public func quipu_video_open(
  _ path: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?, _ video: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(video, "video", error) { () throws(QuipuError) in
    try .video(path: try required(path, "path"), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_video_from_bytes(
  _ content: quipu_str, _ format: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?,
  _ video: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(video, "video", error) { () throws(QuipuError) in
    let format = try videoFormat(try required(format, "format"))
    return try .video(
      content: Array(try bytes(content, "content")), format: format, caption: try text(caption, "caption"))
  }
}
