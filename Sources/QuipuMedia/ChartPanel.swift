import QuipuBase

/// How a table is shown: what a chart adds to the run's config.
///
/// Source: W&B's rich data types, "wandb.plot".
public enum ChartPanel: Sendable {
  /// A Vega panel.
  ///
  /// - spec: name of the panel's definition, such as `wandb/line/v0`.
  /// - fields: from the definition's fields to columns.
  /// - strings: from the definition's texts to texts.
  /// - splitTable: the table is logged below `Custom Chart Tables/`.
  case custom(spec: String, fields: JSON, strings: JSON, splitTable: Bool)
  /// A panel that is known by its id, over the table under the chart's own key.
  case visualize(id: String)

  /// The key that the table of the chart `key` is logged under.
  public func tableKey(_ key: String) -> String {
    switch self {
    case .custom(_, _, _, let splitTable): (splitTable ? "Custom Chart Tables/" : "") + key + "_table"
    case .visualize: key
    }
  }

  /// The member of the config's `_wandb` that holds the panels of this kind.
  public var configMember: Key {
    switch self {
    case .custom: "visualize"
    case .visualize: "viz"
    }
  }

  /// What the config says about the chart `key`.
  public func configEntry(_ key: String) -> JSON {
    switch self {
    case .visualize(let id):
      return ["id": .string(id), "historyFieldSettings": ["x-axis": "_step", "key": .string(key)]]
    case .custom(let spec, let fields, let strings, _):
      func field(_ name: String) -> JSON { ["name": .string(name), "fields": []] }
      let table: JSON = [
        "name": "summaryTable", "args": [["name": "tableKey", "value": .string(tableKey(key))]], "fields": [],
      ]
      let query: JSON = [
        "name": "runSets", "args": [["name": "runSets", "value": "${runSets}"]],
        "fields": [field("id"), field("name"), field("_defaultColorIndex"), table],
      ]
      return [
        "panel_type": "Vega2",
        "panel_config": [
          "panelDefId": .string(spec), "fieldSettings": fields, "stringSettings": strings,
          "transform": ["name": "tableWithLeafColNames"], "userQuery": ["queryFields": [query]],
        ],
      ]
    }
  }
}

extension ChartPanel {
  /// A line for each value of `stroke`, or a single one.
  public static func line(
    x: String, y: String, stroke: String? = nil, title: String = "", splitTable: Bool = false
  ) -> ChartPanel {
    .custom(
      spec: "wandb/line/v0",
      fields: ["x": .string(x), "y": .string(y), "stroke": stroke.map { .string($0) } ?? .null],
      strings: ["title": .string(title)], splitTable: splitTable)
  }

  /// A point for each row.
  public static func scatter(x: String, y: String, title: String = "", splitTable: Bool = false) -> ChartPanel {
    .custom(
      spec: "wandb/scatter/v0", fields: ["x": .string(x), "y": .string(y)], strings: ["title": .string(title)],
      splitTable: splitTable)
  }

  /// A bar for each row.
  public static func bar(label: String, value: String, title: String = "", splitTable: Bool = false) -> ChartPanel {
    .custom(
      spec: "wandb/bar/v0", fields: ["label": .string(label), "value": .string(value)],
      strings: ["title": .string(title)], splitTable: splitTable)
  }

  /// Counts of a column's values.
  public static func histogram(value: String, title: String = "", splitTable: Bool = false) -> ChartPanel {
    .custom(
      spec: "wandb/histogram/v0", fields: ["value": .string(value)], strings: ["title": .string(title)],
      splitTable: splitTable)
  }

  /// Over the table of `LineSeries`.
  public static func lineSeries(title: String = "", xName: String = "x", splitTable: Bool = false) -> ChartPanel {
    .custom(
      spec: "wandb/lineseries/v0", fields: ["step": "step", "lineKey": "lineKey", "lineVal": "lineVal"],
      strings: ["title": .string(title), "xname": .string(xName)], splitTable: splitTable)
  }

  /// Over the table of a `CurveJob`.
  public static func curve(_ kind: CurveJob.Kind, title: String? = nil, splitTable: Bool = false) -> ChartPanel {
    let isROC = kind == .roc
    return .custom(
      spec: "wandb/area-under-curve/v0",
      fields: ["x": isROC ? "fpr" : "recall", "y": isROC ? "tpr" : "precision", "class": "class"],
      strings: [
        "title": .string(title ?? (isROC ? "ROC Curve" : "Precision-Recall Curve")),
        "x-axis-title": isROC ? "False positive rate" : "Recall",
        "y-axis-title": isROC ? "True positive rate" : "Precision",
      ], splitTable: splitTable)
  }

  /// Over the table of `ConfusionMatrix`.
  public static func confusionMatrix(title: String? = nil, splitTable: Bool = false) -> ChartPanel {
    .custom(
      spec: "wandb/confusion_matrix/v1",
      fields: ["Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"],
      strings: ["title": .string(title ?? "Confusion Matrix Curve")], splitTable: splitTable)
  }
}
