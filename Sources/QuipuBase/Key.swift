/// A name that is compared byte by byte.
///
/// Swift's `String` treats canonically equivalent texts as equal ("é" in one or two code points). Metric, config and
/// summary keys are raw UTF-8 in the log format, so two such keys are two keys. Ordering is that of the UTF-8 bytes,
/// which is the order of the code points.
public struct Key: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var string: String

  @inlinable public init(_ string: String) { self.string = string }
  @inlinable public init(stringLiteral value: String) { string = value }

  public var description: String { string }

  @inlinable public static func == (a: Key, b: Key) -> Bool {
    var a = a.string, b = b.string
    return a.withUTF8 { x in b.withUTF8 { y in x.count == y.count && x.elementsEqual(y) } }
  }

  @inlinable public func hash(into hasher: inout Hasher) {
    var text = string
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }

  @inlinable public static func < (a: Key, b: Key) -> Bool {
    a.string.utf8.lexicographicallyPrecedes(b.string.utf8)
  }
}
