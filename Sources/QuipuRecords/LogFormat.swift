/// Constants of the `.wandb` transaction log, and the arithmetic of its blocks.
///
/// Source: the LevelDB log format with a file header of 7 bytes and an unmasked CRC-32.
public enum LogFormat {
  /// Bytes per block. Blocks are counted from the start of the file, the file header included.
  public static let blockSize = 32768
  /// Bytes of a chunk header: checksum (4), payload length (2), type (1).
  public static let chunkHeaderSize = 7
  /// Bytes of the file header.
  public static let fileHeaderSize = 7
  /// The file header: `:W&B`, 0xBEE1 little-endian, version 0.
  public static let fileHeader: [UInt8] = [0x3A, 0x57, 0x26, 0x42, 0xE1, 0xBE, 0x00]
  /// Largest record, the limit of protobuf.
  public static let maximumRecordSize = Int(Int32.max)

  /// Bytes from `position` to the end of its block, 1...32768.
  @inlinable public static func blockRemainder(at position: UInt64) -> Int {
    blockSize &- Int(truncatingIfNeeded: position & UInt64(blockSize &- 1))
  }
}

/// Type byte of a chunk: its place in its record.
enum ChunkType: UInt8 {
  case full = 1
  case first = 2
  case middle = 3
  case last = 4
}
