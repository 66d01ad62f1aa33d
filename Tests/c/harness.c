#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { max_tests = 256, skip_status = 77 };

static struct {
  const char *name;
  test_function function;
} tests[max_tests];
static int test_count;

char test_directory[512];
static int failures_of_case;
static char skip_reason[512];

extern char **environ;

void harness_add(const char *name, test_function function) {
  if (test_count < max_tests) {
    tests[test_count].name = name;
    tests[test_count].function = function;
    test_count++;
  }
}

const char *below(const char *format, ...) {
  static char texts[8][1024];
  static unsigned next;
  char *text = texts[next++ % 8];
  int used = snprintf(text, sizeof texts[0], "%s/", test_directory);
  va_list list;
  va_start(list, format);
  vsnprintf(text + used, sizeof texts[0] - (size_t)used, format, list);
  va_end(list);
  return text;
}

void harness_fail(const char *file, int line, const char *format, ...) {
  const char *name = strrchr(file, '/');
  va_list list;
  failures_of_case++;
  printf("# %s:%d: ", name ? name + 1 : file, line);
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  printf("\n");
  fflush(stdout);
}

void harness_note(const char *format, ...) {
  va_list list;
  printf("# ");
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  printf("\n");
  fflush(stdout);
}

void harness_skip(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(skip_reason, sizeof skip_reason, format, list);
  va_end(list);
}

int harness_failed(void) { return failures_of_case; }

void check_refused(const char *file, int line, const char *call, quipu_status got, quipu_status want,
                   quipu_error **error, const char *argument) {
  const char *message = quipu_error_message(*error);
  if (got != want) {
    harness_fail(file, line, "%s is %s (%s), not %s", call, quipu_status_name(got), message, quipu_status_name(want));
  } else if (!*error) {
    harness_fail(file, line, "%s gave no error object", call);
  } else {
    if (quipu_error_code(*error) != got) harness_fail(file, line, "%s: the error has another code", call);
    if (!message[0] || strchr(message, '\n')) {
      harness_fail(file, line, "%s: the message is not one line: \"%s\"", call, message);
    }
    if (argument && !strstr(message, argument)) {
      harness_fail(file, line, "%s: the message does not name \"%s\": \"%s\"", call, argument, message);
    }
  }
  quipu_error_free(*error);
  *error = NULL;
}

quipu_run_options offline_options(void) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  options.mode = QUIPU_MODE_OFFLINE;
  options.project = "c-tests";
  options.dir = test_directory;
  return options;
}

quipu_run *start_run(void) {
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  return run;
}

void end_run(quipu_run *run) {
  if (!run) return;
  CHECK_OK(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error));
  quipu_run_free(run);
}

void log_path_of(const char *run_directory, char *path, size_t size) {
  DIR *folder = opendir(run_directory);
  struct dirent *entry;
  path[0] = 0;
  if (!folder) return;
  while ((entry = readdir(folder))) {
    size_t length = strlen(entry->d_name);
    if (length > 6 && strcmp(entry->d_name + length - 6, ".wandb") == 0) {
      snprintf(path, size, "%s/%s", run_directory, entry->d_name);
    }
  }
  closedir(folder);
}

int sanitizer_is(const char *kind) {
#if defined(__SANITIZE_ADDRESS__)
  if (strcmp(kind, "address") == 0) return 1;
#endif
#if defined(__SANITIZE_THREAD__)
  if (strcmp(kind, "thread") == 0) return 1;
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  if (strcmp(kind, "address") == 0) return 1;
#endif
#if __has_feature(thread_sanitizer)
  if (strcmp(kind, "thread") == 0) return 1;
#endif
#endif
  (void)kind;
  return 0;
}

/* The thread sanitizer ends a forked child of a threaded process as soon as it starts a thread, unless told not to. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "die_after_fork=0"; }

__attribute__((weak)) int helper_main(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return 2;
}

int start_helper(char *const arguments[]) {
  char *words[16] = {"helper", "--helper"};
  int count = 2;
  pid_t child;
  while (count < 15 && arguments[count - 2]) {
    words[count] = arguments[count - 2];
    count++;
  }
  words[count] = NULL;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    execv("/proc/self/exe", words);
    _exit(127);
  }
  return child;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status;
  (void)kind;
  (void)walk;
  remove(path);
  return 0;
}

/* The caller's own settings must not reach the tests. */
static void clean_environment(void) {
  char **entry = environ;
  while (*entry) {
    char *name = *entry;
    char *end = strchr(name, '=');
    if (end && (strncmp(name, "WANDB_", 6) == 0 || strncmp(name, "QUIPU_", 6) == 0) &&
        strncmp(name, "QUIPU_LONG=", 11) != 0) {
      char word[256];
      snprintf(word, sizeof word, "%.*s", (int)(end - name), name);
      unsetenv(word);
      entry = environ;
    } else {
      entry++;
    }
  }
}

/* A directory of its own for the rings of this case: any other program that starts a run takes over what dead ones left
 * in the common place, and the test would not know when. */
static void private_rings(char *path, size_t size) {
  snprintf(path, size, "/dev/shm/quipu-test-XXXXXX");
  if (!mkdtemp(path)) {
    snprintf(path, size, "%s/rings", test_directory);
    mkdir(path, 0700);
  }
  setenv("QUIPU_RING_DIR", path, 1);
}

static int chosen(const char *name, int argc, char **argv) {
  int index;
  if (argc < 2) return 1;
  for (index = 1; index < argc; index++) {
    if (strcmp(argv[index], name) == 0) return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  int index, passed = 0, failed = 0, skipped = 0, number = 0;
  const char *base = getenv("TMPDIR");
  char rings[600];
  if (argc > 1 && strcmp(argv[1], "--list") == 0) {
    for (index = 0; index < test_count; index++) puts(tests[index].name);
    return 0;
  }
  if (argc > 2 && strcmp(argv[1], "--helper") == 0) return helper_main(argc - 2, argv + 2);
  clean_environment();
  for (index = 0; index < test_count; index++) {
    if (!chosen(tests[index].name, argc, argv)) continue;
    failures_of_case = 0;
    skip_reason[0] = 0;
    snprintf(test_directory, sizeof test_directory, "%s/quipu-test-XXXXXX", base && base[0] ? base : "/tmp");
    if (!mkdtemp(test_directory)) {
      perror("mkdtemp");
      return 1;
    }
    setenv("HOME", test_directory, 1);
    private_rings(rings, sizeof rings);
    alarm(getenv("QUIPU_LONG") ? 1200 : 300); /* a hang is a failure, not a wait */
    tests[index].function();
    alarm(0);
    nftw(test_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    nftw(rings, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    number++;
    if (failures_of_case) {
      failed++;
      printf("not ok %d - %s\n", number, tests[index].name);
    } else if (skip_reason[0]) {
      skipped++;
      printf("ok %d - %s # SKIP %s\n", number, tests[index].name, skip_reason);
    } else {
      passed++;
      printf("ok %d - %s\n", number, tests[index].name);
    }
    fflush(stdout);
  }
  if (number == 0) {
    printf("not ok - no case of that name\n");
    failed++;
  }
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  if (failed) return 1;
  return passed == 0 && skipped > 0 ? skip_status : 0;
}
