/// One run of a program over one text.
struct RegexSearch {
  private let program: RegexProgram
  /// Threads that wait for a scalar.
  private var threads: [Int] = []
  private var following: [Int] = []
  /// The place (counted from 1) at which an instruction was last reached: each is entered once at a place.
  private var reached: [Int]
  private var stack: [Int] = []
  private var place = 1
  private var cases = RegexSet.Cases()

  init(_ program: RegexProgram) {
    self.program = program
    reached = Array(repeating: 0, count: program.instructions.count)
  }

  mutating func run(_ text: String) -> Bool {
    var scalars = text.unicodeScalars.makeIterator()
    var current = scalars.next()?.value
    if enter(0, between: nil, and: current) { return true }
    swap(&threads, &following)
    while let scalar = current {
      let next = scalars.next()?.value
      place += 1
      following.removeAll(keepingCapacity: true)
      for thread in threads {
        let moves =
          switch program.instructions[thread] {
          case .scalar(let wanted): wanted == scalar
          case .set(let set): program.sets[set].contains(scalar, &cases)
          default: false
          }
        if moves, enter(thread + 1, between: scalar, and: next) { return true }
      }
      if !program.isAnchored {
        if enter(0, between: scalar, and: next) { return true }
      } else if following.isEmpty {
        return false
      }
      swap(&threads, &following)
      current = next
    }
    return false
  }

  /// Follows everything that needs no scalar from an instruction on. True if that leads to a match.
  private mutating func enter(_ start: Int, between previous: UInt32?, and next: UInt32?) -> Bool {
    stack.append(start)
    while let at = stack.popLast() {
      guard reached[at] != place else { continue }
      reached[at] = place
      switch program.instructions[at] {
      case .match:
        return true
      case .jump(let target): stack.append(target)
      case .split(let first, let second):
        stack.append(second)
        stack.append(first)
      case .assert(let assertion):
        if assertion.holds(between: previous, and: next) { stack.append(at + 1) }
      case .scalar, .set: following.append(at)
      }
    }
    return false
  }
}
