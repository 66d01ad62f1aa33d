/* A process that is killed, forks, exits without a word, or has many threads: what the log then holds. */
#include "rows.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { max_threads = 4 };

/* Shared between a test and its helper process. */
typedef struct shared_page {
  char directory[1024];            /* of the run, once it is started */
  _Atomic int64_t returned[max_threads]; /* the last number whose log call has returned, from 1 */
  _Atomic int ready;
  _Atomic int recovering;
} shared_page;

static shared_page *map_page(const char *path, int create) {
  shared_page *page;
  FILE *file = fopen(path, create ? "w+" : "r+");
  if (!file) return NULL;
  if (create && ftruncate(fileno(file), sizeof(shared_page)) != 0) {
    fclose(file);
    return NULL;
  }
  page = mmap(NULL, sizeof(shared_page), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
  fclose(file);
  return page == MAP_FAILED ? NULL : page;
}

static void sleep_us(int64_t us) {
  struct timespec pause;
  pause.tv_sec = us / 1000000;
  pause.tv_nsec = us % 1000000 * 1000;
  nanosleep(&pause, NULL);
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ------------------------------------------------------------------------------------------------------ the helper */

static quipu_run *helper_run;
static shared_page *helper_page;
static int helper_kind;
static int at_the_limit; /* logs as fast as it can, so that the ring is full and the writer behind */

/* One row after the other, by all the kinds of log calls; the number is published after the call has returned. */
static void *busy(void *argument) {
  const int thread = (int)(intptr_t)argument;
  static const char *const names[max_threads] = {"t0", "t1", "t2", "t3"};
  const char *const keys[3] = {names[thread], "loss", "accuracy"};
  double cells[3] = {0, 0.5, 0.25};
  quipu_columns *columns = NULL;
  int64_t number;
  quipu_columns_new(keys, NULL, 3, &columns, NULL);
  for (number = 1;; number++) {
    quipu_status status;
    cells[0] = (double)number;
    do {
      switch (helper_kind == 3 ? number % 3 : helper_kind) {
        case 0:
          status = quipu_run_log_columns(helper_run, columns, cells, QUIPU_STEP_AUTO, 0);
          break;
        case 1:
          status = quipu_run_log(helper_run, names[thread], (double)number);
          break;
        default: {
          quipu_item items[3];
          items[0] = quipu_item_int(names[thread], number);
          items[1] = quipu_item_text("note", quipu_cstr("some text that takes room in the ring"));
          items[2] = quipu_item_json("tree", quipu_cstr("{\"a\":{\"b\":[1,2,3]}}"));
          status = quipu_run_log_items(helper_run, items, 3, QUIPU_STEP_AUTO, 0, NULL);
        }
      }
    } while (status == QUIPU_ERROR_FULL); /* dropped: not a row that was accepted */
    if (status != QUIPU_OK) _exit(90);
    atomic_store_explicit(&helper_page->returned[thread], number, memory_order_release);
    if (!at_the_limit && number % 32 == 0) sleep_us(50);
  }
  return NULL;
}

static int be_busy(int threads) {
  quipu_run_options options = offline_options();
  int thread;
  pthread_t id;
  if (quipu_run_start(&options, &helper_run, NULL) != QUIPU_OK) return 91;
  snprintf(helper_page->directory, sizeof helper_page->directory, "%s", quipu_run_directory(helper_run));
  atomic_store(&helper_page->ready, 1);
  for (thread = 1; thread < threads; thread++) {
    if (pthread_create(&id, NULL, busy, (void *)(intptr_t)thread) != 0) return 92;
  }
  busy((void *)0);
  return 0;
}

/* Starts a run, logs, and leaves the process in one of several ways. */
static int leave(const char *way) {
  quipu_run_options options = offline_options();
  int index;
  if (quipu_run_start(&options, &helper_run, NULL) != QUIPU_OK) return 91;
  snprintf(helper_page->directory, sizeof helper_page->directory, "%s", quipu_run_directory(helper_run));
  for (index = 0; index < 100; index++) quipu_run_log(helper_run, "x", index);
  if (strcmp(way, "return") == 0) return 0;
  if (strcmp(way, "exit3") == 0) exit(3);
  if (strcmp(way, "_exit") == 0) _exit(0);
  if (strcmp(way, "abort") == 0) {
    signal(SIGABRT, SIG_DFL);
    abort();
  }
  if (strcmp(way, "code7") == 0) {
    quipu_set_exit_code(7);
    exit(0);
  }
  if (strcmp(way, "all5") == 0) {
    quipu_finish_all(5, QUIPU_WAIT_FOREVER);
    exit(0);
  }
  return 93;
}

/* --helper WHAT DIRECTORY PAGE [MORE...] */
int helper_main(int argc, char **argv) {
  if (argc < 3) return 94;
  alarm(120);
  snprintf(test_directory, sizeof test_directory, "%s", argv[1]);
  helper_page = map_page(argv[2], 0);
  if (!helper_page) return 95;
  if (strcmp(argv[0], "busy") == 0 && argc >= 5) {
    helper_kind = atoi(argv[4]) % 10;
    at_the_limit = atoi(argv[4]) >= 10;
    return be_busy(atoi(argv[3]));
  }
  if (strcmp(argv[0], "leave") == 0 && argc >= 4) return leave(argv[3]);
  if (strcmp(argv[0], "recover") == 0) {
    quipu_status answer;
    atomic_store(&helper_page->recovering, 1);
    answer = quipu_recover(helper_page->directory, NULL, NULL);
    return answer == QUIPU_OK || answer == QUIPU_ERROR_BUSY ? 0 : 97;
  }
  return 96;
}

/* --------------------------------------------------------------------------------------------------------- SIGKILL */

typedef struct seen_rows {
  uint8_t *times[max_threads]; /* how often each number is in the log */
  int64_t room;
  int64_t rows;
  int64_t strange;
} seen_rows;

static void see(int kind, const uint8_t *body, size_t size, void *user) {
  seen_rows *seen = user;
  static const char *const names[max_threads] = {"t0", "t1", "t2", "t3"};
  int thread, found = 0;
  double number;
  if (kind != RECORD_HISTORY) return;
  seen->rows++;
  for (thread = 0; thread < max_threads; thread++) {
    if (!runlog_number(body, size, names[thread], &number)) continue;
    found++;
    if (number >= 1 && number <= (double)seen->room && number == (double)(int64_t)number) {
      uint8_t *times = &seen->times[thread][(int64_t)number - 1];
      if (*times < 255) ++*times;
    } else {
      seen->strange++;
    }
  }
  if (found != 1) seen->strange++;
}

static struct {
  int64_t kills, returned, rows, missing, doubled, strange, unclean, early, nothing_yet, most_in_flight;
} sum;

static uint64_t random_state = 0x9E3779B97F4A7C15u;
static int64_t random_below(int64_t limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (int64_t)(random_state % (uint64_t)limit);
}

static void kill_once(int index) {
  char page_path[600], directory[600], threads_text[8], kind_text[16], log[1024];
  char *arguments[] = {(char *)"busy", directory, page_path, threads_text, kind_text, NULL};
  const int threads = 1 + index % 3, kind = (index / 3) % 4;
  const int early = index % 4 == 0; /* within 10 ms of its first row */
  const int limit = index % 5 == 0;
  int64_t wait = early ? random_below(10000) : random_below(limit ? 50000 : 300000), start;
  int64_t returned[max_threads], largest = 0;
  shared_page *page;
  seen_rows seen;
  runlog_outcome outcome;
  int child, status = 0, thread;
  quipu_str report = {NULL, 0};
  snprintf(directory, sizeof directory, "%s", below("kill-%d", index));
  snprintf(page_path, sizeof page_path, "%s", below("page-%d", index));
  snprintf(threads_text, sizeof threads_text, "%d", threads);
  snprintf(kind_text, sizeof kind_text, "%d", kind + 10 * limit);
  page = map_page(page_path, 1);
  REQUIRE(page);
  child = start_helper(arguments);
  REQUIRE(child > 0);
  start = now_us();
  while (atomic_load(&page->returned[0]) == 0 && now_us() - start < 30000000) {
    if (waitpid(child, &status, WNOHANG) == child) {
      harness_fail(__FILE__, __LINE__, "the helper ended by itself with status %x", (unsigned)status);
      munmap(page, sizeof *page);
      return;
    }
    sched_yield();
  }
  sleep_us(wait);
  kill(child, SIGKILL);
  CHECK_INT(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  for (thread = 0; thread < max_threads; thread++) {
    returned[thread] = atomic_load(&page->returned[thread]);
    if (returned[thread] > largest) largest = returned[thread];
    sum.returned += returned[thread];
  }
  sum.kills++;
  sum.early += early;
  CHECK_OK(quipu_recover(page->directory, &report, &error));
  log_path_of(page->directory, log, sizeof log);
  memset(&seen, 0, sizeof seen);
  seen.room = largest + 1; /* a call that had not returned yet may have come through */
  for (thread = 0; thread < max_threads; thread++) seen.times[thread] = calloc(1, (size_t)seen.room);
  outcome = runlog_read(log, see, &seen);
  if (!outcome.clean) {
    sum.unclean++;
    harness_fail(__FILE__, __LINE__, "kill %d: after recovery the log is not clean: %s (%s)", index,
                 outcome.complaint ? outcome.complaint : "unreadable", report.data ? report.data : "");
  }
  sum.rows += seen.rows;
  sum.strange += seen.strange;
  for (thread = 0; thread < max_threads; thread++) {
    int64_t number, missing = 0, doubled = 0, first = 0;
    for (number = 1; number <= seen.room; number++) {
      const int times = seen.times[thread][number - 1];
      if (times == 0 && number <= returned[thread]) {
        if (!missing++) first = number;
      }
      if (times > 1) doubled++;
      if (times > 0 && number > returned[thread] + 1) seen.strange++;
    }
    if (missing || doubled) {
      harness_fail(__FILE__, __LINE__, "kill %d (%d threads, kind %d, after %lld us), thread %d: of %lld rows %lld "
                   "missing (first %lld), %lld doubled; %s", index, threads, kind, (long long)wait, thread,
                   (long long)returned[thread], (long long)missing, (long long)first, (long long)doubled,
                   report.data ? report.data : "");
    }
    sum.missing += missing;
    sum.doubled += doubled;
    free(seen.times[thread]);
  }
  CHECK_INT(seen.strange, 0);
  quipu_text_free(report);
  /* once more: nothing is left to do, and nothing is done twice */
  if (index % 10 == 0) {
    uint64_t before = outcome.records;
    CHECK_OK(quipu_recover(page->directory, NULL, &error));
    outcome = runlog_read(log, NULL, NULL);
    CHECK_INT(outcome.records, before);
  }
  munmap(page, sizeof *page);
  {
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    if (system(command) != 0) harness_note("could not remove %s", directory);
  }
}

TEST(test_kill__at_200_random_moments_loses_no_row_that_was_accepted) {
  const int kills = sanitizer_is("thread") || sanitizer_is("address") ? 40 : 200;
  const char *seed = getenv("QUIPU_SEED");
  int index;
  memset(&sum, 0, sizeof sum);
  random_state ^= seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
  harness_note("seed 0x%llx", (unsigned long long)random_state);
  for (index = 0; index < kills; index++) kill_once(index);
  harness_note("%lld kills (%lld within 10 ms of the first row): %lld rows returned, %lld rows in the logs, "
               "%lld missing, %lld doubled, %lld strange, %lld logs unclean", (long long)sum.kills,
               (long long)sum.early, (long long)sum.returned, (long long)sum.rows, (long long)sum.missing,
               (long long)sum.doubled, (long long)sum.strange, (long long)sum.unclean);
  CHECK_INT(sum.kills, kills);
  CHECK_INT(sum.missing, 0);
  CHECK_INT(sum.doubled, 0);
  CHECK(sum.returned > kills);
}

/* Two programs that recover the same run: whichever says that it is done, it is. */
TEST(test_kill__two_recoverers_at_once_agree) {
  const int rounds = sanitizer_is("address") || sanitizer_is("thread") ? 4 : 20;
  int round;
  for (round = 0; round < rounds; round++) {
    char page_path[600], directory[600], log[1024];
    char *arguments[] = {(char *)"busy", directory, page_path, (char *)"2", (char *)"11", NULL};
    char *recover[] = {(char *)"recover", directory, page_path, NULL};
    shared_page *page;
    int child, other, status = 0, thread;
    seen_rows seen;
    runlog_outcome outcome;
    int64_t largest = 0, missing = 0;
    quipu_status answer;
    quipu_error *error = NULL;
    snprintf(directory, sizeof directory, "%s", below("both-%d", round));
    snprintf(page_path, sizeof page_path, "%s", below("both-page-%d", round));
    page = map_page(page_path, 1);
    REQUIRE(page);
    child = start_helper(arguments);
    while (atomic_load(&page->returned[0]) < 5000 || atomic_load(&page->returned[1]) == 0) sleep_us(50);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    other = start_helper(recover);
    while (!atomic_load(&page->recovering)) sched_yield();
    sleep_us(random_below(3000));
    answer = quipu_recover(page->directory, NULL, &error);
    if (answer == QUIPU_OK) { /* then every row must be there now, not only when the other is done */
      for (thread = 0; thread < 2; thread++) {
        const int64_t returned = atomic_load(&page->returned[thread]);
        if (returned > largest) largest = returned;
      }
      memset(&seen, 0, sizeof seen);
      seen.room = largest + 1;
      for (thread = 0; thread < max_threads; thread++) seen.times[thread] = calloc(1, (size_t)seen.room);
      log_path_of(page->directory, log, sizeof log);
      outcome = runlog_read(log, see, &seen);
      CHECK(outcome.clean);
      for (thread = 0; thread < 2; thread++) {
        int64_t number;
        for (number = 0; number < atomic_load(&page->returned[thread]); number++) {
          missing += seen.times[thread][number] != 1;
        }
      }
      for (thread = 0; thread < max_threads; thread++) free(seen.times[thread]);
      CHECK_INT(missing, 0);
    } else if (answer != QUIPU_ERROR_BUSY) {
      harness_fail(__FILE__, __LINE__, "recover: %s", quipu_error_message(error));
    }
    quipu_error_free(error);
    waitpid(other, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    munmap(page, sizeof *page);
    if (harness_failed()) return;
  }
}

/* The next start of any program takes over what a dead one left, without being asked. */
TEST(test_kill__next_start_recovers_by_itself) {
  char page_path[600], directory[600];
  char *arguments[] = {(char *)"busy", directory, page_path, (char *)"1", (char *)"1", NULL};
  shared_page *page;
  int child, waited;
  quipu_run *run;
  static struct { int64_t rows; double last; } state;
  snprintf(directory, sizeof directory, "%s", test_directory);
  snprintf(page_path, sizeof page_path, "%s", below("page"));
  page = map_page(page_path, 1);
  REQUIRE(page);
  child = start_helper(arguments);
  while (atomic_load(&page->returned[0]) < 1000) sleep_us(100);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  run = start_run();
  REQUIRE(run);
  for (waited = 0; waited < 1000; waited++) {
    seen_rows seen;
    char log[1024];
    runlog_outcome outcome;
    int64_t number, missing = 0;
    const int64_t returned = atomic_load(&page->returned[0]);
    int thread;
    memset(&seen, 0, sizeof seen);
    seen.room = returned + 1;
    for (thread = 0; thread < max_threads; thread++) seen.times[thread] = calloc(1, (size_t)seen.room);
    log_path_of(page->directory, log, sizeof log);
    outcome = runlog_read(log, see, &seen);
    for (number = 1; number <= returned; number++) missing += seen.times[0][number - 1] != 1;
    for (thread = 0; thread < max_threads; thread++) free(seen.times[thread]);
    state.rows = missing;
    if (missing == 0 && outcome.clean) break;
    sleep_us(10000);
  }
  CHECK_INT(state.rows, 0);
  end_run(run);
}

/* ------------------------------------------------------------------------------------------------------------ fork */

static atomic_int stop_logging;
static quipu_run *forked_run;
static quipu_media *forked_media; /* made before the fork, logged by the child in a run of its own */
static _Atomic int64_t logged_by[max_threads];

static void *log_until_told(void *argument) {
  const int thread = (int)(intptr_t)argument;
  static const char *const names[max_threads] = {"t0", "t1", "t2", "t3"};
  int64_t number = 0;
  while (!atomic_load(&stop_logging)) {
    quipu_status status = quipu_run_log(forked_run, names[thread], (double)(number + 1));
    if (status == QUIPU_OK) number++;
    else if (status != QUIPU_ERROR_FULL) harness_fail(__FILE__, __LINE__, "log: %s", quipu_status_name(status));
    if (number % 100 == 0) sleep_us(50);
  }
  atomic_store(&logged_by[thread], number);
  return NULL;
}

/* In the child of a fork: 0, or a number that says what was wrong. */
static int check_child(int with_own_run) {
  quipu_run_stats stats;
  quipu_str out = {NULL, 0};
  const quipu_item item = quipu_item_double("child", 1);
  quipu_error *error = NULL;
  alarm(20); /* a deadlock ends the child by SIGALRM */
  if (quipu_run_log(forked_run, "child", 1) != QUIPU_ERROR_FORKED) return 10;
  if (quipu_run_log_items(forked_run, &item, 1, QUIPU_STEP_AUTO, 0, &error) != QUIPU_ERROR_FORKED) return 11;
  if (!quipu_error_message(error)[0]) return 12;
  quipu_error_free(error);
  if (quipu_run_config_update(forked_run, quipu_cstr("{\"a\":1}"), 0, NULL) != QUIPU_ERROR_FORKED) return 13;
  if (quipu_run_flush(forked_run, 1000, NULL) != QUIPU_ERROR_FORKED) return 14;
  if (quipu_run_finish(forked_run, 0, 1000, NULL) != QUIPU_ERROR_FORKED) return 15;
  if (quipu_run_info_json(forked_run, &out, NULL) == QUIPU_OK) quipu_text_free(out); /* either answer, no hang */
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  if (quipu_run_get_stats(forked_run, &stats) != QUIPU_ERROR_FORKED) return 16;
  if (quipu_run_report(forked_run, &out, NULL) != QUIPU_ERROR_FORKED || out.data) return 17;
  if (with_own_run) {
    quipu_run_options options = offline_options();
    quipu_run *own = NULL;
    int index;
    static row_list list;
    char directory[1024];
    options.dir = below("child-%d", (int)getpid());
    if (quipu_run_start(&options, &own, NULL) != QUIPU_OK) return 20;
    for (index = 0; index < 50; index++) {
      if (quipu_run_log(own, "own", index) != QUIPU_OK) return 21;
    }
    {
      const quipu_item inherited = quipu_item_media("inherited", forked_media);
      if (quipu_run_log_items(own, &inherited, 1, QUIPU_STEP_AUTO, 0, NULL) != QUIPU_OK) return 25;
    }
    if (quipu_run_finish(own, 0, 15000, NULL) != QUIPU_OK) return 22;
    snprintf(directory, sizeof directory, "%s", quipu_run_directory(own));
    quipu_run_free(own);
    read_rows(directory, "own", &list);
    if (list.count != 50 || list.rows != 51 || !list.finished) return 23;
  }
  quipu_run_free(forked_run);
  if (quipu_run_log(forked_run, "child", 1) == QUIPU_OK) return 24;
  return 0;
}

TEST(test_fork__200_times_from_a_logging_process_harms_neither_side) {
  const int forks = 200;
  pthread_t threads[max_threads];
  int index, thread, bad = 0, own_runs = 0;
  char directory[1024], log[1024];
  seen_rows seen;
  runlog_outcome outcome;
  int64_t total = 0, largest = 0;
  {
    static uint8_t pixels[16];
    const int64_t shape[] = {4, 4};
    const quipu_array array = {pixels, QUIPU_DTYPE_UINT8, 2, shape, NULL, 0, 0};
    CHECK_OK(quipu_image_new(&array, NULL, &forked_media, &error));
  }
  forked_run = start_run();
  REQUIRE(forked_run);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(forked_run));
  atomic_store(&stop_logging, 0);
  for (thread = 0; thread < max_threads; thread++) {
    CHECK_INT(pthread_create(&threads[thread], NULL, log_until_told, (void *)(intptr_t)thread), 0);
  }
  fflush(stdout);
  for (index = 0; index < forks && bad < 5; index++) {
    const int with_own_run = index % 4 == 0 && !sanitizer_is("thread"); /* it forbids threads in such a child */
    int status = 0;
    const pid_t child = fork();
    if (child == 0) _exit(check_child(with_own_run));
    own_runs += with_own_run;
    REQUIRE(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      bad++;
      if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        harness_fail(__FILE__, __LINE__, "child %d hung", index);
      } else {
        harness_fail(__FILE__, __LINE__, "child %d ended with %s %d", index, WIFSIGNALED(status) ? "signal" : "code",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
      }
    }
  }
  atomic_store(&stop_logging, 1);
  for (thread = 0; thread < max_threads; thread++) {
    pthread_join(threads[thread], NULL);
    total += atomic_load(&logged_by[thread]);
    if (atomic_load(&logged_by[thread]) > largest) largest = atomic_load(&logged_by[thread]);
  }
  quipu_media_free(forked_media);
  end_run(forked_run);
  memset(&seen, 0, sizeof seen);
  seen.room = largest + 1;
  for (thread = 0; thread < max_threads; thread++) seen.times[thread] = calloc(1, (size_t)seen.room);
  log_path_of(directory, log, sizeof log);
  outcome = runlog_read(log, see, &seen);
  CHECK(outcome.clean);
  CHECK_INT(seen.rows, total);
  CHECK_INT(seen.strange, 0);
  for (thread = 0; thread < max_threads; thread++) {
    int64_t number, wrong = 0;
    for (number = 1; number <= atomic_load(&logged_by[thread]); number++) wrong += seen.times[thread][number - 1] != 1;
    CHECK_INT(wrong, 0);
    free(seen.times[thread]);
  }
  harness_note("%d forks, %d children with a run of their own, %lld rows of the parent checked", index, own_runs,
               (long long)total);
}

/* --------------------------------------------------------------------------------------------------------- threads */

enum { thread_rows = 20000 };
static quipu_run *shared_run;

static void *log_rows(void *argument) {
  const int thread = (int)(intptr_t)argument;
  static const char *const names[max_threads] = {"t0", "t1", "t2", "t3"};
  int64_t number;
  for (number = 1; number <= thread_rows; number++) {
    quipu_status status;
    do {
      status = quipu_run_log(shared_run, names[thread], (double)number);
    } while (status == QUIPU_ERROR_FULL);
    if (status != QUIPU_OK) harness_fail(__FILE__, __LINE__, "log: %s", quipu_status_name(status));
  }
  return NULL;
}

TEST(test_threads__many_into_one_run_keep_every_row_once) {
  pthread_t threads[max_threads];
  char directory[1024], log[1024];
  seen_rows seen;
  runlog_outcome outcome;
  int thread;
  shared_run = start_run();
  REQUIRE(shared_run);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(shared_run));
  for (thread = 0; thread < max_threads; thread++) {
    CHECK_INT(pthread_create(&threads[thread], NULL, log_rows, (void *)(intptr_t)thread), 0);
  }
  for (thread = 0; thread < max_threads; thread++) pthread_join(threads[thread], NULL);
  end_run(shared_run);
  memset(&seen, 0, sizeof seen);
  seen.room = thread_rows;
  for (thread = 0; thread < max_threads; thread++) seen.times[thread] = calloc(1, (size_t)seen.room);
  log_path_of(directory, log, sizeof log);
  outcome = runlog_read(log, see, &seen);
  CHECK(outcome.clean);
  CHECK_INT(seen.rows, max_threads * thread_rows);
  CHECK_INT(seen.strange, 0);
  for (thread = 0; thread < max_threads; thread++) {
    int64_t number, wrong = 0;
    for (number = 0; number < thread_rows; number++) wrong += seen.times[thread][number] != 1;
    CHECK_INT(wrong, 0);
    free(seen.times[thread]);
  }
}

/* One thread finishes while others log: each call is answered, and exactly the accepted rows are there. */
static void *log_until_refused(void *argument) {
  const int thread = (int)(intptr_t)argument;
  static const char *const names[max_threads] = {"t0", "t1", "t2", "t3"};
  int64_t number = 0;
  quipu_status status;
  for (;;) {
    status = quipu_run_log(shared_run, names[thread], (double)(number + 1));
    if (status == QUIPU_OK) number++;
    else if (status != QUIPU_ERROR_FULL) break;
  }
  if (status != QUIPU_ERROR_FINISHED && status != QUIPU_ERROR_HANDLE) {
    harness_fail(__FILE__, __LINE__, "log: %s", quipu_status_name(status));
  }
  atomic_store(&logged_by[thread], number);
  return NULL;
}

TEST(test_threads__finish_under_load_keeps_what_was_accepted) {
  int round;
  for (round = 0; round < 20; round++) {
    pthread_t threads[max_threads];
    char directory[1024], log[1024];
    seen_rows seen;
    runlog_outcome outcome;
    int thread;
    int64_t total = 0, largest = 0;
    shared_run = start_run();
    REQUIRE(shared_run);
    snprintf(directory, sizeof directory, "%s", quipu_run_directory(shared_run));
    for (thread = 0; thread < max_threads; thread++) {
      CHECK_INT(pthread_create(&threads[thread], NULL, log_until_refused, (void *)(intptr_t)thread), 0);
    }
    sleep_us(500 + round * 300);
    CHECK_OK(quipu_run_finish(shared_run, 0, QUIPU_WAIT_FOREVER, &error));
    quipu_run_free(shared_run);
    for (thread = 0; thread < max_threads; thread++) {
      pthread_join(threads[thread], NULL);
      total += atomic_load(&logged_by[thread]);
      if (atomic_load(&logged_by[thread]) > largest) largest = atomic_load(&logged_by[thread]);
    }
    memset(&seen, 0, sizeof seen);
    seen.room = largest + 1;
    for (thread = 0; thread < max_threads; thread++) seen.times[thread] = calloc(1, (size_t)seen.room);
    log_path_of(directory, log, sizeof log);
    outcome = runlog_read(log, see, &seen);
    CHECK(outcome.clean);
    CHECK_INT(seen.rows, total);
    CHECK_INT(seen.strange, 0);
    for (thread = 0; thread < max_threads; thread++) free(seen.times[thread]);
    if (harness_failed()) return;
  }
}

static void *log_until_freed(void *argument) {
  while (quipu_run_log(shared_run, "a", 1) != QUIPU_ERROR_HANDLE) {
  }
  return argument;
}

/* Against the contract, and still no crash: a handle is freed while others log with it. */
TEST(test_threads__free_under_load_is_answered) {
  int round;
  for (round = 0; round < 150; round++) {
    pthread_t threads[max_threads];
    int thread;
    shared_run = start_run();
    REQUIRE(shared_run);
    for (thread = 0; thread < max_threads; thread++) {
      CHECK_INT(pthread_create(&threads[thread], NULL, log_until_freed, NULL), 0);
    }
    sleep_us(300);
    CHECK_OK(quipu_run_finish(shared_run, 0, QUIPU_WAIT_FOREVER, &error));
    quipu_run_free(shared_run);
    for (thread = 0; thread < max_threads; thread++) pthread_join(threads[thread], NULL);
  }
}

static void *run_of_its_own(void *argument) {
  const int number = (int)(intptr_t)argument;
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  char id[16], directory[1024];
  row_list *list = calloc(1, sizeof *list);
  int index;
  snprintf(id, sizeof id, "run%d", number);
  options.id = id;
  if (!list || quipu_run_start(&options, &run, NULL) != QUIPU_OK) {
    harness_fail(__FILE__, __LINE__, "run %d did not start", number);
    free(list);
    return NULL;
  }
  for (index = 0; index < 1000; index++) {
    if (quipu_run_log(run, "x", number * 10000 + index) != QUIPU_OK) harness_fail(__FILE__, __LINE__, "log failed");
  }
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "x", list);
  CHECK_INT(list->count, 1000);
  for (index = 0; index < (int)list->count; index++) {
    if (list->values[index] != number * 10000 + index) {
      harness_fail(__FILE__, __LINE__, "run %d, row %d is %g", number, index, list->values[index]);
      break;
    }
  }
  free(list);
  return NULL;
}

TEST(test_runs__several_at_once_keep_their_rows_apart) {
  pthread_t threads[8];
  int index;
  for (index = 0; index < 8; index++) {
    CHECK_INT(pthread_create(&threads[index], NULL, run_of_its_own, (void *)(intptr_t)index), 0);
  }
  for (index = 0; index < 8; index++) pthread_join(threads[index], NULL);
}

/* ------------------------------------------------------------------------------------------------------------ exit */

static void check_leaving(const char *way, int want_status, int finished, int64_t want_code) {
  char page_path[600], directory[600], log[1024];
  char *arguments[] = {(char *)"leave", directory, page_path, (char *)way, NULL};
  shared_page *page;
  int child, status = 0;
  static row_list list;
  snprintf(directory, sizeof directory, "%s", below("leave-%s", way));
  snprintf(page_path, sizeof page_path, "%s", below("page-%s", way));
  page = map_page(page_path, 1);
  REQUIRE(page);
  child = start_helper(arguments);
  CHECK_INT(waitpid(child, &status, 0), child);
  if (want_status < 0) CHECK(WIFSIGNALED(status));
  else CHECK(WIFEXITED(status) && WEXITSTATUS(status) == want_status);
  if (!finished) CHECK_OK(quipu_recover(page->directory, NULL, &error));
  log_path_of(page->directory, log, sizeof log);
  read_rows(page->directory, "x", &list);
  CHECK_INT(list.count, 100);
  CHECK_INT(list.finished, finished);
  if (finished) CHECK_INT(list.exit_code, want_code);
  munmap(page, sizeof *page);
}

TEST(test_exit__return_from_main_finishes_with_zero) { check_leaving("return", 0, 1, 0); }
TEST(test_exit__exit_status_becomes_the_exit_code) { check_leaving("exit3", 3, 1, 3); }
TEST(test_exit__set_exit_code_wins) { check_leaving("code7", 0, 1, 7); }
TEST(test_exit__finish_all_finishes_with_its_code) { check_leaving("all5", 0, 1, 5); }
TEST(test_exit__underscore_exit_leaves_the_run_unfinished_and_whole) { check_leaving("_exit", 0, 0, 0); }
TEST(test_exit__abort_leaves_the_run_unfinished_and_whole) { check_leaving("abort", -1, 0, 0); }

/* ---------------------------------------------------------------------------------------------------------- memory */

static long resident_kb(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long value = -1;
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "VmRSS: %ld", &value) == 1) break;
  }
  if (file) fclose(file);
  return value;
}

static void count_row(int kind, const uint8_t *body, size_t size, void *user) {
  (void)body;
  (void)size;
  if (kind == RECORD_HISTORY) ++*(int64_t *)user;
}

TEST(test_memory__stays_flat_over_many_rows) {
  const int slow = sanitizer_is("address") || sanitizer_is("thread");
  const int64_t rows = getenv("QUIPU_LONG") ? 10000000 : slow ? 200000 : 1000000;
  static const char *const keys[] = {"loss", "accuracy", "rate"};
  double cells[3] = {1, 0, 0.001};
  quipu_columns *columns = NULL;
  quipu_run *run = start_run();
  int64_t index, counted = 0;
  long early = 0, late, most = 0;
  char directory[1024], log[1024];
  runlog_outcome outcome;
  REQUIRE(run);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  CHECK_OK(quipu_columns_new(keys, NULL, 3, &columns, &error));
  for (index = 0; index < rows; index++) {
    quipu_status status;
    cells[0] = 1.0 / (double)(index + 1);
    cells[1] = (double)index;
    do {
      status = quipu_run_log_columns(run, columns, cells, QUIPU_STEP_AUTO, 0);
    } while (status == QUIPU_ERROR_FULL);
    if (status != QUIPU_OK) {
      harness_fail(__FILE__, __LINE__, "row %lld: %s", (long long)index, quipu_status_name(status));
      break;
    }
    if (index == rows / 10) early = resident_kb();
    if (index > rows / 10 && index % (rows / 20) == 0 && resident_kb() > most) most = resident_kb();
  }
  late = resident_kb();
  if (late > most) most = late;
  quipu_columns_free(columns);
  end_run(run);
  log_path_of(directory, log, sizeof log);
  outcome = runlog_read(log, count_row, &counted);
  CHECK(outcome.clean);
  CHECK_INT(counted, rows);
  harness_note("%lld rows: %ld kB resident after a tenth, %ld kB at most after that, %ld kB at the end",
               (long long)rows, early, most, late);
  if (!slow) CHECK(most - early < 4096);
}
