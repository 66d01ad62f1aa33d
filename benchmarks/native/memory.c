// Resident memory that the library and one busy run add to a process.
//   memory LIBRARY DIR ROWS ROWS...    one reading after each number of rows (back to back, then flushed)
// With BENCH_MODE=online the run goes to WANDB_BASE_URL, and a reading waits until the server has acknowledged the rows.
// The library is opened at run time, so that the bare process can be read first.
#include "measure.h"

#include <dlfcn.h>
#include <quipu.h>
#include <string.h>
#include <unistd.h>

typedef struct resident {
  long all, peak, anonymous, file, shared;  // kB
} resident;

static resident read_resident(void) {
  resident r = {0, 0, 0, 0, 0};
  char line[256];
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) exit(1);
  while (fgets(line, sizeof line, file)) {
    sscanf(line, "VmRSS: %ld", &r.all);
    sscanf(line, "VmHWM: %ld", &r.peak);
    sscanf(line, "RssAnon: %ld", &r.anonymous);
    sscanf(line, "RssFile: %ld", &r.file);
    sscanf(line, "RssShmem: %ld", &r.shared);
  }
  fclose(file);
  return r;
}

static void print(const char *what, unsigned long long rows, resident r, resident bare) {
  printf("%s{\"at\":\"%s\",\"rows\":%llu,\"added_kb\":%ld,\"peak_kb\":%ld,\"anonymous_kb\":%ld,\"file_kb\":%ld,"
         "\"shared_kb\":%ld}",
         strcmp(what, "loaded") ? "," : "[", what, rows, r.all - bare.all, r.peak - bare.all,
         r.anonymous - bare.anonymous, r.file - bare.file, r.shared - bare.shared);
}

int main(int argc, char **argv) {
  static const char *const keys[3] = {"loss", "accuracy", "learning_rate"};
  quipu_status (*init)(quipu_run_options *, size_t);
  quipu_status (*begin)(const quipu_run_options *, quipu_run **, quipu_error **);
  quipu_status (*columns_new)(const char *const *, const quipu_type *, size_t, quipu_columns **, quipu_error **);
  quipu_status (*log_columns)(quipu_run *, const quipu_columns *, const void *, int64_t, quipu_commit);
  quipu_status (*flush)(quipu_run *, int64_t, quipu_error **);
  quipu_status (*finish)(quipu_run *, int32_t, int64_t, quipu_error **);
  quipu_status (*get_stats)(quipu_run *, quipu_run_stats *);
  const char *mode = getenv("BENCH_MODE");
  int online = mode && strcmp(mode, "online") == 0;
  quipu_run_options options;
  quipu_columns *columns = NULL;
  quipu_run *run = NULL;
  resident bare;
  void *library;
  unsigned long long done = 0;
  int i;
  if (argc < 4) return 2;
  bare = read_resident();
  bare = read_resident();  // the first reading allocates
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return 1;
  *(void **)&init = dlsym(library, "quipu_run_options_init");
  *(void **)&begin = dlsym(library, "quipu_run_start");
  *(void **)&columns_new = dlsym(library, "quipu_columns_new");
  *(void **)&log_columns = dlsym(library, "quipu_run_log_columns");
  *(void **)&flush = dlsym(library, "quipu_run_flush");
  *(void **)&finish = dlsym(library, "quipu_run_finish");
  *(void **)&get_stats = dlsym(library, "quipu_run_get_stats");
  if (!init || !begin || !columns_new || !log_columns || !flush || !finish || !get_stats) return 1;
  print("loaded", 0, read_resident(), bare);
  if (init(&options, sizeof options)) return 1;
  options.mode = online ? QUIPU_MODE_ONLINE : QUIPU_MODE_OFFLINE;
  options.project = "bench";
  options.dir = argv[2];
  options.full_wait_ms = 60000;
  if (begin(&options, &run, NULL) || columns_new(keys, NULL, 3, &columns, NULL)) return 1;
  print("started", 0, read_resident(), bare);
  for (i = 3; i < argc; i++) {
    unsigned long long wanted = strtoull(argv[i], NULL, 10);
    for (; done < wanted; done++) {
      double cells[3] = {(double)done * 1e-3, 1.0 / (double)(done + 1), 1e-4};
      if (log_columns(run, columns, cells, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT)) return 1;
    }
    if (flush(run, QUIPU_WAIT_FOREVER, NULL)) return 1;
    if (online) {
      quipu_run_stats stats = {0};
      stats.struct_size = sizeof stats;
      do {
        usleep(10000);
        if (get_stats(run, &stats)) return 1;
      } while (stats.rows_uploaded < wanted);
    }
    print("rows", done, read_resident(), bare);
  }
  printf("]\n");
  return finish(run, 0, QUIPU_WAIT_FOREVER, NULL) != QUIPU_OK;
}
