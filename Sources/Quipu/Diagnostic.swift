/// Something the library has to tell that no call's status can carry: a dropped row, a full disk, an ignored setting.
public struct Diagnostic: Sendable, Equatable {
  public enum Level: Int32, Sendable { case info = 1, warning = 2, error = 3 }
  public var level: Level
  /// A stable word, as in ``QuipuError/kind``.
  public var kind: String
  /// One line for a person.
  public var message: String

  public init(_ level: Level, kind: String, _ message: String) {
    self.level = level
    self.kind = kind
    self.message = message
  }
}
