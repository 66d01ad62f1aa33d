/// The whole schema, in one text for the parser.
let serverSchema = [coreSchema, artifactSchema, sweepSchema].joined(separator: "\n")
