/// The nearest directory at or above `directory` that holds `.git` (a directory, or a file in a work tree or
/// submodule).
///
/// - Parameter directory: absolute.
func findGitRoot(from directory: String, files: FileAccess) -> String? {
  var at = PathTools.normalise(directory)
  while true {
    if files.kind(PathTools.join(at, ".git")) != nil { return at }
    guard at.utf8.count > 1 else { return nil }
    at = PathTools.directory(at)
  }
}
