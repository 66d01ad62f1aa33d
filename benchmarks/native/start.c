// Time to load the library and to start a run, in a process that has done neither before.
//   start LIBRARY DIR
// The library is opened at run time, so that its loading can be timed. The first start settles what a process settles
// once (host, settings, threads); later ones are what a sweep of runs in one process pays.
#include "measure.h"

#include <dlfcn.h>
#include <quipu.h>

int main(int argc, char **argv) {
  quipu_status (*init)(quipu_run_options *, size_t);
  quipu_status (*begin)(const quipu_run_options *, quipu_run **, quipu_error **);
  quipu_status (*finish)(quipu_run *, int32_t, int64_t, quipu_error **);
  void (*release)(quipu_run *);
  quipu_run_options options;
  uint64_t a, b;
  double load, first = 0, later[20];
  void *library;
  int i;
  if (argc != 3) return 2;
  a = now_ns();
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  b = now_ns();
  load = (double)(b - a);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  *(void **)&init = dlsym(library, "quipu_run_options_init");
  *(void **)&begin = dlsym(library, "quipu_run_start");
  *(void **)&finish = dlsym(library, "quipu_run_finish");
  *(void **)&release = dlsym(library, "quipu_run_free");
  if (!init || !begin || !finish || !release) return 1;
  if (init(&options, sizeof options)) return 1;
  options.mode = QUIPU_MODE_OFFLINE;
  options.project = "bench";
  options.dir = argv[2];
  for (i = 0; i < 21; i++) {
    quipu_run *run = NULL;
    a = now_ns();
    if (begin(&options, &run, NULL) != QUIPU_OK) return 1;
    b = now_ns();
    if (i == 0) first = (double)(b - a);
    else later[i - 1] = (double)(b - a);
    finish(run, 0, 10000, NULL);
    release(run);
  }
  printf("{\"load_ms\":%.4f,\"first_start_ms\":%.4f,\"later_start_ms\":%.4f}\n", load * 1e-6, first * 1e-6,
         median(later, 20) * 1e-6);
  return 0;
}
