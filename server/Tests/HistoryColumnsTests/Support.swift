import QuipuBase

@testable import HistoryColumns

/// A generator with a fixed seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension HistoryBatch {
  @discardableResult
  mutating func append(_ line: String, defaultStep: Int64 = 0) throws(HistoryLineError) -> Int64 {
    let bytes = Array(line.utf8)
    let result: Result<Int64, HistoryLineError> = bytes.withUnsafeBytes { bytes in
      do throws(HistoryLineError) {
        return .success(try append(line: bytes, defaultStep: defaultStep))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

func makeSegment(_ lines: [String], stepKey: String? = "_step") throws -> HistorySegment {
  var batch = HistoryBatch(stepKey: stepKey)
  for (at, line) in lines.enumerated() { try batch.append(line, defaultStep: Int64(at)) }
  return try HistorySegment(SegmentBytes(batch.encode()))
}

func makeView(_ segments: HistorySegment...) throws -> HistoryView {
  try HistoryView(segments.map { ("w", $0) })
}

let allSteps = Int64.min..<Int64.max

extension HistoryView {
  /// The rows' texts, from the form of strings.
  func texts(
    steps: Range<Int64> = allSteps, keys: [String]? = nil, requireAll: Bool = false, limit: Int? = nil
  ) throws -> [String] {
    var out = ByteBuffer()
    let count = try write(steps: steps, keys: keys, requireAll: requireAll, limit: limit, as: .strings, to: &out)
    let texts = try strings(out.array())
    guard texts.count == count else { throw TestFailure("\(count) rows reported, \(texts.count) written") }
    return texts
  }

  func objects(
    steps: Range<Int64> = allSteps, keys: [String]? = nil, requireAll: Bool = false, limit: Int? = nil
  ) throws -> String {
    var out = ByteBuffer()
    try write(steps: steps, keys: keys, requireAll: requireAll, limit: limit, as: .objects, to: &out)
    return out.string()
  }

  func samples(
    _ samples: Int, steps: Range<Int64> = allSteps, keys: [String]? = nil, requireAll: Bool = false
  ) throws -> [String] {
    var out = ByteBuffer()
    let count = try write(samples: samples, steps: steps, keys: keys, requireAll: requireAll, as: .strings, to: &out)
    let texts = try strings(out.array())
    guard texts.count == count else { throw TestFailure("\(count) rows reported, \(texts.count) written") }
    return texts
  }

  private func strings(_ bytes: [UInt8]) throws -> [String] {
    guard let array = try JSON(parsing: bytes).arrayValue else { throw TestFailure("not an array") }
    return try array.map { element in
      guard let text = element.stringValue else { throw TestFailure("not a string") }
      return text
    }
  }
}

struct TestFailure: Error {
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

/// The value with its numbers in one form and its members in one order, for comparison.
func canonical(_ value: JSON) -> JSON {
  switch value {
  case .double(let number):
    // The text of minus zero is "-0", which reads as an integer.
    return Int64(exactly: number).map { .int($0) } ?? value
  case .array(let elements): return .array(elements.map(canonical))
  case .object(let object):
    var result = JSONObject()
    for (key, value) in object.members { result[key] = canonical(value) }
    return .object(result)
  default: return value
  }
}

func canonical(_ text: String) throws -> JSON { canonical(try JSON(parsing: text)) }
