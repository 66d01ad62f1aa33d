/* What online calls answer without a server: offline, disabled and finished runs, wrong handles, no key, nobody there. */
#include "harness.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void never(quipu_run *run, void *user) {
  (void)run;
  *(int *)user = 1;
}

#define NOBODY "http://127.0.0.1:9" /* a port at which nobody listens */
#define KEY "0123456789012345678901234567890123456789"
static const char *const key_text = KEY;

/* The environment of a user without a key. */
static void without_a_key(void) {
  setenv("HOME", test_directory, 1);
  setenv("NETRC", below("netrc"), 1);
  unsetenv("QUIPU_API_KEY");
  unsetenv("WANDB_API_KEY");
}

/* As settings, not as variables: those are read once per process. `more` begins with a comma. */
static quipu_run_options online_options(const char *more) {
  quipu_run_options options = offline_options();
  options.mode = QUIPU_MODE_ONLINE;
  static char settings[256];
  snprintf(settings, sizeof settings, "{\"base_url\":\"" NOBODY "\"%s}", more);
  options.settings_json = quipu_cstr(settings);
  return options;
}

TEST(test_online__offline_run_has_no_upload) {
  quipu_run *run = start_run();
  REQUIRE(run);
  int called = 0;
  CHECK_INT(quipu_run_stop_requested(run), 0);
  CHECK_STATUS(quipu_run_set_stop_handler(run, never, &called), QUIPU_OK);
  CHECK_REFUSED(quipu_run_wait_online(run, 1000, &error), QUIPU_ERROR_STATE, "online");
  quipu_run_stats stats = {0};
  stats.struct_size = sizeof stats;
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  CHECK_INT(stats.upload_state, QUIPU_UPLOAD_OFF);
  CHECK_INT(stats.rows_uploaded, 0);
  CHECK_INT(stats.retry_in_ms, -1);
  end_run(run);
  CHECK_INT(called, 0);
}

TEST(test_online__wrong_handles_are_answered) {
  CHECK_INT(quipu_run_stop_requested(NULL), 0);
  CHECK_INT(quipu_run_stop_requested((quipu_run *)(size_t)0x1230), 0);
  CHECK_STATUS(quipu_run_set_stop_handler(NULL, never, NULL), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_set_stop_handler((quipu_run *)(size_t)0x1230, never, NULL), QUIPU_ERROR_HANDLE);
  CHECK_REFUSED(quipu_run_wait_online(NULL, 0, &error), QUIPU_ERROR_NULL, "run");
}

TEST(test_online__older_stats_struct_is_filled_as_far_as_it_goes) {
  quipu_run *run = start_run();
  REQUIRE(run);
  quipu_run_stats stats;
  memset(&stats, 0x5A, sizeof stats);
  stats.struct_size = (uint32_t)offsetof(quipu_run_stats, upload_state);
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  CHECK_INT(stats.step, 0);
  CHECK_INT(stats.upload_state, 0x5A5A5A5A);
  end_run(run);
}

TEST(test_online__without_a_key_the_run_goes_on_offline) {
  without_a_key();
  quipu_run_options options = online_options("");
  quipu_run *run = NULL;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  CHECK(strstr(quipu_run_directory(run), "/offline-run-") != NULL);
  CHECK_STATUS(quipu_run_log(run, "x", 1), QUIPU_OK);
  end_run(run);
}

TEST(test_online__without_a_key_force_and_must_refuse) {
  without_a_key();
  quipu_run *run = NULL;
  quipu_run_options options = online_options("");
  options.resume = QUIPU_RESUME_MUST;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NO_API_KEY, "WANDB_API_KEY");
  options = online_options(",\"force\":true");
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NO_API_KEY, "WANDB_API_KEY");
  CHECK(run == NULL);
  CHECK(access(below("wandb"), F_OK) != 0);
}

TEST(test_online__a_server_that_is_gone_holds_up_neither_start_nor_end) {
  without_a_key();
  quipu_run_options options = online_options(",\"api_key\":\"" KEY "\"");
  quipu_run *run = NULL;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log(run, "x", 1), QUIPU_OK);
  CHECK_REFUSED(quipu_run_wait_online(run, 200, &error), QUIPU_ERROR_TIMEOUT, "127.0.0.1");
  double before = seconds();
  quipu_error *error = NULL;
  CHECK_STATUS(quipu_run_finish(run, 0, 300, &error), QUIPU_ERROR_TIMEOUT);
  CHECK(seconds() - before < 20);
  const char *message = quipu_error_message(error);
  CHECK(strstr(message, "1 row") != NULL && strstr(message, "quipu sync") != NULL);
  CHECK(strstr(message, quipu_run_directory(run)) != NULL);
  CHECK(strstr(message, key_text) == NULL);
  quipu_error_free(error);
  quipu_run_stats stats = {0};
  stats.struct_size = sizeof stats;
  quipu_run_get_stats(run, &stats);
  CHECK_INT(stats.rows_written, 1);
  CHECK_INT(stats.rows_pending, 1);
  CHECK_INT(stats.upload_state, QUIPU_UPLOAD_WAITING);
  CHECK(stats.upload_retries >= 1);
  quipu_str info = {NULL, 0};
  CHECK_OK(quipu_run_info_json(run, &info, &error));
  CHECK(info.data && strstr(info.data, key_text) == NULL);
  CHECK(info.data && strstr(info.data, "\"url\":null") != NULL);
  quipu_text_free(info);
  quipu_run_free(run);
}

TEST(test_online__resume_of_a_server_that_is_gone_fails_in_time) {
  without_a_key();
  quipu_run_options options = online_options(",\"init_timeout\":0.5,\"api_key\":\"" KEY "\"");
  options.resume = QUIPU_RESUME_ALLOW;
  quipu_run *run = NULL;
  double before = seconds();
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_CONNECT, "127.0.0.1:9");
  CHECK(seconds() - before < 30);
  CHECK(access(below("wandb"), F_OK) != 0);
}

TEST(test_online__offline_resume_goes_on_from_the_newest_log) {
  quipu_run_options options = offline_options();
  options.id = "again";
  options.config_json = quipu_cstr("{\"lr\":0.5,\"kept\":1}");
  quipu_run *run = NULL;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  int step;
  for (step = 0; step < 5; step++) quipu_run_log(run, "x", step);
  end_run(run);

  options.config_json = quipu_cstr("{\"lr\":0.25}");
  options.resume = QUIPU_RESUME_MUST;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  quipu_str text = {NULL, 0};
  CHECK_OK(quipu_run_info_json(run, &text, &error));
  CHECK(text.data && strstr(text.data, "\"resumed\":true") && strstr(text.data, "\"starting_step\":5"));
  quipu_text_free(text);
  CHECK_OK(quipu_run_config_json(run, &text, &error));
  CHECK(text.data && strstr(text.data, "\"lr\":0.25") && strstr(text.data, "\"kept\":1"));
  quipu_text_free(text);
  CHECK_STATUS(quipu_run_log_doubles(run, (const char *const[]){"y"}, (const double[]){1}, 1, 3, QUIPU_COMMIT_DEFAULT),
               QUIPU_OK); /* a step of the earlier part: dropped and counted */
  CHECK_STATUS(quipu_run_log(run, "y", 7), QUIPU_OK);
  CHECK_OK(quipu_run_summary_json(run, 5000, &text, &error));
  CHECK(text.data && strstr(text.data, "\"x\":4") && strstr(text.data, "\"_step\":5"));
  quipu_text_free(text);
  quipu_run_stats stats = {0};
  stats.struct_size = sizeof stats;
  quipu_run_get_stats(run, &stats);
  CHECK_INT(stats.rows_dropped_low_step, 1);
  CHECK_INT(stats.step, 6);
  end_run(run);
}

TEST(test_login__keys_are_checked_before_anybody_is_asked) {
  without_a_key();
  CHECK_REFUSED(quipu_login("short", NULL, NULL, &error), QUIPU_ERROR_API_KEY, "key");
  CHECK_REFUSED(quipu_login(" 0123456789012345678901234567890123456789", NULL, NULL, &error), QUIPU_ERROR_API_KEY,
                "key");
  quipu_login_options options = QUIPU_LOGIN_OPTIONS_INIT;
  options.host = NOBODY;
  CHECK_REFUSED(quipu_login(NULL, &options, NULL, &error), QUIPU_ERROR_NO_API_KEY, NULL);
  CHECK_REFUSED(quipu_login("\xff", NULL, NULL, &error), QUIPU_ERROR_UTF8, "key");
  options.host = "ftp://host";
  CHECK_REFUSED(quipu_login(key_text, &options, NULL, &error), QUIPU_ERROR_SETTING, "base_url");
  options = (quipu_login_options)QUIPU_LOGIN_OPTIONS_INIT;
  options.verify = 7;
  CHECK_REFUSED(quipu_login(key_text, &options, NULL, &error), QUIPU_ERROR_ARGUMENT, "verify");
  CHECK(access(below("netrc"), F_OK) != 0);
}

TEST(test_login__a_key_is_kept_and_forgotten) {
  without_a_key();
  quipu_login_options options = QUIPU_LOGIN_OPTIONS_INIT;
  options.host = NOBODY;
  options.verify = QUIPU_TOGGLE_OFF;
  quipu_str report = {NULL, 0};
  CHECK_OK(quipu_login(key_text, &options, &report, &error));
  CHECK(report.data && strstr(report.data, "127.0.0.1:9") && strstr(report.data, "netrc"));
  CHECK(report.data && strstr(report.data, key_text) == NULL);
  quipu_text_free(report);
  FILE *file = fopen(below("netrc"), "r");
  REQUIRE(file);
  char text[256] = "";
  size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = 0;
  CHECK(strstr(text, "machine 127.0.0.1:9") && strstr(text, key_text));
  CHECK_OK(quipu_login(NULL, &options, NULL, &error));
  options.relogin = QUIPU_TOGGLE_ON;
  CHECK_REFUSED(quipu_login(NULL, &options, NULL, &error), QUIPU_ERROR_NO_API_KEY, NULL);
  int32_t removed = 0;
  CHECK_OK(quipu_logout(NOBODY, &removed, &error));
  CHECK_INT(removed, 1);
  CHECK_OK(quipu_logout(NOBODY, &removed, &error));
  CHECK_INT(removed, 0);
}

TEST(test_login__verifying_a_server_that_is_gone_fails_in_time) {
  without_a_key();
  quipu_login_options options = QUIPU_LOGIN_OPTIONS_INIT;
  options.host = NOBODY;
  options.timeout_ms = 500;
  double before = seconds();
  CHECK_REFUSED(quipu_login(key_text, &options, NULL, &error), QUIPU_ERROR_CONNECT, "127.0.0.1:9");
  CHECK(seconds() - before < 30);
  CHECK(access(below("netrc"), F_OK) != 0);
}
