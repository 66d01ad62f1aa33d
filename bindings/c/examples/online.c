/* Trains against a server: quipu login, or WANDB_BASE_URL and WANDB_API_KEY, say which. Prints the page of the run and
 * stops when somebody presses stop there. */
#include <quipu.h>
#include <stdio.h>
#include <string.h>

static void say(quipu_level level, const char *kind, const char *message, const char *run_id, void *user) {
  (void)run_id;
  (void)user;
  if (level > QUIPU_LEVEL_INFO || strcmp(kind, "run_url") == 0) fprintf(stderr, "%s: %s\n", kind, message);
}

int main(void) {
  quipu_set_diagnostics(say, NULL);
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  options.project = "quickstart";
  options.mode = QUIPU_MODE_ONLINE;
  quipu_run *run = NULL;
  quipu_error *error = NULL;
  if (quipu_run_start(&options, &run, &error) != QUIPU_OK) { /* returns at once: the server is asked meanwhile */
    fprintf(stderr, "%s\n", quipu_error_message(error));
    quipu_error_free(error);
    return 1;
  }
  double weight = 0;
  for (int step = 0; step < 100 && !quipu_run_stop_requested(run); step++) { /* fit y = 2 x at x = 3 */
    double difference = weight * 3 - 6;
    weight -= 0.02 * difference * 3;
    quipu_item row[] = {quipu_item_double("loss", difference * difference), quipu_item_double("weight", weight)};
    quipu_run_log_items(run, row, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, NULL);
  }
  if (quipu_run_finish(run, 0, 60000, &error) != QUIPU_OK) { /* nothing is lost: `quipu sync` sends the rest */
    fprintf(stderr, "%s\n", quipu_error_message(error));
    quipu_error_free(error);
  }
  quipu_run_stats stats = {.struct_size = sizeof stats};
  quipu_run_get_stats(run, &stats);
  printf("%llu rows sent\n", (unsigned long long)stats.rows_uploaded);
  quipu_run_free(run);
  return stats.upload_state == QUIPU_UPLOAD_DONE ? 0 : 2;
}
