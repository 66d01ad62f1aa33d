import QuipuBase
import QuipuMedia

/// What can lie over an image.
enum ImageLayer: Sendable {
  /// A mask from an array; the key under which its labels stand in the config, nil: its name in the image.
  case mask(OverlayMask, key: String?)
  /// A mask in a file of the user.
  case maskFile(FileValue, width: Int, height: Int)
  case boxes(OverlayBoxes, key: String?)

  var isBoxes: Bool { if case .boxes = self { true } else { false } }

  var byteCount: Int {
    switch self {
    case .mask(let mask, _): mask.pixels.byteCount
    case .maskFile(let file, _, _): file.content.byteCount
    case .boxes(let boxes, _): boxes.list.count &* 64
    }
  }

  /// Refuses a layer that does not fit a picture of this size.
  func check(width: Int, height: Int) throws(MediaError) {
    let size: (width: Int, height: Int)
    switch self {
    case .boxes(let boxes, _): return try boxes.check(width: width, height: height)
    case .mask(let mask, _): size = (mask.pixels.width, mask.pixels.height)
    case .maskFile(_, let maskWidth, let maskHeight): size = (maskWidth, maskHeight)
    }
    guard size == (width, height) else {
      throw MediaError(
        .value, "mask_data: \(size.width)x\(size.height) pixels, but the image has \(width)x\(height); pass one of its size")
    }
  }

  /// The names of its classes; nil for files, which have none.
  var labels: OverlayLabels? {
    switch self {
    case .mask(let mask, _): mask.classLabels
    case .maskFile: nil
    case .boxes(let boxes, _): boxes.classLabels
    }
  }

  /// Its file beside that of the image.
  func part(_ name: String) throws(MediaError) -> FilePart {
    switch self {
    case .mask(let mask, let key):
      let bytes = try PNGEncoder.encode(mask.pixels, reduced: false)
      let file = FileValue(folder: "images/mask", type: "mask", fileExtension: ".mask.png", bytes: bytes)
      let labels = ClassLabels(group: "mask/class_labels", key: key ?? name, names: mask.classLabels.names)
      return FilePart(member: "masks", name: name, file: file, labels: labels)
    case .maskFile(let file, _, _): return FilePart(member: "masks", name: name, file: file)
    case .boxes(let boxes, let key):
      let bytes = Array(JSON.object(boxes.json).text(style: .client).utf8)
      let file = FileValue(
        folder: "metadata/boxes2D", type: "boxes2D", fileExtension: ".boxes2D.json", bytes: bytes)
      let labels = ClassLabels(group: "bounding_box/class_labels", key: key ?? name, names: boxes.classLabels.names)
      return FilePart(
        member: "boxes", name: name, file: file, labels: labels, artifactForm: .array(boxes.list))
    }
  }
}

extension FileValue {
  /// What tables and artifacts need to know of an image beside its files.
  struct ImageParts: Sendable {
    var layers: [(name: String, layer: ImageLayer)]
    /// The classes that were given to the image itself.
    var classes: OverlayLabels?
    var strict: Bool
  }
}

/// Masks, boxes and classes. They are media that belong to an image and cannot be logged alone.
extension Media {
  /// A mask from an array: for each pixel of the image the number of its class.
  ///
  /// - Parameters:
  ///   - mask: `[height, width]`, values 0...255; fractions are cut off.
  ///   - classes: names of the numbers, made by `classes(_:)`; nil: `class_N` for each number that occurs.
  ///   - key: the name of its labels in the config; nil: the name it gets in the image.
  /// - Throws: `value`.
  /// Blocking: copies the mask.
  public static func mask(_ mask: ArrayView, classes: Media? = nil, key: String? = nil) throws(QuipuError) -> Media {
    let labels = try labels(of: classes)
    return try refuse { () throws(MediaError) in
      Media(.mask, .layer(.mask(try OverlayMask(array: mask, labels: labels), key: key)))
    }
  }

  /// A mask from a picture file, which is copied unchanged.
  /// - Throws: as for an image from a file.
  /// Blocking: reads the file.
  public static func mask(path: String) throws(QuipuError) -> Media {
    let file = try UserFile(path: path)
    let info = try pictureInfo(of: file, path)
    let value = FileValue(folder: "images/mask", type: "mask", file: file)
    return Media(.mask, .layer(.maskFile(value, width: info.width, height: info.height)))
  }

  /// Boxes from an array `[n, 4]`.
  /// - Parameters:
  ///   - columns: what the four numbers are, and class ids, scores and captions of the boxes; its labels are not used.
  ///   - classes: names of the ids; nil: `class_N` for each id that occurs.
  ///   - key: the name of the labels in the config; nil: the name they get in the image.
  /// - Throws: `value`.
  public static func boxes(
    _ boxes: ArrayView, _ columns: OverlayBoxes.Columns = OverlayBoxes.Columns(), classes: Media? = nil,
    key: String? = nil
  ) throws(QuipuError) -> Media {
    var columns = columns
    columns.labels = try labels(of: classes)
    return try refuse { () throws(MediaError) in
      Media(.boxes, .layer(.boxes(try OverlayBoxes(array: boxes, columns), key: key)))
    }
  }

  /// Boxes in W&B's JSON form: `{"box_data": [...], "class_labels": {...}}`.
  /// - Throws: `value`.
  public static func boxes(json: JSONObject, key: String? = nil) throws(QuipuError) -> Media {
    try refuse { () throws(MediaError) in Media(.boxes, .layer(.boxes(try OverlayBoxes(json: json), key: key))) }
  }

  /// Classes that masks, boxes and images share, and that artifacts keep.
  public static func classes(_ labels: OverlayLabels) -> Media { Media(.classes, .artifactValue(.classes(labels.json))) }

  /// Classes as JSON: a list of objects with `id` and `name`, or an object from number to name.
  /// - Throws: `value`.
  /// W&B: `wandb.Classes(class_set)`.
  public static func classes(_ json: JSON) throws(QuipuError) -> Media {
    try refuse { () throws(MediaError) in
      if json.objectValue != nil { return classes(try OverlayLabels(labels: json, argument: "classes")) }
      return classes(try OverlayLabels(list: json))
    }
  }

  /// Lays a mask or boxes over this image, or gives it the classes of its pixels.
  ///
  /// - Parameters:
  ///   - layer: what `mask`, `boxes` or `classes` made. It may be added to any number of images.
  ///   - name: of a mask or of boxes in the image; one that is there is replaced.
  /// - Throws: `value` (a mask of another size, boxes outside the image), `state` (the image has been logged),
  ///   `handle` (this is no image, or that is no layer).
  public func add(_ layer: Media, name: String = "") throws(QuipuError) {
    guard kind == .image else {
      throw QuipuError(.handle, kind: "not_an_image", "image: is a media handle, but not of an image")
    }
    let added = layer.state.withLock { $0.content }
    let result: Result<Void, QuipuError> = state.withLock { state in
      guard state.queuedSince == nil, state.encodingSince == nil, state.bound.isEmpty,
        var picture = PendingImage(state.content)
      else {
        return .failure(
          QuipuError(.state, kind: "image_logged", "image: has been logged; add masks, boxes and classes before"))
      }
      switch added {
      case .artifactValue(.classes(let set)): picture.classes = try? OverlayLabels(list: set)
      case .layer(let layer):
        guard !name.isEmpty else {
          return .failure(
            QuipuError(.value, kind: "layer_unnamed", "name: is empty; masks and boxes need a name in their image"))
        }
        if picture.strict {
          do throws(MediaError) { try layer.check(width: picture.width, height: picture.height) } catch {
            return .failure(QuipuError(.value, kind: error.kind, "\(name): \(error.message)"))
          }
        }
        if let at = picture.layers.firstIndex(where: { Key($0.name) == Key(name) && $0.layer.isBoxes == layer.isBoxes }) {
          picture.layers[at].layer = layer
        } else {
          picture.layers.append((name, layer))
        }
      default:
        return .failure(
          QuipuError(.handle, kind: "not_a_layer", "layer: is a media handle, but not of a mask, boxes or classes"))
      }
      state.content = .pending(picture)
      return .success(())
    }
    try result.get()
  }

  /// What tables and artifacts need to know of this image; nil for other media.
  /// - Complexity: reads masks without labels.
  var overlays: ImageOverlays? {
    guard kind == .image, let picture = PendingImage(state.withLock({ $0.content })) else { return nil }
    return ImageOverlays(picture.layers, classes: picture.classes)
  }

  /// True for what belongs to an image and cannot be logged alone.
  var isLayer: Bool {
    switch kind {
    case .mask, .boxes, .classes: true
    case .list:
      state.withLock { state in
        if case .list(let items) = state.content { items.contains { $0.isLayer } } else { false }
      }
    default: false
    }
  }

  static var notAlone: QuipuError {
    QuipuError(.value, kind: "layer_alone", "media: masks, boxes and classes belong to an image; add them to one")
  }

  private static func labels(of classes: Media?) throws(QuipuError) -> OverlayLabels? {
    guard let classes else { return nil }
    guard case .artifactValue(.classes(let set)) = classes.state.withLock({ $0.content }) else {
      throw QuipuError(.handle, kind: "not_classes", "classes: is a media handle, but not of classes")
    }
    return try refuse { () throws(MediaError) in try OverlayLabels(list: set) }
  }
}
