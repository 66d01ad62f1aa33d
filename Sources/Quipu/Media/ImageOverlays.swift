import QuipuBase
import QuipuMedia

/// What an image with masks, boxes or classes brings into tables and artifacts; known when the image is made.
struct ImageOverlays: Sendable {
  /// Its part of a column type.
  var layers = ColumnType.ImageLayers()
  /// `[{"id":0,"name":"zero"},…]`, which artifacts keep beside the picture. Nil: tables and artifacts refuse an image
  /// with masks or boxes.
  var classSet: JSON?
  var hasMasksOrBoxes = false

  /// - Parameter classes: those that were given to the image itself.
  init(_ overlays: [(name: String, layer: ImageLayer)], classes: OverlayLabels?) {
    var all = OverlayLabels()
    // Of the classes that several name, masks win over boxes and the image's own over both.
    for isBoxes in [true, false] {
      for (name, layer) in overlays where layer.isBoxes == isBoxes {
        hasMasksOrBoxes = true
        let labels = layer.labels ?? OverlayLabels()
        all = all.merged(with: labels)
        if case .boxes(let boxes, _) = layer {
          layers.boxLayers[Key(name)] = .array(labels.ids)
          layers.boxClassMaps[Key(name)] = .object(labels.names)
          for score in boxes.scoreNames where !layers.boxScoreKeys.contains(score) { layers.boxScoreKeys.append(score) }
        } else {
          layers.maskLayers[Key(name)] = .array(labels.ids)
          layers.maskClassMaps[Key(name)] = .object(labels.names)
        }
      }
    }
    if let classes { all = all.merged(with: classes) }
    layers.classMap = all.names
    if !all.isEmpty { classSet = all.json }
  }

  /// The name of the entry, whose digest is that of the list's text in Python's notation.
  ///
  /// Source: W&B's rich data types, "Media inside artifacts".
  static func classesPath(_ set: JSON) -> String {
    "media/classes/" + hexText(MD5.hash(Array(pythonText(set).utf8))) + "_cls.classes.json"
  }

  /// `repr` of plain values.
  private static func pythonText(_ value: JSON) -> String {
    switch value {
    case .null: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return String(value)
    case .bigInteger(let digits): return digits
    case .double(let value): return PythonText.float(value)
    case .string(let text): return quoted(text)
    case .array(let items): return "[" + items.map { pythonText($0) }.joined(separator: ", ") + "]"
    case .object(let object):
      let members = object.members.map { quoted($0.0.string) + ": " + pythonText($0.1) }
      return "{" + members.joined(separator: ", ") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    let single = UInt8(ascii: "'"), double = UInt8(ascii: "\"")
    let quote = text.utf8.contains(single) && !text.utf8.contains(double) ? double : single
    var out: [UInt8] = [quote]
    for byte in text.utf8 {
      switch byte {
      case quote, UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
      case 10: out += Array("\\n".utf8)
      case 13: out += Array("\\r".utf8)
      case 9: out += Array("\\t".utf8)
      case 0..<32, 127:
        let digits = Array("0123456789abcdef".utf8)
        out += Array("\\x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: out.append(byte)
      }
    }
    out.append(quote)
    return String(decoding: out, as: UTF8.self)
  }
}
