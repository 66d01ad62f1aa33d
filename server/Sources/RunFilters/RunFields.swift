/// What a filter or an order can look at in one run. Nothing is asked for unless it is named there.
public protocol RunFields {
  /// Instants are `.number` (seconds since 1970, at best whole microseconds divided by 1e6) or `.string` (ISO 8601);
  /// `duration` is in seconds, `tags` a list of strings.
  func field(_ field: RunField) -> FieldValue

  /// - Parameter path: the part of the name behind `config.`, split at dots; hand it to `findConfig`.
  func config(_ path: [String]) -> FieldValue

  /// - Parameter path: the part of the name behind `summary_metrics.`, split at dots; hand it to `findJSON`.
  func summary(_ path: [String]) -> FieldValue
}
