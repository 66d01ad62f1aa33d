import QuipuBase
import QuipuMedia

/// A chart: a table, and how a dashboard draws it.
struct ChartValue: Sendable {
  let table: Media
  let panel: ChartPanel
}
