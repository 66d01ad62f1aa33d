/// A pattern as instructions of a machine whose threads all move one scalar at a time.
struct RegexProgram: Sendable {
  enum Instruction: Sendable {
    case scalar(UInt32)
    case set(Int)
    case assert(RegexAssertion)
    case jump(Int)
    case split(Int, Int)
    case match
  }

  /// Every scalar of a text can cost this many steps.
  static let maximumCount = 5000

  private(set) var instructions: [Instruction] = []
  let sets: [RegexSet]
  /// Whether a match can only begin where the text begins.
  private(set) var isAnchored = false
  /// Repetitions of what is empty emit nothing and still take time.
  private var steps = 0

  init(_ tree: RegexNode, sets: [RegexSet]) throws(FilterError) {
    self.sets = sets
    try emit(tree)
    try append(.match)
    if case .assert(.textStart) = instructions[0] { isAnchored = true }
  }

  private mutating func append(_ instruction: Instruction) throws(FilterError) {
    guard instructions.count < Self.maximumCount else {
      throw FilterError("pattern is larger than \(Self.maximumCount) steps with its repetitions written out")
    }
    instructions.append(instruction)
  }

  private mutating func emit(_ node: RegexNode) throws(FilterError) {
    steps += 1
    guard steps <= 10 * Self.maximumCount else { throw FilterError("pattern repeats too much") }
    switch node {
    case .empty: break
    case .scalar(let scalar): try append(.scalar(scalar))
    case .set(let set): try append(.set(set))
    case .assert(let assertion): try append(.assert(assertion))
    case .sequence(let parts):
      for part in parts { try emit(part) }
    case .alternatives(let branches):
      var ends: [Int] = []
      for branch in branches.dropLast() {
        let split = instructions.count
        try append(.split(split + 1, 0))
        try emit(branch)
        ends.append(instructions.count)
        try append(.jump(0))
        instructions[split] = .split(split + 1, instructions.count)
      }
      if let last = branches.last { try emit(last) }
      for end in ends { instructions[end] = .jump(instructions.count) }
    case .repeat(let part, let minimum, let maximum):
      for _ in 0..<minimum { try emit(part) }
      guard let maximum else {
        let split = instructions.count
        try append(.split(split + 1, 0))
        try emit(part)
        try append(.jump(split))
        instructions[split] = .split(split + 1, instructions.count)
        return
      }
      var splits: [Int] = []
      for _ in minimum..<max(minimum, maximum) {
        splits.append(instructions.count)
        try append(.split(instructions.count + 1, 0))
        try emit(part)
      }
      for split in splits { instructions[split] = .split(split + 1, instructions.count) }
    }
  }
}
