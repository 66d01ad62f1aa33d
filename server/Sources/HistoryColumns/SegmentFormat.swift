/// The segment format, version 1.
///
/// All integers are little-endian. *varint*: an unsigned integer, seven bits a byte, lowest first, top bit set on all
/// bytes but the last, at most ten bytes. *zigzag*: a varint of `(v << 1) ^ (v >> 63)`. *text*: a varint length and so
/// many bytes. *check*: CRC-32 (polynomial 0xEDB88320, as in zlib).
///
/// A segment holds rows in ascending order of their steps, no step twice. Pages hold `pageRows` consecutive rows of one
/// column, the last page the rest.
///
///     offset  size
///          0     8  "QuipuCol"
///          8     2  version: 1
///         10     2  pageRows: 1 ... 4096
///         12     4  flags: bit 0: *checked whole*; others 0
///         16     8  byteCount of the segment
///         24     8  rowCount, at least 1
///         32     8  valueCount: values in all columns, steps not counted
///         40     8  step of the first row, signed
///         48     8  step of the last row, signed
///         56     8  indexOffset
///         64     8  tableOffset
///         72     4  check of the bytes 80 ..< tableOffset if checked whole, else 0
///         76     4  check of the bytes 0 ..< 76 followed by tableOffset ..< byteCount
///         80        pages, ending at indexOffset
///                   page indexes, ending at tableOffset
///                   column table, ending at byteCount
///
/// *Column table*: a varint, 0 if rows do not show their step, else 1 + length of the key that shows it, and the bytes
/// of the key. For the step column: varint size of its page index, varint size of its pages. Varint number of further
/// columns; for each: varint number of path components (1 ... 33), each component as text; varint size of its page
/// index, varint size of its pages. Columns are in ascending order of their paths: component by component, bytes as
/// unsigned numbers, a path before its extensions. Pages and page indexes of all columns follow each other without
/// gaps in the order of the table, the step column first.
///
/// *Page index of a column*: unless checked whole, the check (4 bytes) of the rest of the index. Then, if the segment
/// has more than one page of rows and this is not the step column, a summary: a byte of flags (bit 0: all values are
/// numbers and, NaN left aside, never fall; bit 1: not all values are numbers), varint number of values, the first and
/// the last number that is not NaN as doubles (NaN if there is none), and if bit 1: varint number of types, for each
/// its name as text and the varint number of its values. Then for each page of rows an entry:
///
///     byte: bits 0-3 encoding, bits 4-5 shape, bit 6: statistics follow
///     for encoding 0 (no row has a value) nothing else; otherwise
///     varint size of the page
///     unless checked whole: check of the page (4 bytes)
///     if shape is not 0: varint number of values
///     if bit 6: varint count of numbers that are not NaN, at least 1; of these the least, the greatest, the first,
///       the last (8 bytes each: signed integers for encodings 1 ... 4, else doubles) and the sum (a double)
///
/// The step column's entries have statistics if there is more than one page.
///
/// *Page*: by shape, which rows have a value. 0: all, nothing is stored. 1: a bit for each row, lowest bit of the first
/// byte first, padded with zeros to a byte. 2: for each value the varint distance of its row from the row after that of
/// the value before (for the first value: from the first row). Then the values by encoding:
///
///     1  one integer for all: zigzag
///     2  integers first + i · stride: zigzag first, zigzag stride
///     3  integers: zigzag of the first, then of each difference to the one before (wrapping)
///     4  integers: 8 bytes each
///     5  one double for all: 8 bytes
///     6  doubles: 8 bytes for the first, then the zigzag of each difference of bit patterns (wrapping)
///     7  doubles that are floats: 4 bytes each
///     8  doubles: 8 bytes each
///     9  JSON texts of 1 ... 2^28 - 1 bytes: each as text, or 0 for the same text as before
///
/// Encoding 9 holds all that is not a number, and numbers in pages that also hold other values, or that hold both
/// integers beyond 2^53 and fractions. NaN and the infinities are the bare words `NaN`, `Infinity`, `-Infinity` there.
enum SegmentFormat {
  static let magic: UInt64 = 0x6c6f_4375_7069_7551
  static let version: UInt16 = 1
  static let headerSize = 80
  static let maximumPageRows = 4096
  static let pageRows = 512
  /// Objects are flattened so many levels deep; deeper ones are values.
  static let maximumComponents = 33
  /// Bytes of a JSON text; far above what a line may have by the protocol.
  static let maximumTextSize = (1 << 28) - 1
  static let checkedWhole: UInt32 = 1
  /// A writer checks segments up to about this size whole, so that short pages need no check each.
  static let wholeCheckLimit = 256 << 10
  /// Pages with fewer values have no statistics: they are as quickly read as described.
  static let valuesForStatistics = 64
}

/// How a page stores its values; raw values are those of the format.
enum PageEncoding: UInt8 {
  case absent = 0
  case constantInteger = 1
  case linear = 2
  case integerDeltas = 3
  case integers = 4
  case constantDouble = 5
  case doubleDeltas = 6
  case floats = 7
  case doubles = 8
  case texts = 9

  var isInteger: Bool { rawValue >= 1 && rawValue <= 4 }
  var isNumber: Bool { rawValue >= 1 && rawValue <= 8 }
}

/// Which rows of a page have a value; raw values are those of the format.
enum PageShape: UInt8 {
  case dense = 0
  case bitmap = 1
  case positions = 2
}
