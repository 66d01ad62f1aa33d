/// Who is whose child.
enum ProcessTree {
  /// True if a process is `ancestor` or comes from it.
  static func descends(_ process: Int32, from ancestor: Int32, root: SystemRoot) -> Bool {
    let room = ReadRoom()
    var process = process
    // Parents cannot form a circle, but the readings are of different moments.
    for _ in 0..<4096 {
      if process == ancestor { return true }
      guard process > 1,
        let reading = ProcFile(root("/proc/\(process)/stat")).read(room).flatMap(ProcessCollector.Reading.init)
      else { return false }
      process = reading.parent
    }
    return false
  }
}
