/// Uploads many logs, a few at a time; logs of one run one after the other, in the order given.
///
/// Threads: the loop's thread.
package final class SyncQueue {
  package struct Item: Sendable {
    package var plan: RunUpload.Plan
    /// Logs with the same key never go at the same time. Default: the run's id.
    package var key: String

    package init(plan: RunUpload.Plan, key: String) {
      self.plan = plan
      self.key = key
    }
  }

  /// Called with the index of the item. The last call for an item is `ended`.
  package struct Observer {
    package var started: (Int) -> Void = { _ in }
    package var notice: (Int, UploadNotice) -> Void = { _, _ in }
    package var identified: (Int, UploadIdentity) -> Void = { _, _ in }
    package var progressed: (Int, UploadProgress) -> Void = { _, _ in }
    package var ended: (Int, UploadEnd) -> Void = { _, _ in }
    package init() {}
  }

  private let sender: any RequestSender
  private let settings: SyncSettings
  private let observer: Observer
  private let width: Int
  private var items: [Item] = []
  private var waiting: [Int] = []
  private var active: [Int: RunUpload] = [:]
  /// Items whose writers went before their turn came.
  private var abandoned: Set<Int> = []

  /// - Parameter width: uploads at once; those of logs that are still being written do not count.
  package init(sender: any RequestSender, settings: SyncSettings, width: Int = 4, observer: Observer) {
    self.sender = sender
    self.settings = settings
    self.width = max(width, 1)
    self.observer = observer
  }

  /// - Returns: the item's index.
  @discardableResult
  package func add(_ item: Item) -> Int {
    items.append(item)
    waiting.append(items.count - 1)
    startMore()
    return items.count - 1
  }

  package var isIdle: Bool { waiting.isEmpty && active.isEmpty }

  /// Nothing more will be written to the log of a live upload, see `RunUpload.writerHasGone`.
  package func writerHasGone(_ index: Int) {
    if let upload = active[index] { upload.writerHasGone() } else { abandoned.insert(index) }
  }

  private func startMore() {
    var index = 0
    while index < waiting.count {
      let number = waiting[index]
      let key = items[number].key
      // Live ones take no places: they may last for weeks.
      let isLive = items[number].plan.isLive && !abandoned.contains(number)
      let places = isLive ? 0 : active.keys.count { !items[$0].plan.isLive }
      if places >= width || active.keys.contains(where: { items[$0].key == key }) {
        index += 1
        continue
      }
      waiting.remove(at: index)
      start(number)
    }
  }

  private func start(_ number: Int) {
    var hears = RunUpload.Observer()
    let observer = observer
    hears.notice = { observer.notice(number, $0) }
    hears.identified = { observer.identified(number, $0) }
    hears.progressed = { observer.progressed(number, $0) }
    hears.ended = { [weak self] end in
      observer.ended(number, end)
      guard let self else { return }
      // Not from inside the upload's own call.
      self.sender.after(0) {
        self.active[number] = nil
        self.startMore()
      }
    }
    if abandoned.contains(number) {
      items[number].plan.isLive = false
      items[number].plan.completesWithoutExit = true
    }
    let upload = RunUpload(sender: sender, settings: settings, plan: items[number].plan, observer: hears)
    active[number] = upload
    observer.started(number)
    upload.start()
  }
}
