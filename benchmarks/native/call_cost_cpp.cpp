// What one log call costs its caller, through the C++ wrapper.
//   call_cost_cpp FACE PERIOD_NS CALLS DIR      FACE: values (run.log({{"loss", x}, ...})) or columns
#include "measure.h"

#include <quipu.hpp>

#include <cstring>

template <class F>
static void measure(const char *face, quipu::Run &run, uint64_t period, uint64_t calls, F &&call) {
  constexpr int burst = 10000;
  const int bursts = calls >= 1000000 ? 100 : 10;
  double means[100];
  latency l = latency_new();
  for (int b = 0; b < bursts; b++) {
    const uint64_t start = now_ns();
    for (int i = 0; i < burst; i++) call(i);
    means[b] = static_cast<double>(now_ns() - start) / burst;
    run.flush();
  }
  uint64_t next = 0;
  for (uint64_t i = 0; i < calls; i++) {
    pace(&next, period);
    const uint64_t a = now_ns();
    call(i);
    const uint64_t e = now_ns();
    latency_add(&l, e - a);
  }
  run.finish();
  latency_print(&l, face, period, median(means, bursts), 0);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const uint64_t period = std::strtoull(argv[2], nullptr, 10);
  const uint64_t calls = std::strtoull(argv[3], nullptr, 10);
  quipu::RunOptions options;
  options.project = "bench";
  options.mode = quipu::Mode::offline;
  options.dir = argv[4];
  options.full_wait_ms = 60000;
  quipu::Run run(options);
  if (std::strcmp(argv[1], "columns") == 0) {
    quipu::Columns<3> columns({"loss", "accuracy", "learning_rate"});
    measure(argv[1], run, period, calls,
            [&](uint64_t i) { run.log(columns, {static_cast<double>(i) * 1e-3, 0.5, 1e-4}); });
  } else {
    measure(argv[1], run, period, calls, [&](uint64_t i) {
      run.log({{"loss", static_cast<double>(i) * 1e-3}, {"accuracy", 0.5}, {"learning_rate", 1e-4}});
    });
  }
  return 0;
}
