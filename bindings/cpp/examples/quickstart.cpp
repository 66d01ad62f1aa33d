#include <quipu.hpp>

int main() {
  quipu::RunOptions options;
  options.project = "quickstart";
  quipu::Run run(options);
  for (int step = 0; step < 100; step++) {
    run.log({{"loss", 1.0 / (step + 1)}, {"rate", 0.1}});
  }
  run.finish();
}
