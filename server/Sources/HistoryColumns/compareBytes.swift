import Glibc

/// Negative, zero or positive: the order of the bytes as unsigned numbers, a prefix first.
@inline(__always)
func compareBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
  let shared = min(a.count, b.count)
  if shared > 0, let x = a.baseAddress, let y = b.baseAddress {
    let order = memcmp(x, y, shared)
    if order != 0 { return Int(order) }
  }
  return a.count &- b.count
}
