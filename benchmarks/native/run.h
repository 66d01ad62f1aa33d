// A run for the benchmarks, and the end of the program when something is not as it should be.
#ifndef QUIPU_BENCH_RUN_H
#define QUIPU_BENCH_RUN_H

#include <quipu.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must(quipu_status status, const char *what) {
  if (status == QUIPU_OK) return;
  fprintf(stderr, "%s: %s\n", what, quipu_status_name(status));
  exit(1);
}

static inline quipu_run_options run_options(const char *dir) {
  quipu_run_options options;
  must(quipu_run_options_init(&options, sizeof options), "options");
  options.mode = QUIPU_MODE_OFFLINE;
  options.project = "bench";
  options.dir = dir;
  options.full_wait_ms = 60000;  // a full ring makes the caller wait: no row is dropped to look fast
  return options;
}

static inline quipu_run *run_start(const char *dir) {
  quipu_run_options options = run_options(dir);
  quipu_run *run = NULL;
  quipu_error *error = NULL;
  if (quipu_run_start(&options, &run, &error) != QUIPU_OK) {
    fprintf(stderr, "start: %s\n", quipu_error_message(error));
    exit(1);
  }
  return run;
}

// Finishes and answers the counters; every accepted call must be a row in the log.
static inline quipu_run_stats run_finish(quipu_run *run) {
  quipu_run_stats stats = {0};
  must(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL), "finish");
  stats.struct_size = sizeof stats;
  must(quipu_run_get_stats(run, &stats), "stats");
  if (stats.calls_dropped_full || stats.records_lost || stats.rows_dropped_low_step) {
    fprintf(stderr, "rows were lost: %llu dropped, %llu lost\n", (unsigned long long)stats.calls_dropped_full,
            (unsigned long long)stats.records_lost);
    exit(1);
  }
  quipu_run_free(run);
  return stats;
}

static const char *const scalar_keys[3] = {"loss", "accuracy", "learning_rate"};

#endif
