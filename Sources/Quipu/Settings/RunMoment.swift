/// A run and the step up to which its rows count: the argument of a fork or a rewind.
public struct RunMoment: Sendable, Equatable {
  public var runID: String
  public var step: Int64

  public init(runID: String, step: Int64) {
    self.runID = runID
    self.step = step
  }
}
