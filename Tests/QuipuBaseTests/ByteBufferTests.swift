import QuipuBase
import Testing

@Suite struct ByteBufferTests {
  @Test func growsAndKeepsContent() {
    var buffer = ByteBuffer(capacity: 0)
    var expected: [UInt8] = []
    for n in 0..<2000 {
      let part = [UInt8](repeating: UInt8(truncatingIfNeeded: n), count: n % 37)
      buffer.append(part)
      buffer.append(UInt8(7))
      buffer.append("é")
      buffer.append(repeating: 1, count: 3)
      expected += part + [7, 0xc3, 0xa9, 1, 1, 1]
    }
    #expect(buffer.count == expected.count)
    #expect(buffer.array() == expected)
    buffer.truncate(to: 5)
    #expect(buffer.array() == Array(expected.prefix(5)))
    buffer.truncate(to: 500)
    buffer.truncate(to: -1)
    #expect(buffer.count == 5)
    let capacity = buffer.capacity
    buffer.removeAll()
    #expect(buffer.count == 0)
    #expect(buffer.capacity == capacity)
    buffer.reserve(1 << 20)
    #expect(buffer.capacity >= 1 << 20)
  }

  @Test func writesDecimals() {
    var values: [Int64] = [0, 1, 9, 10, 99, 100, 12_345_678, 99_999_999, 100_000_000, .max, .min, -1, -10]
    var power: Int64 = 1
    while power < Int64.max / 10 {
      power *= 10
      values += [power - 1, power, power + 1, -power]
    }
    var random = SplitMix(state: 12)
    for _ in 0..<10_000 { values.append(Int64(truncatingIfNeeded: random.next() >> (random.next() & 63))) }
    for value in values {
      var buffer = ByteBuffer()
      buffer.appendDecimal(value)
      #expect(buffer.string() == "\(value)")
    }
    var buffer = ByteBuffer()
    buffer.appendDecimal(UInt64.max)
    #expect(buffer.string() == "18446744073709551615")
  }
}
