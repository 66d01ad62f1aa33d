/* A user's C program: starts an offline run below argv[1], logs, finishes. Prints "ok" and the run directory. */
#include <quipu.h>
#include <stdio.h>
#include <string.h>

static int refused(const char *what, quipu_error *error) {
  printf("%s: %s\n", what, quipu_error_message(error));
  quipu_error_free(error);
  return 1;
}

int main(int argc, char **argv) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  quipu_run *run = NULL;
  quipu_error *error = NULL;
  int step;

  if (argc < 2) return 2;
  if (quipu_abi_version() != QUIPU_ABI || strcmp(quipu_version(), QUIPU_VERSION) != 0) {
    printf("header %s, library %s\n", QUIPU_VERSION, quipu_version());
    return 1;
  }
  options.mode = QUIPU_MODE_OFFLINE;
  options.project = "install-test";
  options.dir = argv[1];
  if (quipu_run_start(&options, &run, &error) != QUIPU_OK) return refused("start", error);
  for (step = 0; step < 10; step++) {
    if (quipu_run_log(run, "loss", 1.0 / (step + 1)) != QUIPU_OK) return refused("log", NULL);
  }
  if (quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error) != QUIPU_OK) return refused("finish", error);
  printf("ok %s\n", quipu_run_directory(run));
  quipu_run_free(run);
  return 0;
}
