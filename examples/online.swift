// Trains against a server: quipu login, or WANDB_BASE_URL and WANDB_API_KEY, say which. Prints the page of the run and
// stops when somebody presses stop there.
import Quipu

Diagnostics.shared.setHandler { message, _ in
  if message.level != .info || message.kind == "run_url" { print("\(message.kind): \(message.message)") }
}
let run = try Run.start(RunOptions(project: "quickstart", mode: .online))  // returns at once
var weight = 0.0
for _ in 0..<100 where !run.isStopRequested {  // fit y = 2 x at x = 3
  let error = weight * 3 - 6
  weight -= 0.02 * error * 3
  try run.log(["loss": error * error, "weight": weight])
}
try run.finish(timeoutMilliseconds: 60_000)  // throws if not everything was sent; `quipu sync` sends the rest
print("\(run.stats.rowsUploaded) rows sent")
