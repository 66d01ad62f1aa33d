import QuipuBase

/// Files that are uploaded whenever they change.
extension RunFiles {
  static let lookTime: Int64 = 1_000_000_000
  /// A file that never comes to rest is sent all the same, but not more often than this, and not for more than a fifth
  /// of the time.
  static let restlessTime: Int64 = 15_000_000_000
  /// Looks a second: each may be a question to a file server.
  static let looks = 1000

  func watch() {
    guard isLive, liveTimer == nil, !liveItems.isEmpty, !isFinishing, !isCancelled else { return }
    liveTimer = sender.after(Self.lookTime) { [weak self] in
      guard let self else { return }
      liveTimer = nil
      look()
      watch()
    }
  }

  private func look() {
    for _ in 0..<min(Self.looks, liveItems.count) {
      if livePosition >= liveItems.count { livePosition = 0 }
      let item = liveItems[livePosition]
      livePosition += 1
      if item.stage == .resting { look(item) }
    }
  }

  private func look(_ item: Item) {
    guard case .success(let local) = LocalFile.find(item.path, in: directory) else {
      item.seen = nil
      return
    }
    let now = sender.now
    let before = item.seen
    item.seen = local.facts
    if let known = uploaded[Key(item.path)], known.modified != 0, known.modified == local.facts.modified,
      known.size == local.facts.size
    {
      item.restlessSince = nil
      return
    }
    // The time of its last change could not be trusted when it was sent; once it rests it is compared again.
    if before == local.facts {
      item.restlessSince = nil
      wake(item)
      return
    }
    let since = item.restlessSince ?? now
    item.restlessSince = since
    if now &- since >= Self.restlessTime, now &- item.sentAt >= max(Self.restlessTime, item.sentFor &* 5) {
      item.restlessSince = now
      wake(item)
    }
  }
}
