import QuipuBase

/// A chart: a table, and how a dashboard draws it.
///
/// Source: W&B's rich data types, "wandb.plot".
struct ChartValue: Sendable {
  let table: Media
  /// Where in the config it is described, below `_wandb`: `visualize`, or `viz` of older programs.
  let group: String
  /// The config entry for the key of the table in the row.
  let entry: @Sendable (_ tableKey: String) -> JSON
  /// The table's key is `Custom Chart Tables/K_table` instead of `K_table`.
  let isSplit: Bool
  /// The table stands under the chart's own key.
  let keepsKey: Bool

  func tableKey(of key: String) -> String {
    keepsKey ? key : (isSplit ? "Custom Chart Tables/" : "") + key + "_table"
  }
}
