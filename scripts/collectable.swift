// collectable FROM TO [MEMBER...]: copies a static archive so that the linker may drop what nobody refers to.
//
// The compiler marks every public function and every piece of data of a library as "retained" (SHF_GNU_RETAIN), for a
// program that was not seen yet may want it. In a static library that is linked into one closed file nobody can come
// later, and the mark costs a megabyte: the linker's section garbage collection must keep what the mark is on. Here it
// is taken off. What something refers to still stays, and so do the tables that the Swift run-time walks (swift5_*),
// with all that they name: nothing can go missing at run time.
//
// The MEMBERs named also lose what they run when the library is loaded.
//
// Only the flag word of section headers changes; sizes and places stay. Archives and 64-bit little-endian ELF as on all
// of Swift's Linux platforms; anything else is an error, and the caller takes the library as it is.

import Glibc

struct Unreadable: Error {
  var reason: String
}

func read(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw Unreadable(reason: "cannot open \(path)") }
  defer { fclose(file) }
  guard fseek(file, 0, SEEK_END) == 0, case let size = ftell(file), size > 0, fseek(file, 0, SEEK_SET) == 0 else {
    throw Unreadable(reason: "cannot read \(path)")
  }
  var bytes = [UInt8](repeating: 0, count: size)
  guard fread(&bytes, 1, size, file) == size else { throw Unreadable(reason: "cannot read \(path)") }
  return bytes
}

func write(_ bytes: [UInt8], to path: String) throws {
  guard let file = fopen(path, "wb") else { throw Unreadable(reason: "cannot write \(path)") }
  let written = fwrite(bytes, 1, bytes.count, file)
  guard fclose(file) == 0, written == bytes.count else { throw Unreadable(reason: "cannot write \(path)") }
}

/// A file's bytes; a place outside of them is an error, never a trap.
struct Image {
  var bytes: [UInt8]

  func number(_ offset: Int, _ size: Int) throws -> Int {
    guard offset >= 0, size <= bytes.count, offset <= bytes.count - size else { throw Unreadable(reason: "cut short") }
    let value = bytes[offset..<offset + size].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard let value = Int(exactly: value) else { throw Unreadable(reason: "a number out of range") }
    return value
  }

  func starts(_ text: String, at offset: Int) -> Bool {
    offset >= 0 && offset <= bytes.count && bytes[offset...].starts(with: text.utf8)
  }

  /// Clears the mark in the object file at `base`; how many sections had it.
  mutating func clear(object base: Int, quiet: Bool) throws -> Int {
    let class64: UInt8 = 2, littleEndian: UInt8 = 1
    guard try number(base + 4, 1) == class64, try number(base + 5, 1) == littleEndian else {
      throw Unreadable(reason: "not 64-bit little-endian")
    }
    let headers = base + (try number(base + 0x28, 8))
    let headerSize = try number(base + 0x3a, 2)
    var count = try number(base + 0x3c, 2)
    var names = try number(base + 0x3e, 2)
    // More sections than the ELF header can say: the first section header says it.
    if count == 0 { count = try number(headers + 0x20, 8) }
    if names == 0xffff { names = try number(headers + 0x28, 4) }
    let nameTable = base + (try number(headers + names * headerSize + 0x18, 8))

    let retained = 0x20_0000, excluded = 0x8000_0000, startUp = 14
    var cleared = 0
    for index in 0..<count {
      let header = headers + index * headerSize
      var flags = try number(header + 8, 4)
      if flags & retained != 0, !starts("swift5_", at: nameTable + (try number(header, 4))) {
        flags &= ~retained
        cleared += 1
      }
      if quiet, try number(header + 4, 4) == startUp { flags |= excluded }
      for byte in 0..<4 { bytes[header + 8 + byte] = UInt8(truncatingIfNeeded: flags >> (8 * byte)) }
    }
    return cleared
  }

  mutating func clearAll(quiet: [String]) throws -> Int {
    guard starts("!<arch>\n", at: 0) else { throw Unreadable(reason: "not a static archive") }
    var cleared = 0
    var member = 8
    while member < bytes.count {
      guard member + 60 <= bytes.count, starts("`\n", at: member + 58),
        let size = Int(String(decoding: bytes[member + 48..<member + 58].prefix { $0 != 0x20 }, as: UTF8.self)),
        size >= 0, size <= bytes.count - member - 60
      else { throw Unreadable(reason: "a damaged archive") }
      if starts("\u{7f}ELF", at: member + 60) {
        let isQuiet = quiet.contains { starts($0 + "/", at: member) }
        cleared += try clear(object: member + 60, quiet: isQuiet)
      }
      member += 60 + size + size % 2
    }
    return cleared
  }
}

guard CommandLine.arguments.count >= 3 else {
  fputs("collectable FROM TO [MEMBER...]\n", stderr)
  exit(2)
}
do {
  var image = Image(bytes: try read(CommandLine.arguments[1]))
  let cleared = try image.clearAll(quiet: Array(CommandLine.arguments[3...]))
  try write(image.bytes, to: CommandLine.arguments[2])
  print("\(CommandLine.arguments[1]): \(cleared) sections may be dropped")
} catch let error as Unreadable {
  fputs("\(CommandLine.arguments[1]): \(error.reason)\n", stderr)
  exit(1)
}
