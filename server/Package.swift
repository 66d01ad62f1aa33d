// swift-tools-version: 6.3
import PackageDescription

// The self-hosted server: a package of its own, so that its dependencies stay out of the library that trainers embed.
// From the library it takes JSON, shortest decimal texts and digests (`QuipuBase`), nothing else.
let base = Target.Dependency.product(name: "QuipuBase", package: "Quipu")

// The tests reach internal names of a release build too: one build serves the program and its tests.
let testable: [SwiftSetting] = [.unsafeFlags(["-enable-testing"])]

let package = Package(
  name: "quipu-server",
  products: [
    .executable(name: "quipu-server", targets: ["quipu-server"])
  ],
  dependencies: [
    .package(name: "Quipu", path: ".."),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    // Sweep configurations are YAML texts (protocol reference, 14.1).
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "GraphQL", dependencies: [base], exclude: ["README.md"], swiftSettings: testable),
    .target(name: "HistoryColumns", dependencies: [base], swiftSettings: testable),
    .target(name: "RunFilters", dependencies: [base], swiftSettings: testable),
    .target(
      name: "SweepSearch", dependencies: [base, .product(name: "Yams", package: "Yams")], exclude: ["README.md"],
      swiftSettings: testable),
    .target(name: "Storage", dependencies: ["RunFilters", base], exclude: ["README.md"], swiftSettings: testable),
    .target(
      name: "SQLiteStorage",
      dependencies: [
        "RunFilters", "Storage", base,
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ],
      exclude: ["README.md"], swiftSettings: testable),
    .target(
      name: "QuipuServer",
      dependencies: [
        "GraphQL", "HistoryColumns", "RunFilters", "Storage", "SweepSearch", base,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "CZlib", package: "Quipu"),
      ],
      swiftSettings: testable),
    .systemLibrary(name: "CMalloc"),
    .executableTarget(
      name: "quipu-server",
      dependencies: [
        "CMalloc", "QuipuServer", "SQLiteStorage",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "history-columns-benchmark", dependencies: ["HistoryColumns", base], path: "benchmarks/HistoryColumns"),
    .target(name: "MemoryStorage", dependencies: ["RunFilters", "Storage"], path: "Tests/Support/MemoryStorage"),
    .testTarget(name: "GraphQLTests", dependencies: ["GraphQL", base]),
    .testTarget(name: "HistoryColumnsTests", dependencies: ["HistoryColumns", base]),
    .testTarget(
      name: "QuipuServerTests",
      dependencies: [
        "QuipuServer", "MemoryStorage", "GraphQL", "HistoryColumns", "Storage", base,
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "RunFiltersTests", dependencies: ["RunFilters", base]),
    .testTarget(name: "SweepSearchTests", dependencies: ["SweepSearch", base]),
    .testTarget(
      name: "StorageTests",
      dependencies: [
        "MemoryStorage", "SQLiteStorage", "Storage", "RunFilters", base,
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
