import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Testing

@testable import Quipu

/// Media on their way through the writer: names, records, and disks that are full.
struct CoreMediaTests {
  private func image(_ seed: UInt8 = 0) throws -> Media {
    let pixels = (0..<12).map { UInt8($0) &+ seed }
    let media = try pixels.withUnsafeBytes { bytes in
      try Media.image(try ArrayView(base: bytes.baseAddress, dtype: .u8, shape: [2, 2, 3]), caption: "c\(seed)")
    }
    for work in media.takeUnencoded() { work.encode() }
    return media
  }

  private func table(_ rows: Int = 2) throws -> Media {
    let table = Media.table(columns: ["n"])
    for row in 0..<rows {
      try table.changeTable { table throws(MediaError) in try table.addRow([.int(Int64(row))]) }
    }
    return table
  }

  private func register(_ run: CoreRun, _ media: Media) -> UInt64 {
    let id = run.media.register(media)
    run.media.item(id)?.table?.encode()
    return id
  }

  @Test func imageIsNamedAfterKeyAndStepAndRecordedOnce() throws {
    let run = try CoreRun()
    let media = try image()
    run.row(#"{"a":1}"#)
    run.row(#"{"p/q":{"$quipu":0}}"#, media: [register(run, media)])
    run.row(#"{"again":{"$quipu":0}}"#, media: [register(run, media)])
    run.set(["s"], #"{"$quipu":0}"#, media: [register(run, try image(1))])
    let log = try run.close()
    let value = try #require(log.rows[1]["p/q"]?.objectValue)
    let path = try #require(value["path"]?.stringValue)
    #expect(path.hasPrefix("media/images/p/q_1_") && path.hasSuffix(".png"))
    #expect(value["_type"] == "image-file" && value["width"] == 2 && value["height"] == 2 && value["caption"] == "c0")
    #expect(log.rows[2]["again"] == log.rows[1]["p/q"])
    #expect(log.files.count == 2)
    #expect(log.files[0] == path)
    #expect(log.files[1].hasPrefix("media/images/s_summary_"))
    for file in log.files { #expect(FileTools.exists(run.context.filesDirectory + "/" + file)) }
    #expect(run.media.count == 0)
  }

  @Test func listOfImagesIsOneValue() throws {
    let run = try CoreRun()
    let list = Media.list([try image(1), try image(2)])
    run.row(#"{"l":{"$quipu":0}}"#, media: [register(run, list)])
    let log = try run.close()
    let value = try #require(log.rows[0]["l"]?.objectValue)
    #expect(value["_type"] == "images/separated" && value["count"] == 2)
    #expect(value["captions"] == ["c1", "c2"])
    #expect(log.files.count == 2)
  }

  @Test func tableBecomesAFileAndAnArtifact() throws {
    let run = try CoreRun()
    run.row(#"{"t":{"$quipu":0}}"#, media: [register(run, try table())])
    let log = try run.close()
    #expect(log.artifacts == 1)
    #expect(log.files.count == 1 && log.files[0].hasPrefix("media/table/t_0_"))
    #expect(log.rows[0]["t"]?.objectValue?["_type"] == "table-file")
    #expect(run.directory.files(below: "staging").count == 1)
  }

  @Test func rowWaitsForItsMediumAndKeepsItsPlace() throws {
    let run = try CoreRun()
    let pixels = [UInt8](repeating: 7, count: 4)
    let media = try pixels.withUnsafeBytes {
      try Media.image(try ArrayView(base: $0.baseAddress, dtype: .u8, shape: [2, 2]))
    }
    run.row(#"{"p":{"$quipu":0}}"#, media: [run.media.register(media)])
    run.row(#"{"a":1}"#)
    run.pump()
    #expect(run.writer.rowsWritten == 0)
    media.encode()
    let log = try run.close()
    #expect(log.rows.map { $0["_step"] } == [0, 1])
    #expect(log.rows[0]["p"]?.objectValue?["format"] == "png")
  }

  @Test func mediaOfCallsThatCannotBeReadAreLetGo() throws {
    let run = try CoreRun()
    run.row("{\"broken\":", media: [register(run, try image())])
    run.set([], #"{"$quipu":0}"#, media: [register(run, try image(1))])
    run.put(.summarySet, CoreRun.payload("[", media: [register(run, try image(2))]))
    run.pump()
    #expect(run.media.count == 0)
  }

  // MARK: Full disks

  /// Makes the next write of a file fail as on a full disk: once, because a failed file is removed.
  private func fill(_ path: String) {
    unlink(path)
    symlink("/dev/full", path)
  }

  /// The files that a row of two images and a table makes, learnt from a run of its own.
  private func files(_ log: (CoreRun) throws -> Void) throws -> [String] {
    let run = try CoreRun()
    try log(run)
    return try run.close().files
  }

  @Test(arguments: [0, 1, 2]) func callThatMetAFullDiskIsWrittenWholeLater(which: Int) throws {
    func log(_ run: CoreRun) throws {
      run.row(
        #"{"p":{"$quipu":0},"t":{"$quipu":1},"q":{"$quipu":2}}"#,
        media: [register(run, try image(1)), register(run, try table()), register(run, try image(2))])
      run.row(#"{"after":1}"#)
    }
    let names = try files(log)
    #expect(names.count == 3)
    let run = try CoreRun()
    let full = run.context.filesDirectory + "/" + names[which]
    for folder in ["media", "media/images", "media/table"] { mkdir(run.context.filesDirectory + "/" + folder, 0o777) }
    fill(full)
    try log(run)
    run.pump()
    #expect(run.writer.rowsWritten == 0)
    #expect(run.writer.isDiskFailing)
    #expect(run.reports.kinds == ["disk_full"])
    #expect(run.writer.writeErrors == 1)
    // Not before the pause is over.
    #expect(!run.writer.takeEntries(now: 1000))
    fill(full)
    #expect(!run.writer.takeEntries(now: 3_000_000_000))
    #expect(run.writer.writeErrors == 2)
    #expect(run.writer.takeEntries(now: 6_000_000_000))
    #expect(run.writer.flush(now: 6_000_000_000))
    let found = try run.log()
    #expect(found.files == names)
    #expect(found.artifacts == 1)
    #expect(found.plainRows.count == 2 && found.plainRows[0]["q"]?.objectValue?["_type"] == "image-file")
    #expect(run.directory.files(below: "staging").count == 1)
    #expect(!run.writer.isDiskFailing)
    #expect(run.reports.kinds == ["disk_full", "disk_recovered"])
    for name in names { #expect(FileTools.size(run.context.filesDirectory + "/" + name) ?? 0 > 0) }
  }

  @Test func tableWhoseStagingCannotBeWrittenIsLeftOutOfItsRow() throws {
    let run = try CoreRun()
    _ = FileTools.writeNew(run.context.stagingDirectory, [1])
    run.row(#"{"a":1,"t":{"$quipu":0}}"#, media: [register(run, try table())])
    #expect(try run.close().plainRows == [object(#"{"a":1,"_step":0}"#)])
    #expect(run.reports.kinds == ["media_failed"])
    #expect(run.writer.valuesDropped == 1)
  }

  @Test func imageWhoseDirectoryCannotBeMadeIsLeftOutOfItsRow() throws {
    let run = try CoreRun()
    _ = FileTools.writeNew(run.context.filesDirectory + "/media", [1])
    run.row(#"{"a":1,"p":{"$quipu":0}}"#, media: [register(run, try image())])
    #expect(try run.close().plainRows == [object(#"{"a":1,"_step":0}"#)])
    #expect(run.reports.kinds == ["media_failed"])
  }

  // MARK: Fork

  /// The child of a fork has no thread that goes on with what was being encoded.
  @Test func pixelsThatWereBeingEncodedAtAForkAreTakenAgainInTheChild() throws {
    _ = ProcessState.shared.openRuns
    let pixels = [UInt8](repeating: 7, count: 4)
    let media = try pixels.withUnsafeBytes {
      try Media.image(try ArrayView(base: $0.baseAddress, dtype: .u8, shape: [2, 2]))
    }
    #expect(media.takeUnencoded().count == 1)
    #expect(media.takeUnencoded().isEmpty)
    #expect(inChild { media.takeUnencoded().count == 1 ? 0 : 1 } == 0)
  }
}
