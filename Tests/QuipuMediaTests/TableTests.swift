import QuipuBase
import Testing

@testable import QuipuMedia

private func columns(_ names: String...) -> [Table.ColumnName] { names.map { Table.ColumnName($0) } }

private func runText(_ table: Table, limit: Int = Table.maximumRunFileRows) throws -> String {
  String(decoding: try table.runFile(limit: limit), as: UTF8.self)
}

private func artifactText(_ table: Table) throws -> String {
  let artifact = try table.artifact(entry: "t.table.json")
  guard case .bytes(let bytes)? = artifact.files.last?.content else { return "" }
  return String(decoding: bytes, as: UTF8.self)
}

/// The `data` member of the artifact's text.
private func artifactData(_ table: Table) throws -> String {
  let text = try artifactText(table)
  let start = try #require(text.firstRange(of: "\"data\": ")).upperBound
  let end = try #require(text.firstRange(of: ", \"log_mode\"")).lowerBound
  return String(text[start..<end])
}

private func expectError(
  _ code: MediaError.Code, _ mark: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("no error", sourceLocation: sourceLocation)
  } catch let error as MediaError {
    #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    #expect(mark.isEmpty || error.message.contains(mark), "\(error)", sourceLocation: sourceLocation)
    #expect(!error.message.contains("\n"), sourceLocation: sourceLocation)
  } catch {
    Issue.record("\(error)", sourceLocation: sourceLocation)
  }
}

private func withJSON<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
  var text = text
  return try text.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
}

@Suite struct TableRowTests {
  @Test func refusedRowLeavesTheTableAsItWas() throws {
    var table = Table(columns: columns("a", "b"))
    try table.addRow([.int(1), .none])
    let before = try artifactText(table)
    // The first cell would fit, the second column would learn a type, then the first fails.
    expectError(.type, "column 'a'") { try table.addRow([.string("x"), .string("y")]) }
    expectError(.value, "2 columns") { try table.addRow([.int(1)]) }
    #expect(table.rowCount == 1)
    #expect(try artifactText(table) == before)
    try table.addRow([.int(2), .int(3)])
  }

  @Test func rowsFromJSONAreAllOrNothing() throws {
    var table = Table(columns: columns("a", "b"))
    #expect(try withJSON("[[1,\"x\"],[2.5,\"y\"]]") { try table.addRows(json: $0) } == 2)
    let before = try artifactText(table)
    expectError(.type) { _ = try withJSON("[[3,\"z\"],[\"no\",\"z\"]]") { try table.addRows(json: $0) } }
    expectError(.value) { _ = try withJSON("[[3,\"z\"],[4]]") { try table.addRows(json: $0) } }
    expectError(.value) { _ = try withJSON("[[3,\"z\"]") { try table.addRows(json: $0) } }
    #expect(table.rowCount == 2)
    #expect(try artifactText(table) == before)
    #expect(try runText(table) == #"{"columns":["a","b"],"data":[[1,"x"],[2.5,"y"]]}"#)
  }

  @Test func quickReaderAgreesWithTheGeneralParser() throws {
    let numbers = [
      "0", "-0", "1", "-1", "123456789012345678", "999999999999999999", "1234567890123456789", "9223372036854775807",
      "-9223372036854775808", "9223372036854775808", "18446744073709551616", "1.0", "-0.0", "0.1", "1.5", "123.456",
      "9007199254740993.0", "0.30000000000000004", "5e-324", "1e22", "1e23", "1E+5", "123456789012345.678", "NaN",
      "Infinity", "-Infinity", "0.000000000000000000001", "900719925474099.25", "1.7976931348623157e308",
      "3.0000000000000000000000000001", "7205759403792793199999e-5", "true", "false", "null",
    ]
    for text in numbers {
      var table = Table(columns: columns("a"), allowMixedTypes: true)
      _ = try withJSON("[[\(text)]]") { try table.addRows(json: $0) }
      let direct = try TableCell(taggedJSONText: text)
      let found = try #require(table.cell(row: 0, column: 0))
      #expect("\(found)" == "\(direct)", "\(text)")
    }
    let strings = [
      #""""#, #""plain""#, #""é日😀""#, #""a\nb""#, #""\u00e9\ud83d\ude00""#, #""q\"q""#, #""\\""#, #""\ud800""#,
    ]
    for text in strings {
      var table = Table(columns: columns("a", "b"))
      _ = try withJSON(" [ [ \(text) , \(text) ] ] ") { try table.addRows(json: $0) }
      let direct = try TableCell(taggedJSONText: text)
      #expect("\(try #require(table.cell(row: 0, column: 1)))" == "\(direct)", "\(text)")
    }
  }

  @Test func refusesMalformedRowText() {
    let bad = [
      "", "[", "[[", "[[1", "[[1,", "[[1]", "[[1]]x", "[[1],]", "[[1,]]", "[1]", "{}", "[[01x]]", "[[\"a]]",
      "[[\"\\x\"]]",
      "[[1 2]]", "[[tru]]", "[[[1]]", "[[{]]", "[[\"\u{1}\"]]", "[[-]]", "[[1.]]", "[[1]] [[2]]", "[[\"\\", "null",
    ]
    for text in bad {
      expectError(.value) {
        var table = Table(columns: columns("a"))
        _ = try withJSON(text) { try table.addRows(json: $0) }
      }
    }
    let invalid: [UInt8] = [0x5b, 0x5b, 0x22, 0xff, 0x22, 0x5d, 0x5d]
    expectError(.value) {
      var table = Table(columns: columns("a"))
      _ = try invalid.withUnsafeBytes { try table.addRows(json: $0) }
    }
  }

  @Test func everyPrefixOfRowTextIsRefusedQuietly() throws {
    let text = Array(#"[[1,"a\né",[1,{"k":null}],2.5e1],[-3,"b",[],NaN]]"#.utf8)
    for count in 0..<text.count {
      var table = Table(columns: columns("a", "b", "c", "d"), allowMixedTypes: true)
      expectError(.value) { _ = try text[..<count].withUnsafeBytes { try table.addRows(json: $0) } }
      #expect(table.rowCount == 0)
    }
    var table = Table(columns: columns("a", "b", "c", "d"), allowMixedTypes: true)
    #expect(try text.withUnsafeBytes { try table.addRows(json: $0) } == 2)
  }

  @Test func bulkColumnsEqualRowByRow() throws {
    let doubles = [1.5, .nan, -0.0], integers: [Int64] = [1, -2, .max], booleans: [UInt8] = [0, 1, 2]
    let blob = Array("aébc".utf8), offsets: [Int64] = [0, 1, 3, 5]
    for numpy in [true, false] {
      var bulk = Table(columns: columns("d", "i", "b", "s"))
      try doubles.withUnsafeBufferPointer { doubles in
        try integers.withUnsafeBufferPointer { integers in
          try booleans.withUnsafeBufferPointer { booleans in
            try blob.withUnsafeBytes { blob in
              try offsets.withUnsafeBufferPointer { offsets in
                try bulk.addRows(columns: [
                  .doubles(doubles, numpy: numpy), .integers(integers), .booleans(booleans),
                  .strings(blob, offsets: offsets),
                ])
              }
            }
          }
        }
      }
      var single = Table(columns: columns("d", "i", "b", "s"))
      let strings = ["a", "é", "bc"]
      for row in 0..<3 {
        try single.addRow([
          numpy ? .numpyDouble(doubles[row]) : .double(doubles[row]), .int(integers[row]), .bool(booleans[row] != 0),
          .string(strings[row]),
        ])
      }
      #expect(try runText(bulk) == runText(single))
      #expect(try artifactText(bulk) == artifactText(single))
      #expect(try runText(bulk).contains("[NaN,-2,true,\"é\"]"))
    }
  }

  @Test func bulkRowsOfDifferentLengthOrWrongTypeChangeNothing() throws {
    var table = Table(columns: columns("a", "b"))
    let before = try artifactText(table)
    expectError(.value) { try table.addRows(columns: [.cells([.int(1)]), .cells([.int(1), .int(2)])]) }
    expectError(.value) { try table.addRows(columns: [.cells([.int(1)])]) }
    expectError(.type) { try table.addRows(columns: [.cells([.int(1), .int(2)]), .cells([.int(1), .string("x")])]) }
    [1.0, 2.0].withUnsafeBufferPointer { numbers in
      expectError(.value) {
        try table.addRows(columns: [.doubles(numbers, numpy: true), .cells([.int(1)])])
      }
      var strict = Table(columns: columns("a", "b"), types: [.number, .string])
      expectError(.type, "'b'") {
        try strict.addRows(columns: [.doubles(numbers, numpy: true), .doubles(numbers, numpy: true)])
      }
      #expect(strict.rowCount == 0)
    }
    #expect(try artifactText(table) == before)
  }

  @Test func textOffsetsAreChecked() {
    let blob = Array("aé".utf8)
    for offsets in [[0, 4], [-1, 1], [0, 2, 1, 3], [2, 1], [0, 2, 3], [0, .max]] as [[Int64]] {
      expectError(.value) {
        var table = Table(columns: columns("s"))
        try blob.withUnsafeBytes { blob in
          try offsets.withUnsafeBufferPointer { try table.addRows(columns: [.strings(blob, offsets: $0)]) }
        }
      }
    }
    let broken: [UInt8] = [0x61, 0xff]
    expectError(.value, "UTF-8") {
      var table = Table(columns: columns("s"))
      try broken.withUnsafeBytes { blob in
        try [Int64(0), 2].withUnsafeBufferPointer { try table.addRows(columns: [.strings(blob, offsets: $0)]) }
      }
    }
  }

  @Test func columnsBeyondTheDeclarationsRefuseRows() {
    var short = Table(columns: columns("a", "b"), types: [.number])
    expectError(.type, "'b'") { try short.addRow([.int(1), .int(2)]) }
    let one = Table(columns: columns("a", "b"), optional: [false])
    #expect(one.type(of: .init("b"))?.name == "unknown")
    var narrow = Table(columns: columns("a", "b", "c"), optional: [true, false])
    expectError(.type, "'c'") { try narrow.addRow([.int(1), .int(2), .int(3)]) }
  }

  @Test func lastOfDuplicateColumnsIsChecked() throws {
    var table = Table(columns: columns("a", "a"))
    try table.addRow([.int(1), .string("x")])
    try table.addRow([.string("y"), .string("z")])
    expectError(.type) { try table.addRow([.int(1), .int(1)]) }
    #expect(try runText(table) == #"{"columns":["a","a"],"data":[[1,"x"],["y","z"]]}"#)
  }

  @Test func packedColumnsTurnIntoCellsWhenAnotherKindComes() throws {
    var table = Table(columns: columns("a"))
    let cells: [TableCell] = [.double(1), .int(2), .none, .numpyDouble(.nan), .double(0.5)]
    for cell in cells { try table.addRow([cell]) }
    #expect(try runText(table) == #"{"columns":["a"],"data":[[1.0],[2],[null],[NaN],[0.5]]}"#)
  }

  @Test func rowsWithoutColumnsAreCounted() throws {
    var table = Table(columns: [])
    try table.addRow([])
    try table.addRow([])
    #expect(try runText(table) == #"{"columns":[],"data":[[],[]]}"#)
  }

  @Test func copiesAreIndependent() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([.int(1)])
    let snapshot = table
    try table.addRow([.int(2)])
    #expect(snapshot.rowCount == 1)
    #expect(try runText(snapshot) == #"{"columns":["a"],"data":[[1]]}"#)
  }

  @Test func tablesNestedTooDeepAreRefused() throws {
    var table = Table(columns: columns("t"))
    for _ in 0..<Table.maximumNesting {
      var outer = Table(columns: columns("t"))
      try outer.addRow([.table(table)])
      table = outer
    }
    var outer = Table(columns: columns("t"))
    expectError(.value, "nested") { try outer.addRow([.list([.table(table)])]) }
    #expect(outer.rowCount == 0)
  }
}

@Suite struct TableColumnTests {
  private func sample() throws -> Table {
    var table = Table(columns: columns("a", "b"))
    try table.addRow([.int(1), .string("p")])
    try table.addRow([.int(3), .string("r")])
    return table
  }

  @Test func addedColumnsAreNotOptional() throws {
    var table = try sample()
    try table.addColumn("c", .cells([.double(0.5), .int(2)]))
    #expect(table.type(of: .init("c"))?.text == "Number")
    expectError(.type, "'c'") { try table.addRow([.int(1), .string("x"), .none]) }
    try table.addColumn("d", .cells([.none, .bool(true)]), optional: true)
    #expect(table.type(of: .init("d"))?.text == "Boolean or None")
    try table.addRow([.int(1), .string("x"), .int(1), .none])
  }

  @Test func refusedColumnsLeaveTheTableAsItWas() throws {
    var table = try sample()
    let before = try artifactText(table)
    expectError(.assertion, "'a'") { try table.addColumn("a", .cells([.int(1), .int(2)])) }
    expectError(.assertion, "1 values for 2 rows") { try table.addColumn("c", .cells([.int(1)])) }
    expectError(.type, "'c'") { try table.addColumn("c", .cells([.int(1), .string("x")])) }
    expectError(.type, "'c'") { try table.addColumn("c", .cells([.none, .int(1)])) }
    expectError(.type, "'c'") { try table.addColumn("c", .cells([.double(1), .double(.nan)])) }
    #expect(try artifactText(table) == before)
  }

  @Test func numpyNaNInAnAddedColumnIsANumber() throws {
    var table = try sample()
    try [1.0, .nan].withUnsafeBufferPointer { try table.addColumn("c", .doubles($0, numpy: true)) }
    #expect(table.type(of: .init("c"))?.text == "Number")
    #expect(try artifactData(table) == #"[[1, "p", 1.0], [3, "r", null]]"#)
  }

  @Test func arraysMakeColumnsOfScalarsOrOfRows() throws {
    var table = try sample()
    let values: [Float] = [0.1, 2, 3, 4]
    try values.withUnsafeBytes { bytes in
      try table.addColumn("two", .array(ArrayView(base: bytes.baseAddress, dtype: .f32, shape: [2, 2])))
      try table.addColumn(
        "one", .array(ArrayView(base: bytes.baseAddress, dtype: .f32, shape: [2], strides: [8])))
      expectError(.value) {
        try table.addColumn("zero", .array(ArrayView(base: bytes.baseAddress, dtype: .f32, shape: [])))
      }
    }
    #expect(table.type(of: .init("two"))?.text == "Ndarray(shape:[2])")
    #expect(
      try artifactData(table)
        == #"[[1, "p", [0.10000000149011612, 2.0], 0.10000000149011612], [3, "r", [3.0, 4.0], 3.0]]"#)
  }

  @Test func firstColumnDecidesTheNumberOfRows() throws {
    var table = Table(columns: [])
    try table.addColumn("c", .cells([.int(1), .int(2), .int(3)]))
    #expect(table.rowCount == 3)
    expectError(.assertion) { try table.addColumn("d", .cells([.int(1)])) }
  }

  @Test func castChecksTheDataAndReplacesTheType() throws {
    var table = try sample()
    expectError(.type, "'a'") { try table.cast(.init("a"), to: .string) }
    expectError(.assertion, "'zz'") { try table.cast(.init("zz"), to: .string) }
    try table.cast(.init("a"), to: .number)
    #expect(table.type(of: .init("a"))?.text == "Number")
    try table.cast(.init("a"), to: .union(of: [.number, .string]), optional: true)
    try table.addRow([.string("now"), .string("fits")])
    try table.addRow([.none, .none])
    expectError(.type) { try table.cast(.init("a"), to: .const(1, isSet: false)) }
  }

  @Test func primaryKeysAreStringsAndUnique() throws {
    var table = try sample()
    expectError(.type, "'a'") { try table.setPrimaryKey(.init("a")) }
    try table.setPrimaryKey(.init("b"))
    expectError(.type) { try table.addRow([.int(1), .none]) }
    try table.addRow([.int(1), .string("k")])
    try table.addColumn("c", .cells([.string("x"), .string("y"), .string("z")]))
    expectError(.assertion, "primary key") { try table.setPrimaryKey(.init("c")) }
  }

  @Test func foreignKeysStoreTheOtherTable() throws {
    var other = Table(columns: columns("id"))
    try other.addRow([.string("p")])
    var table = try sample()
    let reference = ForeignTable(other, identity: 1)
    expectError(.assertion, "no column 'zz'") {
      try table.setForeignKey(.init("b"), table: reference, column: .init("zz"))
    }
    expectError(.type) { try table.setForeignKey(.init("a"), table: reference, column: .init("id")) }
    try table.setForeignKey(.init("b"), table: reference, column: .init("id"))
    let artifact = try table.artifact(entry: "t.table.json")
    #expect(artifact.files.count == 2)
    #expect(artifact.files[0].path.hasPrefix("media/tables/"))
    #expect(try artifactText(table).contains(artifact.files[0].path))
  }

  @Test func rowNumbersOfAnotherTableMakeAnIndexColumn() throws {
    var other = Table(columns: columns("x"))
    try other.addRow([.string("s")])
    try other.addRow([.string("u")])
    let reference = ForeignTable(other, identity: 1)
    var table = Table(columns: columns("i", "v"))
    try table.addRow([.index(row: 0, table: reference), .int(1)])
    try table.addRow([.index(row: 1, table: reference), .int(1)])
    #expect(table.type(of: .init("i"))?.name == "foreignIndex")
    expectError(.type) { try table.addRow([.none, .int(1)]) }
    expectError(.type) { try table.addRow([.index(row: 0, table: ForeignTable(other, identity: 2)), .int(1)]) }
    try table.addRow([.int(0), .int(1)])
    #expect(try runText(table) == #"{"columns":["i","v"],"data":[[0,1],[1,1],[0,1]]}"#)
    let paths = try table.artifact(entry: "t.table.json").files.map(\.path)
    // The digest that the official client gave the same other table.
    #expect(paths == ["media/tables/692dc25b7d5080ddd234.table.json", "t.table.json"])

    var late = Table(columns: columns("i"))
    try late.addRow([.none])
    expectError(.type) { try late.addRow([.index(row: 0, table: reference)]) }
  }

  @Test func incrementalTablesTakeNoColumns() throws {
    var table = Table(columns: columns("a"), logMode: .incremental)
    expectError(.unsupported, "INCREMENTAL") { try table.addColumn("c", .cells([])) }
  }
}

@Suite struct TableFileTests {
  @Test func runFileIsCutAtTenThousandRowsAndArtifactIsNot() throws {
    var table = Table(columns: columns("i"))
    for row in 0..<10_001 { try table.addRow([.int(Int64(row))]) }
    #expect(try runText(table).hasSuffix(",[9999]]}"))
    let text = try artifactText(table)
    #expect(text.contains("[10000]]") && text.hasSuffix("\"nrows\": 10001}"))
    let binding = TableBinding(sha256: "", size: 0, path: "", artifactPath: nil, latestArtifactPath: nil)
    #expect(table.loggedValue(for: binding).objectValue?["nrows"] == 10_001)
  }

  @Test func artifactIsCutAtItsLimitOrRefusedWhenStrict() throws {
    var table = Table(columns: columns("i"))
    for row in 0..<5 { try table.addRow([.int(Int64(row))]) }
    let cut = try table.artifact(entry: "t.table.json", limit: 3)
    #expect(cut.isCut)
    guard case .bytes(let bytes)? = cut.files.first?.content else { Issue.record("no bytes"); return }
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains("[[0], [1], [2]]") && text.hasSuffix("\"nrows\": 3}"))
    expectError(.value, "the limit is 3") { _ = try table.artifact(entry: "t", limit: 3, isStrict: true) }
    #expect(try table.artifact(entry: "t", limit: 5, isStrict: true).isCut == false)
    #expect(Table.maximumArtifactRows == 200_000)
  }

  @Test func missingAndInfiniteNumbersInBothFiles() throws {
    var table = Table(columns: columns("a", "b"), allowMixedTypes: true)
    try table.addRow([.list([.double(.nan), .double(.infinity)]), .dict([.init("x", .numpyDouble(.nan))])])
    #expect(try runText(table).contains(#"[[[NaN,Infinity],{"x":NaN}]]"#))
    #expect(try artifactData(table) == #"[[[null, Infinity], {"x": null}]]"#)
  }

  @Test func dictionariesKeepTheirOrderInTheRunFileAndAreSortedInTheArtifact() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([.dict([.init("z", .int(1)), .init("é", .int(2)), .init("a", .int(3))])])
    #expect(try runText(table).contains(#"{"z":1,"é":2,"a":3}"#))
    #expect(try artifactData(table) == #"[[{"a": 3, "z": 1, "\u00e9": 2}]]"#)
  }

  @Test func timestampsInsideListsAndDictionaries() throws {
    var table = Table(columns: columns("a", "b"))
    let time = TableCell.timestamp(TableTimestamp(iso: "2024-01-02T00:00:00", milliseconds: 1_704_153_600_000))
    try table.addRow([.list([time]), .dict([.init("x", time)])])
    #expect(try runText(table).contains(#"[["2024-01-02T00:00:00"],{"x":"2024-01-02T00:00:00"}]"#))
    #expect(try artifactData(table) == #"[[[1704153600000], {"x": 1704153600000}]]"#)
  }

  @Test func objectsWithoutAFormFailInThatFileOnly() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([.object(TableObject(className: "timedelta", run: nil, artifact: "x"))])
    expectError(.type, "timedelta") { _ = try runText(table) }
    _ = try artifactText(table)
    var other = Table(columns: columns("a"))
    try other.addRow([.list([.object(TableObject(className: "UUID", run: "x", artifact: nil))])])
    expectError(.type, "UUID") { _ = try artifactText(other) }
    _ = try runText(other)
  }

  @Test func mediaWithoutAFormFailInTheArtifact() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([.media(TableMedia(className: "Html", type: .media("html-file"), id: 3))])
    expectError(.type, "Html") { _ = try table.artifact(entry: "t.table.json") }
    #expect(try runText(table) == #"{"columns":["a"],"data":[["Html"]]}"#)
  }

  @Test func mediaAreAskedForOnceAndStoredOnce() throws {
    var table = Table(columns: columns("a"))
    let medium = TableMedia(className: "Html", type: .media("html-file"), id: 3)
    for _ in 0..<3 { try table.addRow([.media(medium)]) }
    var calls = 0
    let artifact = try table.artifact(entry: "t.table.json") { medium throws(MediaError) in
      calls += 1
      return .file(type: "html-file", folder: "media/html", bytes: Array("<p>".utf8), ext: ".html", caption: "")
    }
    #expect(calls == 1)
    let digits = hexText(MD5.hash(Array("<p>".utf8))).prefix(20)
    #expect(artifact.files.map(\.path) == ["media/html/\(digits).html", "t.table.json"])
    guard case .bytes(let bytes)? = artifact.files.last?.content else { return }
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(#"{"_type": "html-file", "caption": "", "path": "media/html/"#))
  }

  private func array<T: BitwiseCopyable>(_ values: [T], _ dtype: DType, _ shape: [Int]) throws -> TableCell {
    .array(try values.withUnsafeBytes { try TableArray(ArrayView(base: $0.baseAddress, dtype: dtype, shape: shape)) })
  }

  @Test func shortArraysBecomeListsEvenWithGaps() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([.none])
    try table.addRow([try array([0, 1, 2] as [Int64], .i64, [3])])
    let text = try artifactText(table)
    #expect(text.contains(#""a": {"params": {"element_type": {"wb_type": "number"}, "length": 3}, "wb_type": "list"}"#))
    #expect(try artifactData(table) == "[[null], [[0, 1, 2]]]")
  }

  @Test func gapsAmongLargeArraysAreRefused() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([try array([0, 1, 2, 3] as [Int64], .i64, [2, 2])])
    try table.addRow([.none])
    expectError(.value, "'a'") { _ = try artifactText(table) }
  }

  @Test func arraysUnderAnyStayInline() throws {
    var table = Table(columns: columns("a"), allowMixedTypes: true)
    try table.addRow([try array([0, 1, 2, 3] as [UInt8], .u8, [2, 2])])
    #expect(try artifactData(table) == "[[[[0, 1], [2, 3]]]]")
  }

  @Test func complexArraysAreTextInTheRunFileOnly() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([try array([0, 0, 1, -2.5] as [Double], .c128, [2])])
    #expect(try runText(table).contains(#"["0j","(1-2.5j)"]"#))
    expectError(.type, "complex") { _ = try artifactText(table) }
  }

  /// Entry names carry the MD5 that the official client's files have for the same arrays.
  @Test func storedArraysHaveTheClientsBytes() throws {
    func path(_ name: String, _ cells: [TableCell]) throws -> String? {
      var table = Table(columns: columns(name))
      for cell in cells { try table.addRow([cell]) }
      return try table.artifact(entry: "t.table.json").files.first?.path
    }
    let zeros = [Double](repeating: 0, count: 4)
    func stored(_ digits: String) -> String { "media/serialized_data/\(digits).npz" }
    #expect(try path("x", [try array(zeros, .f64, [2, 2])]) == stored("950ac69fa9f3b838c7d2"))
    #expect(try path("é", [try array(zeros, .f64, [2, 2])]) == stored("83e332040f845757a41b"))
    let halves = try array([UInt16](repeating: 0, count: 4), .f16, [2, 2])
    #expect(try path("a", [halves]) == stored("cadc0eb32c4dfdf8ea7f"))
    #expect(try path("a", [try array([1, 0] as [UInt8], .bool, [1, 2])]) == stored("82859342c729fade6c1b"))
    #expect(try path("a", [try array([] as [Double], .f64, [0, 3])]) == stored("7f0ea766caf8870affb1"))
    #expect(try path("a", [try array(zeros + zeros, .c128, [2, 2])]) == stored("d7d291020fc135355464"))
    // Lists among arrays, and element types that differ.
    let integers = try array([0, 1, 2, 3] as [Int64], .i64, [2, 2])
    let lists = try TableCell(taggedJSONText: "[[1,2],[3,4]]")
    #expect(try path("a", [integers, lists]) == stored("05e3d7c09bcedfa640b0"))
    let narrow = try array([0, 1, 2, 3] as [Int32], .i32, [2, 2])
    let wide = try array([1, 1, 1, 1] as [Double], .f64, [2, 2])
    #expect(try path("a", [narrow, wide]) == stored("f75e11bfd7c493433187"))
  }

  @Test func promotionFollowsNumPy() {
    let cases: [(DType, DType, DType)] = [
      (.i8, .u8, .i16), (.i16, .u16, .i32), (.i32, .u32, .i64), (.i64, .u64, .f64), (.u8, .i16, .i16),
      (.bool, .f16, .f16), (.i8, .f16, .f16), (.i16, .f16, .f32), (.i32, .f32, .f64), (.u16, .f32, .f32), (.i64, .f16, .f64),
      (.f32, .c64, .c64),
      (.f64, .c64, .c128), (.i16, .c64, .c64), (.i32, .c64, .c128), (.u8, .u64, .u64),
    ]
    for (a, b, result) in cases {
      #expect(a.promoted(with: b) == result, "\(a) \(b)")
      #expect(b.promoted(with: a) == result, "\(b) \(a)")
    }
  }
}

@Suite struct TableSizeTests {
  /// NumPy makes such arrays; walking their empty rows would not end.
  @Test func arraysOfCountlessEmptyRowsAreRefused() throws {
    let view = try ArrayView(base: nil, dtype: .f64, shape: [1 << 50, 0])
    var table = Table(columns: columns("a"), allowMixedTypes: true)
    expectError(.value, "shape") { try table.addColumn("b", .array(view)) }
    expectError(.value, "shape") { try table.addRow([.array(try TableArray(view))]) }
    try table.addRow([.array(try TableArray(ArrayView(base: nil, dtype: .f64, shape: [2, 0])))])
    #expect(try runText(table).contains("[[[],[]]]"))
  }

  @Test func wideTablesAreBuiltInLinearTime() throws {
    let names = (0..<20_000).map { Table.ColumnName("c\($0)") }
    var table = Table(columns: names)
    try table.addRow([TableCell](repeating: .int(1), count: names.count))
    #expect(try artifactText(table).hasSuffix("\"ncols\": 20000, \"nrows\": 1}"))
  }
}

@Suite struct TableLogTests {
  private func binding(_ name: String) -> TableBinding {
    TableBinding(
      sha256: name, size: 1, path: name, artifactPath: "wandb-client-artifact://\(name)/e",
      latestArtifactPath: "wandb-client-artifact://\(name):latest/e")
  }

  private func log(_ table: inout Table, _ name: String) throws -> TableLogPlan {
    let plan = try table.prepareLog(runID: "r")
    if plan.mustWrite { table.didLog(plan, runID: "r", binding: binding(name)) }
    return plan
  }

  private func number(_ table: Table, _ key: Key) -> JSON? { table.loggedValue?.objectValue?[key] }

  @Test func immutableTablesAreWrittenOnce() throws {
    var table = Table(columns: columns("a"))
    try table.addRow([.int(1)])
    #expect(table.loggedValue == nil)
    #expect(try log(&table, "one").mustWrite)
    try table.addRow([.int(2)])
    try table.addColumn("b", .cells([.int(1), .int(2)]))
    #expect(try !log(&table, "two").mustWrite)
    #expect(number(table, "path") == "one")
    #expect(number(table, "nrows") == 2 && number(table, "ncols") == 2)
  }

  @Test func everyChangeOfAMutableTableIsWritten() throws {
    var table = Table(columns: columns("a"), logMode: .mutable)
    try table.addRow([.string("x")])
    let changes: [(inout Table) throws -> Void] = [
      { try $0.addRow([.string("y")]) },
      { try $0.addColumn("b", .cells([.int(1), .int(2)])) },
      { try $0.cast(.init("b"), to: .number, optional: true) },
      { try $0.setPrimaryKey(.init("a")) },
      { try $0.addRows(columns: [.cells([.string("z")]), .cells([.int(3)])]) },
    ]
    #expect(try log(&table, "0").mustWrite)
    for (at, change) in changes.enumerated() {
      #expect(try !log(&table, "again").mustWrite)
      try change(&table)
      #expect(try log(&table, "\(at)").mustWrite)
      #expect(number(table, "path") == .string("\(at)"))
    }
  }

  @Test func refusedChangesOfAMutableTableAreNotWritten() throws {
    var table = Table(columns: columns("a"), logMode: .mutable)
    try table.addRow([.int(1)])
    _ = try log(&table, "0")
    expectError(.type) { try table.addRow([.string("x")]) }
    expectError(.type) { try table.cast(.init("a"), to: .string) }
    #expect(try !log(&table, "1").mustWrite)
  }

  @Test func incrementsHoldTheNewRowsAndListTheEarlierPaths() throws {
    var table = Table(columns: columns("a"), logMode: .incremental)
    let first = try log(&table, "i0")
    #expect(first.mustWrite && first.rows == 0..<0 && first.incrementNumber == 0)
    #expect(try first.entryPath(key: "t", epochMilliseconds: 5) == "None-5.t.table.json")
    #expect(first.artifactName(runID: "r", key: "t") == "run-r-incr-t")
    #expect(first.artifactType == "wandb-run-incremental-table")
    try table.addRow([.int(1)])
    try table.addRow([.int(2)])
    let second = try log(&table, "i1")
    #expect(second.rows == 0..<2 && second.incrementNumber == 1)
    #expect(try second.entryPath(key: "t", epochMilliseconds: 6) == "1-6.t.table.json")
    #expect(try !log(&table, "again").mustWrite)
    #expect(number(table, "increment_num") == 1 && number(table, "nrows") == 2)
    #expect(number(table, "previous_increments_paths") == ["wandb-client-artifact://i0/e"])
    try table.addRow([.int(3)])
    let third = try table.prepareLog(runID: "r")
    #expect(third.rows == 2..<3)
    #expect(third.previousIncrementPaths == ["wandb-client-artifact://i0/e", "wandb-client-artifact://i1/e"])
    #expect(try String(decoding: table.runFile(rows: third.rows), as: UTF8.self).contains("[[3]]"))
    // A plan that was not carried out changes nothing.
    #expect(try table.prepareLog(runID: "r").incrementNumber == 2)
  }

  @Test func rowsAddedWhileAnIncrementIsWrittenComeNext() throws {
    var table = Table(columns: columns("a"), logMode: .incremental)
    try table.addRow([.int(1)])
    let plan = try table.prepareLog(runID: "r")
    try table.addRow([.int(2)])
    table.didLog(plan, runID: "r", binding: binding("i0"))
    let next = try table.prepareLog(runID: "r")
    #expect(next.mustWrite && next.rows == 1..<2)
  }

  @Test func incrementalTablesBelongToOneRun() throws {
    var table = Table(columns: columns("a"), logMode: .incremental)
    _ = try log(&table, "i0")
    expectError(.assertion, "'r'") { _ = try table.prepareLog(runID: "other") }
  }

  @Test func resumedIncrementsContinueTheNumbers() throws {
    var table = Table(columns: columns("a"), logMode: .incremental)
    table.resumeIncrements(summary: [
      "_type": "incremental-table-file", "increment_num": 4, "previous_increments_paths": ["p0"], "artifact_path": "p4",
    ])
    try table.addRow([.int(1)])
    let plan = try table.prepareLog(runID: "r")
    #expect(plan.incrementNumber == 5 && plan.previousIncrementPaths == ["p0", "p4"])
    #expect(try plan.entryPath(key: "t", epochMilliseconds: 7) == "5-7.t.table.json")
    var fresh = Table(columns: columns("a"), logMode: .incremental)
    fresh.resumeIncrements(summary: ["_type": "table-file", "increment_num": 4])
    #expect(try fresh.prepareLog(runID: "r").incrementNumber == 0)
  }

  @Test func unknownLogModesAreRefused() {
    expectError(.assertion, "OTHER") { _ = try Table.LogMode(word: "OTHER") }
    expectError(.assertion) { _ = try Table.LogMode(word: "immutable") }
  }
}

@Suite struct TableCellTests {
  @Test func taggedKindsBecomeTheirCells() throws {
    let expected: [(String, String, String)] = [
      (#"{"$q":"np","v":NaN}"#, "NaN", "null"),
      (#"{"$q":"np","v":1.5}"#, "1.5", "1.5"),
      (#"{"$q":"npstr","v":"x"}"#, "\"x\"", "\"x\""),
      (
        #"{"$q":"timestamp","iso":"2024-01-02T03:04:05","ms":1704164645000}"#, "\"2024-01-02T03:04:05\"",
        "1704164645000"
      ),
      (#"{"$q":"timestamp","ns":1704164645123456789}"#, "1704164645123456789", "1704164645123.4568"),
      (#"{"$q":"timestamp"}"#, "null", "null"),
      (#"{"$q":"tuple","v":[1,2]}"#, "[1,2]", "[1, 2]"),
      (#"{"$q":"set","v":[5]}"#, "[5]", "[5]"),
      (#"{"$q":"dict","v":[["$q",1],["b",2],["b",3]]}"#, #"{"$q":1,"b":3}"#, #"{"$q": 1, "b": 3}"#),
      (#"{"$q":"bytes","b":[97,98]}"#, "[97,98]", "\"ab\""),
      (#"{"$q":"object","class":"Decimal","run":"1.10","artifact":1.1}"#, "\"1.10\"", "1.1"),
      (#"{"plain":{"$q":"np","v":2.0}}"#, #"{"plain":2.0}"#, #"{"plain": 2.0}"#),
    ]
    for (text, run, artifact) in expected {
      var table = Table(columns: columns("a"))
      try table.addRow([try TableCell(taggedJSONText: text)])
      #expect(try runText(table) == #"{"columns":["a"],"data":[["# + run + "]]}", "\(text)")
      #expect(try artifactData(table) == "[[" + artifact + "]]", "\(text)")
    }
  }

  @Test func attachmentsAreFoundByNumber() throws {
    var attachments = TableCell.Attachments()
    attachments.media = [TableMedia(className: "Html", type: .media("html-file"), id: 0)]
    attachments.tables = [Table(columns: columns("x"))]
    attachments.arrays = [
      try [1.0, 2.0].withUnsafeBytes { try TableArray(ArrayView(base: $0.baseAddress, dtype: .f64, shape: [2])) }
    ]
    attachments.foreignTables = [ForeignTable(Table(columns: columns("x")), identity: 1)]
    var table = Table(columns: columns("a", "b", "c", "d"))
    let text = #"[[{"$q":"media","i":0},{"$q":"table","i":0},{"$q":"ndarray","i":0},{"$q":"index","i":0,"row":3}]]"#
    _ = try withJSON(text) { try table.addRows(json: $0, attachments: attachments) }
    #expect(try runText(table).hasSuffix(#"[["Html","Table",[1.0,2.0],3]]}"#))
    for kind in ["media", "table", "ndarray"] {
      func read(_ rest: String) throws {
        _ = try TableCell(taggedJSONText: "{\"$q\":\"\(kind)\"\(rest)}", attachments: attachments)
      }
      expectError(.index) { try read(",\"i\":1") }
      expectError(.index) { try read(",\"i\":-1") }
      expectError(.value) { try read("") }
    }
  }

  @Test func malformedTagsAreRefused() {
    let bad = [
      #"{"$q":"what"}"#, #"{"$q":1}"#, #"{"$q":"np"}"#, #"{"$q":"np","v":"x"}"#, #"{"$q":"npstr","v":1}"#,
      #"{"$q":"timestamp","iso":"x"}"#, #"{"$q":"tuple"}"#, #"{"$q":"dict","v":[1]}"#, #"{"$q":"dict","v":[["a"]]}"#,
      #"{"$q":"dict","v":[[1,2]]}"#, #"{"$q":"bytes","b":[256]}"#, #"{"$q":"bytes","b":["a"]}"#, #"{"$q":"object"}"#,
      #"{"$q":"object","class":"X","type":"nonsense"}"#, #"{"$q":"index","i":0}"#, "{", "",
    ]
    for text in bad { expectError(.value) { _ = try TableCell(taggedJSONText: text) } }
  }
}

@Suite struct MediaNamesTests {
  @Test func safeKeysReplaceDotComponentsOnly() {
    let expected: [(String, String)] = [
      ("img", "img"), ("/lead", "lead"), ("//a", "a"), ("a//b", "a//b"), ("a/./b", "a/_/b"), ("../x", "__/x"),
      ("a/..", "a/__"), ("a.", "a."), (".hidden", ".hidden"), ("...", "..."), ("a b?*:<>|\"\\", "a b?*:<>|\"\\"),
      ("ключ", "ключ"), ("", ""), ("a/", "a/"),
    ]
    for (key, safe) in expected { #expect(MediaNames.safeKey(key) == safe, "\(key)") }
  }

  @Test func mediaFilesAreNamedByKeyStepAndDigest() {
    let digest = String(repeating: "0123456789abcdef", count: 4)
    let name = MediaNames.mediaFileName(folder: "media/table", key: "a//b", step: 7, digest: digest, ext: ".table.json")
    #expect(name == "media/table/a//b_7_0123456789abcdef0123.table.json")
    #expect(MediaNames.collapsedSlashes(name) == "media/table/a/b_7_0123456789abcdef0123.table.json")
  }

  @Test func artifactNamesAreSanitised() {
    #expect(MediaNames.tableArtifactName(runID: "vec00001", key: "a/b c") == "run-vec00001-abc-ACQCnw")
    #expect(MediaNames.sanitizedArtifactName("run-x.y_z-0") == "run-x.y_z-0")
    #expect(MediaNames.tableArtifactName(runID: "r", key: "t", incremental: true) == "run-r-incr-t")
  }

  @Test func entryPathsAreNormalisedAndChecked() throws {
    #expect(try MediaNames.artifactEntryPath("a//b/./c.table.json") == "a/b/c.table.json")
    #expect(try MediaNames.artifactEntryPath("a..table.json") == "a..table.json")
    for path in ["/lead.table.json", "../x.table.json", "a/../b", "a/.."] {
      expectError(.value, "Invalid artifact path") { _ = try MediaNames.artifactEntryPath(path) }
    }
  }

  @Test func artifactDigestDoesNotDependOnTheOrderOfEntries() {
    let entries = [(path: "b", digest: "x=="), (path: "a", digest: "y==")]
    let digest = MediaNames.artifactDigest(entries)
    #expect(digest == MediaNames.artifactDigest(entries.reversed()))
    #expect(digest == hexText(MD5.hash(Array("wandb-artifact-manifest-v1\na:y==\nb:x==\n".utf8))))
  }
}
