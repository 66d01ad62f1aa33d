// What one log call costs its caller, in C.
//   call_cost FACE PERIOD_NS CALLS DIR
// FACE: columns, log, doubles, items, or none (the measuring loop alone: this machine's own noise).
// PERIOD_NS: a call every so often, so that the writer thread runs beside the caller; 0: back to back.
#include "measure.h"
#include "run.h"

#include <string.h>

enum { BURST = 10000 };

typedef struct caller {
  quipu_run *run;
  quipu_columns *columns;
  int face;
} caller;

static inline quipu_status call(const caller *c, uint64_t i) {
  double cells[3] = {(double)i * 1e-3, 0.5, 1e-4};
  switch (c->face) {
    case 0: return quipu_run_log_columns(c->run, c->columns, cells, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT);
    case 1: return quipu_run_log(c->run, "loss", cells[0]);
    case 2:
      return quipu_run_log_doubles(c->run, scalar_keys, cells, 3, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT);
    case 3: {
      quipu_item items[3] = {quipu_item_double("loss", cells[0]), quipu_item_double("accuracy", cells[1]),
                             quipu_item_double("learning_rate", cells[2])};
      return quipu_run_log_items(c->run, items, 3, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, NULL);
    }
    default: __asm__ volatile("" : : "r"(cells) : "memory"); return QUIPU_OK;
  }
}

int main(int argc, char **argv) {
  static const char *const faces[] = {"columns", "log", "doubles", "items", "none"};
  caller c = {NULL, NULL, -1};
  uint64_t period, calls, i, next = 0, failed = 0;
  double means[200];
  int bursts, b, f;
  latency l;
  if (argc != 5) return 2;
  for (f = 0; f < 5; f++) {
    if (strcmp(argv[1], faces[f]) == 0) c.face = f;
  }
  period = strtoull(argv[2], NULL, 10);
  calls = strtoull(argv[3], NULL, 10);
  if (c.face < 0) return 2;
  c.run = run_start(argv[4]);
  must(quipu_columns_new(scalar_keys, NULL, 3, &c.columns, NULL), "columns");
  l = latency_new();

  // Without a clock inside: bursts that the ring holds, emptied between them.
  bursts = calls >= 1000000 ? 100 : 10;
  for (b = 0; b < bursts; b++) {
    uint64_t start = now_ns();
    for (i = 0; i < BURST; i++) failed += call(&c, i) != QUIPU_OK;
    means[b] = (double)(now_ns() - start) / BURST;
    must(quipu_run_flush(c.run, 60000, NULL), "flush");
  }

  for (i = 0; i < calls; i++) {
    uint64_t a, e;
    quipu_status status;
    pace(&next, period);
    a = now_ns();
    status = call(&c, i);
    e = now_ns();
    latency_add(&l, e - a);
    failed += status != QUIPU_OK;
  }
  run_finish(c.run);
  quipu_columns_free(c.columns);
  latency_print(&l, argv[1], period, median(means, bursts), failed);
  return 0;
}
