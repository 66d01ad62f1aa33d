import QuipuBase

/// The arguments of a run's start. `nil` means "not given": settings, environment, files and defaults then decide.
/// An empty text counts as given.
///
/// Texts are checked by the start, which refuses the first bad one and leaves nothing behind.
public struct RunOptions: Sendable {
  /// Project, at most 128 code points, none of `/ \ # ? % :`. Default: from the git directory, else `uncategorized`.
  public var project: String?
  /// User or team. Default: the server's.
  public var entity: String?
  /// Id, unique in the project; not empty, no white space at either end, none of `: ; , # ? / '`.
  /// Default: 8 random characters of a-z0-9. A safe id is 1...64 characters of `[A-Za-z0-9_-]`.
  public var id: String?
  /// Display name, any text. Default: the server makes one up.
  public var name: String?
  /// A longer text, like a commit message.
  public var notes: String?
  /// Tags of 1...64 code points. They replace earlier ones, also when resuming. Duplicates are kept.
  public var tags: [String]?
  /// Group of the run, for runs that belong together.
  public var group: String?
  /// What the run does within its group: `train`, `eval`...
  public var jobType: String?

  /// Config of the run: an object, or a text that is the path of a YAML file.
  public var config: JSON?
  /// Path of a YAML file of the form `key: {value: V}`, relative to the working directory. Values of ``config`` win.
  public var configPath: String?
  /// Deprecated: the only keys of ``config`` to take. Not together with ``configExcludeKeys``.
  public var configIncludeKeys: [String]?
  /// Deprecated: keys of ``config`` to leave out.
  public var configExcludeKeys: [String]?
  /// Accepted for compatibility, no effect: a change of a config value is allowed by the call that makes it.
  public var allowValChange: Bool?

  /// Default: `WANDB_MODE`, else `online`.
  public var mode: Mode?
  /// The directory that gets `wandb/`. Created if missing. Default: `WANDB_DIR`, else the working directory.
  public var dir: String?
  public var resume: Resume?
  /// `RUN?_step=N`: cut the run after step N and go on. Not together with ``resume`` or ``forkFrom``.
  public var resumeFrom: String?
  /// `RUN?_step=N`: start as a copy of another run up to and including step N.
  public var forkFrom: String?
  /// Default: `WANDB_REINIT`, else ``Reinit/default``.
  public var reinit: Reinit?
  /// Save the program's source with the run. Default: `WANDB_SAVE_CODE`, else the server's preference.
  public var saveCode: Bool?
  /// Id of the sweep this run belongs to; not empty, no white space at either end.
  public var sweepID: String?
  /// Without login, fail instead of falling back to offline. Default false.
  public var force: Bool?
  /// Accepted for compatibility, ignored with a warning.
  public var anonymous: String?

  /// Settings by their W&B name, e.g. `["console": "off", "x_label": "rank0"]`; weaker than the options above. Values
  /// are converted where that is unambiguous (`"5"` to 5, `"true"` to true). An unknown name is refused.
  public var settings: JSONObject

  /// Default ``LowStepPolicy/drop``.
  public var lowSteps: LowStepPolicy?
  /// Units: bytes. Size of the hand-off ring, 65,536...1,073,741,824, rounded up to a power of two. Default 4 MiB.
  public var ringBytes: Int64?
  /// Units: milliseconds. How long a log call may wait for room in a full ring before it drops the row; -1: never
  /// wait. Default 1000.
  public var fullWaitMilliseconds: Int64?

  /// The program as shown in the metadata. `WANDB_PROGRAM` wins. Default: the executable.
  public var program: String?
  /// The language and version of the program that started the run, e.g. `python 3.11.7`.
  public var language: String?

  public init(
    project: String? = nil, entity: String? = nil, id: String? = nil, name: String? = nil, notes: String? = nil,
    tags: [String]? = nil, group: String? = nil, jobType: String? = nil, config: JSON? = nil,
    configPath: String? = nil, mode: Mode? = nil, dir: String? = nil, resume: Resume? = nil,
    resumeFrom: String? = nil, forkFrom: String? = nil, reinit: Reinit? = nil, saveCode: Bool? = nil,
    sweepID: String? = nil, force: Bool? = nil, settings: JSONObject = JSONObject(),
    lowSteps: LowStepPolicy? = nil, ringBytes: Int64? = nil, fullWaitMilliseconds: Int64? = nil,
    program: String? = nil, language: String? = nil
  ) {
    self.project = project
    self.entity = entity
    self.id = id
    self.name = name
    self.notes = notes
    self.tags = tags
    self.group = group
    self.jobType = jobType
    self.config = config
    self.configPath = configPath
    self.mode = mode
    self.dir = dir
    self.resume = resume
    self.resumeFrom = resumeFrom
    self.forkFrom = forkFrom
    self.reinit = reinit
    self.saveCode = saveCode
    self.sweepID = sweepID
    self.force = force
    self.settings = settings
    self.lowSteps = lowSteps
    self.ringBytes = ringBytes
    self.fullWaitMilliseconds = fullWaitMilliseconds
    self.program = program
    self.language = language
  }
}
