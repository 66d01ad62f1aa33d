// Trains against a server: quipu login, or WANDB_BASE_URL and WANDB_API_KEY, say which. Prints the page of the run and
// stops when somebody presses stop there.
#include <quipu.hpp>

#include <cstdio>
#include <string_view>

int main() try {
  quipu::Diagnostics diagnostics([](const quipu::Diagnostic &message) {
    if (message.level != quipu::Level::info || message.kind == std::string_view("run_url")) {
      std::fprintf(stderr, "%s: %s\n", message.kind, message.message);
    }
  });
  quipu::RunOptions options;
  options.project = "quickstart";
  options.mode = quipu::Mode::online;
  quipu::Run run(options);  // returns at once: the server is asked meanwhile
  double weight = 0;
  for (int step = 0; step < 100 && !run.stop_requested(); step++) {  // fit y = 2 x at x = 3
    const double difference = weight * 3 - 6;
    weight -= 0.02 * difference * 3;
    run.log({{"loss", difference * difference}, {"weight", weight}});
  }
  run.finish(0, 60000);  // throws if not everything was sent; `quipu sync` sends the rest
  std::printf("%llu rows sent\n", static_cast<unsigned long long>(run.stats().rows_uploaded));
} catch (const quipu::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
