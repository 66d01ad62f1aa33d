import QuipuBase
import QuipuMedia

/// What all kinds share, and lists.
extension Media {
  /// - Parameter code: what a refused value means here.
  static func refuse<R>(
    _ code: QuipuError.Code = .value, _ body: () throws(MediaError) -> R
  ) throws(QuipuError) -> R {
    do throws(MediaError) { return try body() } catch {
      var refused = QuipuError(error)
      if refused.code == .value { refused.code = code }
      throw refused
    }
  }

  /// What a row holds for a value without a file; nil for other media.
  public var inlineValue: JSON? {
    state.withLock { state in
      if case .inline(let row, _) = state.content { row } else { nil }
    }
  }

  /// Several media as one value.
  public static func list(_ items: [Media]) -> Media { Media(.list, .list(items)) }
}
