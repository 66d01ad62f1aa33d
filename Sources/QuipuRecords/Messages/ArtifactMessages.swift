// Messages of artifacts.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// An artifact to upload.
public struct ArtifactRecord: RecordMessage {
  public var runID = ""
  public var project = ""
  public var entity = ""
  public var type = ""
  public var name = ""
  /// Digest of the manifest.
  public var digest = ""
  public var description = ""
  /// JSON object text, absent if empty.
  public var metadata = ""
  /// False for a run's own artifacts.
  public var userCreated = false
  public var useAfterCommit = false
  /// Random order; includes `latest`.
  public var aliases: [String] = []
  public var manifest: ArtifactManifest?
  /// Upsert_artifact / finish_artifact.
  public var distributedID = ""
  /// True: commit after upload.
  public var finalize = false
  /// 128 random characters a–z0–9.
  public var clientID = ""
  /// 128 random characters a–z0–9.
  public var sequenceClientID = ""
  public var baseID = ""
  public var ttlDurationSeconds: Int64 = 0
  public var tags: [String] = []
  /// `MANIFEST_MD5` or `MANIFEST_XXH128`.
  public var digestAlgorithm = ""
  public var incrementalBeta1 = false
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "run_id", &runID)
    visitor.scalar(2, "project", &project)
    visitor.scalar(3, "entity", &entity)
    visitor.scalar(4, "type", &type)
    visitor.scalar(5, "name", &name)
    visitor.scalar(6, "digest", &digest)
    visitor.scalar(7, "description", &description)
    visitor.scalar(8, "metadata", &metadata)
    visitor.scalar(9, "user_created", &userCreated)
    visitor.scalar(10, "use_after_commit", &useAfterCommit)
    visitor.repeated(11, "aliases", &aliases)
    visitor.message(12, "manifest", &manifest)
    visitor.scalar(13, "distributed_id", &distributedID)
    visitor.scalar(14, "finalize", &finalize)
    visitor.scalar(15, "client_id", &clientID)
    visitor.scalar(16, "sequence_client_id", &sequenceClientID)
    visitor.scalar(17, "base_id", &baseID)
    visitor.scalar(18, "ttl_duration_seconds", &ttlDurationSeconds)
    visitor.repeated(19, "tags", &tags)
    visitor.scalar(20, "digest_algorithm", &digestAlgorithm)
    visitor.scalar(100, "incremental_beta1", &incrementalBeta1)
    visitor.message(200, "_info", &info)
  }
}

/// The files of an artifact.
public struct ArtifactManifest: RecordMessage {
  /// 1.
  public var version: Int32 = 0
  /// `wandb-storage-policy-v1`.
  public var storagePolicy = ""
  /// `storageLayout` = `"V2"` (JSON string); optionally `storageRegion`.
  public var storagePolicyConfig: [StoragePolicyConfigItem] = []
  /// Sorted by path.
  public var contents: [ArtifactManifestEntry] = []
  /// Instead of `contents` above 100 000 entries: a gzip file of JSON lines.
  public var manifestFilePath = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "version", &version)
    visitor.scalar(2, "storage_policy", &storagePolicy)
    visitor.messages(3, "storage_policy_config", &storagePolicyConfig)
    visitor.messages(4, "contents", &contents)
    visitor.scalar(5, "manifest_file_path", &manifestFilePath)
  }
}

/// One setting of a storage policy.
public struct StoragePolicyConfigItem: RecordMessage {
  public var key = ""
  /// JSON text.
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.scalar(2, "value_json", &valueJSON)
  }
}

/// One file or reference of an artifact.
public struct ArtifactManifestEntry: RecordMessage {
  public var path = ""
  /// Base64 MD5 of the content; for references the reference's digest.
  public var digest = ""
  /// URI of a reference entry.
  public var ref = ""
  /// Absent if 0.
  public var size: Int64 = 0
  /// Not written.
  public var mimetype = ""
  /// Absolute path of the staged copy; must still exist at sync time; absent for references.
  public var localPath = ""
  public var birthArtifactID = ""
  public var skipCache = false
  public var extra: [ExtraItem] = []

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "path", &path)
    visitor.scalar(2, "digest", &digest)
    visitor.scalar(3, "ref", &ref)
    visitor.scalar(4, "size", &size)
    visitor.scalar(5, "mimetype", &mimetype)
    visitor.scalar(6, "local_path", &localPath)
    visitor.scalar(7, "birth_artifact_id", &birthArtifactID)
    visitor.scalar(8, "skip_cache", &skipCache)
    visitor.messages(16, "extra", &extra)
  }
}

/// One extra fact of a manifest entry.
public struct ExtraItem: RecordMessage {
  public var key = ""
  /// JSON text.
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.scalar(2, "value_json", &valueJSON)
  }
}

/// An artifact that the run uses.
public struct UseArtifactRecord: RecordMessage {
  /// Server artifact id.
  public var id = ""
  public var type = ""
  public var name = ""
  public var partial: PartialJobArtifact?
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "id", &id)
    visitor.scalar(2, "type", &type)
    visitor.scalar(3, "name", &name)
    visitor.message(4, "partial", &partial)
    visitor.message(200, "_info", &info)
  }
}

/// A job as far as the client knows it.
public struct PartialJobArtifact: RecordMessage {
  public var jobName = ""
  public var sourceInfo: JobSource?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "job_name", &jobName)
    visitor.message(2, "source_info", &sourceInfo)
  }
}

/// Where a job's program comes from.
public struct JobSource: RecordMessage {
  public var version = ""
  public var sourceType = ""
  public var source: JobOrigin?
  public var runtime = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "_version", &version)
    visitor.scalar(2, "source_type", &sourceType)
    visitor.message(3, "source", &source)
    visitor.scalar(4, "runtime", &runtime)
  }
}

/// The three kinds of program origin.
public struct JobOrigin: RecordMessage {
  public var git: JobGitSource?
  public var artifact: JobArtifactInfo?
  public var image: JobImageSource?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(1, "git", &git)
    visitor.message(2, "artifact", &artifact)
    visitor.message(3, "image", &image)
  }
}

/// A program in a repository.
public struct JobGitSource: RecordMessage {
  public var gitInfo: JobGitInfo?
  public var entrypoint: [String] = []
  public var notebook = false
  public var buildContext = ""
  public var dockerfile = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(1, "git_info", &gitInfo)
    visitor.repeated(2, "entrypoint", &entrypoint)
    visitor.scalar(3, "notebook", &notebook)
    visitor.scalar(4, "build_context", &buildContext)
    visitor.scalar(5, "dockerfile", &dockerfile)
  }
}

/// A repository and a commit.
public struct JobGitInfo: RecordMessage {
  public var remote = ""
  public var commit = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "remote", &remote)
    visitor.scalar(2, "commit", &commit)
  }
}

/// A program in an artifact.
public struct JobArtifactInfo: RecordMessage {
  public var artifact = ""
  public var entrypoint: [String] = []
  public var notebook = false
  public var buildContext = ""
  public var dockerfile = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "artifact", &artifact)
    visitor.repeated(2, "entrypoint", &entrypoint)
    visitor.scalar(3, "notebook", &notebook)
    visitor.scalar(4, "build_context", &buildContext)
    visitor.scalar(5, "dockerfile", &dockerfile)
  }
}

/// A program in a container image.
public struct JobImageSource: RecordMessage {
  public var image = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "image", &image)
  }
}
