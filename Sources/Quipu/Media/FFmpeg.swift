import Glibc
import QuipuBase
import QuipuMedia

/// The program that makes MP4, WebM and Ogg files: ffmpeg, found at run time.
struct FFmpeg: Sendable {
  /// Where it is.
  var path: String

  init(path: String) { self.path = path }

  /// Looks for the program that `QUIPU_FFMPEG` names, by its path or by a name on the search path, else for `ffmpeg`.
  ///
  /// - Parameter format: for the message.
  /// - Throws: `library` if there is none.
  init(for format: VideoFormat) throws(QuipuError) {
    let given = Self.variable("QUIPU_FFMPEG")
    let name = given ?? "ffmpeg"
    guard let path = Self.find(name, on: Self.variable("PATH") ?? "/usr/local/bin:/usr/bin:/bin") else {
      let missing = given.map { "QUIPU_FFMPEG names \"\($0)\", which is no program" } ?? "it is not on the search path"
      throw QuipuError(
        .library, kind: "ffmpeg_missing",
        "format: \(format.rawValue) needs the program ffmpeg, and \(missing); install it, set QUIPU_FFMPEG to its path,"
          + " or pass format gif")
    }
    self.path = path
  }

  private static func variable(_ name: String) -> String? {
    guard let value = getenv(name), value[0] != 0 else { return nil }
    return String(cString: value)
  }

  static func find(_ name: String, on searchPath: String) -> String? {
    guard !name.utf8.contains(UInt8(ascii: "/")) else {
      let path = PathTools.expandHome(name)
      return isProgram(path) ? path : nil
    }
    for directory in searchPath.utf8.split(separator: UInt8(ascii: ":")) {
      let path = PathTools.join(String(decoding: directory, as: UTF8.self), name)
      if isProgram(path) { return path }
    }
    return nil
  }

  private static func isProgram(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }

  /// Raw frames on its input, the file on `output`. Codecs are the program's own choice for the container, so that
  /// builds without x264 or VP9 serve as well.
  ///
  /// - Parameter output: a path.
  static func arguments(_ frames: VideoFrames, fps: Double, format: VideoFormat, output: String) -> [String] {
    var result = [
      "-hide_banner", "-loglevel", "error", "-y",
      "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "\(frames.width)x\(frames.height)", "-r", "\(fps)", "-i", "pipe:0",
      // Polite to the program that is being trained here.
      "-an", "-threads", "2",
    ]
    // Browsers show 4:2:0 alone, whose sides are even: one line of black is added at the right or below.
    if frames.width % 2 == 1 || frames.height % 2 == 1 { result += ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"] }
    result += ["-pix_fmt", "yuv420p"]
    // Shown while it is still being read.
    if format == .mp4 { result += ["-movflags", "+faststart"] }
    return result + ["-f", format.rawValue, output]
  }

  /// Encodes a video.
  ///
  /// Blocking: until the program has ended. It is killed if it neither takes frames nor writes for `patience`, or when
  /// the process ends.
  /// - Throws: `.io` with the last line of its messages; `.memory`.
  func encode(
    _ frames: VideoFrames, fps: Double, format: VideoFormat, patience: Int64 = FFmpegProcess.patience
  ) throws(MediaError) -> OpenedFile {
    // Closed with its owner, whatever happens.
    let output = OpenedFile(descriptor: try Self.temporaryFile(), size: 0)
    // Its name is gone already; the program opens it by the descriptor that it inherits.
    let path = "/proc/self/fd/\(FFmpegProcess.outputDescriptor)"
    let process = try FFmpegProcess(
      program: self.path, arguments: Self.arguments(frames, fps: fps, format: format, output: path),
      output: output.descriptor, patience: patience)
    let frame = try MediaBytes(count: 3 &* frames.width &* frames.height)
    var takes = true
    for number in 0..<frames.count where takes {
      try frames.copyRGB(frame: number, to: frame.base)
      takes = process.send(UnsafeRawBufferPointer(start: frame.base, count: frame.count))
    }
    if let failure = process.finish() { throw MediaError(.io, "\(self.path): \(failure)") }
    var info = stat()
    guard fstat(output.descriptor, &info) == 0, info.st_size > 0 else {
      throw MediaError(.io, "\(self.path): wrote no \(format.rawValue) file")
    }
    let file = OpenedFile(descriptor: fcntl(output.descriptor, F_DUPFD_CLOEXEC, 0), size: Int64(info.st_size))
    guard file.descriptor >= 0 else { throw MediaError(.io, "no descriptors left for a video") }
    return file
  }

  /// A file without a name, so that nothing is left of it however this process ends.
  private static func temporaryFile() throws(MediaError) -> Int32 {
    let directory = variable("TMPDIR") ?? "/tmp"
    var template = Array(PathTools.join(directory, "quipu-video-XXXXXX").utf8CString)
    let descriptor = template.withUnsafeMutableBufferPointer { room -> Int32 in
      guard let path = room.baseAddress else { return -1 }
      let descriptor = mkstemp(path)
      if descriptor >= 0 { unlink(path) }
      return descriptor
    }
    guard descriptor >= 0 else {
      throw MediaError(.io, "cannot make a temporary file in \(directory): \(FileTools.errorText(errno))")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }
}
