import QuipuBase

/// A key that rows are asked for.
struct KeyRequest {
  var key: [UInt8]
  /// The key as a member's name, with a comma in front.
  var name: [UInt8]

  /// Each key once.
  static func list(_ keys: [String], _ form: RowForm) -> [KeyRequest] {
    var seen: Set<[UInt8]> = []
    return keys.compactMap { key in
      let bytes = Array(key.utf8)
      guard seen.insert(bytes).inserted else { return nil }
      var name = ByteBuffer(capacity: bytes.count + 16)
      bytes.withUnsafeBytes { name.appendName($0, form) }
      return KeyRequest(key: bytes, name: name.array())
    }
  }
}

/// Reads rows of one segment and writes them.
final class RowPlan {
  private struct Leaf {
    let reader: ColumnReader
    let components: Int
    /// How many components the path shares with the leaf before.
    let shared: Int
    /// Where in `names` the components' names start, and an end: the first of `components + 1` numbers in `nameEnds`.
    let nameEnds: Int
  }

  private struct Item {
    /// In `names`.
    let name: Range<Int>
    let isStep: Bool
    let leaves: [Int]
    let trees: [(leaves: Range<Int>, depth: Int)]
    /// All of both.
    let all: [Int]
  }

  /// A member that rows of the loaded page may have; laid out so that a row is written without a look at the objects
  /// behind it, which live as long as the plan.
  private struct Slot {
    enum Kind { case step, integers, doubles, texts, item }

    let kind: Kind
    /// In `names`.
    let nameStart: Int
    let nameCount: Int
    let values: Unmanaged<PageValues>
    let bits: UnsafeMutablePointer<UInt64>
    let present: UnsafeMutablePointer<UInt64>
    /// Of `items`, for the kind that needs a closer look.
    let item: Int
  }

  let layout: SegmentLayout
  private let form: RowForm
  private let requireAll: Bool
  /// nil: all keys.
  private var items: [Item]?
  private var leaves: [Leaf] = []
  private var names = ByteBuffer(capacity: 1024)
  private var nameEnds: [Int] = []
  private let steps: StepReader
  private var stepName: Range<Int>?
  /// No path has more than one component.
  private var isFlat = true

  private var page = -1
  /// Leaves that have values on the page.
  private var active: [Int] = []
  private var isActive: [Bool] = []
  private var slots: [Slot] = []
  private let mask: UnsafeMutablePointer<UInt64>
  private let scratch: UnsafeMutablePointer<UInt64>
  private let words: Int

  /// - Parameter keys: nil for all.
  init(_ layout: SegmentLayout, _ keys: [KeyRequest]?, requireAll: Bool, _ form: RowForm) throws(SegmentError) {
    self.layout = layout
    self.form = form
    self.requireAll = requireAll
    steps = try StepReader(layout)
    words = PageValues.words(layout.pageRows)
    mask = .allocate(capacity: words)
    scratch = .allocate(capacity: words)
    if let key = layout.stepKey {
      key.withUnsafeBytes { names.appendName($0, form) }
      stepName = 0..<names.count
    }
    guard let keys else {
      try addLeaves(layout.columns.indices)
      isActive = [Bool](repeating: false, count: leaves.count)
      return
    }
    var matches: [(request: KeyRequest, match: KeyMatch, isStep: Bool)] = []
    for key in keys {
      let isStep = key.key == layout.stepKey
      matches.append((key, isStep ? KeyMatch() : layout.match(key.key), isStep))
    }
    var items: [Item] = []
    // A row that lacks a key of which the segment knows nothing need not be looked at.
    let isHopeless = requireAll && matches.contains { $0.match.isEmpty && !$0.isStep }
    for (request, match, isStep) in matches where !isHopeless {
      let first = leaves.count
      for column in match.leaves { try addLeaves(column..<column + 1) }
      let found = Array(first..<leaves.count)
      var trees: [(leaves: Range<Int>, depth: Int)] = []
      for tree in match.trees {
        let start = leaves.count
        try addLeaves(tree.columns)
        trees.append((start..<leaves.count, tree.depth))
      }
      let name = names.count
      names.append(request.name)
      items.append(
        Item(
          name: name..<names.count, isStep: isStep, leaves: found, trees: trees, all: Array(first..<leaves.count)))
    }
    self.items = items
    isActive = [Bool](repeating: false, count: leaves.count)
  }

  deinit {
    mask.deallocate()
    scratch.deallocate()
  }

  private func addLeaves(_ columns: Range<Int>) throws(SegmentError) {
    for column in columns {
      let components = layout.columns[column].components
      var shared = 0
      if column > columns.lowerBound && (components > 1 || layout.columns[column - 1].components > 1) {
        var path = layout.path(column), previous = layout.path(column - 1)
        while let a = path.next(), let b = previous.next(), compareBytes(a, b) == 0 { shared += 1 }
      }
      if components > 1 { isFlat = false }
      let leaf = Leaf(
        reader: try ColumnReader(layout, column), components: components, shared: shared, nameEnds: nameEnds.count)
      nameEnds.append(names.count)
      var path = layout.path(column)
      while let component = path.next() {
        names.appendName(component, form)
        nameEnds.append(names.count)
      }
      leaves.append(leaf)
    }
  }

  // MARK: Which rows

  /// How many of `rows` are written. Reads pages only where several keys have gaps or `rows` cuts one.
  func count(_ rows: Range<Int>) throws(SegmentError) -> Int {
    guard let items else { return rows.count }
    if items.isEmpty { return 0 }
    var total = 0
    var at = rows.lowerBound
    while at < rows.upperBound {
      let page = at / layout.pageRows
      let end = min(rows.upperBound, (page + 1) * layout.pageRows)
      total += try count(items, page, at..<end)
      at = end
    }
    return total
  }

  private func count(_ items: [Item], _ page: Int, _ rows: Range<Int>) throws(SegmentError) -> Int {
    let pageRows = layout.rows(ofPage: page)
    // The number of rows with the one key that has gaps, if there is only one.
    var gaps: Int?
    var isClear = true
    for item in items where isClear {
      if item.isStep {
        if !requireAll { return rows.count }
        continue
      }
      // Rows with a value, of columns that have gaps.
      var some = 0
      var columns = 0
      var isFull = false
      for leaf in item.all {
        let present = leaves[leaf].reader.index.entries[page].present
        if present == pageRows.count { isFull = true }
        if present > 0 { columns += 1 }
        some = present
      }
      if isFull {
        if !requireAll { return rows.count }
        continue
      }
      if columns == 0 {
        if requireAll { return 0 }
        continue
      }
      if gaps != nil || item.all.count > 1 { isClear = false }
      gaps = some
    }
    if isClear {
      guard let gaps else { return requireAll ? rows.count : 0 }
      if rows == pageRows { return gaps }
    }
    let mask = try selectRows(page, rows)
    var count = 0
    for word in 0..<words { count += mask[word].nonzeroBitCount }
    return count
  }

  /// Loads a page. The result has a bit for each of its rows that is within `rows` and written.
  func selectRows(_ page: Int, _ rows: Range<Int>) throws(SegmentError) -> UnsafePointer<UInt64> {
    try load(page)
    let start = page * layout.pageRows
    PageValues.fill(mask, rows.upperBound - start, of: layout.pageRows)
    PageValues.fill(scratch, rows.lowerBound - start, of: layout.pageRows)
    for word in 0..<words { mask[word] &= ~scratch[word] }
    guard let items else { return UnsafePointer(mask) }
    if items.isEmpty { mask.update(repeating: 0, count: words) }
    if !requireAll {
      // Rows with one of the keys, gathered in `scratch`.
      scratch.update(repeating: 0, count: words)
      for item in items { unite(item, into: scratch) }
      for word in 0..<words { mask[word] &= scratch[word] }
    } else {
      for item in items {
        scratch.update(repeating: 0, count: words)
        unite(item, into: scratch)
        for word in 0..<words { mask[word] &= scratch[word] }
      }
    }
    return UnsafePointer(mask)
  }

  private func unite(_ item: Item, into target: UnsafeMutablePointer<UInt64>) {
    if item.isStep { target.update(repeating: .max, count: words) }
    func unite(_ leaf: Int) {
      guard isActive[leaf] else { return }
      let values = leaves[leaf].reader.values
      for word in 0..<PageValues.words(values.rows) { target[word] |= values.present[word] }
    }
    for leaf in item.all { unite(leaf) }
  }

  private func load(_ page: Int) throws(SegmentError) {
    guard page != self.page else { return }
    self.page = -1
    active.removeAll(keepingCapacity: true)
    for at in leaves.indices {
      let reader = leaves[at].reader
      isActive[at] = reader.entries[page].encoding != .absent
      guard isActive[at] else { continue }
      try reader.load(page)
      active.append(at)
    }
    try steps.column.load(page)
    makeSlots()
    self.page = page
  }

  private func makeSlots() {
    slots.removeAll(keepingCapacity: true)
    if let items {
      for (number, item) in items.enumerated() {
        let present = item.all.filter { isActive[$0] }
        if item.isStep {
          addSlot(.step, item.name, steps.column.values)
        } else if present.count == 1, item.leaves.contains(present[0]) {
          addSlot(leaves[present[0]].reader.values, item.name)
        } else if !present.isEmpty {
          addSlot(.item, item.name, steps.column.values, item: number)
        }
      }
      return
    }
    if let stepName { addSlot(.step, stepName, steps.column.values) }
    guard isFlat else { return }
    for at in active {
      let leaf = leaves[at]
      addSlot(leaf.reader.values, nameEnds[leaf.nameEnds]..<nameEnds[leaf.nameEnds + 1])
    }
  }

  private func addSlot(_ values: PageValues, _ name: Range<Int>) {
    switch values.form {
    case .absent: break
    case .integers: addSlot(.integers, name, values)
    case .doubles: addSlot(.doubles, name, values)
    case .texts: addSlot(.texts, name, values)
    }
  }

  private func addSlot(_ kind: Slot.Kind, _ name: Range<Int>, _ values: PageValues, item: Int = 0) {
    slots.append(
      Slot(
        kind: kind, nameStart: name.lowerBound, nameCount: name.count, values: .passUnretained(values),
        bits: values.bits, present: values.present, item: item))
  }

  // MARK: Writing

  /// Writes a row of the page that was loaded last, as an object.
  /// - Parameter row: within the page.
  func write(_ row: Int, to out: inout ByteBuffer) {
    let start = out.count
    // The first member's comma becomes the brace.
    let word = row &>> 6, bit = UInt64(truncatingIfNeeded: row & 63)
    for slot in slots {
      guard slot.present[word] &>> bit & 1 != 0 else { continue }
      if slot.kind == .item {
        write(slot, row, &out)
        continue
      }
      if let base = names.bytes.baseAddress { out.append(base + slot.nameStart, count: slot.nameCount) }
      switch slot.kind {
      case .step, .integers: out.appendDecimal(Int64(bitPattern: slot.bits[row]))
      case .doubles: out.appendNumber(Double(bitPattern: slot.bits[row]), form)
      case .texts: slot.values._withUnsafeGuaranteedRef { out.appendText($0.text(row), form) }
      case .item: break
      }
    }
    if !isFlat && items == nil { writeTree(active, depth: 0, row, &out) }
    if out.count == start {
      out.append(UInt8(ascii: "{"))
    } else {
      out.mutableBytes[start] = UInt8(ascii: "{")
    }
    out.append(UInt8(ascii: "}"))
  }

  /// A key that may stand for several columns: the first that has a value counts.
  private func write(_ slot: Slot, _ row: Int, _ out: inout ByteBuffer) {
    guard let item = items?[slot.item] else { return }
    for leaf in item.leaves where isActive[leaf] {
      let values = leaves[leaf].reader.values
      guard values.has(row) else { continue }
      out.append(UnsafeRawBufferPointer(rebasing: names.bytes[item.name]))
      out.appendValue(values, row, form)
      return
    }
    for tree in item.trees {
      let present = tree.leaves.filter { isActive[$0] && leaves[$0].reader.values.has(row) }
      if present.isEmpty { continue }
      out.append(UnsafeRawBufferPointer(rebasing: names.bytes[item.name]))
      let start = out.count
      writeTree(present, depth: tree.depth, row, &out)
      out.mutableBytes[start] = UInt8(ascii: "{")
      out.append(UInt8(ascii: "}"))
      return
    }
  }

  /// Writes the members that the leaves' paths make behind their first `depth` components, with a comma in front.
  private func writeTree(_ range: [Int], depth: Int, _ row: Int, _ out: inout ByteBuffer) {
    var previous = -1
    // Objects open around the last value.
    var open = depth
    for at in range {
      let leaf = leaves[at]
      let values = leaf.reader.values
      guard values.has(row) else { continue }
      var shared = depth
      if previous >= 0 {
        shared = leaf.components &- 1
        for between in previous &+ 1...at { shared = min(shared, leaves[between].shared) }
        shared = max(depth, min(shared, open))
      }
      out.append(repeating: UInt8(ascii: "}"), count: open &- shared)
      open = leaf.components &- 1
      for component in shared...max(shared, open) {
        let start = nameEnds[leaf.nameEnds &+ component], end = nameEnds[leaf.nameEnds &+ component &+ 1]
        let name = out.count
        out.append(UnsafeRawBufferPointer(rebasing: names.bytes[start..<end]))
        // The comma in front of an object's first member is its brace.
        if component > shared { out.mutableBytes[name] = UInt8(ascii: "{") }
      }
      out.appendValue(values, row, form)
      previous = at
    }
    out.append(repeating: UInt8(ascii: "}"), count: open &- depth)
  }
}
