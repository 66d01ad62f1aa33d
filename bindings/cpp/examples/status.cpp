// Without exceptions: every call as a Status. Compiles with -fno-exceptions.
#include <quipu.hpp>

#include <cstdio>

int main() {
  quipu::RunOptions options;
  options.project = "status";
  options.mode = quipu::Mode::offline;
  options.config = quipu::Json::object({{"rate", 0.1}, {"layers", std::vector<int>{64, 32}}});

  quipu::Run run;
  if (quipu::Status status = quipu::Run::try_start(run, options); !status) {
    std::fprintf(stderr, "%s: %s\n", status.name(), status.message());
    return 1;
  }
  const quipu::Diagnostics diagnostics([](const quipu::Diagnostic &d) { std::fprintf(stderr, "%s\n", d.message); });

  std::vector<float> weights(1000);
  for (std::size_t i = 0; i < weights.size(); i++) weights[i] = static_cast<float>(i % 37);
  quipu::Histogram histogram;
  if (!quipu::Histogram::try_make(histogram, weights)) return 1;

  quipu::Columns<2> columns;
  if (!quipu::Columns<2>::try_make(columns, {"loss", "accuracy"})) return 1;
  for (int step = 0; step < 10; step++) {
    if (!run.try_log(columns, {1.0 / (step + 1), step / 10.0}, step)) return 1;
  }
  if (!run.try_log({{"weights", histogram}, {"best", {{"loss", 0.1}, {"step", 9}}}})) return 1;

  // A refused call says why and changes nothing.
  const quipu::Status refused = run.try_log({{"loss", 1.0}}, -7);
  std::printf("%s: %s\n", refused.name(), refused.message());
  return run.try_finish() && !refused ? 0 : 1;
}
