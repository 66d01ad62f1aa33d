import CQuipu
import Glibc
import Quipu
import QuipuBase
import QuipuMedia

// Histograms, and arrays as values.

private func limit(_ value: quipu_limit, _ argument: String) throws(QuipuError) -> HistogramLimit {
  if value.dtype == 0 { return value.is_integer != 0 ? .integer(value.integer) : .double(value.number) }
  guard let type = DType(rawValue: value.dtype), !type.isComplex else {
    throw QuipuError(
      .dtype, kind: "dtype_unknown", "\(argument): dtype \(value.dtype) is no real type; see quipu_dtype, 0 is plain")
  }
  return type.isFloating ? .typedDouble(value.number, type) : .typedInteger(value.integer, type)
}

private func histogramOptions(
  _ options: UnsafePointer<quipu_histogram_options>?
) throws(QuipuError) -> HistogramOptions {
  let given = try copyOptions(options, quipu_histogram_options(), "options")
  var result = HistogramOptions(density: given.density != 0, skipsNonFinite: given.skip_nonfinite != 0)
  let name = try text(given.estimator, "estimator")
  guard [given.bins != 0, name != nil, given.edges != nil].filter({ $0 }).count <= 1 else {
    throw QuipuError(.options, kind: "histogram_bins", "options: give one of bins, estimator and edges")
  }
  if given.bins != 0 { result.bins = .count(Int(given.bins)) }
  if let name { result.bins = .estimator(name) }
  if let edges = given.edges { result.bins = .edges(try view(edges, "edges")) }
  if let range = given.range { result.range = (try limit(range[0], "range[0]"), try limit(range[1], "range[1]")) }
  if let weights = given.weights { result.weights = try view(weights, "weights") }
  return result
}

@c @implementation
public func quipu_histogram_new(
  _ array: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_histogram_options>?,
  _ histogram: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(histogram, "histogram", error) { () throws(QuipuError) in
    try .histogram(try view(array, "array"), try histogramOptions(options))
  }
}

@c @implementation
public func quipu_histogram_compute(
  _ array: UnsafePointer<quipu_array>?, _ options: UnsafePointer<quipu_histogram_options>?,
  _ result: UnsafeMutablePointer<UnsafePointer<quipu_histogram_result>?>?, _ error: ErrorOut
) -> quipu_status {
  result?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let result else { throw isNull("result") }
    let data = try view(array, "array")
    let options = try histogramOptions(options)
    let made: Histogram
    do throws(MediaError) { made = try Histogram(array: data, options: options) } catch { throw QuipuError(error) }
    // One block of memory: the structure, the two extents, counts, edges.
    let countType = made.counts.dtype ?? .f64, edgeType = made.edges.dtype ?? .f64
    let extents = (MemoryLayout<quipu_histogram_result>.size + 15) & ~15
    let counts = extents + 16
    let edges = (counts + made.counts.count * countType.itemSize + 15) & ~15
    guard let block = calloc(1, edges + made.edges.count * edgeType.itemSize) else {
      throw QuipuError(.memory, kind: "out_of_memory", "array: no memory for \(made.counts.count) counts")
    }
    let shape = (block + extents).bindMemory(to: Int64.self, capacity: 2)
    shape[0] = Int64(made.counts.count)
    shape[1] = Int64(made.edges.count)
    made.counts.copy(to: block + counts)
    made.edges.copy(to: block + edges)
    let out = block.bindMemory(to: quipu_histogram_result.self, capacity: 1)
    out.pointee.counts = quipu_array(
      data: block + counts, dtype: countType.rawValue, ndim: 1, shape: shape, strides: nil, flags: 0, reserved: 0)
    out.pointee.edges = quipu_array(
      data: block + edges, dtype: edgeType.rawValue, ndim: 1, shape: shape + 1, strides: nil, flags: 0, reserved: 0)
    out.pointee.skipped = Int64(made.skipped ?? 0)
    result.pointee = UnsafePointer(out)
  }
}

@c @implementation
public func quipu_histogram_result_free(_ result: UnsafePointer<quipu_histogram_result>?) {
  free(UnsafeMutableRawPointer(mutating: result))
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

@c @implementation
public func quipu_array_statistics_new(
  _ array: UnsafePointer<quipu_array>?, _ type_name: UnsafePointer<CChar>?,
  _ value: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(value, "value", error) { () throws(QuipuError) in
    try .arrayStatistics(try view(array, "array"), typeName: try text(type_name, "type_name") ?? "numpy.ndarray")
  }
}
