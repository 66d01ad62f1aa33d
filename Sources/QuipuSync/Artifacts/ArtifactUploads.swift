import QuipuBase
import QuipuRecords

/// Uploads the artifacts of a run, each whole or not at all.
///
/// Versions of one artifact are made in the order of the log; so is one that refers to others. Apart from that a few are
/// under way at once. An artifact that cannot be uploaded, because a file has gone or because the server refuses it, is
/// reported and left out. One that fails because the server stays away is tried again while the run lasts; if that does
/// not help it stays to be done by the next upload of the log.
///
/// Threads: the loop's thread only.
package final class ArtifactUploads {
  private final class Job {
    enum Work {
      case log(ArtifactPlan, historyStep: Int64)
      case use(String)
    }

    let work: Work
    let name: String
    /// Needs the ones before it.
    let waitsForAll: Bool
    /// Position among the artifacts of the log; nil: not one of them.
    let index: Int64?
    var upload: ArtifactUpload?
    var isRunning = false
    var timer: UInt64?

    init(_ work: Work, name: String, waitsForAll: Bool, index: Int64?) {
      self.work = work
      self.name = name
      self.waitsForAll = waitsForAll
      self.index = index
    }
  }

  private static let together = 4
  /// Jobs of which one may be able to start before those in front of it.
  private static let lookAhead = 16
  private static let patience: Int64 = 300_000_000_000

  /// To be changed before the first artifact only.
  var context: ArtifactUpload.Context
  /// In the order of the log.
  private var jobs: [Job] = []
  private var savedIDs: [Key: String] = [:]
  private var isFinishing = false
  private var isCancelled = false
  // Artifacts that are over, for `onDone` in order.
  private var added: Int64 = 0
  private var reported: Int64 = 0
  private var over: Set<Int64> = []

  /// The next artifact of the log is done, or has failed for good: as many calls as there are artifacts at the front of
  /// the log that need not be looked at again.
  package var onDone: () -> Void = {}
  package var onNotice: (UploadNotice) -> Void = { _ in }
  /// Nothing is under way any more.
  package var onIdle: () -> Void = {}
  /// Units: bytes, of files and manifests.
  package private(set) var bytesSent: Int64 = 0

  /// - Parameter transfers: shared with others of the run; nil: its own, as wide as the settings say.
  package init(
    requester: Requester, entity: String, project: String, runID: String, settings: SyncSettings,
    transfers: TransferQueue? = nil
  ) {
    context = ArtifactUpload.Context(
      requester: requester, entity: entity, project: project, run: runID,
      transfers: transfers ?? TransferQueue(limit: settings.concurrentTransfers),
      hasher: FileHasher(sender: requester.sender))
  }

  package var isIdle: Bool { jobs.isEmpty }
  /// Artifacts that are under way or wait.
  package var waiting: Int64 { Int64(jobs.count) }

  /// - Parameter historyStep: the run's step when it was logged.
  package func add(_ record: ArtifactRecord, historyStep: Int64 = 0) {
    guard !isCancelled else { return }
    let index = added
    added += 1
    do throws(ArtifactProblem) {
      let plan = try ArtifactPlan(record)
      let refers = !plan.foreignClientIDs.isEmpty
      append(Job(.log(plan, historyStep: historyStep), name: record.name, waitsForAll: refers, index: index))
    } catch {
      // Not from inside the call.
      context.requester.sender.after(0) { [weak self] in
        guard let self, !isCancelled else { return }
        say(record.name, error.message)
        isOver(index)
        if jobs.isEmpty { onIdle() }
      }
    }
  }

  /// Tells the server that the run uses an artifact. Records without a server's id are left out.
  package func use(_ record: UseArtifactRecord) {
    guard !isCancelled, !record.id.isEmpty else { return }
    append(Job(.use(record.id), name: record.name, waitsForAll: true, index: nil))
  }

  /// No more will come: what waits for the server to come back is tried now, once.
  package func finish() {
    isFinishing = true
    for job in jobs {
      if let timer = job.timer { context.requester.sender.cancelTimer(timer) }
      job.timer = nil
    }
    pump()
  }

  /// Gives everything up; nothing is called any more.
  package func cancel() {
    isCancelled = true
    onDone = {}
    onNotice = { _ in }
    onIdle = {}
    context.hasher.cancel()
    for job in jobs {
      if let timer = job.timer { context.requester.sender.cancelTimer(timer) }
      job.upload?.cancel()
    }
    jobs = []
  }

  private func append(_ job: Job) {
    jobs.append(job)
    pump()
  }

  private func pump() {
    guard !isCancelled else { return }
    var running = jobs.count(where: \.isRunning)
    var names: Set<Key> = []
    for (at, job) in jobs.prefix(Self.lookAhead).enumerated() {
      guard running < Self.together else { return }
      let isFree = names.insert(Key(job.name)).inserted && (!job.waitsForAll || at == 0)
      if !job.isRunning, job.timer == nil, isFree {
        running += 1
        start(job)
      }
    }
  }

  private func start(_ job: Job) {
    job.isRunning = true
    // Started from the loop: a job that fails at once must not end another's turn.
    context.requester.sender.after(0) { [weak self] in
      guard let self, !isCancelled else { return }
      switch job.work {
      case .log(let plan, let step):
        let upload = ArtifactUpload(plan, context, historyStep: step, savedIDs: savedIDs) { [weak self] result in
          self?.ended(job, plan.record.clientID, result)
        }
        job.upload = upload
        upload.start()
      case .use(let id):
        context.requester.graphQL(
          "UseArtifact", ArtifactOperations.useArtifact, ArtifactUpload.useVariables(context, id)
        ) { [weak self] result in
          let outcome = result.mapError {
            ArtifactProblem("UseArtifact: \($0.message)", isPassing: RunFiles.isPassing($0))
          }
          self?.ended(job, "", outcome.map { _ in id })
        }
      }
    }
  }

  private func ended(_ job: Job, _ clientID: String, _ result: Result<String, ArtifactProblem>) {
    guard !isCancelled else { return }
    bytesSent &+= job.upload?.bytesSent ?? 0
    job.upload = nil
    switch result {
    case .success(let id):
      if !clientID.isEmpty { savedIDs[Key(clientID)] = id }
      // Counted before it goes: whoever finds nothing under way takes the count for the last.
      if let index = job.index { isOver(index) }
      remove(job)
    case .failure(let problem) where problem.isPassing && !isFinishing:
      job.isRunning = false
      say(job.name, "\(problem.message); it is tried again in some minutes")
      job.timer = context.requester.sender.after(Self.patience) { [weak self] in
        job.timer = nil
        self?.pump()
      }
    case .failure(let problem):
      say(job.name, problem.message)
      // What may succeed later stays to be done, and so does what comes after it.
      if let index = job.index, !problem.isPassing { isOver(index) }
      remove(job)
    }
    pump()
    if jobs.isEmpty { onIdle() }
  }

  private func remove(_ job: Job) {
    if let at = jobs.firstIndex(where: { $0 === job }) { jobs.remove(at: at) }
  }

  private func isOver(_ index: Int64) {
    over.insert(index)
    while over.remove(reported) != nil {
      reported += 1
      onDone()
    }
  }

  private func say(_ name: String, _ reason: String) {
    onNotice(UploadNotice(.warning, kind: "artifact_not_uploaded", "artifact \(name) was not uploaded: \(reason)"))
  }
}
