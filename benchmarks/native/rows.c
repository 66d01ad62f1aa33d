// Rows per second until they are in the log, the end of the run included.
//   rows THREADS ROWS DIR       three doubles by columns, back to back; ROWS in all
#include "measure.h"
#include "run.h"

#include <pthread.h>
#include <sys/resource.h>

typedef struct worker {
  pthread_t thread;
  quipu_run *run;
  quipu_columns *columns;
  uint64_t rows;
  uint64_t failed;
} worker;

static void *work(void *context) {
  worker *w = context;
  uint64_t i;
  for (i = 0; i < w->rows; i++) {
    double cells[3] = {(double)i * 1e-3, 1.0 / (double)(i + 1), 1e-4};
    w->failed +=
        quipu_run_log_columns(w->run, w->columns, cells, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT) != QUIPU_OK;
  }
  return NULL;
}

// Processor time of all threads: what a row costs, whatever else the machine does.
static double processor_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

int main(int argc, char **argv) {
  worker workers[64] = {{0}};
  quipu_columns *columns = NULL;
  quipu_run *run;
  quipu_run_stats stats;
  uint64_t start, logged, flushed, failed = 0;
  int threads, t;
  uint64_t rows;
  double processor;
  if (argc != 4) return 2;
  threads = atoi(argv[1]);
  if (threads < 1 || threads > 64) return 2;
  rows = strtoull(argv[2], NULL, 10) / (uint64_t)threads;
  must(quipu_columns_new(scalar_keys, NULL, 3, &columns, NULL), "columns");
  run = run_start(argv[3]);
  processor = processor_seconds();
  start = now_ns();
  for (t = 0; t < threads; t++) {
    workers[t].run = run;
    workers[t].columns = columns;
    workers[t].rows = rows;
    if (t > 0 && pthread_create(&workers[t].thread, NULL, work, &workers[t])) return 1;
  }
  work(&workers[0]);
  for (t = 1; t < threads; t++) pthread_join(workers[t].thread, NULL);
  logged = now_ns();
  must(quipu_run_flush(run, QUIPU_WAIT_FOREVER, NULL), "flush");
  flushed = now_ns();
  processor = processor_seconds() - processor;
  for (t = 0; t < threads; t++) failed += workers[t].failed;
  stats = run_finish(run);
  if (failed || stats.rows_written != rows * (uint64_t)threads) {
    fprintf(stderr, "%llu calls failed, %llu rows written\n", (unsigned long long)failed,
            (unsigned long long)stats.rows_written);
    return 1;
  }
  printf("{\"threads\":%d,\"rows\":%llu,\"bytes\":%llu,\"logged_s\":%.6f,\"flushed_s\":%.6f,\"processor_s\":%.6f}\n",
         threads,
         (unsigned long long)stats.rows_written, (unsigned long long)stats.bytes_written,
         (double)(logged - start) * 1e-9, (double)(flushed - start) * 1e-9, processor);
  quipu_columns_free(columns);
  return 0;
}
