import QuipuBase
import Testing

@testable import QuipuMedia

/// The rules by which column types learn.
@Suite struct TableTypeTests {
  private func learned(_ start: ColumnType, _ cells: [TableCell]) -> String? {
    var type = start
    for cell in cells {
      guard let next = type.assigning(cell) else { return nil }
      type = next
    }
    return type.json().text(style: .client)
  }

  private func wb(_ name: String) -> String { "{\"wb_type\":\"\(name)\"}" }
  private func union(_ members: String...) -> String {
    "{\"wb_type\":\"union\",\"params\":{\"allowed_types\":[\(members.joined(separator: ","))]}}"
  }
  private func list(_ element: String, _ length: Int) -> String {
    "{\"wb_type\":\"list\",\"params\":{\"element_type\":\(element),\"length\":\(length)}}"
  }

  private let optional = ColumnType.unknown.optional
  private func cells(_ json: String) throws -> [TableCell] {
    guard case .list(let cells) = try TableCell(taggedJSONText: json) else { return [] }
    return cells
  }

  @Test func typesOfScalars() {
    let names: [(TableCell, String)] = [
      (.none, "none"), (.double(.nan), "none"), (.numpyDouble(.nan), "number"), (.double(1), "number"),
      (.int(1), "number"), (.bigInteger("99999999999999999999"), "number"), (.bool(true), "boolean"),
      (.string("x"), "string"), (.string("wandb-artifact://x"), "artifactVersion"),
      (.string("wandb-client-artifact://x"), "string"), (.timestamp(TableTimestamp()), "timestamp"),
      (.numpyString("x"), "pythonObject"), (.bytes([1]), "pythonObject"),
    ]
    for (cell, name) in names { #expect(ColumnType(of: cell).name == name) }
  }

  @Test func unknownRefusesNoneAndTakesAnythingElse() {
    #expect(learned(.unknown, [.none]) == nil)
    #expect(learned(.unknown, [.double(.nan)]) == nil)
    #expect(learned(.unknown, [.int(1)]) == wb("number"))
    #expect(learned(.unknown, [.int(1), .none]) == nil)
  }

  @Test func optionalColumnStaysUnknownWhileAllIsNone() {
    #expect(learned(optional, [.none, .double(.nan)]) == union(wb("none"), wb("unknown")))
    #expect(learned(optional, [.none, .int(1), .none]) == union(wb("none"), wb("number")))
  }

  @Test func plainTypesAcceptOnlyThemselves() {
    let samples: [TableCell] = [.int(1), .string("s"), .bool(true), .timestamp(TableTimestamp())]
    for (at, first) in samples.enumerated() {
      for (other, second) in samples.enumerated() {
        #expect((learned(optional, [first, second]) != nil) == (at == other))
      }
    }
  }

  @Test func intsAndFloatsAreBothNumbers() {
    #expect(learned(.unknown, [.int(1), .double(2.5), .bigInteger("18446744073709551616")]) == wb("number"))
  }

  @Test func anyAcceptsEverythingButNone() {
    #expect(learned(.any, [.int(1), .string("x"), .list([]), .dict([])]) == wb("any"))
    #expect(learned(.any, [.none]) == nil)
    #expect(learned(.any, [.double(.nan)]) == nil)
    #expect(learned(.union(of: [.any, .none]), [.int(1), .none]) == union(wb("any"), wb("none")))
  }

  @Test func membersOfUnionsAreSortedByText() {
    let all: [ColumnType] = [
      .unknown, .media("video-file"), .timestamp, .string, .pythonObject(className: "a"), .media("object3D-file"),
      .list(element: .number, length: 1), .number, .none, .ndarray(shape: [3], storage: nil), .image(.init()),
      .media("html-file"), .boolean, .typedDict([.init("k", .number)]),
    ]
    guard case .union(let sorted) = ColumnType.union(of: all) else { Issue.record("not a union"); return }
    #expect(
      sorted.map(\.text) == [
        "Boolean", "Html-file",
        "Image-file(box_layers:{}, box_score_keys:[], mask_layers:{}, box_class_maps:{}, mask_class_maps:{}, "
          + "class_map:{})",
        "Ndarray(shape:[3])", "None", "Number", "Number[]", "Object3d-file", "Pythonobject(class_name:a)", "String",
        "Timestamp", "Unknown", "Video-file", "{'k': Number}",
      ])
  }

  @Test func unionsAreFlattened() {
    let inner = ColumnType.union(of: [.string, .boolean])
    #expect(
      ColumnType.union(of: [.number, inner, .none]).json().text(style: .client)
        == union(wb("boolean"), wb("none"), wb("number"), wb("string")))
  }

  @Test func listKeepsTheLengthOfTheLastValue() throws {
    #expect(learned(.unknown, try cells("[[1,2],[3],[]]")) == list(wb("number"), 0))
    #expect(learned(.unknown, try cells("[[],[1,2]]")) == list(wb("number"), 2))
    #expect(learned(.unknown, try cells("[[[1,2],[3]],[[5]]]")) == list(list(wb("number"), 1), 1))
  }

  @Test func listElementsAreOptionalOnlyIfTheFirstValueHasNull() throws {
    let element = union(wb("none"), wb("number"))
    #expect(learned(.unknown, try cells("[[1,null],[3,4.5]]")) == list(element, 2))
    #expect(learned(.unknown, try cells("[[1,2],[1,null]]")) == nil)
    // A plain NaN is of type none but does not make the elements optional.
    #expect(learned(.unknown, try cells("[[NaN]]")) == list(wb("invalid"), 1))
    #expect(learned(.unknown, try cells("[[null,NaN,1.0]]")) == list(element, 3))
  }

  @Test func mixedListBecomesInvalidAndAcceptsNothingMore() throws {
    #expect(learned(.unknown, try cells("[[1,\"x\"]]")) == list(wb("invalid"), 2))
    #expect(learned(.unknown, try cells("[[1,\"x\"],[1]]")) == nil)
    #expect(learned(.unknown, try cells("[[1,\"x\"],[]]")) == list(wb("invalid"), 0))
    #expect(learned(.unknown, try cells("[[1],[\"x\"]]")) == nil)
  }

  @Test func dictionaryRowsMustBringTheSameKeys() throws {
    let number = wb("number")
    let known = "{\"wb_type\":\"typedDict\",\"params\":{\"type_map\":{\"z\":\(number),\"a\":\(number)}}}"
    #expect(learned(.unknown, try cells(#"[{"z":1,"a":2},{"a":3,"z":4}]"#)) == known)
    #expect(learned(.unknown, try cells(#"[{"x":1},{"y":2}]"#)) == nil)
    #expect(learned(.unknown, try cells(#"[{"x":1,"y":2},{"x":3}]"#)) == nil)
    #expect(learned(.unknown, try cells(#"[{"x":1},{"x":null}]"#)) == nil)
    #expect(learned(.unknown, try cells(#"[{"x":null},{"x":1}]"#)) == nil)
    #expect(learned(.unknown, try cells(#"[{},{"x":1}]"#)) == nil)
  }

  @Test func missingKeysAreFineWhereTheyAreOptional() throws {
    let type = ColumnType.typedDict([.init("x", .number), .init("y", ColumnType.string.optional)])
    #expect(learned(type, try cells(#"[{"x":1}]"#)) != nil)
    #expect(learned(type, try cells(#"[{"y":"s"}]"#)) == nil)
  }

  @Test func wideDictionariesAreFoundInAnyOrder() throws {
    let forward = (0..<40).map { TableCell.Member(Key("k\($0)"), .int(Int64($0))) }
    #expect(learned(.unknown, [.dict(forward), .dict(forward.reversed())]) != nil)
    #expect(learned(.unknown, [.dict(forward), .dict(forward.dropLast() + [.init("other", .int(1))])]) == nil)
  }

  private func array(_ shape: [Int]) throws -> TableArray {
    let values = [Double](repeating: 0.5, count: shape.reduce(1, *))
    return try values.withUnsafeBytes { try TableArray(ArrayView(base: $0.baseAddress, dtype: .f64, shape: shape)) }
  }

  @Test func arraysMustKeepTheirShape() throws {
    #expect(learned(.unknown, [.array(try array([3])), .array(try array([3]))]) != nil)
    #expect(learned(.unknown, [.array(try array([3])), .array(try array([4]))]) == nil)
    #expect(learned(.unknown, [.array(try array([3]))] + (try cells("[[1,2,3]]"))) != nil)
    #expect(learned(.unknown, [.array(try array([3]))] + (try cells("[[1,2]]"))) == nil)
    #expect(learned(.unknown, [.array(try array([2, 2]))] + (try cells("[[[1,2],[3,4]]]"))) != nil)
    #expect(learned(.unknown, [.array(try array([])), .int(5)]) == nil)
  }

  @Test func listColumnTakesArraysElementByElement() throws {
    #expect(learned(.unknown, try cells("[[1,2]]") + [.array(try array([3]))]) == list(wb("number"), 3))
    #expect(
      learned(.unknown, try cells("[[[1,2]]]") + [.array(try array([2, 2]))]) == list(list(wb("number"), 2), 2))
    #expect(learned(.unknown, try cells("[[\"x\"]]") + [.array(try array([3]))]) == nil)
    #expect(learned(.unknown, try cells("[[1]]") + [.array(try array([]))]) == nil)
  }

  @Test func constantsCompareByValue() {
    let type = ColumnType.union(of: [.const(.string("x"), isSet: false), .const(1, isSet: false), .none])
    #expect(learned(type, [.string("x"), .int(1), .double(1.0), .bool(true), .none]) != nil)
    #expect(learned(type, [.string("z")]) == nil)
    #expect(learned(type, [.int(2)]) == nil)
    #expect(type.text == "1 or None or x")
  }

  @Test func pythonObjectsAndMediaAgreeByClass() {
    func object(_ name: String) -> TableCell { .object(TableObject(className: name, run: nil, artifact: nil)) }
    #expect(learned(.unknown, [object("Decimal"), object("Decimal")]) != nil)
    #expect(learned(.unknown, [object("Decimal"), object("Path")]) == nil)
    #expect(learned(.unknown, [.numpyString("x"), .string("x")]) == nil)
    let html = TableCell.media(TableMedia(className: "Html", type: .media("html-file"), id: 0))
    let audio = TableCell.media(TableMedia(className: "Audio", type: .media("audio-file"), id: 1))
    let image = TableCell.media(TableMedia(className: "Image", type: .image(.init()), id: 2))
    #expect(learned(optional, [html, html, .none]) != nil)
    #expect(learned(optional, [html, audio]) == nil)
    #expect(learned(optional, [html, image]) == nil)
    #expect(learned(optional, [image, .int(1)]) == nil)
  }

  @Test func imageLayersAreUnitedAndOldLabelsWin() throws {
    var first = ColumnType.ImageLayers()
    first.maskLayers = ["m": [0, 1]]
    first.maskClassMaps = ["m": ["0": "old"]]
    first.boxScoreKeys = ["p"]
    var second = ColumnType.ImageLayers()
    second.maskLayers = ["m": [1, 2], "n": [5]]
    second.maskClassMaps = ["m": ["0": "new", "2": "two"]]
    second.boxScoreKeys = ["p", "q"]
    second.classMap = ["1": "x"]
    let cells = [first, second].enumerated().map { id, layers in
      TableCell.media(TableMedia(className: "Image", type: .image(layers), id: id))
    }
    var type = ColumnType.unknown
    for cell in cells { type = try #require(type.assigning(cell)) }
    guard case .image(let merged) = type else { Issue.record("not an image type"); return }
    #expect(merged.maskLayers == ["m": [0, 1, 2], "n": [5]])
    #expect(merged.maskClassMaps == ["m": ["0": "old", "2": "two"]])
    #expect(merged.boxScoreKeys == ["p", "q"])
    #expect(merged.classMap == ["1": "x"])
  }

  private func nested(_ rows: [[TableCell]], _ names: [String] = ["x"], optional: Bool = true) throws -> TableCell {
    var table = Table(columns: names.map { Table.ColumnName($0) }, optional: [optional])
    for row in rows { try table.addRow(row) }
    return .table(table)
  }

  @Test func tablesInCellsAreAssignedTypeToType() throws {
    let number = try nested([[.int(1)]]), empty = try nested([[.none]])
    #expect(learned(optional, [number, number]) != nil)
    #expect(learned(optional, [number, empty]) == nil)
    #expect(learned(optional, [empty, number]) == learned(optional, [number]))
    #expect(learned(optional, [empty, empty]) == learned(optional, [empty]))
    let strict = try nested([[.int(1)]], optional: false)
    #expect(learned(optional, [number, strict]) != nil)
    #expect(learned(optional, [strict, number]) == nil)
  }

  @Test func tablesInCellsMustHaveTheSameColumns() throws {
    let one = try nested([[.int(1)]]), two = try nested([[.int(1), .int(2)]], ["x", "y"])
    #expect(learned(optional, [one, two]) == nil)
    #expect(learned(optional, [two, one]) == nil)
  }

  @Test func listsOfDifferentLengthInNestedTablesLoseTheirLength() throws {
    let two = try nested([[.list([.int(1), .int(2)])]]), one = try nested([[.list([.int(1)])]])
    let type = try #require(learned(optional, [two, one]))
    #expect(type.contains("\"length\":null"))
    #expect(try #require(learned(optional, [two, two])).contains("\"length\":2"))
  }

  @Test func keyTypesTakeStringsOnly() throws {
    #expect(learned(.primaryKey, [.string("a"), .string("b")]) == wb("primaryKey"))
    #expect(learned(.primaryKey, [.int(1)]) == nil)
    #expect(learned(.primaryKey, [.none]) == nil)
    let other = ForeignTable(Table(columns: [.init("id")]), identity: 7)
    #expect(learned(.foreignKey(table: other, column: "id"), [.string("a")]) != nil)
    #expect(learned(.foreignKey(table: other, column: "id"), [.none]) == nil)
  }

  @Test func typesSurviveTheirJSONForm() throws {
    let types: [ColumnType] = [
      .none, .string, .number, .boolean, .timestamp, .any, .unknown, .invalid, .artifactVersion, .primaryKey,
      .union(of: [.number, .none]), .list(element: .string, length: 3), .list(element: .unknown, length: nil),
      .typedDict([.init("a", .number)]), .ndarray(shape: [2, 3], storage: nil), .const("x", isSet: false),
      .pythonObject(className: "bytes"), .image(.init()), .media("html-file"), .table(.typedDict([])),
    ]
    for type in types {
      let json = type.json()
      #expect(try ColumnType(json: json).json() == json)
    }
    #expect(try ColumnType(json: "number").name == "number")
  }

  @Test func refusesUnknownTypeNames() {
    for json in ["nonsense", 1, ["params": [:]], ["wb_type": "ndarray"]] as [JSON] {
      do throws(MediaError) {
        _ = try ColumnType(json: json)
        Issue.record("accepted \(json)")
      } catch {
        #expect(error.code == .value)
        #expect(error.message.hasPrefix("dtype: "))
      }
    }
  }

  /// Doubling of work per level would not finish.
  @Test func deeplyNestedValuesAreTypedInLinearTime() throws {
    let depth = 400
    let text = String(repeating: "[null,", count: depth) + "1" + String(repeating: "]", count: depth)
    let cell = try TableCell(taggedJSONText: text)
    #expect(learned(optional, [cell]) != nil)
    var table = Table(columns: [.init("a")])
    try table.addRow([cell])
    #expect(throws: MediaError.self) { try table.addRow([.int(1)]) }
  }
}
