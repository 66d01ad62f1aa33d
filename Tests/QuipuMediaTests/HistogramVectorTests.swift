import Foundation
import QuipuBase
import Testing

@testable import QuipuMedia

/// Every recorded `numpy.histogram` call, compared to the last bit.
@Suite struct HistogramVectorTests {
  private static let cases: [JSON] = (try? MediaVectors.json("np_histogram/cases.json").arrayValue) ?? []

  private static func hexDouble(_ text: String) -> Double? {
    switch text {
    case "nan": .nan
    case "inf": .infinity
    case "-inf": -.infinity
    default: Double(text)
    }
  }

  private static func limit(_ json: JSON) throws -> HistogramLimit {
    if let value = json.intValue { return .integer(value) }
    if let text = json["float"]?.stringValue { return .double(try #require(hexDouble(text))) }
    let dtype = try #require(json["np"]?.stringValue.flatMap { NPY.dtype(named: $0) })
    let value = try #require(json["value"])
    if let whole = value.intValue { return .typedInteger(whole, dtype) }
    return .typedDouble(try #require(value["float"]?.stringValue.flatMap { hexDouble($0) }), dtype)
  }

  private static func call(_ entry: JSON, _ members: [String: [UInt8]]) throws -> Histogram {
    func with<R>(_ name: String, _ body: (ArrayView?) throws -> R) throws -> R {
      guard let file = members[name + ".npy"] else { return try body(nil) }
      return try NPY(file: file).withView { try body($0) }
    }
    return try with("a") { array in
      try with("bins") { edges in
        try with("weights") { weights in
          let array = try #require(array)
          let density = entry["density"]?.boolValue ?? false
          if let edges { return try Histogram(array: array, edges: edges, weights: weights, density: density) }
          var range: (HistogramLimit, HistogramLimit)?
          if let given = entry["range"]?.arrayValue, given.count == 2 {
            range = (try limit(given[0]), try limit(given[1]))
          }
          if let name = entry["bins"]?.stringValue {
            return try Histogram(array: array, estimator: name, range: range, weights: weights, density: density)
          }
          guard let bins = entry["bins"]?.intValue else { throw MediaError(.type, "bins is not an integer") }
          return try Histogram(
            array: array, bins: Int(bins), range: range, weights: weights, density: density)
        }
      }
    }
  }

  /// nil when equal, else what differs. Signs of zero edges are free.
  private static func difference(_ got: NumberList, _ file: [UInt8]?, isEdges: Bool) throws -> String? {
    let expected = try NPY(file: #require(file)).withView { try NumberList($0) }
    if got.dtype != expected.dtype { return "type \(got.dtype as Any), expected \(expected.dtype as Any)" }
    func same(_ a: Double, _ b: Double) -> Bool {
      isEdges ? a == b || a.bitPattern == b.bitPattern : a == b || (a.isNaN && b.isNaN)
    }
    switch (got, expected) {
    case (.integers(let a, _), .integers(let b, _)): return a == b ? nil : "\(a), expected \(b)"
    case (.floats(let a, _), .floats(let b, _)):
      return a.count == b.count && zip(a, b).allSatisfy(same) ? nil : "\(a), expected \(b)"
    case (.complex(let a, _), .complex(let b, _)):
      return a.count == b.count && zip(a, b).allSatisfy({ same($0.x, $1.x) && same($0.y, $1.y) })
        ? nil : "\(a), expected \(b)"
    default: return "another kind of list"
    }
  }

  /// The codes that a binding raises as this class.
  private static func codes(ofPythonClass name: String) -> [MediaError.Code] {
    name == "ValueError" ? [.value, .notFinite] : [.type]  // TypeError and its subclass UFuncTypeError
  }

  @Test func reproducesEveryRecordedCall() throws {
    #expect(Self.cases.count == 387)
    for entry in Self.cases {
      let id = Int(try #require(entry["id"]?.intValue))
      let group = entry["group"]?.stringValue ?? ""
      let label = "case \(id) \(group)"
      let digits = String(id)
      let name = String(repeating: "0", count: 4 - digits.count) + digits
      let members = try readStoredZip(MediaVectors.url("np_histogram/\(name).npz"))
      let expectedError = entry["error"]?["type"]?.stringValue
      do {
        let histogram = try Self.call(entry, members)
        #expect(expectedError == nil, "\(label): expected \(expectedError ?? "")")
        if expectedError == nil {
          let edges = try Self.difference(histogram.edges, members["edges.npy"], isEdges: true)
          #expect(edges == nil, "\(label) edges")
          let counts = try Self.difference(histogram.counts, members["counts.npy"], isEdges: false)
          #expect(counts == nil, "\(label) counts")
        }
      } catch let error as MediaError {
        #expect(expectedError.map { Self.codes(ofPythonClass: $0).contains(error.code) } == true, "\(label): \(error)")
      }
    }
  }
}
