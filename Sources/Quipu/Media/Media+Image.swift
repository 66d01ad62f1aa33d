import Glibc
import QuipuBase
import QuipuMedia

/// How an image is made. The defaults are W&B's documented ones.
public struct ImageOptions: Sendable {
  /// `L`, `LA`, `RGB`, `RGBA`, `1` or `I;16`; nil: by the number of channels. For arrays.
  public var mode: String?
  /// Axes are `[channel, height, width]`; default false. For arrays.
  public var channelsFirst = false
  /// Default true: floats in 0...1 become 0...255, other values are clipped. False: the raw cast of W&B's client 0.31.
  /// For arrays.
  public var normalize = true
  /// Bits of a sample, 8 (default) or 16. For arrays.
  public var bitDepth = 8
  /// `png` (nil), `jpg`, `jpeg` or `bmp`. For arrays; for encoded bytes what they must be.
  public var fileType: String?
  /// Of JPEG: 1...100, default 75. For arrays.
  public var quality = JPEGEncoder.defaultQuality
  /// A number that W&B's pages once grouped images by; 0: none.
  public var grouping: Int64 = 0
  /// Default true: masks must have the image's size, and boxes must lie in it. False: they are written as they are, as
  /// W&B's client does.
  public var strict = true

  public init() {}

  fileprivate func checked() throws(MediaError) -> ImageFileType {
    guard (1...100).contains(quality) else { throw MediaError(.value, "quality: is \(quality); pass 1 to 100") }
    guard bitDepth == 8 || bitDepth == 16 else { throw MediaError(.value, "bit_depth: is \(bitDepth); pass 8 or 16") }
    return try ImageFileType(named: fileType)
  }

  fileprivate var rule: ImageRule {
    var rule = ImageRule()
    rule.mode = mode
    rule.channelsFirst = channelsFirst
    rule.normalize = normalize
    rule.bitDepth = bitDepth
    rule.dropAlpha = fileType == "jpg" || fileType == "jpeg"
    return rule
  }
}

extension Media {
  /// An image from an array.
  ///
  /// - Parameters:
  ///   - array: `[height, width]` or `[height, width, 1|3|4]`, any element type; see `ImageOptions`.
  ///   - caption: shown below the picture.
  /// - Throws: `shape`, `value`, `encode` (a mode or depth that the file type cannot hold), `tooLarge` errors that name
  ///   the argument.
  /// Blocking: copies the pixels.
  public static func image(
    _ array: ArrayView, _ options: ImageOptions = ImageOptions(), caption: String? = nil
  ) throws(QuipuError) -> Media {
    try refuseImage(options.mode) { () throws(MediaError) in
      let type = try options.checked()
      let pixels = try ImagePixels(array: array, options.rule)
      try type.check(pixels)
      return image(pixels, type, options, caption)
    }
  }

  /// Images of one size from one array, as the list that a row holds.
  ///
  /// - Parameters:
  ///   - batch: `[n, height, width]` or `[n, height, width, 1|3|4]`; floats are scaled by what the whole array holds.
  ///   - captions: one for each, or none.
  /// - Throws: as for one.
  /// Blocking: copies the pixels.
  public static func images(
    _ batch: ArrayView, _ options: ImageOptions = ImageOptions(), captions: [String] = []
  ) throws(QuipuError) -> Media {
    try refuseImage(options.mode) { () throws(MediaError) in
      let type = try options.checked()
      guard captions.isEmpty || captions.count == batch.shape.first else {
        throw MediaError(
          .value, "captions: \(captions.count) for \(batch.shape.first ?? 0) images; pass one for each, or none")
      }
      let pictures = try ImagePixels.batch(array: batch, options.rule)
      if let first = pictures.first { try type.check(first) }
      var items: [Media] = []
      items.reserveCapacity(pictures.count)
      for (at, pixels) in pictures.enumerated() {
        items.append(image(pixels, type, options, captions.isEmpty ? nil : captions[at]))
      }
      return .list(items)
    }
  }

  /// An image from a file, which is copied unchanged: PNG, JPEG, GIF, BMP, WebP or TIFF.
  ///
  /// - Throws: `notFound`; `file` (a directory, not readable); `format` if the file is no picture, was cut off, or is
  ///   another one than its name says.
  /// Blocking: reads the file.
  public static func image(
    path: String, _ options: ImageOptions = ImageOptions(), caption: String? = nil
  ) throws(QuipuError) -> Media {
    let file = try UserFile(path: path)
    let info = try pictureInfo(of: file, path)
    return image(file, format: String(file.fileExtension.dropFirst()), info, options, caption)
  }

  /// An image from the bytes of a picture file, which are kept unchanged.
  ///
  /// - Parameter options: a file type must be that of the bytes.
  /// - Throws: `format` if they are no picture, were cut off, or are of another type.
  /// Blocking: copies and hashes the bytes.
  public static func image(
    bytes: UnsafeRawBufferPointer, _ options: ImageOptions = ImageOptions(), caption: String? = nil
  ) throws(QuipuError) -> Media {
    let info: ImageInfo
    do throws(MediaError) { info = try ImageInfo(bytes: bytes) } catch {
      throw QuipuError(.format, kind: error.kind, "data: \(error.message)")
    }
    var ending = info.format.fileExtension
    if let wanted = options.fileType, !wanted.isEmpty {
      guard ImageInfo.Format(fileExtension: "." + wanted) == info.format else {
        throw QuipuError(
          .format, kind: "image_other_format", "data: is a \(info.format.title) picture, file_type is \(wanted)")
      }
      ending = wanted
    }
    var file = UserFile(bytes: Array(bytes), name: "image." + ending)
    file.name = ""
    return image(file, format: ending, info, options, caption)
  }

  /// Another image with the same picture and caption, without its masks, boxes and classes.
  ///
  /// - Throws: `handle` if it is no image.
  public static func image(copying other: Media, grouping: Int64? = nil) throws(QuipuError) -> Media {
    let content = other.state.withLock { $0.content }
    guard other.kind == .image, var picture = PendingImage(content) else {
      throw QuipuError(.handle, kind: "not_an_image", "image: is a media handle, but not of an image")
    }
    picture.layers = []
    picture.classes = nil
    if let grouping { picture.grouping = grouping }
    return Media(.image, .pending(picture), caption: other.caption)
  }

  private static func image(
    _ pixels: ImagePixels, _ type: ImageFileType, _ options: ImageOptions, _ caption: String?
  ) -> Media {
    let picture = PendingImage(
      source: .pixels(pixels, type, quality: options.quality), width: pixels.width, height: pixels.height,
      grouping: options.grouping, strict: options.strict)
    return Media(.image, .pending(picture), caption: caption)
  }

  private static func image(
    _ file: UserFile, format: String, _ info: ImageInfo, _ options: ImageOptions, _ caption: String?
  ) -> Media {
    var members = JSONObject()
    members["format"] = .string(format)
    members["width"] = .int(Int64(info.width))
    members["height"] = .int(Int64(info.height))
    var value = FileValue(folder: "images", type: "image-file", file: file, members: members)
    if file.name.isEmpty { value.userName = nil }
    let picture = PendingImage(
      source: .file(value), width: info.width, height: info.height, grouping: options.grouping, strict: options.strict)
    // Nothing is left to be encoded.
    if let ready = try? picture.encode() { return Media(.image, .file(ready), caption: caption) }
    return Media(.image, .pending(picture), caption: caption)
  }

  /// What picture a file of the user is.
  static func pictureInfo(of file: UserFile, _ path: String) throws(QuipuError) -> ImageInfo {
    do throws(MediaError) {
      let info: ImageInfo
      switch file.content {
      case .bytes(let bytes): info = try ImageInfo(array: bytes)
      case .open(let open):
        info = try ImageInfo(size: Int(clamping: open.size)) { offset, count throws(MediaError) in
          guard let bytes = open.read(at: offset, count: count) else {
            throw MediaError(.io, "cannot be read (\(FileTools.errorText(errno)))")
          }
          return bytes
        }
      }
      if let promised = ImageInfo.Format(fileExtension: file.fileExtension), promised != info.format {
        throw MediaError(
          .unidentifiedImage, "is a \(info.format.title) picture, but is called \(file.fileExtension); rename it")
      }
      return info
    } catch {
      throw QuipuError(error.code == .io ? .file : .format, kind: error.kind, "\(path): \(error.message)")
    }
  }

  /// Errors of arrays in the words of the contract.
  private static func refuseImage<R>(
    _ mode: String?, _ body: () throws(MediaError) -> R
  ) throws(QuipuError) -> R {
    do throws(MediaError) { return try body() } catch {
      var refused = QuipuError(error)
      if error.code == .io { refused.code = .encode }
      // What is left of these kinds is about the array's shape.
      let isShape = error.message.utf8.starts(with: "array".utf8) || error.message.utf8.starts(with: "picture".utf8)
      if refused.code == .value, isShape { refused.code = .shape }
      throw refused
    }
  }
}

extension OpenedFile {
  /// Up to `count` bytes from `offset`, fewer at the end; nil (with `errno` set) if the file cannot be read.
  func read(at offset: Int, count: Int) -> [UInt8]? {
    guard offset >= 0, count > 0, Int64(offset) < size else { return [] }
    let wanted = min(count, Int(clamping: size) &- offset)
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { room, filled in
      while filled < wanted {
        let n = pread(descriptor, room.baseAddress.map { $0 + filled }, wanted &- filled, off_t(offset &+ filled))
        if n < 0, errno == EINTR { continue }
        failed = n < 0
        if n <= 0 { return }
        filled &+= n
      }
    }
    return failed ? nil : bytes
  }
}

/// A picture on its way to a file, with its masks and boxes.
struct PendingImage: PendingFile {
  enum Source: Sendable {
    case pixels(ImagePixels, ImageFileType, quality: Int)
    case file(FileValue)
  }

  var source: Source
  /// Pixels.
  var width: Int
  /// Pixels.
  var height: Int
  var grouping: Int64
  /// Whether masks and boxes are checked against the picture.
  var strict: Bool
  var layers: [(name: String, layer: ImageLayer)] = []
  var classes: OverlayLabels?

  init(source: Source, width: Int, height: Int, grouping: Int64, strict: Bool) {
    self.source = source
    self.width = width
    self.height = height
    self.grouping = grouping
    self.strict = strict
  }

  /// The picture of an image that may have been encoded already; nil for other media and for failed ones.
  init?(_ content: Media.Content) {
    switch content {
    case .pending(let work):
      guard let picture = work as? PendingImage else { return nil }
      self = picture
    case .file(var file):
      guard let width = file.members["width"]?.intValue, let height = file.members["height"]?.intValue else { return nil }
      let grouping = file.members["grouping"]?.intValue ?? 0
      let image = file.image
      file.parts = []
      file.image = nil
      file.members["grouping"] = nil
      self.init(
        source: .file(file), width: Int(width), height: Int(height), grouping: grouping, strict: image?.strict ?? true)
      layers = image?.layers ?? []
      classes = image?.classes
    default: return nil
    }
  }

  var byteCount: Int {
    var sum: Int
    switch source {
    case .pixels(let pixels, _, _): sum = pixels.byteCount
    case .file(let file): sum = file.content.byteCount
    }
    for (_, layer) in layers { sum &+= layer.byteCount }
    return sum
  }

  func encode() throws(MediaError) -> FileValue {
    var file: FileValue
    switch source {
    case .file(let ready): file = ready
    case .pixels(let pixels, let type, let quality):
      var members = JSONObject()
      members["format"] = .string(type.rawValue)
      members["width"] = .int(Int64(pixels.width))
      members["height"] = .int(Int64(pixels.height))
      file = FileValue(
        folder: "images", type: "image-file", fileExtension: "." + type.rawValue,
        bytes: try type.encode(pixels, quality: quality), members: members)
    }
    if grouping != 0 { file.members["grouping"] = .int(grouping) }
    // Boxes come before masks in a value, whatever was added first.
    for isBoxes in [true, false] {
      for (name, layer) in layers where layer.isBoxes == isBoxes { file.parts.append(try layer.part(name)) }
    }
    file.image = FileValue.ImageParts(layers: layers, classes: classes, strict: strict)
    return file
  }
}
