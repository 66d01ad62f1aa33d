#include "rows.h"

static void take(int kind, const uint8_t *body, size_t size, void *user) {
  row_list *list = user;
  double value;
  if (kind == RECORD_EXIT) {
    list->finished = true;
    list->exit_code = runlog_exit_code(body, size);
  }
  if (kind != RECORD_HISTORY) return;
  list->rows++;
  if (list->count < 4096 && runlog_number(body, size, list->key, &value)) {
    list->values[list->count] = value;
    list->steps[list->count] = runlog_step(body, size);
    list->count++;
  }
}

void read_rows(const char *run_directory, const char *key, row_list *list) {
  char path[1024];
  memset(list, 0, sizeof *list);
  list->key = key;
  log_path_of(run_directory, path, sizeof path);
  list->outcome = runlog_read(path, take, list);
  if (!list->outcome.readable) harness_fail(__FILE__, __LINE__, "no readable log below %s", run_directory);
  else if (!list->outcome.clean) harness_fail(__FILE__, __LINE__, "%s: %s", path, list->outcome.complaint);
}

quipu_run *start_with_before(void) {
  quipu_run *run = start_run();
  if (run) CHECK_STATUS(quipu_run_log(run, "before", 1), QUIPU_OK);
  return run;
}

void check_before_and_after(quipu_run *run) {
  static row_list list;
  char directory[1024];
  if (!run) return;
  CHECK_STATUS(quipu_run_log(run, "after", 2), QUIPU_OK);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "before", &list);
  CHECK_INT(list.rows, 2);
  CHECK_INT(list.count, 1);
  if (list.count) CHECK_INT(list.values[0], 1);
  CHECK(list.finished);
  read_rows(directory, "after", &list);
  CHECK_INT(list.count, 1);
  if (list.count) CHECK_INT(list.values[0], 2);
}
