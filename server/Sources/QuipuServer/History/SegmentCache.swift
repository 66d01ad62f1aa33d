import HistoryColumns
import Storage
import Synchronization

/// Segments that were opened lately, by their record's id. A segment never changes, so nothing has to be invalidated.
final class SegmentCache: Sendable {
  private struct Entry {
    var segment: HistorySegment
    var bytes: Int
    var used: UInt64
  }
  private struct State {
    var entries: [Int64: Entry] = [:]
    var bytes = 0
    var clock: UInt64 = 0
  }

  private let state = Mutex(State())
  private let byteLimit: Int

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  func segment(id: Int64) -> HistorySegment? {
    state.withLock { state in
      guard var entry = state.entries[id] else { return nil }
      state.clock += 1
      entry.used = state.clock
      state.entries[id] = entry
      return entry.segment
    }
  }

  func add(_ segment: HistorySegment, id: Int64, bytes: Int) {
    state.withLock { state in
      state.clock += 1
      let entry = Entry(segment: segment, bytes: bytes, used: state.clock)
      guard state.entries.updateValue(entry, forKey: id) == nil else { return }
      state.bytes += bytes
      guard state.bytes > byteLimit else { return }
      // Half goes at once, so that the sort is paid rarely.
      for (id, entry) in state.entries.sorted(by: { $0.value.used < $1.value.used }) {
        guard state.bytes > byteLimit / 2 else { break }
        state.entries[id] = nil
        state.bytes -= entry.bytes
      }
    }
  }
}

extension SegmentRecord {
  /// Memory that an opened segment takes: an object's file is mapped and costs an entry of the tables only.
  var bytes: Int {
    switch body {
    case .inline(let bytes): bytes.count + 512
    case .object: 4096
    }
  }
}
