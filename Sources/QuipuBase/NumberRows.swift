/// Numbers as rows of a JSON list, `[a,b,c],[d,e,f]`, without a look at the room that is left for each of them.
public enum NumberRows {
  /// Bytes that may be written behind the last one that counts.
  public static let slack = DoubleText.capacity
  /// Most bytes of a double with the comma behind it.
  public static let doubleRoom = 26

  /// Doubles as a client spells them.
  ///
  /// - Parameters:
  ///   - values: whole rows, one after the other; what is left over at the end is not written.
  ///   - length: numbers in a row, at least 1.
  ///   - continued: a comma comes first.
  ///   - out: room for `doubleRoom` bytes for each number, 3 for each row, and `slack`.
  /// - Returns: the number of bytes written.
  public static func write(
    _ values: UnsafeBufferPointer<Double>, length: Int, continued: Bool, to out: UnsafeMutableRawPointer
  ) -> Int {
    rows(values, length, continued, out) { DoubleText.write($0, style: .client, to: $1) }
  }

  /// Integers; see above.
  ///
  /// - Parameters:
  ///   - unsigned: the values are those of `UInt64`.
  ///   - out: room for 21 bytes for each number, less if all are known to be shorter.
  public static func write(
    _ values: UnsafeBufferPointer<Int64>, unsigned: Bool, length: Int, continued: Bool,
    to out: UnsafeMutableRawPointer
  ) -> Int {
    rows(values, length, continued, out) { value, out in
      if unsigned || value >= 0 { return DecimalDigits.write(UInt64(bitPattern: value), to: out) }
      out.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
      return DecimalDigits.write(value.magnitude, to: out + 1) &+ 1
    }
  }

  @inline(__always)
  private static func rows<T>(
    _ values: UnsafeBufferPointer<T>, _ length: Int, _ continued: Bool, _ start: UnsafeMutableRawPointer,
    _ write: (T, UnsafeMutableRawPointer) -> Int
  ) -> Int {
    guard length > 0, let base = values.baseAddress else { return 0 }
    @inline(__always) func put(_ byte: UInt8, _ out: inout UnsafeMutableRawPointer) {
      out.storeBytes(of: byte, as: UInt8.self)
      out += 1
    }
    var out = start
    for row in 0..<values.count / length {
      if continued || row > 0 { put(UInt8(ascii: ","), &out) }
      put(UInt8(ascii: "["), &out)
      let numbers = base + row &* length
      for at in 0..<length {
        out += write(numbers[at], out)
        put(UInt8(ascii: ","), &out)
      }
      // In place of the last comma.
      (out - 1).storeBytes(of: UInt8(ascii: "]"), as: UInt8.self)
    }
    return out - start
  }
}
