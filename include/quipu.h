/*
 * Quipu: record machine-learning experiments from any program.
 *
 * This header is the contract; it is written by hand and is the authority. C99, also valid C++11. It needs nothing
 * but three standard headers and a library that carries its own run-time (no Swift on the host).
 *
 * Rules that hold for every call, said once:
 *
 *   Threads     Every function may be called from any thread at any time, also several at once on one handle.
 *               Only a `_free` must be the last use of its handle.
 *   Blocking    No call blocks unless its comment has a "Blocking" line. Log calls copy their input and return: no
 *               system call, no allocation, no disk, no network while the hand-off ring has room.
 *   Order       Calls of one thread take effect in their order; calls of several threads in the order they arrive.
 *   Text        `const char *` is NUL-terminated UTF-8; NULL means "not given", "" is a value. `quipu_str` is pointer
 *               and length. Everything is copied before the call returns. Malformed UTF-8 is QUIPU_ERROR_UTF8.
 *   Errors      Calls return a status: 0 or a negative number. A refused call changes nothing and clears its outputs.
 *               `quipu_error **error` is optional (NULL); when set after a failure, free it with quipu_error_free.
 *               Trouble that comes later (a full disk, a dropped row) goes to quipu_run_stats and to diagnostics.
 *   Handles     NULL and handles of finished or freed runs are answered with a status, never a crash. Freeing NULL
 *               does nothing. Handles may be freed in any order.
 *   Exit, fork  Runs left open are finished when the process exits, with its exit status. After fork() without exec
 *               the child's inherited runs answer QUIPU_ERROR_FORKED; the child may start runs of its own.
 *               No signal handlers are installed. See docs/threading.md.
 *   Network     Only runs of mode online or shared use it, on one library thread. No call waits for a server but those
 *               whose "Blocking" line says so, and none changes what a log call costs.
 *   Printing    Never. Diagnostics go to your callback, or nowhere.
 *   Durability  A row whose log call has returned survives the death of the process (SIGKILL, OOM, abort): it is in
 *               the log or in the ring in shared memory, from where the next start or `quipu recover` takes it.
 */
#ifndef QUIPU_H
#define QUIPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define QUIPU_API __attribute__((visibility("default")))
#else
#define QUIPU_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------------
 * Version
 */

#define QUIPU_VERSION_MAJOR 0
#define QUIPU_VERSION_MINOR 1
#define QUIPU_VERSION_PATCH 0
#define QUIPU_VERSION "0.1.0"
/* Binary interface; the number in the SONAME. Raised only when an existing program would have to be compiled anew. */
#define QUIPU_ABI 0

/* "MAJOR.MINOR.PATCH" of the library in use. Static text. Since 0.1.0 */
QUIPU_API const char *quipu_version(void);

/* MAJOR * 1000000 + MINOR * 1000 + PATCH of the library in use. Since 0.1.0 */
QUIPU_API uint32_t quipu_version_number(void);

/* QUIPU_ABI of the library in use; compare with the macro to see that header and library belong together. Since 0.1.0 */
QUIPU_API uint32_t quipu_abi_version(void);

/* ------------------------------------------------------------------------------------------------------------------
 * Status and errors
 */

/* 0 is success, failures are negative, families are hundreds. Numbers are never reused. */
typedef int32_t quipu_status;
enum {
  QUIPU_OK = 0,

  QUIPU_ERROR_ARGUMENT = -100,  /* an argument is wrong in a way that no number below names */
  QUIPU_ERROR_NULL = -101,      /* a required pointer is NULL */
  QUIPU_ERROR_UTF8 = -102,      /* text is not UTF-8, or a name holds a NUL */
  QUIPU_ERROR_KEY = -103,       /* a key is empty or longer than QUIPU_KEY_MAX_BYTES */
  QUIPU_ERROR_STEP = -104,      /* a negative step that is not QUIPU_STEP_AUTO */
  QUIPU_ERROR_SHAPE = -105,     /* array shape, strides or row width do not fit */
  QUIPU_ERROR_DTYPE = -106,     /* unknown or unsupported element type */
  QUIPU_ERROR_VALUE = -107,     /* a value cannot be stored: broken JSON, NaN in a histogram, ... */
  QUIPU_ERROR_NAME = -108,      /* run id, project, tag or metric name is not allowed */
  QUIPU_ERROR_SETTING = -109,   /* unknown setting or a value of the wrong kind, in a call, a file or the environment */
  QUIPU_ERROR_OPTIONS = -110,   /* struct_size is 0, or an unknown tail of a larger struct is not zero */
  QUIPU_ERROR_DEVICE = -111,    /* the array lives in device memory: copy it to the host first */
  QUIPU_ERROR_TOO_LARGE = -112, /* more bytes than the documented limit */

  QUIPU_ERROR_STATE = -200,          /* the call does not fit the object's state */
  QUIPU_ERROR_FINISHED = -201,       /* the run is finished */
  QUIPU_ERROR_HANDLE = -202,         /* the handle was freed, or is not a handle of this kind */
  QUIPU_ERROR_FORKED = -203,         /* the run belongs to the parent process */
  QUIPU_ERROR_CONFIG_CHANGED = -204, /* a config value would change without permission */
  QUIPU_ERROR_NOT_FOUND = -205,      /* no such key, file or run */
  QUIPU_ERROR_TIMEOUT = -206,        /* not done within the time; it goes on in the background */
  QUIPU_ERROR_FULL = -207,           /* the ring is full and stayed full: the row was dropped and counted */

  QUIPU_ERROR_MEMORY = -300,

  QUIPU_ERROR_FILE = -400,      /* a file could not be read or written */
  QUIPU_ERROR_DIRECTORY = -401, /* the run directory could not be made */
  QUIPU_ERROR_FORMAT = -402,    /* a file is not what it should be */
  QUIPU_ERROR_DISK_FULL = -403,
  QUIPU_ERROR_BUSY = -404,      /* the run is still being written by another process */

  QUIPU_ERROR_NETWORK = -500,         /* the server cannot be reached, for a reason that no number below names */
  QUIPU_ERROR_HOST = -501,            /* there is no host of that name */
  QUIPU_ERROR_CONNECT = -502,         /* the connection was refused or broken */
  QUIPU_ERROR_NETWORK_TIMEOUT = -503, /* no answer in time */
  QUIPU_ERROR_TLS = -504,             /* the certificate or the handshake; never retried */
  QUIPU_ERROR_PROXY = -505,           /* the proxy cannot be reached or refuses */
  QUIPU_ERROR_LIBRARY = -506,         /* libcurl.so.4 is not installed */

  QUIPU_ERROR_AUTH = -600,            /* the server refuses the API key, or what it may do */
  QUIPU_ERROR_NO_API_KEY = -601,      /* no API key was found */
  QUIPU_ERROR_API_KEY = -602,         /* what was given cannot be an API key */

  QUIPU_ERROR_SERVER = -700,          /* the server refuses for another reason, or fails again and again */
  QUIPU_ERROR_ANSWER = -701,          /* the server's answer cannot be understood */
  QUIPU_ERROR_RESUME = -702,          /* resume "must" and there is no such run, or "never" and there is one */

  QUIPU_ERROR_ENCODE = -800,    /* an encoder (PNG, ...) refused */
  QUIPU_ERROR_INTERNAL = -900   /* a bug in Quipu: please report it with the message */
};

/* The constant's name ("QUIPU_ERROR_STEP"), "QUIPU_ERROR" for a number this version does not know. Static. Since 0.1.0 */
QUIPU_API const char *quipu_status_name(quipu_status status);

/* One sentence for a person. Static. Since 0.1.0 */
QUIPU_API const char *quipu_status_text(quipu_status status);

/* Detail of a failure. */
typedef struct quipu_error quipu_error;

/* The status the failed call returned; QUIPU_OK for NULL. Since 0.1.0 */
QUIPU_API quipu_status quipu_error_code(const quipu_error *error);

/* One line that names the argument and the fix. Borrowed until quipu_error_free; "" for NULL. Since 0.1.0 */
QUIPU_API const char *quipu_error_message(const quipu_error *error);

/* A stable word a program can compare, finer than the status: "run_id_bad_char", "config_value_changed",
 * "histogram_not_finite", ... Borrowed until quipu_error_free; "" for NULL. Since 0.1.0 */
QUIPU_API const char *quipu_error_kind(const quipu_error *error);

/* NULL is allowed. Since 0.1.0 */
QUIPU_API void quipu_error_free(quipu_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * Text
 */

/* Borrowed text: `size` bytes at `data`. {NULL, 0} is empty. As a result: valid until quipu_text_free. */
typedef struct quipu_str {
  const char *data;
  size_t size;
} quipu_str;

static inline quipu_str quipu_cstr(const char *text) {
  quipu_str result;
  result.data = text;
  result.size = 0;
  if (text) {
    while (text[result.size]) result.size++;
  }
  return result;
}

/* Frees text that a call returned through a `quipu_str *` output. Such text is NUL-terminated as well (the NUL is not
 * counted). {NULL, 0} is allowed. Since 0.1.0 */
QUIPU_API void quipu_text_free(quipu_str text);

/* ------------------------------------------------------------------------------------------------------------------
 * Diagnostics: what no status can carry
 */

typedef int32_t quipu_level;
enum { QUIPU_LEVEL_INFO = 1, QUIPU_LEVEL_WARNING = 2, QUIPU_LEVEL_ERROR = 3 };

/* Called with one message. `kind` is a stable word, `run_id` names the run or is "". All text is borrowed for the call
 * and never holds a credential. Kinds of the recording: "step_too_low", "disk_full", "ring_full", ...; of the upload:
 * "run_url" (the server has taken up the run; the message holds the address of its page), "no_api_key" (the run goes on
 * offline), "server_unreachable", "server_reachable", "auth_failed", "upload_refused" (the rest stays on disk),
 * "stop_requested", "upload_done".
 * The callback runs on the thread of the call that caused it or on a library thread, never twice at once. It may call
 * any function that does not block; it must not throw or longjmp. A slow callback delays writing, never log calls. */
typedef void (*quipu_diagnostic_fn)(quipu_level level, const char *kind, const char *message, const char *run_id,
                                    void *user);

/* Sets the process's callback; NULL removes it. Returns after a callback that is running on another thread has ended,
 * so that `user` may be freed then. Since 0.1.0 */
QUIPU_API void quipu_set_diagnostics(quipu_diagnostic_fn fn, void *user);

/* ------------------------------------------------------------------------------------------------------------------
 * Options of a run
 */

typedef int32_t quipu_mode;
enum {
  QUIPU_MODE_DEFAULT = 0,  /* from environment and settings files; else online */
  QUIPU_MODE_ONLINE = 1,   /* the log on disk, and what is in it sent to the server at once; without an API key the run
                              goes on offline and says so (kind "no_api_key") */
  QUIPU_MODE_OFFLINE = 2,  /* the log on disk only; `quipu sync` or `wandb sync` sends it later */
  QUIPU_MODE_DISABLED = 3, /* every call is accepted and does nothing */
  QUIPU_MODE_SHARED = 4    /* several processes write one run: rows carry no step */
};

/* What to do if the server knows a run of this id. A run goes on with the step behind its last row, its summary, its
 * run time, its tags and notes, and those config values that the program does not set.
 * Offline: a run goes on from its newest log in the same `wandb` directory. Where there is none its steps begin at 0,
 * and the upload gives them their numbers. */
typedef int32_t quipu_resume;
enum {
  QUIPU_RESUME_DEFAULT = 0, /* do not ask: rows begin at step 0 */
  QUIPU_RESUME_ALLOW = 1,   /* go on with it, or start it */
  QUIPU_RESUME_MUST = 2,    /* go on with it; QUIPU_ERROR_RESUME if there is none */
  QUIPU_RESUME_NEVER = 3,   /* QUIPU_ERROR_RESUME if there is one */
  QUIPU_RESUME_AUTO = 4     /* go on with the last run of this directory, unless that ended with exit code 0 */
};

/* What happens to a row whose step is below the current one. */
typedef int32_t quipu_low_steps;
enum {
  QUIPU_LOW_STEPS_DROP = 0, /* as W&B: dropped, counted in rows_dropped_low_step, reported once per run */
  QUIPU_LOW_STEPS_KEEP = 1  /* written at once as a row of its own with that step; the open row and the step stay */
};

/* Set with QUIPU_RUN_OPTIONS_INIT or quipu_run_options_init. Zero or NULL means "not given": environment variables
 * (QUIPU_* before WANDB_*), settings files and defaults then decide. Fields are only ever appended. */
typedef struct quipu_run_options {
  uint32_t struct_size;      /* sizeof(quipu_run_options) */
  quipu_mode mode;
  const char *project;       /* at most 128 code points, none of / \ # ? % : ; default: git directory, "uncategorized" */
  const char *entity;        /* user or team; default: the server's */
  const char *id;            /* unique in the project; none of : ; , # ? / ' ; default: 8 random characters a-z0-9 */
  const char *name;          /* display name */
  const char *notes;
  const char *group;
  const char *job_type;
  const char *dir;           /* the directory that gets `wandb/`; default: WANDB_DIR, the working directory */
  const char *const *tags;   /* tag_count texts of 1..64 code points; not NULL with 0: no tags */
  size_t tag_count;
  quipu_str config_json;     /* a JSON object */
  const char *config_path;   /* a YAML file of the form `key: {value: V}` */
  quipu_str settings_json;   /* a JSON object: any setting by its W&B name, e.g. {"console":"off","x_label":"rank0"} */
  quipu_resume resume;
  quipu_low_steps low_steps;
  const char *resume_from;   /* "RUN?_step=N": cut that run after step N and go on with it */
  const char *fork_from;     /* "RUN?_step=N": a new run that begins as a copy of that one up to step N */
  uint64_t ring_bytes;       /* hand-off ring, rounded up to a power of two; default 4 MiB, range 64 KiB .. 1 GiB */
  int64_t full_wait_ms;      /* how long a log call may wait for room in a full ring before it drops the row;
                                0: default 1000; -1: never wait */
  const char *program;       /* as shown in the metadata; default: the executable */
  const char *language;      /* face that started the run, e.g. "python 3.11.7"; default "c" */
} quipu_run_options;

#ifdef __cplusplus
#define QUIPU_RUN_OPTIONS_INIT quipu_run_options_default()
#else
#define QUIPU_RUN_OPTIONS_INIT { sizeof(quipu_run_options), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, \
  { NULL, 0 }, NULL, { NULL, 0 }, 0, 0, NULL, NULL, 0, 0, NULL, NULL }
#endif

/* Zeroes `size` bytes at `options` and sets struct_size. Pass sizeof(quipu_run_options). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_options_init(quipu_run_options *options, size_t size);

/* ------------------------------------------------------------------------------------------------------------------
 * A run
 */

typedef struct quipu_run quipu_run;

#define QUIPU_WAIT_FOREVER (-1)

/* Starts a run: settles the settings, makes the directory and the log, returns a handle. Online, the server is told of
 * the run in the background; see quipu_run_wait_online.
 *   options  NULL: all defaults.
 * Blocking: a few small file operations (about a millisecond). Online with resume or resume_from also the server's
 * answer, at most `init_timeout` (a setting, 90 s); offline with resume the reading of the earlier log.
 * Ownership: free *run with quipu_run_free.
 * Errors: NAME (id, project, tag), SETTING, VALUE (config), DIRECTORY. With resume, resume_from or the setting `force`
 * also RESUME, NO_API_KEY, AUTH, SERVER and the network's. On failure nothing is left behind.
 * W&B: wandb.init(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_start(const quipu_run_options *options, quipu_run **run, quipu_error **error);

/* Ends the run: the open row, the summary and the exit code are written and the log is closed; online, the rest is
 * sent. A further call only waits for what is left; the first code stays.
 *   exit_code   0: finished, other: failed.
 *   timeout_ms  QUIPU_WAIT_FOREVER or the longest wait; the rest is done in the background. The setting
 *               `finish_timeout` (seconds) shortens it.
 * Blocking: until everything is on disk and, online, with the server, at most timeout_ms.
 * Errors: TIMEOUT (the message says what is left and how to send it), DISK_FULL (some rows could not be written: see
 * quipu_run_stats), AUTH, SERVER and TLS (the upload was refused for good; everything is in the log), FORKED.
 * W&B: run.finish(exit_code). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_finish(quipu_run *run, int32_t exit_code, int64_t timeout_ms, quipu_error **error);

/* Waits until everything logged so far is in the log file (page cache; not fsync).
 * Blocking: at most timeout_ms. Errors: TIMEOUT, DISK_FULL. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_flush(quipu_run *run, int64_t timeout_ms, quipu_error **error);

/* Gives the handle back. A run that is not finished is finished first, with code 0 and at most 5 s of waiting; what is
 * not sent by then is sent in the background. NULL is allowed. Since 0.1.0 */
QUIPU_API void quipu_run_free(quipu_run *run);

/* How the upload of a run stands. */
typedef int32_t quipu_upload_state;
enum {
  QUIPU_UPLOAD_OFF = 0,        /* the run is not online */
  QUIPU_UPLOAD_CONNECTING = 1, /* the server has not taken up the run yet */
  QUIPU_UPLOAD_STREAMING = 2,
  QUIPU_UPLOAD_WAITING = 3,    /* the server cannot be reached or is busy; retried, see retry_in_ms */
  QUIPU_UPLOAD_FINISHING = 4,  /* the run has ended; the last rows and files are on their way */
  QUIPU_UPLOAD_DONE = 5,       /* everything is with the server, the exit code included */
  QUIPU_UPLOAD_FAILED = 6      /* given up for good (kinds "auth_failed", "upload_refused"); the log keeps everything */
};

/* Counters of a run; monotonic but for those of what is pending. Set struct_size before the call. */
typedef struct quipu_run_stats {
  uint32_t struct_size;
  uint32_t disk_failing;          /* 1 while writes fail (full disk, lost mount) and are being retried */
  uint64_t calls_accepted;        /* log, config, summary ... calls that were handed off */
  uint64_t rows_written;          /* history rows in the log */
  uint64_t rows_dropped_low_step; /* calls dropped because their step was below the current one */
  uint64_t calls_dropped_full;    /* calls dropped because the ring was full */
  uint64_t records_lost;          /* records that could not be written before the run ended */
  uint64_t values_dropped;        /* media or values that could not be encoded after their call had returned */
  uint64_t bytes_written;         /* size of the log */
  uint64_t write_errors;          /* failed writes, retries included */
  uint64_t media_pending;         /* media being encoded */
  int64_t step;                   /* the step of the open row, or the next one */
  quipu_upload_state upload_state;
  int32_t stop_requested;         /* 1 once the server has asked the run to stop */
  uint64_t rows_uploaded;         /* rows the server has acknowledged */
  uint64_t rows_pending;          /* rows in the log that it has not */
  uint64_t files_uploaded;        /* media and other files that are in the server's storage */
  uint64_t files_pending;
  uint64_t bytes_uploaded;        /* bodies of requests and files that the server has taken */
  uint64_t log_bytes_read;        /* how far the upload has read the log, of bytes_written */
  uint64_t upload_requests;       /* requests that carried rows and were answered */
  uint64_t upload_retries;        /* attempts that failed and were or will be repeated */
  int64_t retry_in_ms;            /* time until the next attempt; -1: none is waited for */
} quipu_run_stats;

/* Since 0.1.0 */
QUIPU_API quipu_status quipu_run_get_stats(quipu_run *run, quipu_run_stats *stats);

/* Everything about the run as a JSON object: id, name, project, entity, notes, tags, group, job_type, path, mode,
 * dir (the `files` directory), sync_dir (the run directory), log_path, start_time (seconds since 1970), step,
 * starting_step, offline, disabled, resumed, finished, exit_code, sweep_id, url, project_url, sweep_url (null until
 * the server has taken up the run; entity, project and name may change then), upload_state, settings {name: value}.
 *   out  Ownership: quipu_text_free. Works after finish. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_info_json(quipu_run *run, quipu_str *out, quipu_error **error);

/* Waits until the server has taken up an online run, so that url, entity and name are known.
 * Blocking: at most timeout_ms. Errors: TIMEOUT (the message says what the upload waits for), STATE (the run is not
 * online), AUTH, SERVER, TLS (the upload was refused). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_wait_online(quipu_run *run, int64_t timeout_ms, quipu_error **error);

/* 1 once somebody has asked, on the server, that the run stop; 0 before, and for an invalid handle. Costs a few
 * nanoseconds: ask once per training step. Nothing stops by itself. Since 0.1.0 */
QUIPU_API int32_t quipu_run_stop_requested(quipu_run *run);

/* Called once for a run that is asked to stop, on a library thread; or, if it was asked before, on the thread that sets
 * the handler, before quipu_run_set_stop_handler returns. It may call any function that does not block. */
typedef void (*quipu_stop_fn)(quipu_run *run, void *user);

/* Sets the run's handler; NULL removes it. Returns after a handler that is running on another thread has ended, so
 * that `user` may be freed then. quipu_run_free removes it too. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_set_stop_handler(quipu_run *run, quipu_stop_fn fn, void *user);

/* The run's id; "" for an invalid handle. Borrowed until quipu_run_free. Since 0.1.0 */
QUIPU_API const char *quipu_run_id(quipu_run *run);

/* Absolute path of the run directory; "" for a disabled run or an invalid handle. Borrowed until quipu_run_free.
 * Since 0.1.0 */
QUIPU_API const char *quipu_run_directory(quipu_run *run);

/* Change the display name, notes or tags. NULL: QUIPU_ERROR_NULL. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_set_name(quipu_run *run, const char *name, quipu_error **error);
QUIPU_API quipu_status quipu_run_set_notes(quipu_run *run, const char *notes, quipu_error **error);
QUIPU_API quipu_status quipu_run_set_tags(quipu_run *run, const char *const *tags, size_t count, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Logging
 *
 * A call adds values to the open row of a step. `step` and `commit` decide when the row is complete:
 *
 *   step AUTO, commit DEFAULT or NOW   add, complete the row, step + 1
 *   step AUTO, commit LATER            add, keep the row open
 *   step s,    commit DEFAULT or LATER complete an open row of an earlier step, add to s, keep it open
 *   step s,    commit NOW              the same, then complete it, step + 1
 *
 * A step below the current one: see quipu_low_steps. (W&B: wandb.log(data, step, commit).)
 * Numbers: NaN and infinities are kept. Keys: any text of 1 .. QUIPU_KEY_MAX_BYTES bytes, dots and slashes mean
 * nothing. `_step` is ignored, `_timestamp` (seconds since 1970) replaces the automatic one.
 * Errors of all log calls: NULL, UTF8, KEY, STEP, VALUE, FINISHED, HANDLE, FORKED, FULL.
 */

#define QUIPU_STEP_AUTO ((int64_t)-1)
#define QUIPU_KEY_MAX_BYTES 65535

typedef int32_t quipu_commit;
enum { QUIPU_COMMIT_DEFAULT = 0, QUIPU_COMMIT_NOW = 1, QUIPU_COMMIT_LATER = 2 };

/* One number as a row of its own. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_log(quipu_run *run, const char *key, double value);

/* `count` numbers in one row. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_log_doubles(quipu_run *run, const char *const *keys, const double *values,
                                             size_t count, int64_t step, quipu_commit commit);

typedef int32_t quipu_type;
enum {
  QUIPU_TYPE_NULL = 0,
  QUIPU_TYPE_BOOL = 1,   /* `integer`: 0 or not 0 */
  QUIPU_TYPE_INT = 2,    /* `integer` */
  QUIPU_TYPE_DOUBLE = 3, /* `number` */
  QUIPU_TYPE_TEXT = 4,   /* `text` */
  QUIPU_TYPE_JSON = 5,   /* `text`: any JSON value; an object is a tree of keys */
  QUIPU_TYPE_MEDIA = 6   /* `media` */
};

typedef struct quipu_media quipu_media;

/* A key and a value of any kind. Make them with the functions below. */
typedef struct quipu_item {
  const char *key;
  quipu_type type;
  int32_t reserved; /* 0 */
  int64_t integer;
  double number;
  quipu_str text;
  quipu_media *media;
} quipu_item;

static inline quipu_item quipu_item_null(const char *key) {
  quipu_item item = { key, QUIPU_TYPE_NULL, 0, 0, 0.0, { NULL, 0 }, NULL };
  return item;
}
static inline quipu_item quipu_item_bool(const char *key, bool value) {
  quipu_item item = { key, QUIPU_TYPE_BOOL, 0, value ? 1 : 0, 0.0, { NULL, 0 }, NULL };
  return item;
}
static inline quipu_item quipu_item_int(const char *key, int64_t value) {
  quipu_item item = { key, QUIPU_TYPE_INT, 0, value, 0.0, { NULL, 0 }, NULL };
  return item;
}
static inline quipu_item quipu_item_double(const char *key, double value) {
  quipu_item item = { key, QUIPU_TYPE_DOUBLE, 0, 0, value, { NULL, 0 }, NULL };
  return item;
}
static inline quipu_item quipu_item_text(const char *key, quipu_str value) {
  quipu_item item = { key, QUIPU_TYPE_TEXT, 0, 0, 0.0, { NULL, 0 }, NULL };
  item.text = value;
  return item;
}
static inline quipu_item quipu_item_json(const char *key, quipu_str value) {
  quipu_item item = { key, QUIPU_TYPE_JSON, 0, 0, 0.0, { NULL, 0 }, NULL };
  item.text = value;
  return item;
}
static inline quipu_item quipu_item_media(const char *key, quipu_media *value) {
  quipu_item item = { key, QUIPU_TYPE_MEDIA, 0, 0, 0.0, { NULL, 0 }, NULL };
  item.media = value;
  return item;
}

/* `count` values of any kind in one row. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_log_items(quipu_run *run, const quipu_item *items, size_t count, int64_t step,
                                           quipu_commit commit, quipu_error **error);

/* A JSON object as one row; nested objects are trees of keys, NaN and Infinity may be written bare, integers beyond
 * 64 bits become doubles. An object {"$quipu": i} stands for media[i], an array of such objects for a list of media.
 * Since 0.1.0 */
QUIPU_API quipu_status quipu_run_log_json(quipu_run *run, quipu_str json, quipu_media *const *media,
                                          size_t media_count, int64_t step, quipu_commit commit, quipu_error **error);

/* The fast way: a fixed set of columns, made once, used for every row and by any run. */
typedef struct quipu_columns quipu_columns;

/*   keys   `count` keys.
 *   types  `count` of DOUBLE, INT, BOOL; NULL: all DOUBLE.
 * Ownership: quipu_columns_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_columns_new(const char *const *keys, const quipu_type *types, size_t count,
                                         quipu_columns **columns, quipu_error **error);

/* NULL is allowed. Not while a log call uses it. Since 0.1.0 */
QUIPU_API void quipu_columns_free(quipu_columns *columns);

/* One row: `cells` holds one 8-byte cell per column in order: a double, an int64_t, or for BOOL an int64_t.
 * About 100 ns. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_log_columns(quipu_run *run, const quipu_columns *columns, const void *cells,
                                             int64_t step, quipu_commit commit);

/* ------------------------------------------------------------------------------------------------------------------
 * Metric definitions, config, summary
 */

typedef int32_t quipu_toggle;
enum { QUIPU_TOGGLE_DEFAULT = 0, QUIPU_TOGGLE_ON = 1, QUIPU_TOGGLE_OFF = 2 };

typedef struct quipu_metric_options {
  uint32_t struct_size;
  quipu_toggle step_sync;  /* default on when step_metric is given */
  quipu_toggle hidden;
  quipu_toggle overwrite;  /* replace, instead of merge with, an earlier definition */
  const char *step_metric; /* the x axis */
  const char *summary;     /* comma-separated: min max mean last first best copy none */
  const char *goal;        /* "minimize" or "maximize"; only used by `best` */
} quipu_metric_options;

#define QUIPU_METRIC_OPTIONS_INIT { sizeof(quipu_metric_options), 0, 0, 0, NULL, NULL, NULL }

/* Says how a metric is summarised and drawn.
 *   name     a key; `.` separates nested keys, `\.` is a dot in a key; may end in `*`.
 *   options  NULL: none.
 * Errors: NAME (empty, `*` not at the end), VALUE (unknown summary or goal).
 * W&B: run.define_metric(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_define_metric(quipu_run *run, const char *name, const quipu_metric_options *options,
                                               quipu_error **error);

/* Adds the members of a JSON object to the config. A value may change only with allow_change != 0, else the whole
 * call is refused with CONFIG_CHANGED. W&B: run.config.update(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_config_update(quipu_run *run, quipu_str json, int32_t allow_change,
                                               quipu_error **error);

/* Adds only members that are missing. W&B: run.config.setdefaults(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_config_set_defaults(quipu_run *run, quipu_str json, quipu_error **error);

/* Adds and locks: later changes are ignored with a diagnostic. W&B: run.config.update_locked(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_config_lock(quipu_run *run, quipu_str json, const char *owner, quipu_error **error);

/* The config as the program set it. Works after finish. Ownership: quipu_text_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_config_json(quipu_run *run, quipu_str *out, quipu_error **error);

/* Sets a summary value. `path` is `depth` >= 1 nested keys. It replaces what was there and ends the metric's modes.
 *   json   any JSON value; {"$quipu": i} stands for media[i].
 * W&B: run.summary[key] = value. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_summary_set(quipu_run *run, const char *const *path, size_t depth, quipu_str json,
                                             quipu_media *const *media, size_t media_count, quipu_error **error);

/* Removes a summary value or tree. Removing what is not there does nothing. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_summary_remove(quipu_run *run, const char *const *path, size_t depth,
                                                quipu_error **error);

/* The summary with everything logged before this call (rows still open are not in it).
 * Blocking: until the writer has come that far, at most timeout_ms. Ownership: quipu_text_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_summary_json(quipu_run *run, int64_t timeout_ms, quipu_str *out, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Arrays
 */

typedef int32_t quipu_dtype;
enum {
  QUIPU_DTYPE_BOOL = 1,
  QUIPU_DTYPE_INT8 = 2, QUIPU_DTYPE_INT16 = 3, QUIPU_DTYPE_INT32 = 4, QUIPU_DTYPE_INT64 = 5,
  QUIPU_DTYPE_UINT8 = 6, QUIPU_DTYPE_UINT16 = 7, QUIPU_DTYPE_UINT32 = 8, QUIPU_DTYPE_UINT64 = 9,
  QUIPU_DTYPE_FLOAT16 = 10, QUIPU_DTYPE_BFLOAT16 = 11, QUIPU_DTYPE_FLOAT32 = 12, QUIPU_DTYPE_FLOAT64 = 13,
  QUIPU_DTYPE_COMPLEX64 = 14, QUIPU_DTYPE_COMPLEX128 = 15
};

#define QUIPU_ARRAY_MAX_DIMENSIONS 32
#define QUIPU_ARRAY_BYTE_SWAPPED 1u /* elements are in the other byte order */

/* A view of host memory, read during the call only. */
typedef struct quipu_array {
  const void *data;       /* first element; NULL only when an extent is 0 */
  quipu_dtype dtype;
  int32_t ndim;           /* 0 .. QUIPU_ARRAY_MAX_DIMENSIONS; 0 is one element */
  const int64_t *shape;   /* ndim extents >= 0 */
  const int64_t *strides; /* ndim steps in bytes, any sign, 0 allowed; NULL: row-major without gaps */
  uint32_t flags;
  uint32_t reserved;      /* 0 */
} quipu_array;

/* Reads a DLPack tensor (`const DLTensor *`, versions 0.x and 1.x).
 *   strides_out  room for `capacity` strides in bytes, used by *array; capacity >= tensor->ndim.
 * Errors: DEVICE (memory is not on the host), DTYPE (lanes, sub-byte types), SHAPE. Since 0.1.0 */
struct DLTensor;
QUIPU_API quipu_status quipu_array_from_dlpack(const struct DLTensor *tensor, quipu_array *array, int64_t *strides_out,
                                               size_t capacity, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Media: values that are more than a number. A media handle may be logged any number of times and freed at any time;
 * a logged value keeps what it needs. Encoding and file writing happen on library threads.
 */

/* NULL is allowed. Since 0.1.0 */
QUIPU_API void quipu_media_free(quipu_media *media);

/* What a row holds for a value without a file: a histogram's counts and edges, an array's elements, as JSON.
 * Errors: STATE (the value is a file or a table). Ownership: quipu_text_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_media_json(const quipu_media *media, quipu_str *out, quipu_error **error);

/* Several media as one value (W&B: a list). Since 0.1.0 */
QUIPU_API quipu_status quipu_media_list_new(quipu_media *const *items, size_t count, quipu_media **list,
                                            quipu_error **error);

typedef struct quipu_image_options {
  uint32_t struct_size;
  uint32_t channels_first; /* 1: axes are [channel, height, width] (torch), else [height, width, channel] */
  const char *mode;        /* "L", "LA", "RGB", "RGBA", "1" (black and white), "I;16"; default: from the channels */
  const char *caption;
  const char *file_type;   /* "png" (default), "jpg", "jpeg", "bmp" */
  int64_t grouping;
  uint32_t raw_values;     /* 1: the low 8 bits of each value, as W&B's client 0.31 takes them; see quipu_image_new */
  int32_t bit_depth;       /* of a PNG's samples: 8 (0) or 16 */
  int32_t quality;         /* of a JPEG: 1 .. 100; 0: 75 */
  uint32_t any_layers;     /* 1: masks of another size and boxes outside the image are taken as they are */
} quipu_image_options;

#define QUIPU_IMAGE_OPTIONS_INIT { sizeof(quipu_image_options), 0, NULL, NULL, NULL, 0, 0, 0, 0, 0 }

/* An image from an array [height, width], [height, width, 1|3|4] of any dtype.
 * Floats whose finite values all lie in 0 .. 1 are multiplied by 255 and truncated, other values are clipped to
 * 0 .. 255; NaN is 0, true is 255. With more than two axes those of length 1 are removed first. The pixels are copied;
 * encoding is done later. A PNG of few colours gets a palette or fewer bits; its pixels are the same.
 * Errors: SHAPE, DTYPE, VALUE, ENCODE (a mode or depth that the file type cannot hold), TOO_LARGE (above 1 GiB).
 * W&B: wandb.Image(). Since 0.1.0 */
QUIPU_API quipu_status quipu_image_new(const quipu_array *array, const quipu_image_options *options,
                                       quipu_media **image, quipu_error **error);

/* Images of one size from one array [n, height, width], [n, height, width, 1|3|4] or, channels first,
 * [n, channel, height, width], as a list. Floats are scaled by what the whole array holds.
 *   captions  n texts, or NULL. The caption of `options` is not used.
 * Errors: as for quipu_image_new. W&B: a list of wandb.Image. Since 0.1.0 */
QUIPU_API quipu_status quipu_images_new(const quipu_array *array, const char *const *captions,
                                        const quipu_image_options *options, quipu_media **list, quipu_error **error);

/* An image from a file, copied unchanged: PNG, JPEG, GIF, BMP, WebP, TIFF. Of `options`, those for arrays are not used.
 * Blocking: reads the file. Errors: NOT_FOUND, FILE (a directory, not readable), FORMAT (no picture, cut off, or another
 * one than its name says). Since 0.1.0 */
QUIPU_API quipu_status quipu_image_open(const char *path, const quipu_image_options *options, quipu_media **image,
                                        quipu_error **error);

/* An image from the bytes of a picture file, kept unchanged.
 *   options  file_type: what the bytes must be ("png", "jpg", "gif", "bmp", "webp", "tiff"); default: what they are.
 * Errors: FORMAT. Since 0.1.0 */
QUIPU_API quipu_status quipu_image_from_bytes(const void *data, size_t size, const quipu_image_options *options,
                                              quipu_media **image, quipu_error **error);

/* Another image with the same picture and caption, without masks, boxes and classes.
 *   options  grouping (0: the same). W&B: wandb.Image(image). Since 0.1.0 */
QUIPU_API quipu_status quipu_image_copy(const quipu_media *image, const quipu_image_options *options,
                                        quipu_media **copy, quipu_error **error);

typedef struct quipu_class {
  int64_t id;
  const char *name;
} quipu_class;

/* Names of classes, to be shared by masks, boxes and images. W&B: wandb.Classes. Since 0.1.0 */
QUIPU_API quipu_status quipu_classes_new(const quipu_class *classes, size_t count, quipu_media **out,
                                         quipu_error **error);

/* The same from JSON: a list [{"id": 1, "name": "road"}, ...] whose objects may have other members, or an object
 * {"1": "road"}. Errors: VALUE. Since 0.1.0 */
QUIPU_API quipu_status quipu_classes_from_json(quipu_str json, quipu_media **out, quipu_error **error);

/* A mask from an array [height, width] of class numbers 0 .. 255 of any real dtype; fractions are cut off.
 *   classes  made by quipu_classes_new, or NULL: "class_N" for each number that occurs.
 *   key      name of the class labels in the config, or NULL: the mask's name in the image.
 * Masks, boxes and classes can only be added to images. Errors: VALUE, SHAPE. W&B: wandb.Image(masks=). Since 0.1.0 */
QUIPU_API quipu_status quipu_mask_new(const quipu_array *array, const quipu_media *classes, const char *key,
                                      quipu_media **mask, quipu_error **error);

/* A mask from a picture file, copied unchanged. Errors: as for quipu_image_open. Since 0.1.0 */
QUIPU_API quipu_status quipu_mask_open(const char *path, quipu_media **mask, quipu_error **error);

/* What the four numbers of a box are. */
typedef int32_t quipu_box_layout;
enum {
  QUIPU_BOX_CORNERS = 0,         /* left, top, right, bottom */
  QUIPU_BOX_CORNER_AND_SIZE = 1, /* left, top, width, height */
  QUIPU_BOX_MIDDLE_AND_SIZE = 2  /* middle x, middle y, width, height */
};

typedef struct quipu_boxes_options {
  uint32_t struct_size;
  quipu_box_layout layout;
  uint32_t in_pixels;            /* 1: pixels; 0: fractions of the image, 0 .. 1 */
  uint32_t score_count;          /* number of score_names; 0: one, "score" */
  const quipu_array *class_ids;  /* [n] integers; NULL: all 0, or none where there are classes */
  const quipu_array *scores;     /* [n] or [n, score_count]; NULL: none */
  const char *const *score_names;
  const char *const *captions;   /* n texts, or NULL */
  const quipu_media *classes;    /* NULL: "class_N" for each id that occurs */
  const char *key;               /* as for quipu_mask_new */
} quipu_boxes_options;

#define QUIPU_BOXES_OPTIONS_INIT { sizeof(quipu_boxes_options), 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }

/* Bounding boxes from an array [n, 4]. Errors: VALUE, SHAPE. W&B: wandb.Image(boxes=). Since 0.1.0 */
QUIPU_API quipu_status quipu_boxes_new(const quipu_array *array, const quipu_boxes_options *options,
                                       quipu_media **boxes, quipu_error **error);

/* Bounding boxes in W&B's form: {"box_data": [{"position": {"minX", "maxX", "minY", "maxY"} or {"middle": [x, y],
 * "width", "height"}, "domain": "pixel", "class_id", "scores": {name: number}, "box_caption"}, ...],
 * "class_labels": {number: name}}. Other members are kept.
 *   key  as for quipu_mask_new. Errors: VALUE. Since 0.1.0 */
QUIPU_API quipu_status quipu_boxes_from_json(quipu_str json, const char *key, quipu_media **boxes,
                                             quipu_error **error);

/* Lays a mask or boxes over an image, or gives it classes. An image may have any number of masks and of boxes, a layer
 * may be added to any number of images.
 *   name  of the mask or boxes in the image; one that is there is replaced. NULL for classes.
 * Errors: VALUE (a mask of another size, boxes outside the image, NaN, an unknown domain), STATE (the image has been
 * logged), HANDLE. Since 0.1.0 */
QUIPU_API quipu_status quipu_image_add(quipu_media *image, const char *name, const quipu_media *layer,
                                       quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Histograms, and arrays as values
 */

/* An outer limit of a histogram's range. A plain number adapts to the data's type, as a Python number does; a typed
 * one promotes them, as a NumPy scalar does. */
typedef struct quipu_limit {
  quipu_dtype dtype;   /* 0: plain; else a real type */
  uint32_t is_integer; /* of a plain number: 1: `integer` holds it, 0: `number` */
  int64_t integer;     /* UINT64: its bit pattern */
  double number;
} quipu_limit;

static inline quipu_limit quipu_plain_limit(double number) {
  quipu_limit limit;
  limit.dtype = 0;
  limit.is_integer = 0;
  limit.integer = 0;
  limit.number = number;
  return limit;
}

typedef struct quipu_histogram_options {
  uint32_t struct_size;
  uint32_t density;           /* 1: counts are divided by bin width and total */
  int64_t bins;               /* equal bins; 0: 64 */
  const char *estimator;      /* instead of bins: "auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt" */
  const quipu_array *edges;   /* instead of bins: one axis, ascending; the range is not looked at */
  const quipu_limit *range;   /* two limits; NULL: minimum and maximum */
  const quipu_array *weights; /* of the array's shape; counts become sums in its type */
  uint32_t skip_nonfinite;    /* 1: NaN and infinities, with their weights, are left out and counted */
  uint32_t reserved;          /* 0 */
} quipu_histogram_options;

#define QUIPU_HISTOGRAM_OPTIONS_INIT { sizeof(quipu_histogram_options), 0, 0, NULL, NULL, NULL, NULL, 0, 0 }

/* Counts of the values in bins, as np.histogram(array, bins, range, density, weights) makes them: equal counts, edges
 * equal to the last bit. Bins are half open, the last one is closed. At most 512 bins.
 *   options  NULL: 64 equal bins between minimum and maximum. With skip_nonfinite the value has a member "skipped".
 * Blocking: two passes over the array; nothing of it is kept. Errors: VALUE (NaN or infinity where the limits come from
 * the data, range too narrow, more than 512 bins, weights of another shape, edges that descend, complex numbers),
 * OPTIONS (two of bins, estimator, edges). W&B: wandb.Histogram(array), whose only choice is bins. Since 0.1.0 */
QUIPU_API quipu_status quipu_histogram_new(const quipu_array *array, const quipu_histogram_options *options,
                                           quipu_media **histogram, quipu_error **error);

/* Ready-made counts and bin edges; edges has one element more than counts, counts at most 512. Since 0.1.0 */
QUIPU_API quipu_status quipu_histogram_from_counts(const quipu_array *counts, const quipu_array *edges,
                                                   quipu_media **histogram, quipu_error **error);

/* The same from a JSON object {"values":[...],"bins":[...]}, numbers kept as they are. Since 0.1.0 */
QUIPU_API quipu_status quipu_histogram_from_json(quipu_str json, quipu_media **histogram, quipu_error **error);

typedef struct quipu_histogram_result {
  quipu_array counts; /* one axis: INT64; with weights their type; with density FLOAT64 */
  quipu_array edges;  /* one element more, in the type that NumPy gives them */
  int64_t skipped;    /* NaN and infinities left out, with skip_nonfinite */
} quipu_histogram_result;

/* np.histogram by itself, for up to 2^24 bins. Errors: as quipu_histogram_new.
 * Ownership: quipu_histogram_result_free; the arrays live as long. Since 0.1.0 */
QUIPU_API quipu_status quipu_histogram_compute(const quipu_array *array, const quipu_histogram_options *options,
                                               const quipu_histogram_result **result, quipu_error **error);
/* NULL is allowed. Since 0.1.0 */
QUIPU_API void quipu_histogram_result_free(const quipu_histogram_result *result);

/* An array as a plain value: 1 element a scalar, up to 32 a nested list, more a histogram of 32 bins. Errors: VALUE
 * (NaN or infinity among more than 32, complex numbers). W&B: an array in wandb.log(). Since 0.1.0 */
QUIPU_API quipu_status quipu_array_value_new(const quipu_array *array, quipu_media **value, quipu_error **error);

/* An array as a summary keeps it: up to 32 elements as above, more as statistics: variance, mean, minimum, maximum,
 * percentiles 10, 25, 75, 90, and the number of elements.
 *   type_name  the value's "_type": "numpy.ndarray" (NULL) or "torch.Tensor".
 * Blocking: copies the array, a few passes. Errors: VALUE (complex numbers), TOO_LARGE (more than 2^28 elements).
 * W&B: run.summary[key] = array. Since 0.1.0 */
QUIPU_API quipu_status quipu_array_statistics_new(const quipu_array *array, const char *type_name, quipu_media **value,
                                                  quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * 3-D objects. Files that are copied must be what their suffix says as far as their content shows it; they may be moved
 * or deleted once the call has returned.
 */

/* A point cloud [n, 3] x y z, [n, 4] x y z and a category (1 .. 14), or [n, 6] x y z and red, green, blue (0 .. 255);
 * any real type. Integers stay integers, NaN and infinities are kept.
 * Blocking: copies the points; their text is made on a library thread. Errors: SHAPE, VALUE (complex numbers).
 * W&B: wandb.Object3D(array). Since 0.1.0 */
QUIPU_API quipu_status quipu_point_cloud_new(const quipu_array *points, const char *caption, quipu_media **cloud,
                                             quipu_error **error);

/* A box of a scene. Zeroes are a box at the origin, black, without label and score. */
typedef struct quipu_box3d {
  double corners[24];  /* 8 corners, x y z each; quipu_box3d_turn() fills them */
  double score;        /* counts if has_score is not 0 */
  const char *label;   /* NULL: none */
  uint8_t color[3];    /* red, green, blue */
  uint8_t has_score;
  uint32_t reserved;   /* 0 */
} quipu_box3d;

/* Fills the corners of a box around a centre; nothing else of it is touched.
 *   center, size  three numbers each, x y z in the units of the points.
 *   orientation   four numbers, a quaternion, real part first; NULL: not turned. W&B's client ignores the signs of its
 *                 parts, and so does this.
 * Errors: VALUE (an orientation that is zero or not finite). W&B: wandb.box3d(). Since 0.1.0 */
QUIPU_API quipu_status quipu_box3d_turn(const double *center, const double *size, const double *orientation,
                                        quipu_box3d *box, quipu_error **error);

typedef struct quipu_scene_options {
  uint32_t struct_size;
  uint32_t reserved;         /* 0 */
  const quipu_array *points; /* as for a point cloud; NULL: none */
  const quipu_box3d *boxes;
  size_t box_count;
  const double *vectors;     /* 6 numbers for each arrow: start x y z, end x y z */
  size_t vector_count;
  quipu_str boxes_json;      /* instead of boxes and vectors: lists as the viewer has them, written as they are, */
  quipu_str vectors_json;    /* [{"corners":[8 points],"label":text,"color":[r,g,b],"score":number}, ...], */
                             /* [{"start":[x,y,z],"end":[x,y,z]}, ...] */
  const char *caption;
} quipu_scene_options;

#define QUIPU_SCENE_OPTIONS_INIT \
  { sizeof(quipu_scene_options), 0, NULL, NULL, 0, NULL, 0, { NULL, 0 }, { NULL, 0 }, NULL }

/* A scene: points with boxes and arrows, each part optional.
 * Blocking: copies everything. Errors: SHAPE (points), VALUE, UTF8 (a label). W&B: wandb.Object3D.from_point_cloud().
 * Since 0.1.0 */
QUIPU_API quipu_status quipu_scene_new(const quipu_scene_options *options, quipu_media **scene, quipu_error **error);

/* A 3-D object from the content of a file in memory.
 *   file_type  "obj", "gltf", "glb", "babylon", "stl", or "pts.json" (also "json"): a list of points or a scene.
 * Errors: VALUE (another type, not JSON), FORMAT (the content is something else). Since 0.1.0 */
QUIPU_API quipu_status quipu_object3d_from_text(quipu_str text, const char *file_type, const char *caption,
                                                quipu_media **object, quipu_error **error);

/* A 3-D object from a file with one of these suffixes, copied unchanged.
 * Blocking: reads the file. Errors: NOT_FOUND, VALUE (another suffix), FORMAT (empty, or the content is something else),
 * FILE (a directory). W&B: wandb.Object3D(path). Since 0.1.0 */
QUIPU_API quipu_status quipu_object3d_open(const char *path, const char *caption, quipu_media **object,
                                           quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Audio and video
 */

/* A recording from samples [n] or [n, channels]: floats of 16, 32 or 64 bits from -1 to 1, int16, int32, int8, or uint8
 * around 128. The file is 16-bit PCM WAV. The samples are copied; encoding is done later.
 *   sample_rate  Hz, 1 .. 2147483647.
 *   caption      NULL: none.
 * Errors: SHAPE (also more than 1024 channels), DTYPE, VALUE (sample_rate), TOO_LARGE (4 GiB).
 * W&B: wandb.Audio(array, sample_rate). Since 0.1.0 */
QUIPU_API quipu_status quipu_audio_new(const quipu_array *samples, int64_t sample_rate, const char *caption,
                                       quipu_media **audio, quipu_error **error);

/* A recording from a file of any format, copied unchanged. Content that certainly is of another format than the name
 * says is refused; unknown content is not.
 * Blocking: reads the file. Errors: NOT_FOUND, FILE, FORMAT. W&B: wandb.Audio(path). Since 0.1.0 */
QUIPU_API quipu_status quipu_audio_open(const char *path, const char *caption, quipu_media **audio,
                                        quipu_error **error);

/* The same from the content of a file. `format` is the extension it gets: "wav", "flac", "mp3", "ogg" or another.
 * Errors: VALUE (format), FORMAT. Since 0.1.0 */
QUIPU_API quipu_status quipu_audio_from_bytes(quipu_str content, const char *format, const char *caption,
                                              quipu_media **audio, quipu_error **error);

typedef struct quipu_video_options {
  uint32_t struct_size;
  uint32_t channels_last; /* 1: axes are [time, height, width, channel], else [time, channel, height, width] */
  double fps;             /* frames per second; 0: 4 */
  const char *format;     /* "gif" (NULL), encoded by the library; "mp4", "webm", "ogg" by the program ffmpeg */
  const char *caption;
} quipu_video_options;

#define QUIPU_VIDEO_OPTIONS_INIT { sizeof(quipu_video_options), 0, 0, NULL, NULL }

/* A video from frames [time, channel, height, width] with 1 (gray), 3 (RGB) or 4 (alpha is not used) channels, or from
 * [batch, time, channel, height, width]: videos side by side, in a grid. Values are taken as 0..255 and never rescaled
 * (floats are truncated, integers taken modulo 256). The frames are copied; encoding is done later.
 *
 * GIF: pictures with at most 256 colours are kept exactly, others get the best palette of their own; a frame stays
 * 1000 / fps ms, cut to units of 10 ms; it loops for ever. For other formats ffmpeg is looked for at the call: the
 * variable QUIPU_FFMPEG names it, else it is searched on PATH. It is started by a library thread as a child of this
 * process and waited for there by its number: a host that waits for any child may meet it. It is killed when it does
 * nothing for 60 s, and at the end of the process; then the row is kept without the video, and the diagnostics have
 * ffmpeg's last line.
 * Errors: SHAPE, VALUE (format, fps), TOO_LARGE (2 GiB), LIBRARY (no ffmpeg). W&B: wandb.Video(array). Since 0.1.0 */
QUIPU_API quipu_status quipu_video_new(const quipu_array *frames, const quipu_video_options *options,
                                       quipu_media **video, quipu_error **error);

/* A video from a gif, mp4, webm or ogg file, copied unchanged. Content that certainly is of another format than the
 * name says is refused; unknown content is not.
 * Blocking: reads the file. Errors: VALUE (extension), NOT_FOUND, FILE, FORMAT. W&B: wandb.Video(path). Since 0.1.0 */
QUIPU_API quipu_status quipu_video_open(const char *path, const char *caption, quipu_media **video,
                                        quipu_error **error);

/* The same from the content of a file of `format`: "gif", "mp4", "webm" or "ogg". Since 0.1.0 */
QUIPU_API quipu_status quipu_video_from_bytes(quipu_str content, const char *format, const char *caption,
                                              quipu_media **video, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Documents: pages and molecules
 */

/* A page, UTF-8.
 *   inject  ON (the default): links open in a new tab, the page gets W&B's style, white space around it goes.
 * Blocking: copies the page, at most 256 MiB. Errors: UTF8. W&B: wandb.Html(text). Since 0.1.0 */
QUIPU_API quipu_status quipu_html_new(quipu_str page, quipu_toggle inject, quipu_media **html, quipu_error **error);

/* A page from a file. Blocking: reads the file. Errors: NOT_FOUND, UTF8, FORMAT (empty), FILE (a directory).
 * W&B: wandb.Html(path). Since 0.1.0 */
QUIPU_API quipu_status quipu_html_open(const char *path, quipu_toggle inject, quipu_media **html,
                                       quipu_error **error);

/* A molecule from a file, copied unchanged. The path ends in .pdb, .pqr, .mmcif, .mcif, .cif, .sdf, .sd, .gro, .mol2 or
 * .mmtf. Blocking: reads the file. Errors: NOT_FOUND, VALUE (another suffix), FORMAT (empty, or the content is
 * something else), FILE (a directory). W&B: wandb.Molecule(path). Since 0.1.0 */
QUIPU_API quipu_status quipu_molecule_open(const char *path, const char *caption, quipu_media **molecule,
                                           quipu_error **error);

/* A molecule from the content of such a file in memory; file_type is the suffix without its dot. Since 0.1.0 */
QUIPU_API quipu_status quipu_molecule_from_text(quipu_str text, const char *file_type, const char *caption,
                                                quipu_media **molecule, quipu_error **error);

/* Whether a text is a SMILES by its grammar: atoms, bonds, branches and rings, not valences. Turning one into a
 * molecule needs a chemistry toolkit: pass what it writes to quipu_molecule_from_text().
 * Errors: VALUE, with the place of the first thing that is wrong. Since 0.1.0 */
QUIPU_API quipu_status quipu_molecule_check_smiles(quipu_str smiles, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Tables: a table is a media handle; columns are typed by their values.
 */

typedef int32_t quipu_table_log_mode;
enum { QUIPU_TABLE_IMMUTABLE = 0, QUIPU_TABLE_MUTABLE = 1, QUIPU_TABLE_INCREMENTAL = 2 };

typedef struct quipu_table_options {
  uint32_t struct_size;
  quipu_table_log_mode log_mode;
  uint32_t allow_mixed_types; /* 1: any value in any column */
  uint32_t required;          /* 1: null is not allowed */
  quipu_str schema_json;      /* optional declaration, see docs/tables.md; else types follow the values */
} quipu_table_options;

#define QUIPU_TABLE_OPTIONS_INIT { sizeof(quipu_table_options), 0, 0, 0, { NULL, 0 } }

/* Since 0.1.0 */
QUIPU_API quipu_status quipu_table_new(const char *const *columns, size_t count, const quipu_table_options *options,
                                       quipu_media **table, quipu_error **error);

/* One row; `cells` are `count` items whose keys are ignored. Errors: SHAPE (count is not the number of columns),
 * VALUE (a cell does not fit its column). The refused row is not added. Since 0.1.0 */
QUIPU_API quipu_status quipu_table_add_row(quipu_media *table, const quipu_item *cells, size_t count,
                                           quipu_error **error);

/* Several rows: a JSON array of arrays in the tagged notation of docs/tables.md; {"$q":"media","i":n} stands for
 * media[n], {"$q":"ndarray","i":n} for arrays[n]. All rows are added or none. Since 0.1.0 */
QUIPU_API quipu_status quipu_table_add_rows_json(quipu_media *table, quipu_str json, quipu_media *const *media,
                                                 size_t media_count, const quipu_array *arrays, size_t array_count,
                                                 quipu_error **error);

/* The cells of a column in one of four forms. Make one with a function below, then set what else applies. */
typedef int32_t quipu_cells_form;
enum {
  QUIPU_CELLS_ARRAY = 0, /* `array`: numbers or booleans; with more than one axis an array per row */
  QUIPU_CELLS_TEXT = 1,  /* `text`: all texts, one after the other; `offsets`: where each begins, and the end */
  QUIPU_CELLS_TIME = 2,  /* `array`: int64, points in time since 1970 UTC in `unit`; INT64_MIN: no time */
  QUIPU_CELLS_JSON = 3   /* `text`: a JSON array in the tagged notation of docs/tables.md */
};

typedef int32_t quipu_time_unit;
enum { QUIPU_TIME_NS = 0, QUIPU_TIME_US = 1, QUIPU_TIME_MS = 2, QUIPU_TIME_S = 3, QUIPU_TIME_DAYS = 4 };

typedef struct quipu_cells {
  quipu_cells_form form;
  quipu_time_unit unit;
  uint32_t missing_is_nan; /* 1: a missing cell is NaN, and a NaN in `array` is a missing cell; else it is null */
  uint32_t reserved;       /* 0 */
  quipu_array array;
  quipu_str text;
  const int64_t *offsets; /* count + 1 positions in `text`, ascending */
  size_t count;           /* TEXT: number of cells */
  const uint8_t *valid;   /* optional: one byte per cell, 0: missing */
  quipu_media *const *media; /* JSON: {"$q":"media","i":n} stands for media[n] */
  size_t media_count;
  const quipu_array *arrays; /* JSON: {"$q":"ndarray","i":n} stands for arrays[n] */
  size_t array_count;
} quipu_cells;

static inline quipu_cells quipu_cells_none(quipu_cells_form form) {
  quipu_cells cells = { 0, 0, 0, 0, { NULL, 0, 0, NULL, NULL, 0, 0 }, { NULL, 0 }, NULL, 0, NULL, NULL, 0, NULL, 0 };
  cells.form = form;
  return cells;
}
static inline quipu_cells quipu_cells_array(const quipu_array *array) {
  quipu_cells cells = quipu_cells_none(QUIPU_CELLS_ARRAY);
  if (array) cells.array = *array;
  return cells;
}
static inline quipu_cells quipu_cells_text(quipu_str text, const int64_t *offsets, size_t count) {
  quipu_cells cells = quipu_cells_none(QUIPU_CELLS_TEXT);
  cells.text = text;
  cells.offsets = offsets;
  cells.count = count;
  return cells;
}
static inline quipu_cells quipu_cells_time(const quipu_array *array, quipu_time_unit unit) {
  quipu_cells cells = quipu_cells_none(QUIPU_CELLS_TIME);
  if (array) cells.array = *array;
  cells.unit = unit;
  return cells;
}
static inline quipu_cells quipu_cells_json(quipu_str json) {
  quipu_cells cells = quipu_cells_none(QUIPU_CELLS_JSON);
  cells.text = json;
  return cells;
}

/* Rows given column by column, the fast way to fill a table.
 *   columns  one for each column of the table, all of the same length.
 * Blocking: copies the cells, about 1 ns each; nothing is done per cell for numbers and texts.
 * Errors: SHAPE (number of columns, lengths that differ), VALUE (a cell does not fit its column, offsets that descend),
 * DTYPE, UTF8. All rows are added or none. Since 0.1.0 */
QUIPU_API quipu_status quipu_table_add_rows(quipu_media *table, const quipu_cells *columns, size_t count,
                                            quipu_error **error);

/* A new column; its length is the number of rows (any length while the table has no column).
 *   optional  1: cells may be missing, now and later.
 * Errors: SHAPE (length), VALUE (the name exists, cells of different types). Nothing is changed then.
 * W&B: table.add_column(). Since 0.1.0 */
QUIPU_API quipu_status quipu_table_add_column(quipu_media *table, const char *name, const quipu_cells *cells,
                                              int32_t optional, quipu_error **error);

/* A table from a stream of Arrow's C interface, as dataframe libraries export it. Numbers, booleans, texts and times
 * are copied column by column; lists, structs, maps, categories, binary values and decimals become what
 * docs/tables.md says.
 *   stream   struct arrays; read to its end and released, after an error too.
 *   options  schema_json: only "optional" is used.
 * Errors: VALUE (a type without a place in tables, a stream that fails or was released).
 * Source: Apache Arrow, "The Arrow C stream interface". Since 0.1.0 */
struct ArrowArrayStream;
QUIPU_API quipu_status quipu_table_from_arrow(struct ArrowArrayStream *stream, const quipu_table_options *options,
                                              quipu_media **table, quipu_error **error);

/* What a table holds: a JSON object with columns, column_types, nrows, and `data`, the rows in the form of the run's
 * file: media by their class names, times as ISO text, NaN and infinities bare.
 *   start, count  rows; those outside the table are left out.
 * Ownership: quipu_text_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_table_json(const quipu_media *table, int64_t start, int64_t count, quipu_str *out,
                                        quipu_error **error);

/* Other changes (cast, primary and foreign keys, row limits) as one JSON command, see docs/tables.md. Since 0.1.0 */
QUIPU_API quipu_status quipu_table_alter(quipu_media *table, quipu_str command_json, quipu_media *other,
                                         quipu_error **error);

/* Number of rows or columns; 0 for what is not a table. Since 0.1.0 */
QUIPU_API size_t quipu_table_row_count(const quipu_media *table);
QUIPU_API size_t quipu_table_column_count(const quipu_media *table);

/* Two tables joined by a column, shown as one. It exists in artifacts: add it to one; if it is logged to a run without,
 * an artifact is made for it.
 *   table1, table2  tables, or NULL where a path is given.
 *   path1, path2    paths of tables in the artifact, "….table.json", or NULL.
 *   key1            the column of both tables.
 *   key2            its name in the second table; NULL: the same.
 * Errors: NULL, HANDLE, VALUE. W&B: wandb.JoinedTable(). Since 0.1.0 */
QUIPU_API quipu_status quipu_joined_table_new(quipu_media *table1, const char *path1, quipu_media *table2,
                                              const char *path2, const char *key1, const char *key2,
                                              quipu_media **joined, quipu_error **error);

/* All tables below a folder of an artifact, shown as one. W&B: wandb.data_types.PartitionedTable(). Since 0.1.0 */
QUIPU_API quipu_status quipu_partitioned_table_new(const char *parts_path, quipu_media **table, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Artifacts: files and media under one name, versioned by the server. Fill one with the `add` calls, then log it; from
 * then on it cannot be changed (STATE). Paths inside are relative, without `..`.
 */

typedef struct quipu_artifact quipu_artifact;

typedef struct quipu_artifact_options {
  uint32_t struct_size;
  uint32_t reserved;       /* 0 */
  const char *description; /* NULL: none */
  quipu_str metadata_json; /* an object of at most 100 members; empty: none */
} quipu_artifact_options;

#define QUIPU_ARTIFACT_OPTIONS_INIT { sizeof(quipu_artifact_options), 0, NULL, { NULL, 0 } }

/*   name     of letters, digits, `-`, `_`, `.`; at most 128.
 *   type     such as "dataset" or "model".
 *   options  NULL: none.
 * Ownership: quipu_artifact_free. Errors: NAME, VALUE. W&B: wandb.Artifact(). Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_new(const char *name, const char *type, const quipu_artifact_options *options,
                                          quipu_artifact **artifact, quipu_error **error);

/* NULL is allowed; an artifact that was logged stays so. Since 0.1.0 */
QUIPU_API void quipu_artifact_free(quipu_artifact *artifact);

/* Adds a medium: its JSON under `name`, and the files it needs. The same medium again has its first place.
 *   media      image, audio, video, html, point cloud, molecule, bokeh, table, joined or partitioned table, classes.
 *   name       ".image-file.json" or the like is appended unless it is there.
 *   overwrite  1: replaces what is under the name; else that is kept.
 *   path       optional: the path of the entry. Ownership: quipu_text_free.
 * Errors: VALUE (another kind; an image with masks or boxes but without labels; a bad path), STATE.
 * W&B: artifact.add(). Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_add_media(quipu_artifact *artifact, quipu_media *media, const char *name,
                                                int32_t overwrite, quipu_str *path, quipu_error **error);

typedef uint32_t quipu_artifact_flags;
#define QUIPU_ARTIFACT_OVERWRITE 1u /* replace what is under the name */
#define QUIPU_ARTIFACT_NO_COPY 2u   /* upload the file from where it is: it must not change until then */

/* Adds a file.
 *   name  path inside; NULL: the file's own name.
 * Blocking: reads and copies the file. Errors: NOT_FOUND, FILE, DISK_FULL, VALUE (a bad name, or one that is taken by
 * other content), STATE. W&B: artifact.add_file(). Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_add_file(quipu_artifact *artifact, const char *path, const char *name,
                                               quipu_artifact_flags flags, quipu_error **error);

/* Adds all files below a directory; what is under their names is replaced.
 *   name  folder inside; NULL: the top.
 * Blocking and errors: as for files. W&B: artifact.add_dir(). Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_add_directory(quipu_artifact *artifact, const char *path, const char *name,
                                                    quipu_artifact_flags flags, quipu_error **error);

/* Adds a file whose content is in memory. W&B: artifact.new_file(). Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_add_bytes(quipu_artifact *artifact, quipu_str bytes, const char *name,
                                                quipu_artifact_flags flags, quipu_error **error);

/* Adds an object that stays where it is. A file:// address is looked up (a directory: all its files), others are taken
 * as they are.
 *   uri     with a scheme, such as s3://bucket/key.
 *   name    path inside; NULL: the last part of the address.
 *   digest  what identifies the version of the object; NULL: the address.
 *   size    bytes; 0: unknown.
 * Errors: VALUE, NOT_FOUND, STATE. W&B: artifact.add_reference(). Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_add_reference(quipu_artifact *artifact, const char *uri, const char *name,
                                                    const char *digest, int64_t size, quipu_error **error);

/* What the artifact holds: a JSON object with name, type, description, metadata, digest and entries (path, digest, size,
 * ref). Blocking: encodes the media in it. Ownership: quipu_text_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_artifact_json(const quipu_artifact *artifact, quipu_str *out, quipu_error **error);

/* Logs the artifact as a version of the collection of its name. Values of media in it that are logged later refer to it.
 *   aliases  names for this version besides "latest", without `/` and `:`.
 *   tags     of letters, digits, `-`, `_` and spaces.
 * Blocking: no; media are encoded on library threads.
 * Errors: VALUE, FINISHED, FULL, FORKED. W&B: run.log_artifact(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_log_artifact(quipu_run *run, quipu_artifact *artifact, const char *const *aliases,
                                              size_t alias_count, const char *const *tags, size_t tag_count,
                                              quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Charts: a table, and how a dashboard draws it. A chart that is logged as K puts its table into the row as `K_table`
 * and the description into the config. Charts are logged by themselves or inside JSON objects; lists, cells and
 * summaries cannot hold them.
 */

/* One label for each of many samples, or a list of names: an array [n] of booleans, integers or floats, or texts. */
typedef struct quipu_labels {
  const quipu_array *numbers; /* NULL: texts are given */
  const quipu_str *texts;
  size_t count;               /* of texts */
} quipu_labels;

typedef struct quipu_chart_options {
  uint32_t struct_size;
  uint32_t split_table;                /* 1: the table's key is `Custom Chart Tables/K_table` */
  const char *title;                   /* NULL: W&B's title for this kind of chart */
  const quipu_labels *class_names;     /* curves, confusion matrix: names of the classes 0, 1, ...; NULL: labels */
  const quipu_labels *classes_to_plot; /* curves: labels of the classes to show; NULL: all */
  int64_t interp_size;                 /* pr_curve: number of recalls, 1 .. 1000000; 0: 21 */
} quipu_chart_options;

#define QUIPU_CHART_OPTIONS_INIT { sizeof(quipu_chart_options), 0, NULL, NULL, NULL, 0 }

/* A chart over a table by a panel definition of W&B, such as "wandb/line/v0" or one of your own. Rows that are added to
 * the table later are part of what is logged later.
 *   fields_json   from the definition's fields to columns, a JSON object; column names are not compared with the table.
 *   strings_json  from the definition's texts to texts, a JSON object.
 * Both may be empty. Errors: VALUE, HANDLE (not a table). W&B: wandb.plot_table(). Since 0.1.0 */
QUIPU_API quipu_status quipu_chart_new(quipu_media *table, const char *spec, quipu_str fields_json,
                                       quipu_str strings_json, int32_t split_table, quipu_media **chart,
                                       quipu_error **error);

/* A table under its own key with a panel that is known by its id. W&B: wandb.plot.visualize(). Since 0.1.0 */
QUIPU_API quipu_status quipu_chart_visualize(quipu_media *table, const char *id, quipu_media **chart,
                                             quipu_error **error);

/* Lines, points, bars and counts over columns of a table.
 *   stroke  column whose values tell lines apart; NULL: one line.
 * W&B: wandb.plot.line(), scatter(), bar(), histogram(). Since 0.1.0 */
QUIPU_API quipu_status quipu_chart_line(quipu_media *table, const char *x, const char *y, const char *stroke,
                                        const quipu_chart_options *options, quipu_media **chart, quipu_error **error);
QUIPU_API quipu_status quipu_chart_scatter(quipu_media *table, const char *x, const char *y,
                                           const quipu_chart_options *options, quipu_media **chart,
                                           quipu_error **error);
QUIPU_API quipu_status quipu_chart_bar(quipu_media *table, const char *label, const char *value,
                                       const quipu_chart_options *options, quipu_media **chart, quipu_error **error);
QUIPU_API quipu_status quipu_chart_histogram(quipu_media *table, const char *value, const quipu_chart_options *options,
                                             quipu_media **chart, quipu_error **error);

/* Several lines in one chart.
 *   xs      y_count arrays [m] of numbers, or one that all lines share.
 *   ys      y_count arrays [m] of numbers; what is longer of x and y is cut.
 *   keys    y_count names; NULL: line_0, line_1, ...
 *   x_name  what the x axis is called; NULL: "x".
 * Errors: VALUE. W&B: wandb.plot.line_series(). Since 0.1.0 */
QUIPU_API quipu_status quipu_chart_line_series(const quipu_array *xs, size_t x_count, const quipu_array *ys,
                                               size_t y_count, const quipu_labels *keys, const char *x_name,
                                               const quipu_chart_options *options, quipu_media **chart,
                                               quipu_error **error);

/* A precision-recall or ROC curve for each class, rounded to three decimals. PR: precision at interp_size recalls
 * from 1 down to 0. ROC: a point for each distinct score; above 10000 rows the curves are thinned out evenly.
 *   y_true    class of each of n samples; floats must be whole numbers.
 *   y_probas  scores [n, k], any real type; in ascending order of labels, class number i is scored by column i.
 * The arrays are checked and copied; sorting is done later. Errors: VALUE (lengths differ, too few columns, NaN, a
 * class without a name). W&B: wandb.plot.pr_curve(), roc_curve(). Since 0.1.0 */
QUIPU_API quipu_status quipu_chart_pr_curve(const quipu_labels *y_true, const quipu_array *y_probas,
                                            const quipu_chart_options *options, quipu_media **chart,
                                            quipu_error **error);
QUIPU_API quipu_status quipu_chart_roc_curve(const quipu_labels *y_true, const quipu_array *y_probas,
                                             const quipu_chart_options *options, quipu_media **chart,
                                             quipu_error **error);

/* How often each class was taken for each other.
 *   preds  the class that the model chose for each sample; NULL: `probs` is given.
 *   probs  scores [n, k]; the column with the greatest, the first of equals, is the class. NULL: `preds` is given.
 * Without class_names the classes are the labels found, at most 2048, named Class_1, Class_2, ... in ascending order.
 * Errors: VALUE (lengths differ, more classes than names, a label without a name, NaN).
 * W&B: wandb.plot.confusion_matrix(). Since 0.1.0 */
QUIPU_API quipu_status quipu_chart_confusion_matrix(const quipu_labels *y_true, const quipu_labels *preds,
                                                    const quipu_array *probs, const quipu_chart_options *options,
                                                    quipu_media **chart, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Figures and graphs as JSON
 */

/* A Plotly figure: a JSON object with the list "data" and, usually, "layout". Errors: VALUE.
 * W&B: wandb.Plotly(). Since 0.1.0 */
QUIPU_API quipu_status quipu_plotly_new(quipu_str json, quipu_media **figure, quipu_error **error);

/* A Bokeh document: a JSON object with "roots", or a file that ends in .json and holds one, copied unchanged.
 * Blocking: _open reads the file. Errors: VALUE, NOT_FOUND, FORMAT. W&B: wandb.data_types.Bokeh(). Since 0.1.0 */
QUIPU_API quipu_status quipu_bokeh_new(quipu_str json, quipu_media **document, quipu_error **error);
QUIPU_API quipu_status quipu_bokeh_open(const char *path, quipu_media **document, quipu_error **error);

/* A network graph: {"format":"keras","nodes":[objects with name, id, class_name, ...],"edges":[[from id, to id],...]}.
 * Errors: VALUE. W&B: wandb.Graph(). Since 0.1.0 */
QUIPU_API quipu_status quipu_graph_new(quipu_str json, quipu_media **graph, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Files, alerts, console
 */

typedef int32_t quipu_file_policy;
enum { QUIPU_POLICY_LIVE = 0, QUIPU_POLICY_NOW = 1, QUIPU_POLICY_END = 2 };

/* Adds files to the run: those that match `pattern` are linked into the run's files and uploaded by `policy`.
 *   pattern    shell pattern, relative to the working directory; with literal != 0 a plain path.
 *   base_path  what is below it keeps its structure; NULL: the working directory.
 *   out        optional: JSON array of the paths inside the run. Ownership: quipu_text_free.
 * Blocking: looks at the file system. Errors: VALUE. W&B: run.save(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_save(quipu_run *run, const char *pattern, const char *base_path,
                                      quipu_file_policy policy, int32_t literal, quipu_str *out, quipu_error **error);

/*   level    INFO, WARN or ERROR; "" or NULL: INFO.
 *   wait_ms  alerts with this title are not repeated within that time; 0: 60000.
 * W&B: run.alert(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_alert(quipu_run *run, const char *title, quipu_str text, const char *level,
                                       int64_t wait_ms, quipu_error **error);

/* The machine is about to be taken away. W&B: run.mark_preempting(). Since 0.1.0 */
QUIPU_API quipu_status quipu_run_mark_preempting(quipu_run *run);

typedef int32_t quipu_stream;
enum { QUIPU_STREAM_STDOUT = 1, QUIPU_STREAM_STDERR = 2, QUIPU_STREAM_LINES = 3 };

/* Console text for output.log: STDOUT and STDERR go through a small terminal (carriage returns overwrite), LINES are
 * taken as they are. Bytes that are not UTF-8 are replaced by U+FFFD. Nothing is printed. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_output(quipu_run *run, quipu_stream stream, quipu_str text);

/* A file the caller has written below the run's `files` directory (path relative to it) is recorded for upload.
 * Since 0.1.0 */
QUIPU_API quipu_status quipu_run_record_file(quipu_run *run, const char *path, quipu_file_policy policy,
                                             quipu_error **error);

/* Names and versions of packages for requirements.txt, `name==version` lines. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_record_requirements(quipu_run *run, quipu_str lines, quipu_error **error);

/* The "Run history" and "Run summary" blocks that W&B's client prints at the end, one text with line ends.
 * Works after finish. Ownership: quipu_text_free. Since 0.1.0 */
QUIPU_API quipu_status quipu_run_report(quipu_run *run, quipu_str *out, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * Login
 *
 * An API key is taken from, in this order: quipu_login in this process, QUIPU_API_KEY, WANDB_API_KEY, the entry of the
 * server in the netrc file ($NETRC, ~/.netrc, ~/_netrc), the setting `api_key`.
 */

typedef struct quipu_login_options {
  uint32_t struct_size;
  quipu_toggle verify;   /* ask the server whose key it is; default on */
  quipu_toggle store;    /* write the key to the netrc file, mode 0600; default on when a key is given */
  quipu_toggle relogin;  /* take no key from environment or netrc: without `key` that is NO_API_KEY; default off */
  const char *host;      /* base URL of the server; default: as for a run (WANDB_BASE_URL, settings, api.wandb.ai) */
  int64_t timeout_ms;    /* longest wait for the server; 0: 20000 */
} quipu_login_options;

#define QUIPU_LOGIN_OPTIONS_INIT { sizeof(quipu_login_options), 0, 0, 0, NULL, 0 }

/* Checks an API key and keeps it for the runs of this process, and in the netrc file for others.
 *   key      NULL: the one that runs would use.
 *   options  NULL: all defaults.
 *   out      optional: JSON object with host, source, username, entity (null unless verified), stored (the file
 *            written, or null). Ownership: quipu_text_free.
 * Blocking: with verify on until the server answers.
 * Errors: NO_API_KEY, API_KEY, AUTH (the server does not know the key), SERVER, FILE (netrc) and the network's.
 * W&B: wandb.login(). Since 0.1.0 */
QUIPU_API quipu_status quipu_login(const char *key, const quipu_login_options *options, quipu_str *out,
                                   quipu_error **error);

/* Forgets the API key of a server: in this process and in the netrc file.
 *   host     base URL; NULL: the default one.
 *   removed  optional: 1 if there was one.
 * Errors: SETTING (host), FILE. Since 0.1.0 */
QUIPU_API quipu_status quipu_logout(const char *host, int32_t *removed, quipu_error **error);

/* ------------------------------------------------------------------------------------------------------------------
 * The process
 */

/* The exit code for runs that are still open when the process ends; without it the code given to exit(), 0 for a
 * return from main. Since 0.1.0 */
QUIPU_API void quipu_set_exit_code(int32_t exit_code);

/* Finishes every open run of the process. Blocking: until all is on disk and sent, at most timeout_ms. Since 0.1.0 */
QUIPU_API quipu_status quipu_finish_all(int32_t exit_code, int64_t timeout_ms);

/* Completes a run whose process died: cuts a torn end, writes the rows that were still in the ring.
 *   path  a .wandb file or a run directory.
 *   out   optional: JSON object with rows_recovered, bytes_cut, ring_found, clean. Ownership: quipu_text_free.
 * Blocking: reads the whole log. Errors: NOT_FOUND, FORMAT, BUSY (still running). Since 0.1.0 */
QUIPU_API quipu_status quipu_recover(const char *path, quipu_str *out, quipu_error **error);

#ifdef __cplusplus
} /* extern "C" */

static inline quipu_run_options quipu_run_options_default(void) {
  quipu_run_options options = {};
  options.struct_size = sizeof(quipu_run_options);
  return options;
}
#endif

#endif /* QUIPU_H */
