// A user's C++ program: starts an offline run below argv[1], logs, finishes. Prints "ok" and the run directory.
#include <quipu.hpp>

#include <cstdio>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  options.mode = QUIPU_MODE_OFFLINE;
  options.project = "install-test";
  options.dir = argv[1];
  quipu_run *run = nullptr;
  if (quipu_run_start(&options, &run, nullptr) != QUIPU_OK) return 1;
  for (int step = 0; step < 10; step++) {
    if (quipu_run_log(run, "loss", 1.0 / (step + 1)) != QUIPU_OK) return 1;
  }
  if (quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, nullptr) != QUIPU_OK) return 1;
  std::printf("ok %s\n", quipu_run_directory(run));
  quipu_run_free(run);
}
