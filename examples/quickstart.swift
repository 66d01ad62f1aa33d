import Quipu

let run = try Run.start(RunOptions(project: "quickstart"))
var weight = 0.0
for _ in 0..<100 {  // fit y = 2 x at x = 3
  let error = weight * 3 - 6
  weight -= 0.02 * error * 3
  try run.log(["loss": error * error, "weight": weight])
}
try run.finish()
