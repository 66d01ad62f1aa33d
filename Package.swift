// swift-tools-version: 6.3
import PackageDescription

// The shipped library is built for size: measured, it is as fast. A package that depends on this one never sees the
// flag.
let forSize: [SwiftSetting] =
  Context.environment["QUIPU_SHIPPED_LIBRARY"] == nil ? [] : [.unsafeFlags(["-Osize"])]

let package = Package(
  name: "Quipu",
  products: [
    .library(name: "Quipu", targets: ["Quipu"]),
    // The self-contained C library. `make build` links it with the Swift runtime inside and names it libquipu.so.
    .library(name: "QuipuC", type: .dynamic, targets: ["QuipuC"]),
    .executable(name: "quipu", targets: ["quipu"]),
    // For our own packages (server/); not part of the version promise.
    .library(name: "QuipuBase", targets: ["QuipuBase"]),
    .library(name: "CZlib", targets: ["CZlib"]),
  ],
  targets: [
    .systemLibrary(name: "CQuipu"),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // Headers only: instructions that Swift cannot name.
    .systemLibrary(name: "CHash"),
    // Headers only: the library itself is opened when the first run goes online.
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "QuipuBase", dependencies: ["CHash", "CZlib"], swiftSettings: forSize),
    .target(name: "QuipuRecords", dependencies: ["QuipuBase"], exclude: ["README.md"], swiftSettings: forSize),
    .target(name: "QuipuMedia", dependencies: ["QuipuBase", "CZlib"], swiftSettings: forSize),
    .target(name: "QuipuSync", dependencies: ["QuipuBase", "QuipuRecords", "CCurl", "CZlib"], swiftSettings: forSize),
    .target(
      name: "Quipu", dependencies: ["QuipuBase", "QuipuRecords", "QuipuMedia", "QuipuSync"], swiftSettings: forSize),
    .target(name: "QuipuC", dependencies: ["CQuipu", "Quipu", "QuipuMedia", "QuipuBase"], swiftSettings: forSize),
    .executableTarget(name: "quipu", dependencies: ["Quipu", "QuipuSync", "QuipuRecords", "QuipuBase"]),
    .testTarget(name: "QuipuBaseTests", dependencies: ["QuipuBase"]),
    .testTarget(name: "QuipuRecordsTests", dependencies: ["QuipuRecords", "QuipuBase"]),
    .testTarget(name: "QuipuMediaTests", dependencies: ["QuipuMedia", "QuipuBase", "CPNG"]),
    .testTarget(name: "QuipuSyncTests", dependencies: ["QuipuSync", "QuipuRecords", "QuipuBase", "CZlib"]),
    .testTarget(name: "QuipuTests", dependencies: ["Quipu", "QuipuSync", "QuipuRecords", "QuipuBase"]),
  ],
  swiftLanguageModes: [.v6]
)
