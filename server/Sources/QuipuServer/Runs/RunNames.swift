/// Display names for runs that were given none: adjective, noun and a number, as W&B's users know them.
enum RunNames {
  private static let adjectives = [
    "amber", "brisk", "calm", "clear", "crisp", "eager", "early", "fair", "fleet", "fresh", "gentle", "glad", "golden",
    "grand", "green", "hardy", "high", "keen", "kind", "lively", "lucid", "mellow", "misty", "noble", "quick", "quiet",
    "rapid", "ready", "royal", "sharp", "silver", "smooth", "solid", "steady", "still", "sunny", "swift", "true",
    "vivid", "warm", "wild", "wise",
  ]
  private static let nouns = [
    "alpaca", "brook", "canyon", "cedar", "cloud", "condor", "cord", "dawn", "delta", "dune", "field", "flame", "fox",
    "glacier", "grove", "harbor", "haze", "hill", "island", "knot", "lake", "llama", "maize", "meadow", "mesa", "moon",
    "peak", "pine", "puma", "quinoa", "rain", "ridge", "river", "sea", "sky", "snow", "star", "stone", "summit",
    "terrace", "valley", "wave", "wind",
  ]

  static func next() -> String {
    let adjective = adjectives.randomElement() ?? "quiet"
    let noun = nouns.randomElement() ?? "cord"
    return "\(adjective)-\(noun)-\(Int.random(in: 1...9999))"
  }

  /// For a run that a sweep hands out.
  static func next(sweepRun number: Int64) -> String {
    "\(adjectives.randomElement() ?? "quiet")-sweep-\(number)"
  }
}
