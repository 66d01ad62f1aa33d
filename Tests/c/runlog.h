/* Reads the block format and the protobuf fields of a .wandb log. Written from the format's description, apart from the
 * library, so that a mistake of the writer cannot hide in its own reader. Strict: where the library's reader would skip
 * damage, this one stops and says so. */
#ifndef RUNLOG_H
#define RUNLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Field numbers of Record.record_type. */
enum {
  RECORD_HISTORY = 2,
  RECORD_SUMMARY = 3,
  RECORD_CONFIG = 5,
  RECORD_FILES = 6,
  RECORD_ALERT = 10,
  RECORD_METRIC = 12,
  RECORD_RUN = 17,
  RECORD_EXIT = 18,
  RECORD_HEADER = 21
};

/* One record: `kind` is one of the numbers above, or another, or 0; `body` the bytes of the member. */
typedef void (*runlog_record_fn)(int kind, const uint8_t *body, size_t size, void *user);

typedef struct runlog_outcome {
  uint64_t records;
  bool readable;        /* the file is there and has the right header */
  bool clean;           /* it ends with a whole record */
  const char *complaint; /* what ended the reading early, or NULL */
} runlog_outcome;

runlog_outcome runlog_read(const char *path, runlog_record_fn fn, void *user);

/* One field of a message; returns false at the end or at nonsense. */
typedef struct runlog_field {
  int number;
  int wire;            /* 0 varint, 1 fixed 64, 2 bytes, 5 fixed 32 */
  uint64_t value;      /* of wire 0, 1, 5 */
  const uint8_t *data; /* of wire 2 */
  size_t size;
} runlog_field;
bool runlog_next(const uint8_t **cursor, const uint8_t *end, runlog_field *field);

/* The value of `key` (nested keys joined by '.') in a history, summary or config record, as JSON text without its end;
 * NULL if it is not there. */
const char *runlog_value(const uint8_t *body, size_t size, const char *key, size_t *length);
/* The same as a number; false if it is not there or no number. */
bool runlog_number(const uint8_t *body, size_t size, const char *key, double *number);
/* The step of a history record. */
int64_t runlog_step(const uint8_t *body, size_t size);
/* The exit code of an exit record. */
int64_t runlog_exit_code(const uint8_t *body, size_t size);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif
