#include <quipu.h>

int main(void) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  options.project = "quickstart";
  quipu_run *run = NULL;
  if (quipu_run_start(&options, &run, NULL) != QUIPU_OK) return 1;
  for (int step = 0; step < 100; step++) quipu_run_log(run, "loss", 1.0 / (step + 1));
  quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL);
  quipu_run_free(run);
}
