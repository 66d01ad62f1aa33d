import GRDBSQLite
import Storage

/// One row of a result, read column by column from the left. Nothing in it can trap: SQLite converts what does not fit.
struct Columns {
  let statement: OpaquePointer
  private var next: Int32 = 0

  init(_ statement: OpaquePointer) { self.statement = statement }

  private mutating func advance() -> Int32 {
    defer { next &+= 1 }
    return next
  }

  private mutating func unlessNull<Value>(_ read: (inout Columns) -> Value) -> Value? {
    guard sqlite3_column_type(statement, next) != SQLITE_NULL else {
      next &+= 1
      return nil
    }
    return read(&self)
  }

  mutating func int() -> Int64 { sqlite3_column_int64(statement, advance()) }
  mutating func optionalInt() -> Int64? { unlessNull { $0.int() } }
  mutating func bool() -> Bool { int() != 0 }
  mutating func double() -> Double { sqlite3_column_double(statement, advance()) }
  mutating func optionalDouble() -> Double? { unlessNull { $0.double() } }
  mutating func timestamp() -> Timestamp { Timestamp(microseconds: int()) }

  mutating func text() -> String {
    let index = advance()
    guard let start = sqlite3_column_text(statement, index) else { return "" }
    let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index)))
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func optionalText() -> String? { unlessNull { $0.text() } }

  mutating func bytes() -> [UInt8] {
    let index = advance()
    guard let start = sqlite3_column_blob(statement, index) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index))))
  }
}
