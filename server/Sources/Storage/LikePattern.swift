/// A pattern of SQL's LIKE: `%` stands for any text, `_` for one Unicode scalar, everything else for itself.
public struct LikePattern: Sendable {
  private let scalars: [Unicode.Scalar]

  public init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// - Complexity: at worst the product of both lengths.
  public func matches(_ text: String) -> Bool {
    let text = Array(text.unicodeScalars)
    var at = 0
    var place = 0
    // Where the newest `%` stands, and how far its text reaches so far.
    var star: (place: Int, at: Int)?
    while at < text.count {
      if place < scalars.count, scalars[place] == "%" {
        star = (place, at)
        place += 1
      } else if place < scalars.count, scalars[place] == "_" || scalars[place] == text[at] {
        place += 1
        at += 1
      } else if let last = star {
        star = (last.place, last.at + 1)
        place = last.place + 1
        at = last.at + 1
      } else {
        return false
      }
    }
    return scalars[place...].allSatisfy { $0 == "%" }
  }
}
