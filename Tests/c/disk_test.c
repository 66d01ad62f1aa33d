/* Directories that are missing, not a directory, read-only or full. */
#include "rows.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Mounts a tmpfs of 2 MB, in a name space of its own where that is what it takes. False: not permitted here. */
static int mount_small(const char *path, const char *options) {
  mkdir(path, 0777);
  if (mount("tmpfs", path, "tmpfs", 0, options) == 0) return 1;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && mount("tmpfs", path, "tmpfs", 0, options) == 0) return 1;
  return 0;
}

TEST(test_directory__missing_is_made) {
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  static row_list list;
  char directory[1024];
  options.dir = below("not/there/yet");
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log(run, "a", 1), QUIPU_OK);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  CHECK(strncmp(directory, options.dir, strlen(options.dir)) == 0);
  end_run(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.count, 1);
}

static char diagnostics_seen[4096];
static void note_diagnostic(quipu_level level, const char *kind, const char *message, const char *run_id, void *user) {
  size_t used = strlen(diagnostics_seen);
  (void)level;
  (void)run_id;
  (void)user;
  snprintf(diagnostics_seen + used, sizeof diagnostics_seen - used, "%s: %s\n", kind, message);
}

/* Where the run cannot go is either refused, or, as W&B does, replaced by a temporary directory with a diagnostic. */
static void check_unusable(const char *path) {
  quipu_run_options options = offline_options();
  quipu_run *run = (quipu_run *)(uintptr_t)1;
  quipu_error *error = NULL;
  quipu_status status;
  options.dir = path;
  diagnostics_seen[0] = 0;
  quipu_set_diagnostics(note_diagnostic, NULL);
  status = quipu_run_start(&options, &run, &error);
  quipu_set_diagnostics(NULL, NULL);
  if (status == QUIPU_OK) {
    static row_list list;
    char directory[1024];
    quipu_error_free(error);
    if (!strstr(diagnostics_seen, path)) {
      harness_fail(__FILE__, __LINE__, "the run went elsewhere and no diagnostic names %s: %s", path, diagnostics_seen);
    }
    CHECK_STATUS(quipu_run_log(run, "a", 1), QUIPU_OK);
    snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
    CHECK(strncmp(directory, path, strlen(path)) != 0 || directory[strlen(path)] != '/');
    end_run(run);
    read_rows(directory, "a", &list);
    CHECK_INT(list.count, 1);
  } else {
    check_refused(__FILE__, __LINE__, "quipu_run_start", status, QUIPU_ERROR_DIRECTORY, &error, path);
    CHECK(run == NULL);
  }
}

TEST(test_directory__that_is_a_file_is_refused_or_replaced) {
  FILE *file = fopen(below("file"), "w");
  REQUIRE(file);
  fclose(file);
  setenv("TMPDIR", test_directory, 1);
  check_unusable(below("file"));
  check_unusable(below("file/inside"));
}

TEST(test_directory__read_only_is_refused_or_replaced) {
  const char *path = below("readonly");
  setenv("TMPDIR", test_directory, 1);
  mkdir(path, 0555);
  if (geteuid() == 0 && !mount_small(path, "size=2m,ro")) {
    SKIP("root writes to any directory, and a read-only tmpfs cannot be mounted here (%s)", strerror(errno));
  }
  check_unusable(path);
  umount2(path, MNT_DETACH);
}

static quipu_run_stats stats_of(quipu_run *run) {
  quipu_run_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  return stats;
}

/* Takes room that the test gives back later. */
static int put_ballast(const char *path, size_t size) {
  char name[1024];
  FILE *file;
  size_t written = 0;
  snprintf(name, sizeof name, "%s/ballast", path);
  file = fopen(name, "w");
  if (!file) return 0;
  while (written < size && fputc(1, file) != EOF) written++;
  return fclose(file) == 0 && written == size;
}

/* A full disk degrades: calls keep returning, drops are counted, and when space returns logging goes on; the log then
 * holds every row whose call was accepted. */
TEST(test_disk__full_degrades_and_resumes) {
  const char *path = below("small");
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  static const char *const keys[] = {"i", "padding.with.a.rather.long.name", "another.one"};
  double values[3] = {0, 0.1234567890123, 0.9876543210987};
  quipu_run_stats stats;
  struct statvfs space;
  int64_t index, accepted = 0, dropped = 0, since = 0;
  static row_list list;
  char directory[1024];
  int waited;
  if (!mount_small(path, "size=2m")) SKIP("a tmpfs of 2 MB cannot be mounted here (%s)", strerror(errno));
  REQUIRE(put_ballast(path, 1500000));
  options.dir = path;
  options.ring_bytes = 65536;
  options.full_wait_ms = 1;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  /* until the disk and then the ring are full, and some calls were dropped since */
  for (index = 0; index < 2000000 && since < 20; index++) {
    quipu_status status;
    values[0] = (double)index;
    status = quipu_run_log_doubles(run, keys, values, 3, QUIPU_STEP_AUTO, 0);
    if (status == QUIPU_OK) {
      accepted++;
    } else if (status == QUIPU_ERROR_FULL) {
      dropped++;
      if (stats_of(run).disk_failing) since++;
    } else {
      CHECK_STATUS(status, QUIPU_OK);
    }
  }
  CHECK_INT(since, 20);
  stats = stats_of(run);
  CHECK_INT(stats.disk_failing, 1);
  CHECK_INT(stats.calls_dropped_full, dropped);
  CHECK(stats.write_errors > 0);
  statvfs(path, &space);
  harness_note("full after %lld accepted rows, %lu bytes free, %llu failed writes", (long long)accepted,
               (unsigned long)(space.f_bavail * space.f_bsize), (unsigned long long)stats.write_errors);
  CHECK_REFUSED(quipu_run_flush(run, 50, &error), QUIPU_ERROR_DISK_FULL, NULL);
  /* space returns */
  unlink(below("small/ballast"));
  for (waited = 0; waited < 1000; waited++) {
    struct timespec pause = {0, 10000000};
    if (quipu_run_flush(run, 1000, NULL) == QUIPU_OK) break;
    nanosleep(&pause, NULL);
  }
  stats = stats_of(run);
  CHECK_INT(stats.disk_failing, 0);
  values[0] = 1e6;
  CHECK_STATUS(quipu_run_log_doubles(run, keys, values, 3, QUIPU_STEP_AUTO, 0), QUIPU_OK);
  accepted++;
  CHECK_OK(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error));
  stats = stats_of(run);
  CHECK_INT(stats.records_lost, 0);
  CHECK_INT(stats.rows_written, accepted);
  quipu_run_free(run);
  read_rows(directory, "i", &list);
  CHECK_INT(list.rows, accepted);
  CHECK(list.finished);
  umount2(path, MNT_DETACH);
}

/* A disk that stays full until the end: finish says so within its time. What could not be written waits for recovery. */
TEST(test_disk__full_to_the_end_is_reported_and_recovered) {
  const char *path = below("small");
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  static const char *const keys[] = {"i", "padding.with.a.rather.long.name", "another.one"};
  double values[3] = {0, 0.1234567890123, 0.9876543210987};
  quipu_run_stats stats;
  int64_t index, accepted = 0;
  quipu_status status;
  char directory[1024];
  static row_list list;
  if (!mount_small(path, "size=2m")) SKIP("a tmpfs of 2 MB cannot be mounted here (%s)", strerror(errno));
  REQUIRE(put_ballast(path, 1500000));
  options.dir = path;
  options.full_wait_ms = -1;
  options.ring_bytes = 65536;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  for (index = 0; index < 4000000; index++) {
    values[0] = (double)index;
    if (quipu_run_log_doubles(run, keys, values, 3, QUIPU_STEP_AUTO, 0) == QUIPU_OK) accepted++;
    else if (stats_of(run).disk_failing) break;
  }
  CHECK_INT(stats_of(run).disk_failing, 1);
  status = quipu_run_finish(run, 0, 2000, NULL);
  CHECK(status == QUIPU_ERROR_DISK_FULL || status == QUIPU_ERROR_TIMEOUT);
  stats = stats_of(run);
  harness_note("%lld rows accepted, %llu written, %llu records lost; finish: %s", (long long)accepted,
               (unsigned long long)stats.rows_written, (unsigned long long)stats.records_lost,
               quipu_status_name(status));
  quipu_run_free(run);
  unlink(below("small/ballast"));
  for (index = 0; index < 5; index++) { /* the writer may need a moment to let go of the log */
    struct timespec pause = {0, 10000000};
    status = quipu_recover(directory, NULL, NULL);
    if (status != QUIPU_ERROR_BUSY) break;
    nanosleep(&pause, NULL);
  }
  CHECK_STATUS(status, QUIPU_OK);
  read_rows(directory, "i", &list);
  CHECK_INT(list.rows, accepted);
  umount2(path, MNT_DETACH);
}
