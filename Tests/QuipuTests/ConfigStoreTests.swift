import QuipuBase
import Testing

@testable import Quipu

@Suite struct ConfigStoreTests {
  private var said: [Diagnostic] = []

  private func store(_ object: JSONObject) throws -> ConfigStore {
    var store = ConfigStore()
    var said: [Diagnostic] = []
    _ = try store.update(object, diagnostics: &said)
    return store
  }

  private func text(_ items: [ConfigStore.Item]) -> String {
    items.map { "\($0.key)=\($0.value.text(style: .core))" }.joined(separator: " ")
  }

  @Test mutating func returnsTheItemsToRecord() throws {
    var store = ConfigStore()
    #expect(text(try store.set("--lr", 1, diagnostics: &said)) == "lr=1")
    #expect(text(try store.update(["a": ["b": 1], "-c-": nil], diagnostics: &said)) == "a={\"b\":1} c=null")
    #expect(text(try store.setDefaults(["--lr": 5, "d": 6], diagnostics: &said)) == "d=6")
    #expect(store.asJSON == ["lr": 1, "a": ["b": 1], "c": nil, "d": 6])
    #expect(store["--lr"] == nil)
    #expect(said.isEmpty)
  }

  @Test mutating func refusesAChangeAsAWhole() throws {
    var store = try store(["a": 1, "n": ["x": [1, 2]]])
    let before = store.asJSON
    let changes: [JSONObject] = [
      ["b": 2, "a": 5], ["a": "1"], ["a": nil], ["n": ["x": [1]]], ["n": ["x": [1, 2], "y": 1]], ["a": 1.5],
    ]
    for change in changes {
      do throws(QuipuError) {
        _ = try store.update(change, diagnostics: &said)
        Issue.record("\(change) was accepted")
      } catch {
        #expect(error.kind == "config_value_changed")
        #expect(error.code == .configChanged)
      }
      #expect(store.asJSON == before)
    }
    _ = try store.update(["a": 5], allowValChange: true, diagnostics: &said)
    #expect(store["a"] == 5)
  }

  @Test mutating func storesTheNewFormOfAnEqualValue() throws {
    var store = try store(["a": 1, "n": ["x": [1, true]]])
    #expect(text(try store.set("a", 1.0, diagnostics: &said)) == "a=1")
    #expect(store["a"] == .double(1))
    _ = try store.set("a", true, diagnostics: &said)
    _ = try store.set("n", ["x": [1.0, 1]], diagnostics: &said)
    #expect(store.asJSON == ["a": true, "n": ["x": [1.0, 1]]])
  }

  static let pairs: [(JSON, JSON, Bool)] = [
    (1, 1.0, true), (0, false, true), (0, nil, false), (1, "1", false), ([1], [1.0], true),
    ([1], [1, 2], false), (["a": 1, "b": 2], ["b": 2.0, "a": true], true), (["a": 1], ["b": 1], false),
    (9_007_199_254_740_993, 9_007_199_254_740_992.0, false), (.int(.max), 9_223_372_036_854_775_808.0, false),
    (.bigInteger("18446744073709551616"), 18_446_744_073_709_551_616.0, true),
    (.bigInteger("18446744073709551616"), .bigInteger("18446744073709551617"), false),
    (.double(.infinity), .double(.infinity), true), ("e\u{301}", "\u{E9}", false), (-0.0, 0, true),
  ]

  @Test(arguments: pairs)
  func comparesByValue(a: JSON, b: JSON, equal: Bool) {
    #expect(ConfigStore.areEqual(a, b) == equal)
    #expect(ConfigStore.areEqual(b, a) == equal)
  }

  @Test mutating func turnsNaNIntoNullAndKeepsInfinities() throws {
    var store = ConfigStore()
    let items = try store.set("a", ["b": [.double(.nan), .double(-.infinity)]], diagnostics: &said)
    #expect(items.first?.value == ["b": [nil, .double(-.infinity)]])
    _ = try store.set("n", .double(.nan), diagnostics: &said)
    _ = try store.set("n", .double(.nan), diagnostics: &said)
  }

  @Test mutating func ignoresChangesOfLockedKeys() throws {
    var store = try store(["n": ["a": 1, "b": 2]])
    #expect(text(try store.lock(["-k-": 5], owner: "me")) == "k=5")
    #expect(text(try store.update(["k": 6, "z": 1], allowValChange: true, diagnostics: &said)) == "z=1")
    #expect(try store.set("--k", 7, diagnostics: &said).isEmpty)
    #expect(said.map(\.kind) == ["config_locked", "config_locked"])
    #expect(said.allSatisfy { $0.level == .warning && $0.message.contains("me") })
    #expect(store["k"] == 5)
    let merged = try store.lock(["n": ["a": 9]], owner: "sweep", merging: true, allowValChange: true)
    #expect(merged.first?.value == ["a": 9, "b": 2])
  }

  @Test mutating func showsReplacementButStoresLeaves() throws {
    var store = try store(["d": ["a": 1, "b": ["c": 2]], "e": [:], "s": 5])
    #expect(store.storedJSON == ["d": ["a": 1, "b": ["c": 2]], "s": 5])
    _ = try store.update(
      ["d": ["b": ["x": 3], "z": [:]], "s": ["t": 1], "e": ["f": [:]]], allowValChange: true, diagnostics: &said)
    #expect(store.asJSON == ["d": ["b": ["x": 3], "z": [:]], "e": ["f": [:]], "s": ["t": 1]])
    #expect(store.storedJSON == ["d": ["a": 1, "b": ["c": 2, "x": 3]], "s": ["t": 1]])
    _ = try store.update(["d": 7], allowValChange: true, diagnostics: &said)
    #expect(store.storedJSON["d"] == 7)
  }

  @Test mutating func leadsTheRunRecordWithItsOwnItem() throws {
    var store = try store(["a": 1, "_wandb": ["mine": 1], "_x": 2])
    store.internalItems["branch_point"] = ["run_id": "r", "step": 3]
    #expect(
      text(store.initialItems)
        == "_wandb={\"mine\":1,\"branch_point\":{\"run_id\":\"r\",\"step\":3}} a=1 _x=2")
    #expect(text(ConfigStore().initialItems) == "_wandb={}")
    #expect(store.visibleKeys == ["a"])
  }

  @Test mutating func refusesDeepNesting() {
    var value: JSON = 1
    for _ in 0..<300 { value = [value] }
    var store = ConfigStore()
    do throws(QuipuError) {
      _ = try store.set("a", value, diagnostics: &said)
      Issue.record("accepted")
    } catch {
      #expect(error.code == .tooLarge)
    }
    #expect(store.asJSON.isEmpty)
  }

  @Test(arguments: [("--a-b--", "a-b"), ("a", "a"), ("--", ""), ("", ""), ("-", ""), ("é-", "é")])
  func stripsDashes(key: String, wanted: String) { #expect(ConfigStore.normalised(Key(key)) == Key(wanted)) }

  // MARK: Sources

  private func build(
    _ options: RunOptions = RunOptions(), _ environment: [String: String] = [:], files: [String: String] = [:]
  ) throws(QuipuError) -> (JSONObject, [String]) {
    let context = SettingsResolveTests.context(environment, files: files)
    let settings = try Settings.resolve(options: options, context: context).0
    let (store, said) = try ConfigStore.build(options: options, settings: settings, context: context)
    return (store.asJSON, said.map(\.kind))
  }

  private func kind(
    _ options: RunOptions = RunOptions(), _ environment: [String: String] = [:], files: [String: String] = [:]
  ) -> String? {
    do throws(QuipuError) {
      _ = try build(options, environment, files: files)
      return nil
    } catch {
      return error.kind
    }
  }

  @Test func ordersItsSources() throws {
    let files = [
      "/w/config-defaults.yaml": "a: {value: 1}\nb: {value: 1}\nc: {value: 1}\nd: {value: 1}\n",
      "/w/own.yaml": "b: {value: 2}\nc: {value: 2}\nd: {value: 2}\n",
      "/w/p.yaml": "d: {value: 3}\ne: {value: 3}\n", "/w/q.yaml": "e: {value: 4}\n",
      "/s/sweep.yaml": "wandb_version: 1\ne: {value: 5}\n",
    ]
    let (config, said) = try build(
      RunOptions(config: ["c": 9, "d": 9], configPath: "own.yaml"),
      ["WANDB_CONFIG_PATHS": "p.yaml,q.yaml", "WANDB_SWEEP_PARAM_PATH": "/s/sweep.yaml"], files: files)
    #expect(config == ["a": 1, "b": 2, "c": 9, "d": 3, "e": 5])
    #expect(said.isEmpty)
  }

  @Test func refusesBadFiles() {
    #expect(kind(RunOptions(configPath: "no.yaml")) == "config_file_missing")
    #expect(kind(RunOptions(config: "no.yaml")) == "config_file_missing")
    #expect(kind(RunOptions(), ["WANDB_CONFIG_PATHS": "no.yaml"]) == "config_file_missing")
    #expect(kind(RunOptions(), ["WANDB_SWEEP_PARAM_PATH": "no.yaml"]) == "config_file_missing")
    let cases = [
      ("a: [", "config_file_bad_yaml"), ("- 1", "config_file_bad_values"), ("a: 1", "config_file_bad_values"),
      ("a: {desc: x}", "config_file_bad_values"), ("wandb_version: 2\n", "config_bad_version"),
      ("yes: {value: 1}", "config_key_not_str"), ("1: {value: 1}", "config_key_not_str"),
    ]
    for (text, wanted) in cases {
      #expect(kind(RunOptions(configPath: "f.yaml"), files: ["/w/f.yaml": text]) == wanted, "\(text)")
    }
    #expect(kind(RunOptions(config: [1])) == "config_not_dict")
    #expect(kind(RunOptions(config: 5)) == "config_not_dict")
  }

  @Test func warnsOfAnEmptyFile() throws {
    #expect(try build(files: ["/w/config-defaults.yaml": "# nothing\n"]).1 == ["config_file_empty"])
    #expect(try build(files: ["/w/config-defaults.yaml": "wandb_version: 1\n"]).1.isEmpty)
  }
}
