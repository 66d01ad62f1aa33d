import CQuipu
import Quipu
import QuipuBase
import QuipuMedia

// Histograms, and arrays as values.

@c @implementation
public func quipu_histogram_new(
  _ array: UnsafePointer<quipu_array>?, _ bins: Int64, _ histogram: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(histogram, "histogram", error) { () throws(QuipuError) in
    try .histogram(try view(array, "array"), bins: bins == 0 ? Histogram.defaultBins : Int(bins))
  }
}

@c @implementation
public func quipu_histogram_from_counts(
  _ counts: UnsafePointer<quipu_array>?, _ edges: UnsafePointer<quipu_array>?,
  _ histogram: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(histogram, "histogram", error) { () throws(QuipuError) in
    try .histogram(counts: try view(counts, "counts"), edges: try view(edges, "edges"))
  }
}

@c @implementation
public func quipu_histogram_from_json(
  _ json: quipu_str, _ histogram: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(histogram, "histogram", error) { () throws(QuipuError) in
    let members = try object(json, "json")
    guard let counts = members["values"]?.arrayValue, let edges = members["bins"]?.arrayValue else {
      throw QuipuError(.value, kind: "histogram_members", "json: needs the lists \"values\" and \"bins\"")
    }
    return try .histogram(counts: counts, edges: edges)
  }
}

@c @implementation
public func quipu_array_value_new(
  _ array: UnsafePointer<quipu_array>?, _ value: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(value, "value", error) { () throws(QuipuError) in try .array(try view(array, "array")) }
}
