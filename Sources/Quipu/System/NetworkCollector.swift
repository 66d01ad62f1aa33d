/// Traffic of the host's network interfaces, without loopback and those that are part of another (bond, bridge).
///
/// Keys: `network.sent`, `network.recv` (bytes since the first sample), `network.tcpRetransmits` (segments since then).
final class NetworkCollector {
  private let root: SystemRoot
  private let interfaces: ProcFile
  private let protocols: ProcFile
  private var known: [String: Interface] = [:]
  private var sent: UInt64 = 0
  private var received: UInt64 = 0
  private var firstRetransmits: UInt64?

  private struct Interface {
    var counts: Bool
    var sent: UInt64
    var received: UInt64
  }

  init(root: SystemRoot) {
    self.root = root
    interfaces = ProcFile(root("/proc/net/dev"))
    protocols = ProcFile(root("/proc/net/snmp"))
  }

  func close() {
    interfaces.close()
    protocols.close()
  }

  func sample(_ room: ReadRoom, into sample: inout StatsSample) {
    if var text = interfaces.read(room) {
      text.nextLine()
      text.nextLine()
      while !text.isAtEnd {
        defer { text.nextLine() }
        guard let bytes = text.upTo(UInt8(ascii: ":")) else { continue }
        let name = String(decoding: bytes, as: UTF8.self)
        guard let received = text.number() else { continue }
        // packets errs drop fifo frame compressed multicast
        text.skip(7)
        guard let sent = text.number() else { continue }
        take(name, sent: sent, received: received)
      }
      sample.add("network.sent", Double(sent))
      sample.add("network.recv", Double(received))
    }
    if let segments = protocols.read(room).flatMap(Self.retransmits) {
      let first = firstRetransmits ?? segments
      firstRetransmits = first
      sample.add("network.tcpRetransmits", Double(segments &- min(segments, first)))
    }
  }

  // An interface that comes later starts at zero, one that goes takes nothing back.
  private func take(_ name: String, sent: UInt64, received: UInt64) {
    guard let before = known[name] else {
      let counts = name != "lo" && !FileTools.exists(root("/sys/class/net/\(name)/master"))
      known[name] = Interface(counts: counts, sent: sent, received: received)
      return
    }
    guard before.counts else { return }
    if sent > before.sent { self.sent &+= sent &- before.sent }
    if received > before.received { self.received &+= received &- before.received }
    known[name] = Interface(counts: true, sent: sent, received: received)
  }

  /// The column `RetransSegs` of the two `Tcp:` lines: names, then values.
  private static func retransmits(_ text: FieldCursor) -> UInt64? {
    var text = text
    guard text.find("Tcp:") else { return nil }
    var column = 0
    while let name = text.word(), !name.elementsEqual("RetransSegs".utf8) { column &+= 1 }
    text.nextLine()
    guard text.take("Tcp:") else { return nil }
    text.skip(column)
    return text.number()
  }
}
