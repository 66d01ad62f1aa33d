import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Synchronization

/// The objects of an artifact as they were when they were added, and the files made of them on a library thread.
final class ArtifactSnapshot: Sendable {
  struct Object: Sendable {
    /// Of the entry with its JSON.
    var path: String
    var media: Media
    /// The table as it was when it was added.
    var table: TableSnapshot?
    /// It lies in another artifact that was logged before: an entry that refers to it there is enough.
    var isReference: Bool
  }

  struct Made: Sendable {
    /// Without files of one path twice: the first is kept.
    var files: [ArtifactFile] = []
    /// Where each object lies.
    var places: [(media: Media, path: String, digest: String, version: Int)] = []
    /// A table was cut.
    var isCut = false
    private var taken: Set<Key> = []

    mutating func add(_ file: ArtifactFile) {
      if taken.insert(Key(file.path)).inserted { files.append(file) }
    }
  }

  let objects: [Object]
  private let result = Mutex<Result<Made, MediaError>?>(nil)
  private let done = Atomic<Bool>(false)

  init(objects: [Object]) { self.objects = objects }

  var isReady: Bool { done.load(ordering: .acquiring) }

  /// Makes the files. Called on a library thread.
  func encode() {
    let made = make(withReferences: false)
    result.withLock { $0 = made }
    done.store(true, ordering: .releasing)
  }

  /// What the manifest will hold. Called by the writer, which knows where the objects of earlier artifacts lie.
  func finished() -> Result<Made, MediaError> {
    if !objects.contains(where: \.isReference), let ready = result.withLock({ $0 }) { return ready }
    return make(withReferences: true)
  }

  private func make(withReferences: Bool) -> Result<Made, MediaError> {
    var made = Made()
    do throws(MediaError) {
      for object in objects {
        if object.isReference {
          if !withReferences { continue }
          let version = object.table?.version ?? 0
          if let place = object.media.place(version: version) {
            made.add(
              ArtifactFile(path: object.path, digest: place.digest, size: 0, content: .reference(place.url)))
            continue
          }
        }
        try add(object, to: &made)
      }
      return .success(made)
    } catch {
      return .failure(error)
    }
  }

  private func add(_ object: Object, to made: inout Made) throws(MediaError) {
    var path = object.path
    let own: ArtifactFile
    if let table = object.table {
      let artifact = try table.artifact(entry: TableSnapshot.provisionalEntry)
      if artifact.isCut { made.isCut = true }
      var found: ArtifactFile?
      for file in artifact.files {
        if file.path == TableSnapshot.provisionalEntry { found = file } else { made.add(file) }
      }
      guard let found else { return }
      own = found
    } else {
      object.media.finishEncoding()
      let form: TableMediaForm
      if case .artifactValue(let value) = object.media.state.withLock({ $0.content }) {
        let paths = objects
        form = TableMediaForm(
          json: value.json { table in paths.first { $0.media === table }?.path }, files: [])
      } else {
        form = try object.media.artifactForm()
      }
      form.files.forEach { made.add($0) }
      var out = ByteBuffer(capacity: 512)
      form.json.write(to: &out, style: .artifact)
      own = ArtifactFile(path: path, bytes: out.array())
    }
    path = Self.renamed(path, content: own)
    made.add(ArtifactFile(path: path, digest: own.digest, size: own.size, content: own.content))
    made.places.append((object.media, path, own.digest, object.table?.version ?? 0))
  }

  /// Names in this folder are made of what they hold.
  private static func renamed(_ path: String, content: ArtifactFile) -> String {
    let folder = "media/tables/"
    guard path.hasPrefix(folder), case .bytes(let bytes) = content.content else { return path }
    let name = path.utf8.dropFirst(folder.utf8.count)
    let rest = name.firstIndex(of: UInt8(ascii: ".")).map { String(decoding: name[$0...], as: UTF8.self) } ?? ""
    return folder + hexText(MD5.hash(bytes)).prefix(MediaNames.digestDigits) + rest
  }
}
