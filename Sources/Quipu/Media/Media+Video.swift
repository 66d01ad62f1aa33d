import QuipuBase
import QuipuMedia

/// Video.
extension Media {
  /// Frames per second where none are given.
  public static let defaultFramesPerSecond = 4.0

  /// A video from frames.
  ///
  /// - Parameters:
  ///   - frames: `[time, channel, height, width]`, or `[batch, time, channel, height, width]` for videos side by side;
  ///     1 (gray), 3 (RGB) or 4 (alpha is dropped) channels; any element type, values 0...255, never rescaled.
  ///   - format: gif is encoded here; mp4, webm and ogg need the program ffmpeg, which is found when this is called.
  ///   - fps: frames per second; 0 means 4.
  ///   - caption: shown below the player.
  ///   - channelsLast: axes are `[time, height, width, channel]`.
  /// - Throws: `shape`, `value` (fps), `tooLarge`, `library` (no ffmpeg).
  /// Blocking: copies the frames. Source: W&B's rich data types, "Video".
  public static func video(
    _ frames: ArrayView, format: VideoFormat, fps: Double = 0, caption: String? = nil, channelsLast: Bool = false
  ) throws(QuipuError) -> Media {
    let fps = fps == 0 ? defaultFramesPerSecond : fps
    guard fps > 0, fps <= 1_000_000 else {
      throw QuipuError(.value, kind: "video_fps", "fps: \(fps) frames per second are impossible; pass a number above 0")
    }
    let program = format == .gif ? nil : try FFmpeg(for: format)
    do throws(MediaError) {
      let copy = try VideoFrames(array: frames, channelsLast: channelsLast)
      if format == .gif { try GIFEncoder.check(copy, fps: fps) }
      return Media(
        .video, .pending(PendingVideo(frames: copy, format: format, fps: fps, program: program)), caption: caption)
    } catch {
      var refused = QuipuError(error)
      if error.code == .value, error.message.hasPrefix("frames:") { refused.code = .shape }
      throw refused
    }
  }

  /// A video from a file, copied unchanged: gif, mp4, webm or ogg.
  ///
  /// - Throws: `value` (extension), `notFound`, `file`, `format` (empty, or certainly not what its name says),
  ///   `tooLarge`.
  /// Blocking: reads the file.
  public static func video(path: String, caption: String? = nil) throws(QuipuError) -> Media {
    let ext = String(UserFile.fileExtension(of: path).dropFirst())
    _ = try refuse { () throws(MediaError) in try VideoFormat(named: ext, argument: "path") }
    let file = try UserFile(path: path)
    try refuseOther(file, as: ext, argument: "path", named: path)
    return Media(.video, .file(FileValue(folder: "videos", type: "video-file", file: file)), caption: caption)
  }

  /// A video from the content of a file.
  ///
  /// - Throws: `format` (empty, or certainly of another format).
  public static func video(
    content: [UInt8], format: VideoFormat, caption: String? = nil
  ) throws(QuipuError) -> Media {
    guard !content.isEmpty else { throw QuipuError(.format, kind: "file_empty", "content: is empty") }
    let file = UserFile(bytes: content, name: "video." + format.rawValue)
    try refuseOther(file, as: format.rawValue, argument: "content", named: "it")
    var value = FileValue(folder: "videos", type: "video-file", file: file)
    value.userName = nil
    return Media(.video, .file(value), caption: caption)
  }
}

/// Frames on their way to a video file.
struct PendingVideo: PendingFile {
  var frames: VideoFrames
  var format: VideoFormat
  var fps: Double
  /// Nil for GIF.
  var program: FFmpeg?

  var byteCount: Int { frames.byteCount }

  func encode() throws(MediaError) -> FileValue {
    var members = JSONObject()
    members["width"] = .int(Int64(frames.width))
    members["height"] = .int(Int64(frames.height))
    let bytes: [UInt8]
    var large: OpenedFile?
    if let program {
      let file = try program.encode(frames, fps: fps, format: format)
      if file.size <= UserFile.inMemory, let content = file.read(limit: Int.max) {
        bytes = content
      } else {
        bytes = []
        large = file
      }
    } else {
      bytes = try GIFEncoder.encode(frames, fps: fps)
    }
    var value = FileValue(
      folder: "videos", type: "video-file", fileExtension: "." + format.rawValue, bytes: bytes, members: members)
    if let large {
      var hash = SHA256()
      let read = large.forEachChunk {
        hash.update($0)
        return true
      }
      guard read else { throw MediaError(.io, "cannot read the video again") }
      value.content = .open(large)
      value.sha256 = hexText(hash.finish())
    }
    return value
  }
}
