// A user's C++ program: starts an offline run below argv[1], logs, finishes. Prints "ok" and the run directory.
#include <quipu.hpp>

#include <cstdio>
#include <exception>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  try {
    quipu::RunOptions options;
    options.mode = quipu::Mode::offline;
    options.project = "install-test";
    options.dir = argv[1];
    quipu::Run run(options);
    for (int step = 0; step < 10; step++) run.log({{"loss", 1.0 / (step + 1)}});
    run.finish();
    std::printf("ok %s\n", run.directory());
  } catch (const std::exception &error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
