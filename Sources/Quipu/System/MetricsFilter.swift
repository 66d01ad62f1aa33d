import Glibc
import QuipuBase

/// Which metrics of which endpoints are kept (setting `x_stats_open_metrics_filters`): a list of patterns for
/// `<endpoint>.<metric>`, or an object from such a pattern to an object of label patterns. A metric is kept if the name
/// matches one of them and all its labels do; without any filter everything is kept.
///
/// Patterns are POSIX extended regular expressions that may match anywhere; `\d` and `\D` are understood too. Unlike
/// Python's they know no lazy repetition, no look-around and no `(?:...)`.
struct MetricsFilter {
  private var rules: [(name: Pattern, labels: [(label: String, value: Pattern)])] = []
  private var keepsAll = true
  /// Patterns that cannot be used; they match nothing.
  private(set) var refused: [String] = []

  init() {}

  init(_ setting: JSON?) {
    switch setting {
    case .array(let list)?:
      keepsAll = list.isEmpty
      for text in list.compactMap(\.stringValue) {
        if let name = compile(text) { rules.append((name, [])) }
      }
    case .object(let object)?:
      keepsAll = object.isEmpty
      for (key, value) in object.members {
        guard let name = compile(key.string) else { continue }
        var labels: [(label: String, value: Pattern)] = []
        var isWhole = true
        for (label, text) in value.objectValue?.members ?? [] {
          guard let text = text.stringValue, let pattern = compile(text) else {
            isWhole = false
            continue
          }
          labels.append((label.string, pattern))
        }
        if isWhole { rules.append((name, labels)) }
      }
    default: break
    }
  }

  private mutating func compile(_ text: String) -> Pattern? {
    let pattern = Pattern(text)
    if pattern == nil { refused.append(text) }
    return pattern
  }

  func keeps(_ name: String, _ labels: [(name: String, value: String)]) -> Bool {
    if keepsAll { return true }
    return rules.contains { rule in
      rule.name.matches(name)
        && rule.labels.allSatisfy { wanted in
          labels.contains { $0.name.utf8.elementsEqual(wanted.label.utf8) && wanted.value.matches($0.value) }
        }
    }
  }

  private final class Pattern {
    private var compiled = regex_t()
    private var isCompiled = false

    init?(_ text: String) {
      guard text.utf8.count <= 1024, regcomp(&compiled, Self.translated(text), REG_EXTENDED | REG_NOSUB) == 0
      else { return nil }
      isCompiled = true
    }

    deinit { if isCompiled { regfree(&compiled) } }

    func matches(_ text: String) -> Bool { regexec(&compiled, text, 0, nil, 0) == 0 }

    private static func translated(_ text: String) -> String {
      var out = ""
      var isEscaped = false
      for character in text {
        if isEscaped {
          out += character == "d" ? "[0-9]" : character == "D" ? "[^0-9]" : "\\\(character)"
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else {
          out.append(character)
        }
      }
      return isEscaped ? out + "\\" : out
    }
  }
}
