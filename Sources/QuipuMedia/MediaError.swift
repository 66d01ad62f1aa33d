/// Why a media value was refused. The text is one line that names the argument and what to pass instead.
public struct MediaError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of failure. Open: later versions may add codes, existing ones keep their number.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// A value is outside what the function accepts.
    public static let value = Code(rawValue: 1)
    /// An argument has the wrong kind: an element type or a number of axes that has no meaning here.
    public static let type = Code(rawValue: 2)
    /// An axis or element was asked for that is not there.
    public static let index = Code(rawValue: 3)
    /// A file cannot be read or written, or a format cannot hold the content.
    public static let io = Code(rawValue: 4)
    /// A file does not exist.
    public static let fileNotFound = Code(rawValue: 5)
    /// A file is there but is not a picture of a known format.
    public static let unidentifiedImage = Code(rawValue: 6)
    /// An operation the array's shape does not allow.
    public static let runtime = Code(rawValue: 7)
    /// A required member is missing.
    public static let key = Code(rawValue: 8)
    /// Not enough memory, or above a documented limit of size.
    public static let memory = Code(rawValue: 9)
    /// Known to the reference but not built yet.
    public static let unsupported = Code(rawValue: 10)
    /// A documented condition the caller had to keep is broken.
    public static let assertion = Code(rawValue: 11)
    /// NaN or infinity where only finite values make sense.
    public static let notFinite = Code(rawValue: 12)
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
