import Glibc
import QuipuBase

/// Reads files for their MD5 in slices, so that the loop's other work is not held up: at most 4 MiB or 5 ms at a time.
///
/// Up to four files take turns, so that a huge one does not keep small ones waiting.
///
/// Threads: the loop's thread only.
final class FileHasher {
  struct Outcome {
    /// Before the first byte was read; as many bytes as `size` says were read.
    var facts: FileFacts
    var digest: ContentDigest
    /// MD5 of each part, if parts were asked for.
    var parts: [ContentDigest]
    /// False if the file changed so shortly before that a later change could have the same time.
    var timeIsSettled: Bool
  }

  private final class Job {
    let path: String
    let partSize: Int64
    let done: (Result<Outcome, FileProblem>) -> Void
    var descriptor: Int32 = -1
    var facts: FileFacts?
    var timeIsSettled = true
    var position: Int64 = 0
    var whole = MD5()
    var part = MD5()
    var parts: [ContentDigest] = []

    init(path: String, partSize: Int64, done: @escaping (Result<Outcome, FileProblem>) -> Void) {
      self.path = path
      self.partSize = partSize
      self.done = done
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
  }

  private static let sliceBytes = 4 << 20
  private static let sliceTime: Int64 = 5_000_000
  private static let chunk = 128 << 10
  private static let together = 4

  private let sender: any RequestSender
  private var jobs: [Job] = []
  /// Jobs before this index are over; the array is cut now and then.
  private var first = 0
  private var timer: UInt64?

  init(sender: any RequestSender) { self.sender = sender }

  deinit { if let timer { sender.cancelTimer(timer) } }

  /// - Parameter partSize: also the MD5 of each stretch of so many bytes; 0: not.
  func hash(_ path: String, partSize: Int64 = 0, _ done: @escaping (Result<Outcome, FileProblem>) -> Void) {
    jobs.append(Job(path: path, partSize: partSize, done: done))
    schedule()
  }

  /// Forgets all jobs; their `done` is not called.
  func cancel() {
    jobs = []
    first = 0
    if let timer { sender.cancelTimer(timer) }
    timer = nil
  }

  private func schedule() {
    guard timer == nil, first < jobs.count else { return }
    timer = sender.after(0) { [weak self] in
      self?.timer = nil
      self?.turn()
    }
  }

  private func turn() {
    let start = sender.now
    var budget = Self.sliceBytes
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 16)
    defer { buffer.deallocate() }
    while first < jobs.count, budget > 0, sender.now &- start < Self.sliceTime {
      let job = jobs[first]
      let outcome = step(job, buffer, budget: &budget)
      // Calling back may cancel everything.
      if let outcome {
        first += 1
        compact()
        job.done(outcome)
      }
    }
    rotate()
    schedule()
  }

  /// The unfinished front job goes behind the others that take turns.
  private func rotate() {
    let end = min(first + Self.together, jobs.count)
    guard end - first > 1 else { return }
    let job = jobs.remove(at: first)
    jobs.insert(job, at: end - 1)
  }

  private func compact() {
    guard first > 256 || first == jobs.count else { return }
    jobs.removeFirst(first)
    first = 0
  }

  /// Nil: the budget is used up.
  private func step(
    _ job: Job, _ buffer: UnsafeMutableRawBufferPointer, budget: inout Int
  ) -> Result<Outcome, FileProblem>? {
    if job.facts == nil, let problem = open(job) { return .failure(problem) }
    guard let facts = job.facts else { return .failure(.missing) }
    budget -= 4096
    while job.position < facts.size {
      if budget <= 0 { return nil }
      var want = min(Int64(buffer.count), facts.size - job.position)
      if job.partSize > 0 { want = min(want, job.partSize - job.position % job.partSize) }
      let got = pread(job.descriptor, buffer.baseAddress, Int(want), off_t(job.position))
      if got < 0 {
        let number = errno
        if number == EINTR { continue }
        return .failure(.unreadable(number))
      }
      if got == 0 { return .failure(.shrunk) }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<got])
      job.whole.update(bytes)
      job.position += Int64(got)
      budget -= got
      if job.partSize > 0 {
        job.part.update(bytes)
        if job.position % job.partSize == 0 || job.position == facts.size {
          job.parts.append(ContentDigest(job.part.finish()))
          job.part = MD5()
        }
      }
    }
    return .success(
      Outcome(
        facts: facts, digest: ContentDigest(job.whole.finish()), parts: job.parts, timeIsSettled: job.timeIsSettled))
  }

  private func open(_ job: Job) -> FileProblem? {
    // Not blocking: whoever swaps the file for a pipe must not hold the loop.
    job.descriptor = Glibc.open(job.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard job.descriptor >= 0 else { return errno == ENOENT ? .missing : .unreadable(errno) }
    var info = stat()
    guard fstat(job.descriptor, &info) == 0 else { return .unreadable(errno) }
    guard info.st_mode & S_IFMT == S_IFREG else { return .notAFile }
    let facts = FileFacts(info)
    var clock = timespec()
    clock_gettime(CLOCK_REALTIME, &clock)
    let age = Int64(clock.tv_sec) &* 1_000_000_000 &+ Int64(clock.tv_nsec) &- facts.modified
    job.timeIsSettled = age > 50_000_000
    job.facts = facts
    return nil
  }
}
