import Testing

@testable import QuipuSync

@Suite struct WireCursorTests {
  @Test func aMessageWithoutBytesIsAtItsEnd() {
    var cursor = WireCursor(UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(cursor.isAtEnd)
    #expect(cursor.varint() == nil)
    #expect(cursor.bytes() == nil)
    #expect(!cursor.skip(0x08) && !cursor.skip(0x09) && !cursor.skip(0x12) && !cursor.skip(0x0D))
  }

  @Test func aLengthBeyondTheEndIsRefused() {
    for message in [[0x05, 1, 2], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 7]] as [[UInt8]] {
      message.withUnsafeBytes { raw in
        var cursor = WireCursor(raw)
        #expect(cursor.bytes() == nil)
      }
    }
  }
}
