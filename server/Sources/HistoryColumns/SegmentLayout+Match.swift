/// The columns of a segment that a requested key stands for.
struct KeyMatch {
  /// Columns whose path, joined by dots, is the key; the one with the longest components first, so that a literal key
  /// comes before a path.
  var leaves: [Int] = []
  /// Columns below such a path, and how many components the path has: the key stands for an object.
  var trees: [(columns: Range<Int>, depth: Int)] = []

  var isEmpty: Bool { leaves.isEmpty && trees.isEmpty }
}

extension SegmentLayout {
  /// - Complexity: a binary search for each dot of the key and each path that the search gets into.
  func match(_ key: [UInt8]) -> KeyMatch {
    var match = KeyMatch()
    key.withUnsafeBytes { search(columns.indices, depth: 0, $0, &match) }
    return match
  }

  /// - Parameter rest: what is left of the key behind the components that all columns of the range share.
  private func search(_ range: Range<Int>, depth: Int, _ rest: UnsafeRawBufferPointer, _ match: inout KeyMatch) {
    var end = rest.count
    while end >= 0 {
      if end == rest.count || rest[end] == UInt8(ascii: ".") {
        let found = columns(range, with: UnsafeRawBufferPointer(rebasing: rest[0..<end]), at: depth)
        if !found.isEmpty {
          let hasLeaf = columns[found.lowerBound].components == depth + 1
          let below = (hasLeaf ? found.lowerBound + 1 : found.lowerBound)..<found.upperBound
          if end < rest.count {
            if !below.isEmpty {
              search(below, depth: depth + 1, UnsafeRawBufferPointer(rebasing: rest[(end + 1)...]), &match)
            }
          } else {
            if hasLeaf { match.leaves.append(found.lowerBound) }
            if !below.isEmpty { match.trees.append((below, depth + 1)) }
          }
        }
      }
      end -= 1
    }
  }

  /// The columns of the range whose component at `depth` is `name`.
  private func columns(_ range: Range<Int>, with name: UnsafeRawBufferPointer, at depth: Int) -> Range<Int> {
    func bound(_ isBefore: (Int) -> Bool) -> Int {
      var low = range.lowerBound, high = range.upperBound
      while low < high {
        let middle = (low + high) / 2
        let isShort = columns[middle].components <= depth
        if isShort || isBefore(compareBytes(component(middle, depth), name)) { low = middle + 1 } else { high = middle }
      }
      return low
    }
    let start = bound { $0 < 0 }
    return start..<max(start, bound { $0 <= 0 })
  }
}
