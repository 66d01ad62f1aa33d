import QuipuBase
import QuipuMedia

/// A value whose content is a file of the run.
struct FileValue: Sendable {
  /// Below `media/`: `images`, `images/mask`, `object3D`.
  var folder: String
  /// `_type` of the value alone.
  var type: String
  /// With its dot; may be empty for a user's file.
  var fileExtension: String
  var content: FileContent
  /// Hexadecimal digest of the content.
  var sha256: String
  /// Members behind `path`.
  var members = JSONObject()
  /// What this element adds to the lists of a list's value, e.g. its sample rate.
  var listMembers = JSONObject()
  /// Base name of the user's file; nil for content that was made here.
  var userName: String?
  /// Files beside it: masks, boxes.
  var parts: [FilePart] = []
  /// Layers and classes of an image.
  var image: ImageParts?
  var isPointCloud: Bool { fileExtension == ".pts.json" }

  /// A file that was made here.
  init(folder: String, type: String, fileExtension: String, bytes: [UInt8], members: JSONObject = JSONObject()) {
    self.folder = folder
    self.type = type
    self.fileExtension = fileExtension
    content = .bytes(bytes)
    sha256 = hexText(bytes.withUnsafeBytes { SHA256.hash($0) })
    self.members = members
  }

  /// A file of the user.
  init(folder: String, type: String, file: UserFile, members: JSONObject = JSONObject()) {
    self.folder = folder
    self.type = type
    fileExtension = file.fileExtension
    content = file.content
    sha256 = file.sha256
    userName = file.name
    self.members = members
  }
}

/// A file that belongs to a value and stands under one of its members by a name of its own.
struct FilePart: Sendable {
  /// `masks` or `boxes`.
  var member: Key
  var name: String
  var file: FileValue
  /// Class labels, which go to the config under `_wandb`; nil: none.
  var labels: ClassLabels?
  /// What stands for it inside artifacts; nil: type, path and digest of its file.
  var artifactForm: JSON?
}

/// Names of the classes of a mask or of boxes.
///
/// Source: W&B's rich data types, "Class labels go to the config".
struct ClassLabels: Sendable {
  /// `mask/class_labels` or `bounding_box/class_labels`.
  var group: String
  /// The mask's own key, which is not always the name it has in the image.
  var key: String
  /// Number as text to name.
  var names: JSONObject
}

/// What is encoded on a library thread. Holds copies only.
protocol PendingFile: Sendable {
  /// Bytes it keeps in memory until then.
  var byteCount: Int { get }
  func encode() throws(MediaError) -> FileValue
}
