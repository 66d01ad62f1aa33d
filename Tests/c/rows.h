/* The rows of a log as values of one key, for checks. */
#ifndef ROWS_H
#define ROWS_H

#include "harness.h"
#include "runlog.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct row_list {
  const char *key;
  double values[4096];
  int64_t steps[4096];
  size_t count;        /* rows that hold the key */
  size_t rows;         /* history rows in all */
  bool finished;       /* there is an exit record */
  int64_t exit_code;
  runlog_outcome outcome;
} row_list;

/* Reads the log of a run directory. */
void read_rows(const char *run_directory, const char *key, row_list *list);

/* Finishes `run`, frees it, and checks that its log holds exactly the rows "before" = 1 and "after" = 2: what the
 * refused calls between them asked for is not there, and nothing that was accepted is missing. */
void check_before_and_after(quipu_run *run);
quipu_run *start_with_before(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif
