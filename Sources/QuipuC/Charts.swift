import CQuipu
import Quipu

// Charts, figures and graphs.

/// Optional labels: numbers or texts.
private func labels(
  _ given: UnsafePointer<quipu_labels>?, _ argument: String
) throws(QuipuError) -> ChartLabels? {
  guard let given else { return nil }
  if let numbers = given.pointee.numbers {
    guard given.pointee.texts == nil else {
      throw QuipuError(.argument, kind: "labels_both", "\(argument): set numbers or texts, not both")
    }
    let view = try view(numbers, "\(argument).numbers")
    do throws(MediaError) { return try ChartLabels(view, argument: argument) } catch { throw QuipuError(error) }
  }
  let count = given.pointee.count
  guard count >= 0, count < 1 << 31 else {
    throw QuipuError(.tooLarge, kind: "too_large", "\(argument).count: \(count) texts cannot be right")
  }
  guard count > 0 else { return ChartLabels(texts: [], argument: argument) }
  guard let texts = given.pointee.texts else { throw isNull("\(argument).texts") }
  var list: [String] = []
  list.reserveCapacity(count)
  for at in 0..<count { list.append(try text(texts[at], "\(argument).texts[\(at)]")) }
  return ChartLabels(texts: list, argument: argument)
}

private func required(
  _ given: UnsafePointer<quipu_labels>?, _ argument: String
) throws(QuipuError) -> ChartLabels {
  guard let labels = try labels(given, argument) else { throw isNull(argument) }
  return labels
}

private func chartOptions(_ options: UnsafePointer<quipu_chart_options>?) throws(QuipuError) -> quipu_chart_options {
  try copyOptions(options, quipu_chart_options(), "options")
}

@c @implementation
public func quipu_chart_new(
  _ table: OpaquePointer?, _ spec: UnsafePointer<CChar>?, _ fields_json: quipu_str, _ strings_json: quipu_str,
  _ split_table: Int32, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    try .chart(
      try medium(table, "table"),
      .custom(
        spec: try required(spec, "spec"),
        fields: fields_json.size == 0 ? [:] : try json(fields_json, "fields_json"),
        strings: strings_json.size == 0 ? [:] : try json(strings_json, "strings_json"), splitTable: split_table != 0))
  }
}

@c @implementation
public func quipu_chart_visualize(
  _ table: OpaquePointer?, _ id: UnsafePointer<CChar>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    try .chart(try medium(table, "table"), .visualize(id: try required(id, "id")))
  }
}

@c @implementation
public func quipu_chart_line(
  _ table: OpaquePointer?, _ x: UnsafePointer<CChar>?, _ y: UnsafePointer<CChar>?, _ stroke: UnsafePointer<CChar>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    return try .chart(
      try medium(table, "table"),
      .line(
        x: try required(x, "x"), y: try required(y, "y"), stroke: try text(stroke, "stroke"),
        title: try text(given.title, "title") ?? "", splitTable: given.split_table != 0))
  }
}

@c @implementation
public func quipu_chart_scatter(
  _ table: OpaquePointer?, _ x: UnsafePointer<CChar>?, _ y: UnsafePointer<CChar>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    return try .chart(
      try medium(table, "table"),
      .scatter(
        x: try required(x, "x"), y: try required(y, "y"), title: try text(given.title, "title") ?? "",
        splitTable: given.split_table != 0))
  }
}

@c @implementation
public func quipu_chart_bar(
  _ table: OpaquePointer?, _ label: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    return try .chart(
      try medium(table, "table"),
      .bar(
        label: try required(label, "label"), value: try required(value, "value"),
        title: try text(given.title, "title") ?? "", splitTable: given.split_table != 0))
  }
}

@c @implementation
public func quipu_chart_histogram(
  _ table: OpaquePointer?, _ value: UnsafePointer<CChar>?, _ options: UnsafePointer<quipu_chart_options>?,
  _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    return try .chart(
      try medium(table, "table"),
      .histogram(
        value: try required(value, "value"), title: try text(given.title, "title") ?? "",
        splitTable: given.split_table != 0))
  }
}

private func views(
  _ arrays: UnsafePointer<quipu_array>?, _ count: Int, _ argument: String
) throws(QuipuError) -> [ArrayView] {
  guard count >= 0, count <= 1 << 20 else {
    throw QuipuError(.tooLarge, kind: "too_large", "\(argument): \(count) arrays cannot be right")
  }
  guard count > 0 else { return [] }
  guard let arrays else { throw isNull(argument) }
  var result: [ArrayView] = []
  for at in 0..<count { result.append(try view(arrays[at], "\(argument)[\(at)]")) }
  return result
}

@c @implementation
public func quipu_chart_line_series(
  _ xs: UnsafePointer<quipu_array>?, _ x_count: Int, _ ys: UnsafePointer<quipu_array>?, _ y_count: Int,
  _ keys: UnsafePointer<quipu_labels>?, _ x_name: UnsafePointer<CChar>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    return try .lineSeries(
      xs: try views(xs, x_count, "xs"), ys: try views(ys, y_count, "ys"), keys: try labels(keys, "keys"),
      title: try text(given.title, "title") ?? "", xName: try text(x_name, "x_name") ?? "x",
      splitTable: given.split_table != 0)
  }
}

private func curve(
  _ kind: CurveJob.Kind, _ truth: UnsafePointer<quipu_labels>?, _ scores: UnsafePointer<quipu_array>?,
  _ given: quipu_chart_options
) throws(QuipuError) -> Media {
  try .curve(
    kind, truth: try required(truth, "y_true"), scores: try view(scores, "y_probas"), scoresArgument: "y_probas",
    names: try labels(given.class_names, "labels"), plotted: try labels(given.classes_to_plot, "classes_to_plot"),
    title: try text(given.title, "title"), splitTable: given.split_table != 0)
}

@c @implementation
public func quipu_chart_pr_curve(
  _ y_true: UnsafePointer<quipu_labels>?, _ y_probas: UnsafePointer<quipu_array>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    let points = given.interp_size == 0 ? 21 : given.interp_size
    guard points > 0, points <= 1_000_000 else {
      throw QuipuError(.value, kind: "interp_size", "interp_size: \(points) is not between 1 and 1000000")
    }
    return try curve(.precisionRecall(points: Int(points)), y_true, y_probas, given)
  }
}

@c @implementation
public func quipu_chart_roc_curve(
  _ y_true: UnsafePointer<quipu_labels>?, _ y_probas: UnsafePointer<quipu_array>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    try curve(.roc, y_true, y_probas, try chartOptions(options))
  }
}

@c @implementation
public func quipu_chart_confusion_matrix(
  _ y_true: UnsafePointer<quipu_labels>?, _ preds: UnsafePointer<quipu_labels>?, _ probs: UnsafePointer<quipu_array>?,
  _ options: UnsafePointer<quipu_chart_options>?, _ chart: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(chart, "chart", error) { () throws(QuipuError) in
    let given = try chartOptions(options)
    guard (preds == nil) != (probs == nil) else {
      throw QuipuError(.value, kind: "predictions_both", "preds, probs: give one of them")
    }
    let predictions: ChartLabels
    if let probs {
      let scores = try view(probs, "probs")
      do throws(MediaError) {
        predictions = try ConfusionMatrix.predictions(scores: scores, argument: "probs")
      } catch {
        throw QuipuError(error)
      }
    } else {
      predictions = try required(preds, "preds")
    }
    return try .confusionMatrix(
      truth: try required(y_true, "y_true"), predictions: predictions,
      names: try labels(given.class_names, "class_names"), title: try text(given.title, "title"),
      splitTable: given.split_table != 0)
  }
}

@c @implementation
public func quipu_plotly_new(
  _ json_: quipu_str, _ figure: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(figure, "figure", error) { () throws(QuipuError) in try .plotly(json: try json(json_, "json")) }
}

@c @implementation
public func quipu_bokeh_new(
  _ json_: quipu_str, _ document: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(document, "document", error) { () throws(QuipuError) in try .bokeh(json: try json(json_, "json")) }
}

@c @implementation
public func quipu_bokeh_open(
  _ path: UnsafePointer<CChar>?, _ document: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(document, "document", error) { () throws(QuipuError) in try .bokeh(path: try required(path, "path")) }
}

@c @implementation
public func quipu_graph_new(
  _ json_: quipu_str, _ graph: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(graph, "graph", error) { () throws(QuipuError) in try .graph(json: try json(json_, "json")) }
}
