#include <quipu.hpp>

int main() {
  quipu::RunOptions options;
  options.project = "quickstart";
  quipu::Run run(options);
  double weight = 0;
  for (int step = 0; step < 100; step++) {  // fit y = 2 x at x = 3
    double error = weight * 3 - 6;
    weight -= 0.02 * error * 3;
    run.log({{"loss", error * error}, {"weight", weight}});
  }
}
