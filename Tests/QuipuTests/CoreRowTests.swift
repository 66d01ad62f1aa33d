import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

/// Steps, commits and merging, driven through a ring into a log and read back from there.
struct CoreRowTests {
  /// Runs calls and gives the rows without their time keys, as `step:{...}` would be written in a table.
  private func rows(lowSteps: LowStepPolicy = .drop, _ calls: (CoreRun) throws -> Void) throws -> [JSONObject] {
    let run = try CoreRun(lowSteps: lowSteps)
    try calls(run)
    return try run.close().plainRows
  }

  private func expect(_ found: [JSONObject], _ wanted: [String], at location: SourceLocation = #_sourceLocation) {
    #expect(found == wanted.map(object), sourceLocation: location)
  }

  // MARK: Steps

  @Test func callsWithoutStepMakeRowsOfTheirOwn() throws {
    expect(try rows { for value in 1...3 { $0.row("{\"a\":\(value)}") } },
      [#"{"a":1,"_step":0}"#, #"{"a":2,"_step":1}"#, #"{"a":3,"_step":2}"#])
  }

  @Test func laterKeepsTheRowOpen() throws {
    expect(try rows {
      $0.row(#"{"a":1}"#, commit: .later)
      $0.row(#"{"b":2}"#, commit: .later)
      $0.row(#"{"c":3}"#)
      $0.row(#"{"d":4}"#)
    }, [#"{"a":1,"b":2,"c":3,"_step":0}"#, #"{"d":4,"_step":1}"#])
  }

  @Test func givenStepKeepsTheRowOpenUntilALaterStep() throws {
    expect(try rows {
      $0.row(#"{"a":1}"#, step: 5)
      $0.row(#"{"b":2}"#, step: 5)
      $0.row(#"{"c":3}"#, step: 9)
    }, [#"{"a":1,"b":2,"_step":5}"#, #"{"c":3,"_step":9}"#])
  }

  @Test func givenStepWithNowCompletesTheRow() throws {
    expect(try rows {
      $0.row(#"{"a":1}"#, step: 5, commit: .now)
      $0.row(#"{"b":2}"#)
    }, [#"{"a":1,"_step":5}"#, #"{"b":2,"_step":6}"#])
  }

  @Test func plainCallJoinsTheRowThatAJumpOpened() throws {
    expect(try rows {
      $0.row(#"{"a":1}"#)
      $0.row(#"{"b":2}"#, step: 4)
      $0.row(#"{"c":3}"#)
      $0.row(#"{"d":4}"#)
    }, [#"{"a":1,"_step":0}"#, #"{"b":2,"c":3,"_step":4}"#, #"{"d":4,"_step":5}"#])
  }

  @Test func emptyRowTakesAStep() throws {
    expect(try rows {
      $0.row("{}")
      $0.row(#"{"a":1}"#)
    }, [#"{"_step":0}"#, #"{"a":1,"_step":1}"#])
  }

  @Test func lowStepIsDroppedCountedAndReportedOnce() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#, step: 5, commit: .now)
    run.row(#"{"a":2}"#, step: 3, commit: .now)
    run.row(#"{"a":3}"#, step: 5)
    run.row(#"{"a":4}"#)
    expect(try run.close().plainRows, [#"{"a":1,"_step":5}"#, #"{"a":4,"_step":6}"#])
    #expect(run.writer.rowsDroppedLowStep == 2)
    #expect(run.reports.kinds == ["step_too_low"])
  }

  @Test(arguments: [false, true]) func keptLowStepIsARowOfItsOwnAndTheOpenRowStays(plain: Bool) throws {
    let set = try ColumnSet(doubles: ["a"])
    expect(try rows(lowSteps: .keep) { run in
      run.row(#"{"o":1}"#, step: 5)
      if plain { run.columns(set, [2], step: 3) } else { run.row(#"{"a":2.0}"#, step: 3) }
      run.row(#"{"p":3}"#, step: 5)
      run.row(#"{"q":4}"#)
      run.row(#"{"r":5}"#)
    }, [#"{"a":2,"_step":3}"#, #"{"o":1,"p":3,"q":4,"_step":5}"#, #"{"r":5,"_step":6}"#])
  }

  @Test func largestStepStaysWhereItIs() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#, step: .max, commit: .now)
    run.row(#"{"a":2}"#)
    run.row(#"{"a":3}"#, step: .max, commit: .now)
    let log = try run.close()
    #expect(log.rows.map { $0["_step"] } == [JSON](repeating: .int(.max), count: 3))
  }

  @Test func openRowIsWrittenAtTheEnd() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#, step: 2)
    run.exit(3)
    run.pump()
    let log = try run.log()
    expect(log.plainRows, [#"{"a":1,"_step":2}"#])
    #expect(log.exitCode == 3)
  }

  @Test func timesAreThoseOfTheRowsLastCall() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#, commit: .later)
    run.row(#"{"b":1}"#)
    run.row(#"{"_timestamp":12.5}"#)
    let log = try run.close()
    #expect(log.rows[0]["_runtime"] == 0.002)
    #expect(log.rows[0]["_timestamp"] == 1_700_000_000.002)
    #expect(log.rows[1]["_timestamp"] == 12.5)
  }

  // MARK: Merging

  @Test func leavesMergeOneByOne() throws {
    expect(try rows {
      $0.row(#"{"t":{"a":1,"b":{"c":2}},"x":1}"#, commit: .later)
      $0.row(#"{"t":{"b":{"d":3}},"x":2}"#, commit: .later)
      $0.row(#"{"t":{"a":4}}"#)
    }, [#"{"t":{"a":4,"b":{"c":2,"d":3}},"x":2,"_step":0}"#])
  }

  @Test func leafAndTreeReplaceEachOther() throws {
    expect(try rows {
      $0.row(#"{"t":{"a":1},"l":1}"#, commit: .later)
      $0.row(#"{"t":7,"l":{"b":2}}"#)
    }, [#"{"t":7,"l":{"b":2},"_step":0}"#])
  }

  @Test func emptyObjectChangesNothing() throws {
    expect(try rows {
      $0.row(#"{"t":{"a":1},"l":1}"#, commit: .later)
      $0.row(#"{"t":{},"l":{},"n":{"m":{}}}"#)
    }, [#"{"t":{"a":1},"l":1,"_step":0}"#])
  }

  @Test func reservedAndEmptyKeysAreDropped() throws {
    expect(try rows { $0.row(#"{"_step":77,"":1,"a":{"":2},"_runtime":5,"_wandb":3,"_own":4}"#) },
      [#"{"a":{"":2},"_wandb":3,"_own":4,"_step":0}"#])
  }

  @Test func nullIsAValue() throws {
    expect(try rows {
      $0.row(#"{"a":1}"#, commit: .later)
      $0.row(#"{"a":null}"#)
    }, [#"{"a":null,"_step":0}"#])
  }

  @Test func integersBeyond64BitsBecomeDoubles() throws {
    #expect(try rows { $0.row(#"{"a":18446744073709551616}"#) }[0]["a"] == .double(0x1p64))
  }

  // MARK: Ways into the log

  @Test func fixedColumnsAndTreesMakeTheSameRecords() throws {
    let set = try ColumnSet([("d", .double), ("i", .int), ("b", .bool), ("dotted.key/x", .double)])
    let steps: [(Int64, Commit)] = [
      (-1, .automatic), (-1, .later), (-1, .automatic), (7, .automatic), (7, .later), (7, .now), (20, .automatic),
      (3, .automatic), (21, .automatic), (-1, .now), (-1, .later),
    ]
    func run(_ how: Int) throws -> CoreLog {
      let run = try CoreRun()
      for (at, (step, commit)) in steps.enumerated() {
        let value = at == 4 ? Double.nan : Double(at) / 3
        switch how {
        case 0, 1:
          run.put(
            .columns, CoreRun.columns(set, [value.bitPattern, UInt64(at), UInt64(at & 1), 1.5.bitPattern],
              id: how == 0 ? nil : 0), step: step, commit: commit.rawValue)
        default:
          var text = ByteBuffer(capacity: 64)
          text.appendDouble(value, style: .client)
          let number = String(decoding: text.bytes, as: UTF8.self)
          run.row(
            "{\"d\":\(number),\"i\":\(at),\"b\":\(at & 1 == 1),\"dotted.key/x\":1.5}", step: step, commit: commit)
        }
        if at % 3 == 0 { run.pump() }
      }
      return try run.close()
    }
    let plain = try run(0)
    let named = try run(1)
    let tree = try run(2)
    #expect(plain.rows.count == 6)
    #expect(plain.rows == tree.rows)
    #expect(named.rows == tree.rows)
    #expect(plain.summary == tree.summary)
    #expect(named.summary == tree.summary)
  }

  @Test func columnsOfReservedOrRepeatedKeysTakeTheGeneralWay() throws {
    let set = try ColumnSet(doubles: ["a", "a", "_step"])
    expect(try rows { $0.columns(set, [1, 2, 9]) }, [#"{"a":2,"_step":0}"#])
  }

  @Test func rowOfColumnsJoinsAnOpenTree() throws {
    let set = try ColumnSet(doubles: ["a", "b"])
    expect(try rows {
      $0.row(#"{"a":{"x":1},"c":3}"#, commit: .later)
      $0.columns(set, [1, 2], commit: .later)
      $0.row(#"{"b":{"y":5}}"#)
    }, [#"{"a":1,"b":{"y":5},"c":3,"_step":0}"#])
  }

  @Test func rowThroughAFileIsARowLikeAnyOther() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#)
    run.external(#"{"big":[1,2,3]}"#, number: 1)
    run.row(#"{"a":2}"#)
    expect(try run.close().plainRows, [#"{"a":1,"_step":0}"#, #"{"big":[1,2,3],"_step":1}"#, #"{"a":2,"_step":2}"#])
    #expect(run.directory.files().filter { $0.hasPrefix("x.ring.") } == [])
  }

  @Test func recordsAreNumberedWithoutGaps() throws {
    let run = try CoreRun()
    for _ in 0..<50 { run.row(#"{"a":1}"#) }
    let log = try run.close()
    #expect(log.numbers == Array(1...Int64(log.numbers.count)))
  }

  @Test func damagedEntriesAreDroppedAndCounted() throws {
    let set = try ColumnSet(doubles: ["a", "b"])
    let run = try CoreRun()
    run.columns(set, [1, 2])
    run.pump()
    // The known set of columns with a payload that is too short for it.
    run.put(.columns, Array(CoreRun.columns(set, [1, 2])[..<12]))
    run.put(.columns, Array(CoreRun.columns(set, [1, 2])[..<3]))
    run.put(.row, [1, 2, 3])
    run.put(.row, [255, 255, 255, 255, 0, 0, 0, 0])
    run.put(.row, CoreRun.payload("{\"a\":"))
    run.put(.row, CoreRun.payload("[1]"))
    run.put(.summarySet, [])
    run.put(.external, [])
    run.put(.external, [2])
    run.put(.external, [14, 1])
    run.put(.output, [])
    run.put(.config, CoreRun.payload("7"))
    run.put(.metric, CoreRun.payload("{}"))
    run.put(.identity, CoreRun.payload("{"))
    run.put(.alert, [])
    run.put(.files, [])
    run.columns(set, [3, 4])
    expect(try run.close().plainRows, [#"{"a":1,"b":2,"_step":0}"#, #"{"a":3,"b":4,"_step":1}"#])
  }

  /// What a caller's check lets pass must not be too deep for the writer, which reads it with one level around.
  @Test(arguments: [500, 499]) func deepestValueReachesTheLog(depth: Int) throws {
    let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    let tree = String(repeating: "{\"k\":", count: depth) + "1" + String(repeating: "}", count: depth)
    let run = try CoreRun()
    run.row("{\"a\":\(deep)}")
    run.row("{\"a\":\(tree)}")
    run.row(tree)
    run.set(["s"], deep)
    run.set(["s"], tree)
    run.put(.config, CoreRun.payload("[[\"c\",\(tree)]]"))
    run.pump()
    #expect(run.writer.rowsWritten == 3)
    #expect(run.writer.valuesDropped == 0)
    #expect(run.writer.summary.root.child("s")?.json != nil)
    #expect(run.reports.kinds == [])
  }

  @Test func consoleTextIsRecordedAndKeptInItsFile() throws {
    let run = try CoreRun()
    run.put(.output, [1] + Array("one\ntw".utf8))
    run.put(.output, [1] + Array("o\rTWO\n".utf8))
    run.exit()
    run.pump()
    run.writer.updateConsole(now: 0, final: true)
    #expect(try run.log().console == ["one\ntw", "o\rTWO\n"])
    #expect(FileTools.readAll(run.context.filesDirectory + "/output.log") == Array("one\nTWO\n".utf8))
  }
}
