// A run in mode online (or whatever MODE says), in C.
//   online calls MODE PERIOD_NS CALLS DIR    what a call costs while the upload goes on
//   online rows ROWS DIR                     ROWS rows of 3 scalars until the server has acknowledged all
//   online drained ROWS DIR                  quipu_run_finish of a run whose rows have been acknowledged
//   online start DIR                         quipu_run_start, first in its process and later
#include "measure.h"
#include "run.h"

#include <string.h>
#include <unistd.h>

static quipu_run *begin(const char *dir, quipu_mode mode) {
  quipu_run_options options = run_options(dir);
  quipu_run *run = NULL;
  quipu_error *error = NULL;
  options.mode = mode;
  if (quipu_run_start(&options, &run, &error) != QUIPU_OK) {
    fprintf(stderr, "start: %s\n", quipu_error_message(error));
    exit(1);
  }
  return run;
}

static quipu_run_stats counters(quipu_run *run) {
  quipu_run_stats stats = {0};
  stats.struct_size = sizeof stats;
  must(quipu_run_get_stats(run, &stats), "stats");
  return stats;
}

static void log_row(quipu_run *run, quipu_columns *columns, uint64_t i) {
  double cells[3] = {(double)i * 1e-3, 1.0 / (double)(i + 1), 1e-4};
  must(quipu_run_log_columns(run, columns, cells, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT), "log");
}

static int calls(quipu_mode mode, uint64_t period, uint64_t count, const char *dir) {
  quipu_run *run = begin(dir, mode);
  quipu_columns *columns = NULL;
  uint64_t next = 0, i;
  latency l = latency_new();
  must(quipu_columns_new(scalar_keys, NULL, 3, &columns, NULL), "columns");
  for (i = 0; i < count; i++) {
    uint64_t a, b;
    pace(&next, period);
    a = now_ns();
    log_row(run, columns, i);
    b = now_ns();
    latency_add(&l, b - a);
  }
  latency_print(&l, "columns", period, 0, 0);
  // A server in trouble never takes the rest: it stays on disk.
  quipu_run_finish(run, 0, 1000, NULL);
  _exit(0);
}

static int rows(uint64_t count, const char *dir) {
  quipu_columns *columns = NULL;
  quipu_run *run = begin(dir, QUIPU_MODE_ONLINE);
  quipu_run_stats stats;
  uint64_t start = now_ns(), logged, i;
  must(quipu_columns_new(scalar_keys, NULL, 3, &columns, NULL), "columns");
  for (i = 0; i < count; i++) log_row(run, columns, i);
  logged = now_ns();
  must(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL), "finish");
  stats = counters(run);
  printf("{\"rows\":%llu,\"acknowledged\":%llu,\"logged_s\":%.4f,\"wall_s\":%.4f,\"requests\":%llu}\n",
         (unsigned long long)count, (unsigned long long)stats.rows_uploaded, (double)(logged - start) * 1e-9,
         (double)(now_ns() - start) * 1e-9, (unsigned long long)stats.upload_requests);
  quipu_run_free(run);
  return 0;
}

static int drained(uint64_t count, const char *dir) {
  quipu_columns *columns = NULL;
  quipu_run *run = begin(dir, QUIPU_MODE_ONLINE);
  uint64_t a, i;
  must(quipu_columns_new(scalar_keys, NULL, 3, &columns, NULL), "columns");
  for (i = 0; i < count; i++) log_row(run, columns, i);
  for (i = 0; counters(run).rows_uploaded < count; i++) {
    if (i > 60000) return 1;
    usleep(1000);
  }
  sleep(3);  // summary, config and files of the start arrive as well
  a = now_ns();
  must(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL), "finish");
  printf("{\"finish_ms\":%.3f}\n", (double)(now_ns() - a) * 1e-6);
  quipu_run_free(run);
  return 0;
}

static int start(const char *dir) {
  uint64_t a = now_ns(), b;
  quipu_run *first = begin(dir, QUIPU_MODE_ONLINE), *later;
  b = now_ns();
  printf("{\"first_ms\":%.3f,", (double)(b - a) * 1e-6);
  a = now_ns();
  later = begin(dir, QUIPU_MODE_ONLINE);
  printf("\"later_ms\":%.3f}\n", (double)(now_ns() - a) * 1e-6);
  fflush(stdout);
  (void)first;
  (void)later;
  _exit(0);  // what the runs' ends cost is another question
}

int main(int argc, char **argv) {
  if (argc == 6 && strcmp(argv[1], "calls") == 0) {
    quipu_mode mode = strcmp(argv[2], "online") == 0 ? QUIPU_MODE_ONLINE : QUIPU_MODE_OFFLINE;
    return calls(mode, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10), argv[5]);
  }
  if (argc == 4 && strcmp(argv[1], "rows") == 0) return rows(strtoull(argv[2], NULL, 10), argv[3]);
  if (argc == 4 && strcmp(argv[1], "drained") == 0) return drained(strtoull(argv[2], NULL, 10), argv[3]);
  if (argc == 3 && strcmp(argv[1], "start") == 0) return start(argv[2]);
  return 2;
}
