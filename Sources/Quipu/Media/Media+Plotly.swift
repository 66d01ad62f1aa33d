import QuipuBase
import QuipuMedia

/// Figures and graphs that come as JSON: Plotly, Bokeh, network graphs.
extension Media {
  /// A Plotly figure from its JSON: an object with the list `data`, and usually `layout`.
  ///
  /// - Throws: `value` if it is not such an object.
  public static func plotly(json: JSON) throws(QuipuError) -> Media {
    guard let figure = json.objectValue, figure["data"]?.arrayValue != nil else {
      throw QuipuError(
        .value, kind: "plotly_not_figure", "json: is no Plotly figure; it must be an object with the list \"data\"")
    }
    return document(.plotly, "plotly", json)
  }

  /// A Bokeh document from its JSON: an object with the list (older versions: object) `roots`.
  ///
  /// - Throws: `value` if it is not such an object.
  public static func bokeh(json: JSON) throws(QuipuError) -> Media {
    guard isBokeh(json) else {
      throw QuipuError(
        .value, kind: "bokeh_not_document",
        "json: is no Bokeh document; it must be an object with the member \"roots\"")
    }
    return document(.bokeh, "bokeh", json)
  }

  /// A Bokeh document from a file that ends in `.json`, copied unchanged.
  ///
  /// - Throws: `notFound`, `file`; `format` if the file holds no Bokeh document; `value` for another suffix.
  /// Blocking: reads the file.
  public static func bokeh(path: String) throws(QuipuError) -> Media {
    guard path.hasSuffix(".json") else {
      throw QuipuError(.value, kind: "bokeh_bad_type", "path: \(path) does not end in .json")
    }
    let file = try UserFile(path: path)
    guard let bytes = file.content.read(), let json = try? JSON(parsing: bytes),
      isBokeh(json)
    else {
      throw QuipuError(
        .format, kind: "bokeh_not_document",
        "path: \(path) holds no Bokeh document; it must be a JSON object with the member \"roots\"")
    }
    var value = FileValue(folder: "bokeh", type: "bokeh-file", file: file)
    value.fileExtension = ".bokeh.json"
    return Media(.bokeh, .file(value))
  }

  private static func isBokeh(_ json: JSON) -> Bool {
    switch json.objectValue?["roots"] {
    case .array?, .object?: true
    default: false
    }
  }

  /// A network graph from its JSON: `{"format": "keras", "nodes": [objects], "edges": [[from id, to id], …]}`.
  ///
  /// - Throws: `value` if it is not such an object.
  public static func graph(json: JSON) throws(QuipuError) -> Media {
    func bad(_ what: String) -> QuipuError {
      QuipuError(.value, kind: "graph_bad", "json: \(what)")
    }
    guard let graph = json.objectValue, let nodes = graph["nodes"]?.arrayValue, let edges = graph["edges"]?.arrayValue
    else { throw bad("is no graph; it must be an object with the lists \"nodes\" and \"edges\"") }
    if let at = nodes.firstIndex(where: { $0.objectValue == nil }) { throw bad("nodes[\(at)] is not an object") }
    if let at = edges.firstIndex(where: { $0.arrayValue?.count != 2 }) {
      throw bad("edges[\(at)] is not a pair of node ids")
    }
    return document(.graph, "graph", json)
  }

  private static func document(_ kind: Kind, _ name: String, _ json: JSON) -> Media {
    Media(kind, .pending(PendingDocument(name: name, json: json)))
  }
}

/// JSON that is written and digested later.
private struct PendingDocument: PendingFile {
  let name: String
  let json: JSON

  let byteCount: Int

  init(name: String, json: JSON) {
    self.name = name
    self.json = json
    byteCount = Self.weight(json)
  }

  private static func weight(_ json: JSON) -> Int {
    switch json {
    case .array(let elements): elements.reduce(32) { $0 &+ weight($1) }
    case .object(let object): object.members.reduce(32) { $0 &+ 32 &+ weight($1.value) }
    case .string(let text): 16 &+ text.utf8.count
    default: 16
    }
  }

  func encode() throws(MediaError) -> FileValue {
    var out = ByteBuffer(capacity: 4096)
    json.write(to: &out, style: .client)
    return FileValue(folder: name, type: name + "-file", fileExtension: ".\(name).json", bytes: out.array())
  }
}
