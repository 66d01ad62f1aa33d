import QuipuBase
import Testing

@Suite struct JSONObjectTests {
  @Test func keysAreComparedByteByByte() {
    let one = Key("\u{e9}"), two = Key("e\u{301}")
    #expect(one.string == two.string)
    #expect(one != two)
    #expect(Set([one, two]).count == 2)
    #expect(Key("a") == Key("a"))
    #expect(Key("a").hashValue == Key(["a"].joined()).hashValue)
    #expect(Key("") != Key("\0"))
  }

  @Test func keysAreOrderedByCodePoint() {
    let ordered: [Key] = ["", "\0", "A", "Z", "a", "aa", "e\u{301}", "z", "\u{e9}", "\u{ffff}", "\u{10000}", "😀"]
    var random = SplitMix(state: 7)
    #expect(ordered.shuffled(using: &random).sorted() == ordered)
    #expect(!(Key("a") < Key("a")))
  }

  /// Against a plain list of pairs, across the size where the index appears.
  @Test(arguments: [UInt64(8), 9, 10, 11]) func behavesLikeAListOfPairsWhenMembersAreSetAndRemoved(seed: UInt64) {
    var random = SplitMix(state: seed)
    var object = JSONObject()
    var model: [(Key, JSON)] = []
    for turn in 0..<4000 {
      // Grows to about 30 members, shrinks to none, and again.
      let grows = turn / 400 % 2 == 0
      let key = Key("k\(random.next() % 30)")
      let removes = random.next() % 4 < (grows ? 1 : 3)
      let at = model.firstIndex { $0.0 == key }
      if removes {
        object[key] = nil
        if let at { model.remove(at: at) }
      } else {
        object[key] = .int(Int64(turn))
        if let at { model[at].1 = .int(Int64(turn)) } else { model.append((key, .int(Int64(turn)))) }
      }
      let isSame = object.count == model.count && object.keys == model.map(\.0)
        && object.members.map(\.value) == model.map(\.1)
        && (0..<30).allSatisfy { n in object[Key("k\(n)")] == model.first { $0.0 == Key("k\(n)") }?.1 }
      #expect(isSame, "turn \(turn)")
      if !isSame { return }
    }
  }

  @Test func copiesAreIndependent() {
    var first = JSONObject()
    for n in 0..<20 { first[Key("k\(n)")] = .int(Int64(n)) }
    var second = first
    second["k3"] = nil
    second["k19"] = "changed"
    #expect(first["k3"] == 3)
    #expect(first["k19"] == 19)
    #expect(second.count == 19)
    #expect(second["k19"] == "changed")
  }

  @Test func equalityIgnoresOrderAndSeesTypes() {
    let a: JSON = ["x": 1, "y": [2.5, "z"]]
    #expect(a == ["y": [2.5, "z"], "x": 1])
    #expect(a != ["x": 1.0, "y": [2.5, "z"]])
    #expect(a != ["x": 1])
    #expect(JSON.double(.nan) == .double(.nan))
    #expect(JSON.string("\u{e9}") != .string("e\u{301}"))
  }

  @Test func numbersOfAllThreeFormsAreDoubles() {
    #expect(JSON.int(3).doubleValue == 3)
    #expect(JSON.double(2.5).doubleValue == 2.5)
    #expect(JSON.bigInteger("-18446744073709551616").doubleValue == -18_446_744_073_709_551_616)
    #expect(JSON.string("1").doubleValue == nil)
  }
}
