import Glibc
import QuipuBase

/// What one `run.save` call means: which files, where they go below `files/`.
///
/// Source: `run.save` of the W&B client 0.31.0.
package struct SavePlan: Sendable, Equatable {
  package enum Policy: String, Sendable { case live, now, end }

  package struct File: Sendable, Equatable {
    /// Absolute path of the original.
    package var source: String
    /// Path below `files/`, as it goes into the record.
    package var destination: String
  }

  package var policy: Policy
  /// Sorted by destination.
  package var files: [File]
  package var diagnostics: [Diagnostic]

  /// Finds out what is meant.
  ///
  /// - Parameters:
  ///   - pattern: a path, relative to the working directory, with `* ? []` unless `glob` is false.
  ///   - basePath: the part of the path that is cut off. Nil: the working directory; for an absolute path its parent's
  ///     parent, with a warning.
  ///   - policy: "live", "now" or "end".
  ///   - filesDirectory: the run's `files`, absolute. What is in there already and matches is included.
  ///   - workingDirectory: nil: the present one.
  /// - Throws: code `.argument` with kind `save_bad_policy`, `save_not_under_base`, `save_is_base` or
  ///   `save_star_first`.
  /// Blocking: reads directories.
  package static func make(
    pattern: String, basePath: String? = nil, policy: String = "live", glob: Bool = true, filesDirectory: String,
    workingDirectory: String? = nil
  ) throws(QuipuError) -> SavePlan {
    guard let policy = Policy(rawValue: policy) else {
      throw QuipuError(
        .argument, kind: "save_bad_policy", "save: policy must be \"live\", \"now\" or \"end\", not \"\(policy)\"")
    }
    var plan = SavePlan(policy: policy, files: [], diagnostics: [])
    if pattern.utf8.starts(with: "s3://".utf8) || pattern.utf8.starts(with: "gs://".utf8) {
      plan.diagnostics.append(
        Diagnostic(
          .info, kind: "save_cloud_url", "save: \(pattern) is not a local file; log an artifact reference instead"))
      return plan
    }
    if pattern.isEmpty || pattern.utf8.contains(0) || (basePath?.utf8.contains(0) ?? false) {
      throw QuipuError(.argument, kind: "save_is_base", "save: the path must not be empty or hold NUL")
    }

    let here = workingDirectory ?? PathTools.workingDirectory()
    let wanted = PathTools.absolute(pattern, workingDirectory: here)
    let base: String
    if let basePath {
      base = PathTools.absolute(PathTools.expandHome(basePath), workingDirectory: here)
    } else if PathTools.isAbsolute(pattern) {
      base = PathTools.directory(PathTools.directory(wanted))
      plan.diagnostics.append(
        Diagnostic(
          .warning, kind: "save_no_folders",
          "save: only one directory level of \(pattern) is kept; give base_path to keep more"))
    } else {
      base = PathTools.normalise(here)
    }

    guard let parts = PathTools.below(wanted, base) else {
      throw QuipuError(.argument, kind: "save_not_under_base", "save: \(wanted) is not below \(base)")
    }
    guard let first = parts.first else {
      throw QuipuError(.argument, kind: "save_is_base", "save: \(wanted) is the base path itself; name files below it")
    }
    if first == "*" && glob {
      throw QuipuError(
        .argument, kind: "save_star_first",
        "save: the first part below \(base) must not be \"*\"; use \"*.txt\" or \"name/*\"")
    }

    var seen: Set<Key> = []
    for destination in Glob.expand(base: base, parts: parts, literal: !glob) {
      seen.insert(Key(destination))
      plan.files.append(File(source: PathTools.join(base, destination), destination: destination))
    }
    for destination in Glob.expand(base: filesDirectory, parts: parts, literal: !glob)
    where seen.insert(Key(destination)).inserted {
      plan.files.append(File(source: PathTools.join(filesDirectory, destination), destination: destination))
    }
    plan.files.sort { Key($0.destination) < Key($1.destination) }

    if plan.files.isEmpty {
      if !glob {
        plan.diagnostics.append(
          Diagnostic(.warning, kind: "save_literal_missing", "save: there is no file \(wanted)"))
      } else if Glob.isPattern(pattern), FileTools.exists(wanted) {
        plan.diagnostics.append(
          Diagnostic(
            .warning, kind: "save_glob_literal_hint",
            "save: nothing matches the pattern \(pattern), but a file has exactly this name; use glob=False"))
      }
    }
    return plan
  }

  package struct Outcome: Sendable, Equatable {
    /// Paths below `files/` that are in place, sorted, and the policy that holds for each: a copy cannot follow its
    /// original, so `live` becomes `now`.
    package var saved: [(destination: String, policy: Policy)]
    package var diagnostics: [Diagnostic]

    package static func == (a: Outcome, b: Outcome) -> Bool {
      a.diagnostics == b.diagnostics && a.saved.count == b.saved.count
        && zip(a.saved, b.saved).allSatisfy { $0.destination == $1.destination && $0.policy == $1.policy }
    }
  }

  /// Puts the files into `filesDirectory`: symbolic link, else hard link, else copy. What cannot be placed is reported
  /// (kind `save_failed`) and left out.
  ///
  /// - Parameter symlinks: false goes straight to hard links.
  package func execute(filesDirectory: String, symlinks: Bool = true) -> Outcome {
    var outcome = Outcome(saved: [], diagnostics: diagnostics)
    var linked = 0, hardLinked = 0, copied = 0
    for file in files {
      let place = PathTools.join(filesDirectory, file.destination)
      if PathTools.normalise(place) == PathTools.normalise(file.source) || isLink(place, to: file.source) {
        // Already there, either from an earlier call or because the program writes into the run's directory.
        outcome.saved.append((file.destination, policy))
        continue
      }
      do throws(QuipuError) {
        try PathTools.makeDirectories(PathTools.directory(place))
      } catch {
        outcome.diagnostics.append(Diagnostic(.warning, kind: "save_failed", "save: \(error.message)"))
        continue
      }
      var number: Int32? = EPERM
      if symlinks { number = FileTools.replaceLink(place, target: file.source) }
      if number == nil {
        linked += 1
        outcome.saved.append((file.destination, policy))
        continue
      }
      if number != EISDIR && number != ENOTEMPTY {
        number = FileTools.replace(place) { temporary in
          file.source.withCString { source in
            temporary.withCString { linkat(AT_FDCWD, source, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
          }
        }
        if number == nil {
          hardLinked += 1
          outcome.saved.append((file.destination, policy))
          continue
        }
        number = FileTools.copy(file.source, to: place)
        if number == nil {
          copied += 1
          outcome.saved.append((file.destination, policy == .live ? .now : policy))
          continue
        }
      }
      outcome.diagnostics.append(
        Diagnostic(
          .warning, kind: "save_failed",
          "save: cannot place \(file.source) at \(place): \(FileTools.errnoText(number ?? 0))"))
    }
    if linked > 0 {
      outcome.diagnostics.append(
        Diagnostic(
          .warning, kind: "save_symlinked",
          "save: \(count(linked, "symbolic link")) made; keep the originals until the run is uploaded"))
    }
    if hardLinked > 0 {
      outcome.diagnostics.append(
        Diagnostic(
          .warning, kind: "save_hardlinked",
          "save: \(count(hardLinked, "hard link")) made; an original that is replaced is not followed"))
    }
    if copied > 0 {
      outcome.diagnostics.append(
        Diagnostic(
          .info, kind: "save_copied", "save: \(count(copied, "copy", "copies")) made; later changes are not seen"))
    }
    return outcome
  }

  private func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(number) \(number == 1 ? one : many ?? one + "s")"
  }

  private func isLink(_ place: String, to target: String) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = place.withCString { path in
      buffer.withUnsafeMutableBytes { raw in
        raw.withMemoryRebound(to: CChar.self) { text -> Int in
          guard let start = text.baseAddress else { return -1 }
          return readlink(path, start, text.count)
        }
      }
    }
    return n > 0 && n < buffer.count && Array(buffer[..<n]) == Array(target.utf8)
  }
}
