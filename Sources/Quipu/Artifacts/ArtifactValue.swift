import QuipuBase
import QuipuMedia

/// A value that exists in artifacts only; rows refer to it there.
///
/// Source: W&B's rich data types, "JoinedTable, PartitionedTable" and "Media inside artifacts".
enum ArtifactValue: Sendable {
  /// A table of a join: itself, or its path in the artifact.
  enum Side: Sendable {
    case table(Media)
    case path(String)
  }

  /// - key: a text, or a list of two.
  case joined(Side, Side, key: JSON)
  case partitioned(path: String)
  case classes(JSON)

  /// `_type` in the artifact.
  var type: String {
    switch self {
    case .joined: "joined-table"
    case .partitioned: "partitioned-table"
    case .classes: "classes"
    }
  }

  /// - Parameter path: the entry of a table of a join.
  func json(path: (Media) -> String?) -> JSON {
    func side(_ side: Side) -> JSON {
      switch side {
      case .table(let media): path(media).map { .string($0) } ?? .null
      case .path(let path): .string(path)
      }
    }
    switch self {
    case .joined(let one, let other, let key):
      return ["_type": .string(type), "join_key": key, "table1": side(one), "table2": side(other)]
    case .partitioned(let path): return ["_type": .string(type), "parts_path": .string(path)]
    case .classes(let set): return ["_type": .string(type), "class_set": set]
    }
  }

  /// The tables of a join, first and second; nil where only the path is known.
  var tables: [Media?] {
    guard case .joined(let one, let other, _) = self else { return [] }
    return [one, other].map { side in if case .table(let media) = side { media } else { nil } }
  }
}

extension Media {
  /// Two tables joined by a column, shown as one. It exists in artifacts; logged to a run, an artifact is made for it.
  ///
  /// - Parameter key: the column of both tables.
  /// - Throws: `value` if one of them is no table.
  /// W&B: `wandb.JoinedTable(table1, table2, join_key)`.
  public static func joinedTable(_ first: Media, _ second: Media, key: String) throws(QuipuError) -> Media {
    try joinedTable(tables: [first, second], paths: [nil, nil], key: .string(key))
  }

  /// - Parameters:
  ///   - tables: two; nil where a path is given.
  ///   - paths: two, of tables in the artifact that this one is added to: they end in `.table.json`.
  ///   - key: a text, or a list of two.
  package static func joinedTable(
    tables: [Media?], paths: [String?], key: JSON
  ) throws(QuipuError) -> Media {
    var sides: [ArtifactValue.Side] = []
    for at in 0..<2 {
      let argument = "table\(at + 1)"
      if at < tables.count, let table = tables[at] {
        guard table.kind == .table else {
          throw QuipuError(.value, kind: "joined_table_bad", "\(argument): is not a table; pass a table or its path")
        }
        sides.append(.table(table))
      } else if at < paths.count, let path = paths[at] {
        guard path.hasSuffix(".table.json") else {
          throw QuipuError(
            .value, kind: "joined_table_bad",
            "\(argument): \"\(path)\" is not the path of a table in an artifact; it ends in .table.json")
        }
        sides.append(.path(path))
      } else {
        throw QuipuError(.value, kind: "joined_table_bad", "\(argument): is missing; pass a table or its path")
      }
    }
    let isKey: Bool
    switch key {
    case .string: isKey = true
    case .array(let parts): isKey = parts.count == 2 && parts.allSatisfy { $0.stringValue != nil }
    default: isKey = false
    }
    guard isKey else {
      throw QuipuError(
        .value, kind: "join_key_bad", "join_key: must be the name of a column, or two names, one for each table")
    }
    return Media(.joinedTable, .artifactValue(.joined(sides[0], sides[1], key: key)))
  }

  /// All tables below a path of an artifact, shown as one.
  ///
  /// - Parameter path: of a folder in the artifact.
  /// W&B: `wandb.data_types.PartitionedTable(parts_path)`.
  public static func partitionedTable(path: String) -> Media {
    Media(.partitionedTable, .artifactValue(.partitioned(path: path)))
  }
}
