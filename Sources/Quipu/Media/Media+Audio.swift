import QuipuBase
import QuipuMedia

/// Sound.
extension Media {
  /// A recording from samples.
  ///
  /// - Parameters:
  ///   - samples: `[samples]` or `[samples, channels]`; floats from -1 to 1, int16, int32, int8, or uint8 around 128.
  ///   - sampleRate: Hz, 1...2,147,483,647.
  ///   - caption: shown below the player.
  /// - Throws: `shape`, `dtype`, `value` (sample rate), `tooLarge`.
  /// Blocking: copies the samples. The file is 16-bit PCM WAV.
  /// Source: W&B's rich data types, "Audio".
  public static func audio(
    _ samples: ArrayView, sampleRate: Int, caption: String? = nil
  ) throws(QuipuError) -> Media {
    do throws(MediaError) {
      let recording = try WAVEncoder(array: samples, sampleRate: sampleRate)
      return Media(.audio, .pending(PendingAudio(samples: recording)), caption: caption)
    } catch {
      var refused = QuipuError(error)
      if error.code == .type {
        refused.code = .dtype
        refused.kind = "audio_dtype"
      }
      if error.code == .value, error.message.hasPrefix("samples:") { refused.code = .shape }
      throw refused
    }
  }

  /// A recording from a file of any format, copied unchanged.
  ///
  /// - Throws: `notFound`, `file`, `format` (empty, or certainly not what its name says), `tooLarge`.
  /// Blocking: reads the file.
  public static func audio(path: String, caption: String? = nil) throws(QuipuError) -> Media {
    let file = try UserFile(path: path)
    try refuseOther(file, as: String(file.fileExtension.dropFirst()), argument: "path", named: path)
    return Media(.audio, .file(FileValue(folder: "audio", type: "audio-file", file: file)), caption: caption)
  }

  /// A recording from the content of a file.
  ///
  /// - Parameter format: its extension, such as "flac".
  /// - Throws: `value` (format), `format` (empty, or certainly of another format).
  public static func audio(content: [UInt8], format: String, caption: String? = nil) throws(QuipuError) -> Media {
    let plain = format.utf8.allSatisfy { ($0 | 32 >= 97 && $0 | 32 <= 122) || ($0 >= 48 && $0 <= 57) }
    guard plain, (1...16).contains(format.utf8.count) else {
      throw QuipuError(
        .value, kind: "audio_bad_format", "format: \"\(format)\" is no extension of a file; pass wav, flac, mp3 or ogg")
    }
    guard !content.isEmpty else { throw QuipuError(.format, kind: "file_empty", "content: is empty") }
    let file = UserFile(bytes: content, name: "audio." + format)
    try refuseOther(file, as: format, argument: "content", named: "it")
    var value = FileValue(folder: "audio", type: "audio-file", file: file)
    value.userName = nil
    return Media(.audio, .file(value), caption: caption)
  }

  /// Refuses content that certainly is of another format than its name says.
  static func refuseOther(
    _ file: UserFile, as ext: String, argument: String, named name: String
  ) throws(QuipuError) {
    let lower = String(decoding: ext.utf8.map { (65...90).contains($0) ? $0 | 32 : $0 }, as: UTF8.self)
    let head = file.head.prefix(VideoContainer.sniffedBytes)
    guard let found = head.withUnsafeBytes({ VideoContainer(head: $0) }), !found.suits(fileExtension: lower) else {
      return
    }
    throw QuipuError(
      .format, kind: "format_mismatch", "\(argument): \(name) is \(found.name), not \(ext); give it the right name")
  }
}

/// Samples on their way to a WAV file.
struct PendingAudio: PendingFile {
  var samples: WAVEncoder

  var byteCount: Int { samples.byteCount }

  func encode() throws(MediaError) -> FileValue {
    var file = FileValue(folder: "audio", type: "audio-file", fileExtension: ".wav", bytes: try samples.encode())
    file.listMembers["sampleRates"] = .int(Int64(samples.sampleRate))
    file.listMembers["durations"] = .double(samples.duration)
    return file
  }
}
