import Testing

@testable import QuipuMedia

@Suite struct WAVEncoderTests {
  private func samples(_ file: [UInt8]) -> [Int16] {
    stride(from: 44, to: file.count - 1, by: 2).map { Int16(bitPattern: UInt16(file[$0]) | UInt16(file[$0 + 1]) << 8) }
  }

  private func encode(_ array: NPY, rate: Int = 8000) throws -> [UInt8] {
    try array.withView { try WAVEncoder(array: $0, sampleRate: rate).encode() }
  }

  @Test(arguments: ["f32", "f64", "i16", "i32", "clip", "stereo", "caption"])
  func writesTheReferenceClientsBytes(name: String) throws {
    let array = try NPY(contentsOf: MediaVectors.url("audio/\(name)/input/a.npy"))
    #expect(try encode(array, rate: name == "caption" ? 44_100 : 8000) == MediaVectors.onlyFile("audio/\(name)/files"))
  }

  /// Values around every place where something changes.
  private func hardValues() -> [Double] {
    var values: [Double] = [0, -0.0, 1, -1, .nan, .infinity, -.infinity, 1e300, -1e300, 5e-324, 0.5, -0.25]
    for power in 0...40 {
      for base in [1.0, -1.0] {
        let value = base / Double(sign: .plus, exponent: power, significand: 1)
        values += [value, value.nextUp, value.nextDown]
      }
    }
    // Half units of the 32-bit and of the 16-bit sample.
    for step in stride(from: -70_000.5, through: 70_000.5, by: 997.25) { values.append(step / 2_147_483_648) }
    for step in stride(from: -32_769.0, through: 32_769.0, by: 511.5) { values.append(step / 32_768) }
    values += [2_147_483_646.5, 2_147_483_647, 2_147_483_647.5, -2_147_483_648.5].map { $0 / 2_147_483_648 }
    return values
  }

  @Test func vectorsAgreeWithTheScalarDefinition() throws {
    var random = SplitMix(state: 3)
    var values = hardValues()
    for _ in 0..<4000 { values.append(Double(Int64(bitPattern: random.next())) / Double(Int64.max) * 1.2) }
    // Every length of the rest behind the groups of eight.
    for count in Array(0...20) + [values.count] {
      let doubles = Array(values.prefix(count))
      #expect(try samples(encode(NPY(doubles, .f64))) == doubles.map(WAVEncoder.sample))
      let singles = doubles.map { Float($0) }
      #expect(try samples(encode(NPY(singles, .f32))) == singles.map { WAVEncoder.sample(Double($0)) })
    }
  }

  @Test func readsEveryLayout() throws {
    let values: [Int16] = (0..<24).map { Int16($0 * 1000 - 12_000) }
    let plain = try encode(NPY(values, .i16, shape: [12, 2]))
    var fortran = NPY(
      (0..<2).flatMap { channel in stride(from: channel, to: 24, by: 2).map { values[$0] } }, .i16, shape: [12, 2])
    fortran.fortranOrder = true
    #expect(try encode(fortran) == plain)
    var swapped = NPY(values.map(\.byteSwapped), .i16, shape: [12, 2])
    swapped.byteSwapped = true
    #expect(try encode(swapped) == plain)
    let backwards = try Array(values.reversed()).withUnsafeBytes { raw in
      try WAVEncoder(
        array: ArrayView(base: raw.baseAddress.map { $0 + 46 }, dtype: .i16, shape: [12, 2], strides: [-4, -2]),
        sampleRate: 8000
      ).encode()
    }
    #expect(backwards == plain)
  }

  @Test func convertsTheFieldsOtherTypes() throws {
    #expect(try samples(encode(NPY([UInt8(0), 128, 255, 129], .u8))) == [-32_768, 0, 32_512, 256])
    #expect(try samples(encode(NPY([Int8(-128), 0, 127, 1], .i8))) == [-32_768, 0, 32_512, 256])
    #expect(try samples(encode(NPY([UInt16(0x3C00), 0xB800, 0x7E00], .f16))) == [32_767, -16_384, -32_768])
    #expect(try samples(encode(NPY([UInt16(0x3F80), 0xBF00, 0x7FC0], .bf16))) == [32_767, -16_384, -32_768])
    #expect(try samples(encode(NPY([Int32.min, -1, 65_535, 65_536, .max], .i32))) == [-32_768, -1, 0, 1, 32_767])
  }

  @Test func saysWhatTheFileHolds() throws {
    let file = try encode(NPY([Int16](repeating: 1, count: 30), .i16, shape: [10, 3]), rate: 48_000)
    func number(_ at: Int, _ width: Int) -> Int { (0..<width).reduce(0) { $0 | Int(file[at + $1]) << (8 * $1) } }
    #expect(file.count == 44 + 60 && number(4, 4) == 36 + 60 && number(40, 4) == 60)
    #expect(number(22, 2) == 3 && number(24, 4) == 48_000 && number(28, 4) == 48_000 * 6 && number(32, 2) == 6)
    #expect(try encode(NPY([Float](), .f32)).count == 44)
  }

  @Test func namesWhatIsWrong() throws {
    func message(_ array: NPY, _ rate: Int) throws -> String {
        let error = #expect(throws: MediaError.self) { try encode(array, rate: rate) }
      return try #require(error).message
    }
    let good = NPY([Float](repeating: 0, count: 24), .f32)
    for rate in [0, -1, 1 << 31, Int.max, Int.min] {
      #expect(try message(good, rate).hasPrefix("sample_rate: \(rate)"))
    }
    for shape in [[2, 3, 4], [1, 1, 1, 24], [12, 0]] {
      let array = NPY([Float](repeating: 0, count: shape.reduce(1, *)), .f32, shape: shape)
      #expect(try message(array, 8000).hasPrefix("samples: shape \(shape)"))
    }
    let many = { NPY([Float](repeating: 0, count: $0), .f32, shape: [1, $0]) }
    #expect(try message(many(1025), 8000).contains("1025 channels"))
    #expect(try message(many(1024), 1 << 30).hasPrefix("sample_rate"))
    for (dtype, size) in [(DType.bool, 1), (.i64, 8), (.u16, 2), (.u32, 4), (.u64, 8), (.c64, 8), (.c128, 16)] {
      let array = NPY(dtype: dtype, shape: [2], bytes: [UInt8](repeating: 0, count: 2 * size))
      #expect(try message(array, 8000).hasPrefix("samples: values of type \(dtype.name)"))
    }
  }
}
