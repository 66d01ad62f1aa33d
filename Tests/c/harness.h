/* The test harness of this folder: TEST registers a case, CHECK notes a failure and goes on, SKIP leaves with a reason.
 * Each program prints TAP-like lines and closes with "N passed, N failed, N skipped". Arguments: names of the cases to
 * run; none: all; --list: print the names. CTest runs every case as a process of its own. */
#ifndef HARNESS_H
#define HARNESS_H

#include <quipu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*test_function)(void);
void harness_add(const char *name, test_function function);

#define TEST(name)                                                                      \
  static void name(void);                                                               \
  __attribute__((constructor)) static void add_##name(void) { harness_add(#name, name); } \
  static void name(void)

/* A fresh directory for the running case; removed after it. */
extern char test_directory[512];

/* Formats a path below the directory; the text is reused after eight calls. */
const char *below(const char *format, ...) __attribute__((format(printf, 1, 2)));

void harness_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void harness_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
int harness_failed(void); /* whether the running case has failed so far */
void harness_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) harness_fail(__FILE__, __LINE__, "not true: %s", #condition); \
  } while (0)
#define REQUIRE(condition)                                        \
  do {                                                            \
    if (!(condition)) {                                           \
      harness_fail(__FILE__, __LINE__, "not true: %s", #condition); \
      return;                                                     \
    }                                                             \
  } while (0)
#define CHECK_INT(expression, expected)                                                                             \
  do {                                                                                                              \
    long long got_ = (long long)(expression), want_ = (long long)(expected);                                        \
    if (got_ != want_) harness_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #expression, got_, want_);          \
  } while (0)
#define CHECK_TEXT(expression, expected)                                                                            \
  do {                                                                                                              \
    const char *got_ = (expression), *want_ = (expected);                                                           \
    if (!got_ || strcmp(got_, want_) != 0)                                                                          \
      harness_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #expression, got_ ? got_ : "(null)", want_);     \
  } while (0)
/* The status by name. */
#define CHECK_STATUS(expression, expected)                                                                          \
  do {                                                                                                              \
    quipu_status got_ = (expression), want_ = (expected);                                                           \
    if (got_ != want_)                                                                                              \
      harness_fail(__FILE__, __LINE__, "%s is %s (%d), not %s", #expression, quipu_status_name(got_), (int)got_,    \
                   quipu_status_name(want_));                                                                       \
  } while (0)
#define SKIP(...)              \
  do {                         \
    harness_skip(__VA_ARGS__); \
    return;                    \
  } while (0)

/* Checks a refusal: the status, that the error says the same, and that its one line names `argument` (NULL: any).
 * Frees *error. */
void check_refused(const char *file, int line, const char *call, quipu_status got, quipu_status want,
                   quipu_error **error, const char *argument);
/* `call` uses `&error`, a variable that the macro makes. */
#define CHECK_REFUSED(call, want, argument)                                             \
  do {                                                                                  \
    quipu_error *error = NULL;                                                          \
    quipu_status got_ = (call);                                                         \
    check_refused(__FILE__, __LINE__, #call, got_, (want), &error, (argument));         \
  } while (0)
#define CHECK_OK(call)                                                                                              \
  do {                                                                                                              \
    quipu_error *error = NULL;                                                                                      \
    quipu_status got_ = (call);                                                                                     \
    if (got_ != QUIPU_OK)                                                                                           \
      harness_fail(__FILE__, __LINE__, "%s is %s: %s", #call, quipu_status_name(got_), quipu_error_message(error)); \
    quipu_error_free(error);                                                                                        \
  } while (0)

/* An offline run below test_directory; NULL after a noted failure. */
quipu_run *start_run(void);
/* Options of such a run, to change before quipu_run_start. */
quipu_run_options offline_options(void);
/* Finishes with 0, waiting for all of it, and frees. */
void end_run(quipu_run *run);
/* Copies the path of the log of a run. Empty if there is none. */
void log_path_of(const char *run_directory, char *path, size_t size);

/* A program may start itself anew, as `program --helper ARGUMENTS`, and lands here. */
int helper_main(int argc, char **argv);
/* Starts it; returns the process id. */
int start_helper(char *const arguments[]);

int sanitizer_is(const char *kind); /* "address" or "thread": whether this program is built with it */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif
