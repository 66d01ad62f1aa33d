// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "QuipuBenchmarks",
  dependencies: [.package(name: "Quipu", path: "../..")],
  targets: [
    .systemLibrary(name: "CMeasure"),
    .executableTarget(name: "callcost", dependencies: ["CMeasure", .product(name: "Quipu", package: "Quipu")]),
  ],
  swiftLanguageModes: [.v6]
)
