import GRDB
import GRDBSQLite
import Storage

extension Database {
  /// Runs a statement that is prepared once per connection, and hands each row to `row` until that returns false.
  func rows(_ sql: String, _ values: [any Bindable] = [], row: (inout Columns) throws -> Bool) throws {
    try rows(of: cachedStatement(sql: sql), values, row: row)
  }

  /// As `rows`, for SQL that is put together for one call.
  func rows(of statement: Statement, _ values: [any Bindable], row: (inout Columns) throws -> Bool) throws {
    let handle = statement.sqliteStatement
    defer {
      withExtendedLifetime(statement) {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
      }
    }
    for (index, value) in zip(Int32(1)..., values) {
      let code = value.bind(to: handle, at: index)
      guard code == SQLITE_OK else { throw failure(code) }
    }
    while true {
      switch sqlite3_step(handle) {
      case SQLITE_ROW:
        var columns = Columns(handle)
        guard try row(&columns) else { return }
      case SQLITE_DONE: return
      case let code: throw failure(code)
      }
    }
  }

  /// The first row.
  func one<Value>(
    _ sql: String, _ values: [any Bindable] = [], read: (inout Columns) throws -> Value
  ) throws -> Value? {
    var found: Value?
    try rows(sql, values) { columns in
      found = try read(&columns)
      return false
    }
    return found
  }

  func all<Value>(
    _ sql: String, _ values: [any Bindable] = [], read: (inout Columns) throws -> Value
  ) throws -> [Value] {
    var found: [Value] = []
    try rows(sql, values) { columns in
      found.append(try read(&columns))
      return true
    }
    return found
  }

  /// Runs a statement that has no result.
  /// - Returns: how many rows it inserted, updated or deleted.
  @discardableResult
  func run(_ sql: String, _ values: [any Bindable] = []) throws -> Int {
    try rows(sql, values) { _ in true }
    return Int(sqlite3_changes(sqliteConnection))
  }

  /// Path of the main database file, for messages.
  var filePath: String {
    sqlite3_db_filename(sqliteConnection, "main").map { String(cString: $0) } ?? "the database"
  }

  /// What the system said when a read or write failed last; 0 if nothing. SQLite asks itself only while a statement
  /// runs, not when a transaction is written to the log, so the log's file is asked as well.
  var systemError: Int32 {
    let code = sqlite3_system_errno(sqliteConnection)
    var file: UnsafeMutablePointer<sqlite3_file>?
    guard code == 0, sqlite3_file_control(sqliteConnection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK,
      let file, let control = file.pointee.pMethods?.pointee.xFileControl
    else { return code }
    var last: Int32 = 0
    return control(file, SQLITE_FCNTL_LAST_ERRNO, &last) == SQLITE_OK ? last : 0
  }

  private func failure(_ code: Int32) -> DatabaseError {
    DatabaseError(
      resultCode: ResultCode(rawValue: code), message: sqlite3_errmsg(sqliteConnection).map { String(cString: $0) })
  }
}
