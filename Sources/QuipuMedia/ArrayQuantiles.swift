/// Chosen places of the sorted order, without sorting the rest.
enum ArrayQuantiles {
  /// Percentiles by linear interpolation.
  ///
  /// - Parameters:
  ///   - values: at least one, no NaN; left in another order.
  ///   - shares: ascending, 0...1.
  ///   - interpolate: between neighbours `a` and `b` at the fraction `g` of the way.
  /// - Complexity: O(n) for each share, on average.
  static func interpolated(
    _ values: inout [Double], _ shares: [Double], _ interpolate: (_ a: Double, _ b: Double, _ g: Double) -> Double
  ) -> [Double] {
    let last = values.count - 1
    guard last >= 0 else { return shares.map { _ in .nan } }
    return values.withUnsafeMutableBufferPointer { values in
      var done = 0
      func place(_ rank: Int) -> Double {
        if rank >= done {
          select(values, done, last, rank)
          done = rank &+ 1
        }
        return values[rank]
      }
      return shares.map { share in
        let position = share * Double(last)
        let index = min(max(Int(position), 0), last)
        let lower = place(index)
        guard index < last else { return lower }
        return interpolate(lower, place(index + 1), position - Double(index))
      }
    }
  }

  /// Puts the value of that rank into its place, lesser ones before and greater ones behind it, by partitioning.
  @_optimize(speed) private static func select(
    _ values: UnsafeMutableBufferPointer<Double>, _ first: Int, _ last: Int, _ rank: Int
  ) {
    var first = first, last = last
    // Unlucky pivots every time would cost n^2: then the rest is sorted.
    var rounds = 64
    while last > first {
      rounds &-= 1
      if rounds == 0 {
        var rest = UnsafeMutableBufferPointer(rebasing: values[first...last])
        rest.sort()
        return
      }
      let a = values[first], b = values[first &+ (last &- first) / 2], c = values[last]
      let pivot = max(min(a, b), min(max(a, b), c))
      var low = first, high = last
      while low <= high {
        while values[low] < pivot { low &+= 1 }
        while values[high] > pivot { high &-= 1 }
        if low <= high {
          values.swapAt(low, high)
          low &+= 1
          high &-= 1
        }
      }
      if rank <= high {
        last = high
      } else if rank >= low {
        first = low
      } else {
        return
      }
    }
  }
}
