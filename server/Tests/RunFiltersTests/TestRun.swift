import QuipuBase
import RunFilters

/// A run as JSON: plain columns, config and summary texts.
struct TestRun: RunFields {
  var columns: [RunField: FieldValue] = [:]
  var config = "{}"
  var summary = "{}"

  func field(_ field: RunField) -> FieldValue { columns[field] ?? .missing }

  func config(_ path: [String]) -> FieldValue {
    Array(config.utf8).withUnsafeBytes { findConfig(path: path, in: $0) }
  }

  func summary(_ path: [String]) -> FieldValue {
    Array(summary.utf8).withUnsafeBytes { findJSON(path: path, in: $0) }
  }
}

/// Repeatable random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

func filter(_ text: String) throws -> RunFilter { try RunFilter(json: JSON(parsing: text)) }

/// The error of a filter that must not be accepted.
func rejection(_ text: String) -> String? {
  do {
    _ = try filter(text)
    return nil
  } catch let error as FilterError {
    return error.message
  } catch {
    return nil
  }
}
