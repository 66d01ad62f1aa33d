import QuipuBase

/// The grammar of SMILES, checked without a chemistry toolkit: atoms, bonds, branches and rings, not valences.
///
/// Source: OpenSMILES specification, section 4 (grammar).
public enum Smiles {
  /// - Throws: `.value` with the place of the first thing that is wrong; the text names the argument `smiles`.
  public static func check(_ text: UnsafeRawBufferPointer) throws(MediaError) {
    var reader = Reader(text: text)
    try reader.read()
  }

  private struct Reader {
    let text: UnsafeRawBufferPointer
    var at = 0
    var branches = 0
    /// Ring bonds that are open, by number.
    var rings = [Bool](repeating: false, count: 100)
    /// There is an atom that the next bond, branch or ring can start from.
    var hasAtom = false
    var hasBond = false
    /// A branch has been opened and has no atom yet.
    var isBranchEmpty = false

    init(text: UnsafeRawBufferPointer) { self.text = text }

    var next: UInt8 { at < text.count ? text[at] : 0 }

    func wrong(_ what: String) -> MediaError {
      MediaError(.value, "smiles: \(what) at character \(at + 1); pass a SMILES such as CC(=O)O")
    }

    mutating func read() throws(MediaError) {
      while at < text.count, text[at] == 32 || text[at] == 9 { at += 1 }
      guard at < text.count else { throw MediaError(.value, "smiles: is empty; pass a SMILES such as CC(=O)O") }
      reading: while at < text.count {
        let byte = text[at]
        switch byte {
        case UInt8(ascii: "["):
          try readBracketAtom()
          atomDone()
        case UInt8(ascii: "("):
          guard hasAtom, !hasBond else { throw wrong("a branch without an atom before it") }
          guard !isBranchEmpty else { throw wrong("a branch that begins with a branch") }
          branches += 1
          isBranchEmpty = true
          at += 1
        case UInt8(ascii: ")"):
          guard branches > 0 else { throw wrong("a ')' without its '('") }
          guard !isBranchEmpty, !hasBond, hasAtom else { throw wrong("a branch without an atom") }
          branches -= 1
          at += 1
        case UInt8(ascii: "-"), UInt8(ascii: "="), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: ":"),
          UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "~"):
          guard hasAtom, !hasBond else { throw wrong("a bond without an atom before it") }
          hasBond = true
          // "->" and "<-" are RDKit's dative bonds.
          at += byte == UInt8(ascii: "-") && at + 1 < text.count && text[at + 1] == UInt8(ascii: ">") ? 2 : 1
        case UInt8(ascii: "<") where at + 1 < text.count && text[at + 1] == UInt8(ascii: "-"):
          guard hasAtom, !hasBond else { throw wrong("a bond without an atom before it") }
          hasBond = true
          at += 2
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "%"): try readRing()
        case UInt8(ascii: "."):
          guard hasAtom, !hasBond else { throw wrong("a dot without an atom before it") }
          hasAtom = false
          at += 1
        case 32, 9: break reading  // a name may follow
        default:
          guard readAtom() else { throw wrong("no atom or bond") }
          atomDone()
        }
      }
      if hasBond { throw wrong("a bond without an atom behind it") }
      if branches > 0 { throw wrong("a '(' without its ')'") }
      guard hasAtom else { throw wrong("no atom behind a dot") }
      if let open = rings.firstIndex(of: true) { throw wrong("ring \(open) is opened and not closed") }
    }

    mutating func atomDone() {
      hasAtom = true
      hasBond = false
      isBranchEmpty = false
    }

    /// One of the atoms that need no brackets.
    mutating func readAtom() -> Bool {
      let byte = text[at]
      let following = at + 1 < text.count ? text[at + 1] : 0
      if byte == UInt8(ascii: "C") && following == UInt8(ascii: "l")
        || byte == UInt8(ascii: "B") && following == UInt8(ascii: "r")
      {
        at += 2
        return true
      }
      guard Smiles.contains("BCNOPSFIbcnops*", byte) else { return false }
      at += 1
      return true
    }

    mutating func readRing() throws(MediaError) {
      guard hasAtom, !isBranchEmpty else { throw wrong("a ring bond without an atom before it") }
      var number = Int(next) - 48
      if next == UInt8(ascii: "%") {
        guard at + 2 < text.count, let tens = digit(text[at + 1]), let ones = digit(text[at + 2]) else {
          throw wrong("'%' without two digits")
        }
        number = tens * 10 + ones
        at += 2
      }
      rings[number].toggle()
      hasBond = false
      at += 1
    }

    func digit(_ byte: UInt8) -> Int? { (48...57).contains(byte) ? Int(byte) - 48 : nil }

    mutating func skipDigits(_ most: Int) -> Int {
      let start = at
      while at - start < most, digit(next) != nil { at += 1 }
      return at - start
    }

    /// `[` isotope? symbol chirality? hydrogens? charge? class? `]`
    mutating func readBracketAtom() throws(MediaError) {
      at += 1
      _ = skipDigits(3)
      try readSymbol()
      if next == UInt8(ascii: "@") {
        at += 1
        if next == UInt8(ascii: "@") {
          at += 1
        } else if Smiles.contains("TASO", next) {  // @TH1, @AL1, @SP1, @TB1, @OH1
          at += 2
          _ = skipDigits(2)
        }
      }
      if next == UInt8(ascii: "H") {
        at += 1
        _ = skipDigits(1)
      }
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") {
        let sign = next
        at += 1
        if skipDigits(2) == 0 { while next == sign { at += 1 } }
      }
      if next == UInt8(ascii: ":") {
        at += 1
        guard skipDigits(9) > 0 else { throw wrong("an atom class without a number") }
      }
      guard next == UInt8(ascii: "]") else { throw wrong("no ']' that closes the atom") }
      at += 1
    }

    mutating func readSymbol() throws(MediaError) {
      let byte = next
      let following = at + 1 < text.count ? text[at + 1] : 0
      if byte == UInt8(ascii: "*") || byte == UInt8(ascii: "#") && digit(following) != nil {
        at += 1
        if byte == UInt8(ascii: "#") { _ = skipDigits(3) }
        return
      }
      if (97...122).contains(following), Smiles.isElement(byte, following) {
        at += 2
        return
      }
      guard Smiles.isElement(byte, 32) else { throw wrong("no element") }
      at += 1
    }
  }

  fileprivate static func contains(_ letters: StaticString, _ byte: UInt8) -> Bool {
    for at in 0..<letters.utf8CodeUnitCount where letters.utf8Start[at] == byte { return true }
    return false
  }

  /// Two bytes each; the aromatic ones in lower case.
  private static let elements: StaticString = """
    H HeLiBeB C N O F NeNaMgAlSiP S ClArK CaScTiV CrMnFeCoNiCuZnGaGeAsSeBrKrRbSrY ZrNbMoTcRuRhPdAgCdInSnSbTeI XeCsBa\
    LaCePrNdPmSmEuGdTbDyHoErTmYbLuHfTaW ReOsIrPtAuHgTlPbBiPoAtRnFrRaAcThPaU NpPuAmCmBkCfEsFmMdNoLrRfDbSgBhHsMtDsRgCn\
    NhFlMcLvTsOgb c n o p s seasteD T \

    """

  fileprivate static func isElement(_ first: UInt8, _ second: UInt8) -> Bool {
    let start = elements.utf8Start
    for at in stride(from: 0, to: elements.utf8CodeUnitCount - 1, by: 2)
    where start[at] == first && start[at + 1] == second {
      return true
    }
    return false
  }
}
