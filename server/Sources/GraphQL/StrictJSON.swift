import QuipuBase

/// JSON that every parser reads: what is not a finite number is null.
enum StrictJSON {
  static func write(_ value: JSON, to out: inout ByteBuffer) {
    switch value {
    case .double(let number): write(number, to: &out)
    case .bigInteger: write(value.doubleValue ?? .nan, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        write(element, to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let object):
      out.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, element) in object.members {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        JSON.writeString(key.string, to: &out, style: .core)
        out.append(UInt8(ascii: ":"))
        write(element, to: &out)
      }
      out.append(UInt8(ascii: "}"))
    default: value.write(to: &out, style: .core)
    }
  }

  static func write(_ number: Double, to out: inout ByteBuffer) {
    if number.isFinite {
      JSON.double(number).write(to: &out, style: .core)
    } else {
      out.append("null")
    }
  }
}
