// What one log call costs its caller, in Swift.
//   callcost FACE PERIOD_NS CALLS DIR      FACE: values (run.log(["loss": x, ...])) or columns
import CMeasure
import Glibc
import Quipu

func measure(_ face: String, _ run: Run, period: UInt64, calls: UInt64, _ call: (UInt64) throws -> Void) throws {
  let burst = 10_000
  var means: [Double] = []
  var latencies = latency_new()
  for _ in 0..<(calls >= 1_000_000 ? 100 : 10) {
    let start = now_ns()
    for i in 0..<UInt64(burst) { try call(i) }
    means.append(Double(now_ns() - start) / Double(burst))
    try run.flush()
  }
  var next: UInt64 = 0
  for i in 0..<calls {
    pace(&next, period)
    let a = now_ns()
    try call(i)
    let e = now_ns()
    latency_add(&latencies, e - a)
  }
  try run.finish()
  latency_print(&latencies, face, period, median(&means, Int32(means.count)), 0)
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let period = UInt64(arguments[2]), let calls = UInt64(arguments[3]) else { exit(2) }
var options = RunOptions()
options.project = "bench"
options.mode = .offline
options.dir = arguments[4]
options.fullWaitMilliseconds = 60_000
let run = try Run.start(options)
if arguments[1] == "columns" {
  let columns = try ColumnSet(doubles: ["loss", "accuracy", "learning_rate"])
  try measure("columns", run, period: period, calls: calls) { i in
    try run.log(columns, [Double(i) * 1e-3, 0.5, 1e-4])
  }
} else {
  try measure("values", run, period: period, calls: calls) { i in
    try run.log(["loss": Double(i) * 1e-3, "accuracy": 0.5, "learning_rate": 1e-4])
  }
}
