/// An array of Arrow's C data interface: `struct ArrowArray` together with the `struct ArrowSchema` that says how to
/// read it. Borrowed memory of the producer.
///
/// The interface has no sizes of buffers, so offsets can be checked against each other only: the producer is code of the
/// same process.
///
/// Source: Apache Arrow, "The Arrow C data interface", format strings of version 1.5.
struct ArrowArray {
  let schema: ArrowSchema
  let length: Int
  let offset: Int
  private let nullCount: Int64
  private let base: UnsafeRawPointer
  private let bufferCount: Int
  private let buffers: UnsafePointer<UnsafeRawPointer?>?

  /// - Throws: `value` for lengths that make no sense or children that are missing.
  init(_ base: UnsafeRawPointer, _ schema: ArrowSchema) throws(MediaError) {
    self.base = base
    self.schema = schema
    guard let length = Int(exactly: base.load(as: Int64.self)), length >= 0, length <= 1 << 40,
      let offset = Int(exactly: base.load(fromByteOffset: 16, as: Int64.self)), offset >= 0, offset <= 1 << 40,
      let bufferCount = Int(exactly: base.load(fromByteOffset: 24, as: Int64.self)), bufferCount >= 0,
      base.load(fromByteOffset: 32, as: Int64.self) == Int64(schema.children.count)
    else { throw MediaError(.value, "stream: an array of column '\(schema.name)' is malformed") }
    self.length = length
    self.offset = offset
    self.bufferCount = bufferCount
    nullCount = base.load(fromByteOffset: 8, as: Int64.self)
    buffers = base.load(fromByteOffset: 40, as: UnsafePointer<UnsafeRawPointer?>?.self)
  }

  /// - Throws: `value` when the producer has no such buffer.
  func buffer(_ index: Int) throws(MediaError) -> UnsafeRawPointer {
    guard index < bufferCount, let buffers, let found = buffers[index] else {
      throw MediaError(.value, "stream: column '\(schema.name)' lacks buffer \(index) of its values")
    }
    return found
  }

  /// Which rows hold nothing, bits from the least on; nil if all hold something.
  var validity: UnsafePointer<UInt8>? {
    guard nullCount != 0, bufferCount > 0, let buffers, let bits = buffers[0] else { return nil }
    return bits.assumingMemoryBound(to: UInt8.self)
  }

  /// - Parameter row: counted from the array's offset.
  func isMissing(_ row: Int) -> Bool {
    if schema.format == "n" { return true }
    guard let validity else { return false }
    let at = offset &+ row
    return validity[at >> 3] >> UInt8(at & 7) & 1 == 0
  }

  func child(_ index: Int) throws(MediaError) -> ArrowArray {
    guard let children = base.load(fromByteOffset: 48, as: UnsafePointer<UnsafeRawPointer?>?.self),
      index < schema.children.count, let child = children[index]
    else { throw MediaError(.value, "stream: column '\(schema.name)' lacks part \(index)") }
    return try ArrowArray(child, schema.children[index])
  }

  /// The values that a dictionary-encoded array's numbers mean.
  func dictionary() throws(MediaError) -> ArrowArray? {
    guard let values = schema.dictionary.first else { return nil }
    guard let found = base.load(fromByteOffset: 56, as: UnsafeRawPointer?.self) else {
      throw MediaError(.value, "stream: column '\(schema.name)' lacks its dictionary")
    }
    return try ArrowArray(found, values)
  }
}

/// `struct ArrowSchema`, copied.
struct ArrowSchema {
  let format: String
  let name: String
  let children: [ArrowSchema]
  /// One element for a dictionary-encoded type, else none.
  let dictionary: [ArrowSchema]

  /// Types inside types, at most.
  static let maximumDepth = 32

  init(_ base: UnsafeRawPointer, depth: Int = 0) throws(MediaError) {
    func text(_ offset: Int) -> String {
      base.load(fromByteOffset: offset, as: UnsafePointer<CChar>?.self).map { String(cString: $0) } ?? ""
    }
    let name = text(8)
    format = text(0)
    self.name = name
    let count = base.load(fromByteOffset: 32, as: Int64.self)
    guard depth < Self.maximumDepth, count >= 0, count <= 1 << 16 else {
      throw MediaError(.value, "stream: the type of column '\(name)' is nested too deeply or has too many parts")
    }
    var children: [ArrowSchema] = []
    if count > 0 {
      let list = base.load(fromByteOffset: 40, as: UnsafePointer<UnsafeRawPointer?>?.self)
      for at in 0..<Int(count) {
        guard let child = list.flatMap({ $0[at] }) else {
          throw MediaError(.value, "stream: the type of column '\(name)' lacks part \(at)")
        }
        children.append(try ArrowSchema(child, depth: depth &+ 1))
      }
    }
    self.children = children
    var dictionary: [ArrowSchema] = []
    if let values = base.load(fromByteOffset: 48, as: UnsafeRawPointer?.self) {
      dictionary.append(try ArrowSchema(values, depth: depth &+ 1))
    }
    self.dictionary = dictionary
  }
}

/// A stream of record batches: `struct ArrowArrayStream`.
///
/// What it hands out is released when it is no longer needed, the stream itself with `release()`.
struct ArrowStream {
  private let base: UnsafeMutableRawPointer

  private typealias Get = @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32
  private typealias Text = @convention(c) (UnsafeMutableRawPointer) -> UnsafePointer<CChar>?
  private typealias Release = @convention(c) (UnsafeMutableRawPointer) -> Void

  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  /// Whether somebody has taken the stream already.
  var isReleased: Bool { base.load(fromByteOffset: 24, as: Release?.self) == nil }

  func release() {
    if let release = base.load(fromByteOffset: 24, as: Release?.self) { release(base) }
  }

  private func failure(_ code: Int32) -> MediaError {
    let reason = base.load(fromByteOffset: 16, as: Text?.self).flatMap { $0(base) }.map { String(cString: $0) }
    return MediaError(.value, "stream: its producer failed with error \(code): \(reason ?? "no reason given")")
  }

  /// Calls `body` with an object of the producer and releases it afterwards.
  private func with<R>(
    _ function: Int, size: Int, release: Int, _ body: (UnsafeMutableRawPointer) throws(MediaError) -> R
  ) throws(MediaError) -> R {
    guard let get = base.load(fromByteOffset: function, as: Get?.self), !isReleased else {
      throw MediaError(.value, "stream: was read to its end or released before; pass a fresh one")
    }
    let object = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer { object.deallocate() }
    object.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    let code = get(base, object)
    guard code == 0 else { throw failure(code) }
    defer { if let done = object.load(fromByteOffset: release, as: Release?.self) { done(object) } }
    return try body(object)
  }

  func schema() throws(MediaError) -> ArrowSchema {
    try with(0, size: 72, release: 56) { object throws(MediaError) in
      guard object.load(fromByteOffset: 56, as: Release?.self) != nil else {
        throw MediaError(.value, "stream: has no schema")
      }
      return try ArrowSchema(object)
    }
  }

  /// Calls `body` with the next record batch; false at the end.
  func next(_ schema: ArrowSchema, _ body: (ArrowArray) throws(MediaError) -> Void) throws(MediaError) -> Bool {
    try with(8, size: 80, release: 64) { object throws(MediaError) in
      guard object.load(fromByteOffset: 64, as: Release?.self) != nil else { return false }
      try body(try ArrowArray(object, schema))
      return true
    }
  }
}
