#include <quipu.h>

int main(void) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  options.project = "quickstart";
  quipu_run *run = NULL;
  if (quipu_run_start(&options, &run, NULL) != QUIPU_OK) return 1;
  double weight = 0;
  for (int step = 0; step < 100; step++) { /* fit y = 2 x at x = 3 */
    double error = weight * 3 - 6;
    weight -= 0.02 * error * 3;
    quipu_item row[] = {quipu_item_double("loss", error * error), quipu_item_double("weight", weight)};
    quipu_run_log_items(run, row, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, NULL);
  }
  quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL);
  quipu_run_free(run);
}
