import Testing

@testable import QuipuMedia

@Suite struct VideoFramesTests {
  private func rgb(_ frames: VideoFrames, _ frame: Int) throws -> [UInt8] {
    var out = [UInt8](repeating: 0xEE, count: 3 * frames.width * frames.height)
    try out.withUnsafeMutableBytes { raw in
      if let base = raw.baseAddress { try frames.copyRGB(frame: frame, to: base) }
    }
    return out
  }

  private func red(_ frames: VideoFrames) throws -> [UInt8] {
    let all = try rgb(frames, 0)
    return stride(from: 0, to: all.count, by: 3).map { all[$0] }
  }

  @Test func laysABatchOutAsTheReferenceClientDoes() {
    let known = [1: (1, 1), 2: (2, 1), 3: (4, 1), 4: (2, 2), 5: (4, 2), 8: (4, 2), 9: (8, 2), 16: (4, 4), 17: (8, 4)]
    for (videos, (columns, rows)) in known {
      let grid = VideoFrames.grid(videos)
      #expect(grid.columns == columns && grid.rows == rows, "\(videos)")
    }
  }

  @Test func fillsRowsFirstAndTheRestWithBlack() throws {
    // Five videos of 2 x 1 pixels, gray: 10, 20, ...
    let samples = (1...5).flatMap { [UInt8($0 * 10), UInt8($0 * 10 + 1)] }
    let frames = try NPY(samples, .u8, shape: [5, 1, 1, 1, 2]).withView { try VideoFrames(array: $0) }
    #expect(frames.width == 8 && frames.height == 2)
    let first = try red(frames)
    #expect(first == [10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 0, 0, 0, 0, 0, 0])
  }

  @Test(arguments: [1, 3, 4]) func readsEveryOrderOfAxes(channels: Int) throws {
    let (t, h, w) = (3, 4, 5)
    let samples = (0..<t * channels * h * w).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
    let planes = try NPY(samples, .u8, shape: [t, channels, h, w]).withView { try VideoFrames(array: $0) }
    // The same video with the channel last in memory, once said so and once as a transposed view.
    var last: [UInt8] = []
    for frame in 0..<t {
      for pixel in 0..<h * w {
        for channel in 0..<channels { last.append(samples[(frame * channels + channel) * h * w + pixel]) }
      }
    }
    let said = try NPY(last, .u8, shape: [t, h, w, channels]).withView {
      try VideoFrames(array: $0, channelsLast: true)
    }
    let view = try NPY(last, .u8, shape: [t, h, w, channels]).withView {
      try VideoFrames(array: $0.transposed([0, 3, 1, 2]))
    }
    // Mirrored twice: negative strides.
    let mirrored = try Array(samples.reversed()).withUnsafeBytes { raw in
      let step = [channels * h * w, h * w, w, 1]
      return try VideoFrames(
        array: ArrayView(
          base: raw.baseAddress.map { $0 + samples.count - 1 }, dtype: .u8, shape: [t, channels, h, w],
          strides: step.map { -$0 }))
    }
    for frame in 0..<t {
      let wanted = try rgb(planes, frame)
      #expect(try rgb(said, frame) == wanted)
      #expect(try rgb(view, frame) == wanted)
      #expect(try rgb(mirrored, frame) == wanted)
    }
  }

  @Test func reducesOtherTypesAsPicturesAre() throws {
    let floats: [Float] = [0, 0.9, 1, 254.9, 255, 256, -1, .nan, 300.7, 65_543, 1e20, 7]
    let frames = try NPY(floats, .f32, shape: [1, 1, 3, 4]).withView { try VideoFrames(array: $0) }
    let reds = try red(frames)
    #expect(reds == [0, 0, 1, 254, 255, 0, 255, 0, 44, 7, 0, 7])
    let words: [UInt16] = [256, 257, 65_535, 12]
    let wide = try NPY(words, .u16, shape: [1, 1, 2, 2]).withView { try VideoFrames(array: $0) }
    let wideReds = try red(wide)
    #expect(wideReds == [0, 1, 255, 12])
  }

  @Test func namesWhatIsWrongWithTheShape() throws {
    for shape in [[2, 3, 4], [6, 4], [24], [1, 2, 3, 4, 5, 6], [2, 2, 4, 4], [2, 5, 4, 4], [0, 3, 4, 4], [2, 3, 0, 4]] {
      let samples = [UInt8](repeating: 0, count: shape.reduce(1, *))
      let error = #expect(throws: MediaError.self) {
        try NPY(samples, .u8, shape: shape).withView { _ = try VideoFrames(array: $0) }
      }
      #expect(error?.message.hasPrefix("frames: shape \(shape)") == true, "\(error?.message ?? "")")
    }
  }

  @Test func refusesWhatIsTooLarge() throws {
    try [UInt8](repeating: 0, count: 16).withUnsafeBytes { raw in
      // Broadcast over a stride of 0: large without the memory for it.
      let view = try ArrayView(
        base: raw.baseAddress, dtype: .u8, shape: [1 << 16, 3, 1 << 10, 1 << 10], strides: [0, 0, 0, 0])
      let error = #expect(throws: MediaError.self) { _ = try VideoFrames(array: view) }
      #expect(error?.code == .memory)
    }
  }
}
