import QuipuBase
import Testing

@testable import Quipu

@Suite struct SettingsFileTests {
  private func entries(_ text: String) throws -> [String] {
    try SettingsFile(parsing: Array(text.utf8)).entries.map { "\($0.key)=\($0.value)" }
  }

  private func failure(_ text: String) -> SettingsFile.Unreadable? {
    do throws(SettingsFile.Unreadable) {
      _ = try SettingsFile(parsing: Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test func readsKeysOfTheDefaultSection() throws {
    #expect(try entries("[other]\na=1\n[default]\n B : 2 = 3 \nc=\n# d=1\n;e=1\n") == ["b=2 = 3", "c="])
    #expect(try entries("[other]\na=1\n") == [])
    #expect(try entries("") == [])
    #expect(try entries("\u{FEFF}[default]\r\na = 1\r\n") == ["a=1"])
  }

  @Test func continuesValuesOnIndentedLines() throws {
    #expect(try entries("[default]\na = x\n  y\n\n  z\nb=1\n") == ["a=x\ny\n\nz", "b=1"])
  }

  @Test func takesTheSharedDefaults() throws {
    #expect(try entries("[DEFAULT]\na=1\nb=1\n[default]\na=2\n") == ["a=2", "b=1"])
    #expect(try entries("[DEFAULT]\na=1\n") == [])
  }

  @Test func refusesWhatIsNotINI() {
    #expect(failure("a=1\n")?.line == 1)
    #expect(failure("[default]\na\n")?.line == 2)
    #expect(failure("[default]\n=1\n")?.line == 2)
    #expect(failure("[default]\na=1\nA=2\n")?.line == 3)
    #expect(failure("[default]\na=1\n[default]\n")?.line == 3)
    #expect((try? SettingsFile(parsing: [0xFF, 0x0A])) == nil)
  }

  @Test func resolvesPercentSigns() throws {
    let file = try SettingsFile(parsing: Array("[default]\na=x\nb=%(A)s%%\nloop=%(loop)s\n".utf8))
    #expect(file.resolved("50%% of %(b)s") == "50% of x%")
    for text in ["%", "50% off", "%(a)", "%(a", "%(none)s", "%(loop)s"] { #expect(file.resolved(text) == nil) }
  }

  @Test func reportsBothFilesIgnoredAfterABadKey() throws {
    let (settings, said) = try Settings.resolve(
      options: RunOptions(),
      context: SettingsResolveTests.context(files: [
        "/home/u/.config/wandb/settings": "[default]\nentity = e\n", "/w/wandb/settings": "[default]\nfoo = 1\n",
      ]))
    #expect(settings.entity == nil)
    #expect(said.map(\.kind) == ["setting_unknown"])
    #expect(said.first?.level == .error)
    #expect(said.first?.message.contains("/w/wandb/settings") == true)
  }

  @Test func survivesAnyBytes() {
    var random = SettingsRandom(seed: 42)
    let alphabet = Array("[default]=:%()s\n\t #;ab\r".utf8)
    for _ in 0..<3000 {
      var bytes = Array("[default]\n".utf8)
      for _ in 0..<Int(random.next() % 40) {
        bytes.append(
          random.next() % 8 == 0 ? UInt8(truncatingIfNeeded: random.next()) : alphabet[Int(random.next() % 22)])
      }
      guard let file = try? SettingsFile(parsing: bytes) else { continue }
      for entry in file.entries { _ = file.resolved(entry.value) }
    }
  }
}

/// A small generator, so that generated inputs are the same each time.
struct SettingsRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
