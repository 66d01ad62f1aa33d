/* What a caller can pass and should not: every refusal has the documented status, names the argument, changes nothing,
 * clears its outputs, and loses nothing that was accepted before. Arrays and tables are in media_test.c, what a
 * directory can do in disk_test.c. */
#include "rows.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *const broken_texts[] = {
  "\xff", "\xc3\x28", "\xc0\x80" /* overlong */, "\xed\xa0\x80" /* a surrogate */, "\xf4\x90\x80\x80" /* > U+10FFFF */,
  "abc\xe2\x82", /* cut */
};
enum { broken_count = sizeof broken_texts / sizeof broken_texts[0] };
static const quipu_str no_text = {NULL, 0};

/* ------------------------------------------------------------------------------------------------------------ NULL */

TEST(test_null__every_run_call_is_refused) {
  quipu_run *none = NULL;
  const char *keys[] = {"a"};
  const double values[] = {1};
  const quipu_item item = quipu_item_double("a", 1);
  quipu_str out = {"stale", 5};
  quipu_run_stats stats;
  quipu_columns *columns = NULL;
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_OK(quipu_columns_new(keys, NULL, 1, &columns, &error));
  CHECK_STATUS(quipu_run_log(none, "a", 1), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_log_doubles(none, keys, values, 1, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_log_items(none, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_log_json(none, quipu_cstr("{\"a\":1}"), NULL, 0, QUIPU_STEP_AUTO, 0, &error),
                QUIPU_ERROR_NULL, "run");
  CHECK_STATUS(quipu_run_log_columns(none, columns, values, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_finish(none, 0, 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_flush(none, 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_STATUS(quipu_run_get_stats(none, &stats), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_info_json(none, &out, &error), QUIPU_ERROR_NULL, "run");
  CHECK(out.data == NULL && out.size == 0);
  CHECK_TEXT(quipu_run_id(none), "");
  CHECK_TEXT(quipu_run_directory(none), "");
  CHECK_REFUSED(quipu_run_set_name(none, "x", &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_set_notes(none, "x", &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_set_tags(none, keys, 1, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_define_metric(none, "a", NULL, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_config_update(none, quipu_cstr("{}"), 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_config_set_defaults(none, quipu_cstr("{}"), &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_config_lock(none, quipu_cstr("{}"), "me", &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_config_json(none, &out, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_summary_set(none, keys, 1, quipu_cstr("1"), NULL, 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_summary_remove(none, keys, 1, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_summary_json(none, 0, &out, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_save(none, "*.txt", NULL, 0, 0, &out, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_alert(none, "t", quipu_cstr("x"), NULL, 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_STATUS(quipu_run_mark_preempting(none), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_output(none, QUIPU_STREAM_STDOUT, quipu_cstr("x")), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_record_file(none, "x", 0, &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_record_requirements(none, quipu_cstr("a==1"), &error), QUIPU_ERROR_NULL, "run");
  CHECK_REFUSED(quipu_run_report(none, &out, &error), QUIPU_ERROR_NULL, "run");
  quipu_columns_free(columns);
}

TEST(test_null__every_required_argument_is_refused) {
  quipu_run *run = start_with_before();
  const char *keys[] = {"a"}, *holes[] = {NULL};
  const double values[] = {1};
  const quipu_item nameless = quipu_item_double(NULL, 1);
  const quipu_item no_media = quipu_item_media("m", NULL);
  const quipu_str lying = {NULL, 4};
  quipu_item lying_text;
  quipu_columns *columns = NULL;
  quipu_run_options options = offline_options();
  REQUIRE(run);
  CHECK_REFUSED(quipu_run_start(&options, NULL, &error), QUIPU_ERROR_NULL, "run");
  CHECK_STATUS(quipu_run_options_init(NULL, sizeof options), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_log(run, NULL, 1), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_log_doubles(run, NULL, values, 1, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_log_doubles(run, keys, NULL, 1, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_log_doubles(run, holes, values, 1, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_log_items(run, NULL, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_NULL, "items");
  CHECK_REFUSED(quipu_run_log_items(run, &nameless, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_NULL, "key");
  CHECK_REFUSED(quipu_run_log_items(run, &no_media, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_NULL, "media");
  lying_text = quipu_item_text("t", lying);
  CHECK_REFUSED(quipu_run_log_items(run, &lying_text, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_NULL, "text");
  CHECK_REFUSED(quipu_run_log_json(run, lying, NULL, 0, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_NULL, "json");
  CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"a\":{\"$quipu\":0}}"), NULL, 1, QUIPU_STEP_AUTO, 0, &error),
                QUIPU_ERROR_NULL, "media");
  CHECK_REFUSED(quipu_columns_new(NULL, NULL, 1, &columns, &error), QUIPU_ERROR_NULL, "keys");
  CHECK_REFUSED(quipu_columns_new(holes, NULL, 1, &columns, &error), QUIPU_ERROR_NULL, "key");
  CHECK(columns == NULL);
  CHECK_REFUSED(quipu_columns_new(keys, NULL, 1, NULL, &error), QUIPU_ERROR_NULL, "columns");
  CHECK_STATUS(quipu_run_log_columns(run, NULL, values, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  CHECK_OK(quipu_columns_new(keys, NULL, 1, &columns, &error));
  CHECK_STATUS(quipu_run_log_columns(run, columns, NULL, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_NULL);
  quipu_columns_free(columns);
  CHECK_STATUS(quipu_run_get_stats(run, NULL), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_info_json(run, NULL, &error), QUIPU_ERROR_NULL, "out");
  CHECK_REFUSED(quipu_run_set_name(run, NULL, &error), QUIPU_ERROR_NULL, "name");
  CHECK_REFUSED(quipu_run_set_notes(run, NULL, &error), QUIPU_ERROR_NULL, "notes");
  CHECK_REFUSED(quipu_run_set_tags(run, NULL, 1, &error), QUIPU_ERROR_NULL, "tags");
  CHECK_REFUSED(quipu_run_set_tags(run, holes, 1, &error), QUIPU_ERROR_NULL, "tag");
  CHECK_REFUSED(quipu_run_define_metric(run, NULL, NULL, &error), QUIPU_ERROR_NULL, "name");
  CHECK_REFUSED(quipu_run_config_update(run, lying, 0, &error), QUIPU_ERROR_NULL, "json");
  CHECK_REFUSED(quipu_run_config_json(run, NULL, &error), QUIPU_ERROR_NULL, "out");
  CHECK_REFUSED(quipu_run_summary_set(run, NULL, 1, quipu_cstr("1"), NULL, 0, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_run_summary_set(run, holes, 1, quipu_cstr("1"), NULL, 0, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_run_summary_remove(run, NULL, 1, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_run_summary_json(run, 0, NULL, &error), QUIPU_ERROR_NULL, "out");
  CHECK_REFUSED(quipu_run_save(run, NULL, NULL, 0, 0, NULL, &error), QUIPU_ERROR_NULL, "pattern");
  CHECK_REFUSED(quipu_run_alert(run, NULL, quipu_cstr("x"), NULL, 0, &error), QUIPU_ERROR_NULL, "title");
  CHECK_STATUS(quipu_run_output(run, QUIPU_STREAM_STDOUT, lying), QUIPU_ERROR_NULL);
  CHECK_REFUSED(quipu_run_record_file(run, NULL, 0, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_run_report(run, NULL, &error), QUIPU_ERROR_NULL, "out");
  CHECK_REFUSED(quipu_recover(NULL, NULL, &error), QUIPU_ERROR_NULL, "path");
  check_before_and_after(run);
}

TEST(test_null__frees_do_nothing) {
  int again;
  for (again = 0; again < 2; again++) {
    quipu_run_free(NULL);
    quipu_media_free(NULL);
    quipu_columns_free(NULL);
    quipu_error_free(NULL);
    quipu_text_free(no_text);
  }
  CHECK_STATUS(quipu_error_code(NULL), QUIPU_OK);
  CHECK_TEXT(quipu_error_message(NULL), "");
  CHECK_TEXT(quipu_error_kind(NULL), "");
  CHECK_INT(quipu_table_row_count(NULL), 0);
  CHECK_INT(quipu_table_column_count(NULL), 0);
}

/* Every status stands alone: no detail asked for is no reason to fail otherwise. */
TEST(test_null__error_is_optional) {
  quipu_run *run = start_with_before();
  quipu_item item = quipu_item_double("", 1);
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, NULL), QUIPU_ERROR_KEY);
  CHECK_STATUS(quipu_run_set_name(run, NULL, NULL), QUIPU_ERROR_NULL);
  CHECK_STATUS(quipu_run_config_update(run, quipu_cstr("nonsense"), 0, NULL), QUIPU_ERROR_VALUE);
  check_before_and_after(run);
}

/* --------------------------------------------------------------------------------------------------- life of a run */

static void check_every_call(quipu_run *run, quipu_status want) {
  const char *keys[] = {"a"};
  const double values[] = {1};
  const quipu_item item = quipu_item_double("a", 1);
  quipu_columns *columns = NULL;
  quipu_str out = {"stale", 5};
  CHECK_OK(quipu_columns_new(keys, NULL, 1, &columns, &error));
  CHECK_STATUS(quipu_run_log(run, "a", 1), want);
  CHECK_STATUS(quipu_run_log_doubles(run, keys, values, 1, QUIPU_STEP_AUTO, 0), want);
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), want, NULL);
  CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"a\":1}"), NULL, 0, QUIPU_STEP_AUTO, 0, &error), want, NULL);
  CHECK_STATUS(quipu_run_log_columns(run, columns, values, QUIPU_STEP_AUTO, 0), want);
  CHECK_REFUSED(quipu_run_set_name(run, "x", &error), want, NULL);
  CHECK_REFUSED(quipu_run_set_notes(run, "x", &error), want, NULL);
  CHECK_REFUSED(quipu_run_set_tags(run, keys, 1, &error), want, NULL);
  CHECK_REFUSED(quipu_run_define_metric(run, "a", NULL, &error), want, NULL);
  CHECK_REFUSED(quipu_run_config_update(run, quipu_cstr("{\"x\":1}"), 0, &error), want, NULL);
  CHECK_REFUSED(quipu_run_config_set_defaults(run, quipu_cstr("{\"x\":1}"), &error), want, NULL);
  CHECK_REFUSED(quipu_run_config_lock(run, quipu_cstr("{\"x\":1}"), "me", &error), want, NULL);
  CHECK_REFUSED(quipu_run_summary_set(run, keys, 1, quipu_cstr("1"), NULL, 0, &error), want, NULL);
  CHECK_REFUSED(quipu_run_summary_remove(run, keys, 1, &error), want, NULL);
  CHECK_REFUSED(quipu_run_save(run, "*.txt", NULL, 0, 0, &out, &error), want, NULL);
  CHECK(out.data == NULL && out.size == 0);
  CHECK_REFUSED(quipu_run_alert(run, "t", quipu_cstr("x"), NULL, 0, &error), want, NULL);
  CHECK_STATUS(quipu_run_mark_preempting(run), want);
  CHECK_STATUS(quipu_run_output(run, QUIPU_STREAM_STDOUT, quipu_cstr("x")), want);
  CHECK_REFUSED(quipu_run_record_file(run, "x", 0, &error), want, NULL);
  CHECK_REFUSED(quipu_run_record_requirements(run, quipu_cstr("a==1"), &error), want, NULL);
  quipu_columns_free(columns);
}

TEST(test_run__use_after_finish_is_refused) {
  quipu_run *run = start_run();
  quipu_str out;
  quipu_run_stats stats;
  static row_list list;
  char directory[1024];
  REQUIRE(run);
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_STATUS(quipu_run_log(run, "a", 5), QUIPU_OK);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  CHECK_OK(quipu_run_finish(run, 4, QUIPU_WAIT_FOREVER, &error));
  check_every_call(run, QUIPU_ERROR_FINISHED);
  /* a second finish does nothing, the first code stays */
  CHECK_OK(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error));
  /* these are documented to work */
  CHECK_OK(quipu_run_info_json(run, &out, &error));
  CHECK(out.data && strstr(out.data, "\"finished\":true"));
  CHECK(out.data && strstr(out.data, "\"exit_code\":4"));
  quipu_text_free(out);
  CHECK_OK(quipu_run_config_json(run, &out, &error));
  quipu_text_free(out);
  CHECK_OK(quipu_run_report(run, &out, &error));
  quipu_text_free(out);
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  CHECK_INT(stats.rows_written, 1);
  CHECK_TEXT(quipu_run_directory(run), directory);
  quipu_run_free(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.rows, 1);
  CHECK_INT(list.exit_code, 4);
}

TEST(test_run__use_after_free_is_refused) {
  quipu_run *run = start_run(), *other = start_run();
  quipu_str out = {"stale", 5};
  REQUIRE(run && other);
  quipu_run_free(run);
  check_every_call(run, QUIPU_ERROR_HANDLE);
  CHECK_REFUSED(quipu_run_info_json(run, &out, &error), QUIPU_ERROR_HANDLE, "run");
  CHECK(out.data == NULL && out.size == 0);
  CHECK_REFUSED(quipu_run_finish(run, 0, 0, &error), QUIPU_ERROR_HANDLE, "run");
  CHECK_REFUSED(quipu_run_flush(run, 0, &error), QUIPU_ERROR_HANDLE, "run");
  CHECK_TEXT(quipu_run_id(run), "");
  CHECK_TEXT(quipu_run_directory(run), "");
  quipu_run_free(run); /* a second free does nothing */
  CHECK_STATUS(quipu_run_log(other, "a", 1), QUIPU_OK);
  end_run(other);
}

TEST(test_run__wild_handle_is_refused) {
  int local = 0;
  quipu_run *wild[] = {(quipu_run *)(uintptr_t)1, (quipu_run *)(uintptr_t)0xDEADBEEF, (quipu_run *)(void *)&local,
                       (quipu_run *)UINTPTR_MAX};
  size_t index;
  quipu_run *run = start_with_before();
  for (index = 0; index < sizeof wild / sizeof wild[0]; index++) {
    CHECK_STATUS(quipu_run_log(wild[index], "a", 1), QUIPU_ERROR_HANDLE);
    CHECK_TEXT(quipu_run_id(wild[index]), "");
    quipu_run_free(wild[index]);
  }
  check_before_and_after(run);
}

TEST(test_run__free_without_finish_finishes_with_zero) {
  quipu_run *run = start_run();
  static row_list list;
  char directory[1024];
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log(run, "a", 7), QUIPU_OK);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  quipu_run_free(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.count, 1);
  CHECK(list.finished);
  CHECK_INT(list.exit_code, 0);
}

/* ----------------------------------------------------------------------------------------------------------- UTF-8 */

TEST(test_utf8__broken_text_in_every_argument_is_refused) {
  quipu_run *run = start_with_before();
  int index;
  REQUIRE(run);
  for (index = 0; index < broken_count; index++) {
    const char *bad = broken_texts[index], *bad_list[] = {"fine", NULL};
    const quipu_str bad_text = quipu_cstr(bad);
    const double values[] = {1, 2};
    quipu_item item;
    quipu_columns *columns = NULL;
    quipu_metric_options metric = QUIPU_METRIC_OPTIONS_INIT;
    char json[64];
    bad_list[1] = bad;
    CHECK_STATUS(quipu_run_log(run, bad, 1), QUIPU_ERROR_UTF8);
    CHECK_STATUS(quipu_run_log_doubles(run, bad_list, values, 2, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_UTF8);
    item = quipu_item_double(bad, 1);
    CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_UTF8, "key");
    item = quipu_item_text("t", bad_text);
    CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_UTF8, "text");
    snprintf(json, sizeof json, "{\"a\":\"%s\"}", bad);
    item = quipu_item_json("t", quipu_cstr(json));
    CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_UTF8, NULL);
    CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr(json), NULL, 0, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_UTF8,
                  "json");
    CHECK_REFUSED(quipu_columns_new(bad_list, NULL, 2, &columns, &error), QUIPU_ERROR_UTF8, "key");
    CHECK(columns == NULL);
    CHECK_REFUSED(quipu_run_set_name(run, bad, &error), QUIPU_ERROR_UTF8, "name");
    CHECK_REFUSED(quipu_run_set_notes(run, bad, &error), QUIPU_ERROR_UTF8, "notes");
    CHECK_REFUSED(quipu_run_set_tags(run, bad_list, 2, &error), QUIPU_ERROR_UTF8, "tag");
    CHECK_REFUSED(quipu_run_define_metric(run, bad, NULL, &error), QUIPU_ERROR_UTF8, "name");
    metric.step_metric = bad;
    CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric, &error), QUIPU_ERROR_UTF8, "step_metric");
    metric.step_metric = NULL;
    metric.summary = bad;
    CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric, &error), QUIPU_ERROR_UTF8, "summary");
    metric.summary = NULL;
    metric.goal = bad;
    CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric, &error), QUIPU_ERROR_UTF8, "goal");
    CHECK_REFUSED(quipu_run_config_update(run, quipu_cstr(json), 1, &error), QUIPU_ERROR_UTF8, "json");
    CHECK_REFUSED(quipu_run_config_set_defaults(run, quipu_cstr(json), &error), QUIPU_ERROR_UTF8, "json");
    CHECK_REFUSED(quipu_run_config_lock(run, quipu_cstr(json), "me", &error), QUIPU_ERROR_UTF8, "json");
    CHECK_REFUSED(quipu_run_config_lock(run, quipu_cstr("{}"), bad, &error), QUIPU_ERROR_UTF8, "owner");
    CHECK_REFUSED(quipu_run_summary_set(run, bad_list, 2, quipu_cstr("1"), NULL, 0, &error), QUIPU_ERROR_UTF8, "path");
    CHECK_REFUSED(quipu_run_summary_set(run, bad_list, 1, quipu_cstr(json), NULL, 0, &error), QUIPU_ERROR_UTF8, "json");
    CHECK_REFUSED(quipu_run_summary_remove(run, bad_list, 2, &error), QUIPU_ERROR_UTF8, "path");
    CHECK_REFUSED(quipu_run_save(run, bad, NULL, 0, 0, NULL, &error), QUIPU_ERROR_UTF8, "pattern");
    CHECK_REFUSED(quipu_run_save(run, "x", bad, 0, 0, NULL, &error), QUIPU_ERROR_UTF8, "base_path");
    CHECK_REFUSED(quipu_run_alert(run, bad, quipu_cstr("x"), NULL, 0, &error), QUIPU_ERROR_UTF8, "title");
    CHECK_REFUSED(quipu_run_alert(run, "x", bad_text, NULL, 0, &error), QUIPU_ERROR_UTF8, "text");
    CHECK_REFUSED(quipu_run_alert(run, "x", quipu_cstr("x"), bad, 0, &error), QUIPU_ERROR_UTF8, "level");
    CHECK_STATUS(quipu_run_output(run, QUIPU_STREAM_STDOUT, bad_text), QUIPU_OK); /* documented: U+FFFD instead */
    CHECK_REFUSED(quipu_run_record_file(run, bad, 0, &error), QUIPU_ERROR_UTF8, "path");
    CHECK_REFUSED(quipu_run_record_requirements(run, bad_text, &error), QUIPU_ERROR_UTF8, "lines");
    CHECK_REFUSED(quipu_recover(bad, NULL, &error), QUIPU_ERROR_UTF8, "path");
  }
  check_before_and_after(run);
}

TEST(test_utf8__broken_text_in_every_option_is_refused) {
  static const struct {
    const char *name;
    size_t offset;
  } texts[] = {
#define TEXT(field) { #field, offsetof(quipu_run_options, field) }
    TEXT(project), TEXT(entity), TEXT(id), TEXT(name), TEXT(notes), TEXT(group), TEXT(job_type), TEXT(dir),
    TEXT(config_path), TEXT(resume_from), TEXT(fork_from), TEXT(program), TEXT(language),
#undef TEXT
  };
  const char *bad = "x\xff", *bad_tags[] = {"fine", "x\xff"};
  size_t index;
  for (index = 0; index < sizeof texts / sizeof texts[0]; index++) {
    quipu_run_options options = offline_options();
    quipu_run *run = (quipu_run *)(uintptr_t)1;
    memcpy((char *)&options + texts[index].offset, &bad, sizeof bad);
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_UTF8, texts[index].name);
    CHECK(run == NULL);
  }
  {
    quipu_run_options options = offline_options();
    quipu_run *run = NULL;
    options.tags = bad_tags;
    options.tag_count = 2;
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_UTF8, "tag");
    options.tags = NULL;
    options.tag_count = 0;
    options.config_json = quipu_cstr("{\"a\":\"\xff\"}");
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_UTF8, "config");
    options.config_json = no_text;
    options.settings_json = quipu_cstr("{\"console\":\"\xff\"}");
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_UTF8, "settings");
  }
  /* nothing is left behind */
  CHECK(access(below("wandb"), F_OK) != 0);
}

TEST(test_utf8__nul_inside_text_is_kept) {
  quipu_run *run = start_run();
  const quipu_str text = {"a\0b", 3};
  quipu_item item = quipu_item_text("t", text);
  quipu_str out;
  REQUIRE(run);
  CHECK_OK(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error));
  CHECK_OK(quipu_run_summary_json(run, QUIPU_WAIT_FOREVER, &out, &error));
  CHECK(out.data && strstr(out.data, "a\\u0000b"));
  quipu_text_free(out);
  end_run(run);
}

/* ------------------------------------------------------------------------------------------------------------ keys */

TEST(test_key__empty_is_refused) {
  quipu_run *run = start_with_before();
  const char *keys[] = {"fine", ""};
  const double values[] = {1, 2};
  quipu_item item = quipu_item_double("", 1);
  quipu_columns *columns = NULL;
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log(run, "", 1), QUIPU_ERROR_KEY);
  CHECK_STATUS(quipu_run_log_doubles(run, keys, values, 2, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_KEY);
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_KEY, "key");
  CHECK_REFUSED(quipu_columns_new(keys, NULL, 2, &columns, &error), QUIPU_ERROR_KEY, "key");
  CHECK(columns == NULL);
  check_before_and_after(run);
}

TEST(test_key__ten_megabytes_is_refused_and_the_limit_is_accepted) {
  quipu_run *run = start_with_before();
  const size_t size = 10 << 20;
  char *key = malloc(size + 1);
  static row_list list;
  char directory[1024];
  quipu_item item;
  quipu_columns *columns = NULL;
  const double value = 3;
  REQUIRE(run && key);
  memset(key, 'k', size);
  key[size] = 0;
  item = quipu_item_double(key, 1);
  CHECK_STATUS(quipu_run_log(run, key, 1), QUIPU_ERROR_KEY);
  CHECK_STATUS(quipu_run_log_doubles(run, (const char *const *)&key, &value, 1, QUIPU_STEP_AUTO, 0), QUIPU_ERROR_KEY);
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_KEY, "key");
  CHECK_REFUSED(quipu_columns_new((const char *const *)&key, NULL, 1, &columns, &error), QUIPU_ERROR_KEY, "key");
  key[QUIPU_KEY_MAX_BYTES + 1] = 0;
  CHECK_STATUS(quipu_run_log(run, key, 1), QUIPU_ERROR_KEY);
  key[QUIPU_KEY_MAX_BYTES] = 0;
  CHECK_STATUS(quipu_run_log(run, key, value), QUIPU_OK);
  CHECK_STATUS(quipu_run_log(run, "after", 2), QUIPU_OK);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "after", &list);
  CHECK_INT(list.rows, 3);
  CHECK_INT(list.count, 1);
  free(key);
}

TEST(test_key__dots_slashes_and_control_characters_are_kept) {
  quipu_run *run = start_run();
  static const char *const keys[] = {"a.b", "a/b", "a b", "\xc3\xa9", "line\nbreak", "\"quoted\"", "\xf0\x9f\x94\xa5"};
  size_t index;
  static row_list list;
  char directory[1024];
  REQUIRE(run);
  for (index = 0; index < sizeof keys / sizeof keys[0]; index++) {
    CHECK_STATUS(quipu_run_log(run, keys[index], (double)index), QUIPU_OK);
  }
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  for (index = 0; index < sizeof keys / sizeof keys[0]; index++) {
    read_rows(directory, keys[index], &list);
    CHECK_INT(list.count, 1);
    CHECK_INT(list.values[0], index);
  }
}

/* --------------------------------------------------------------------------------------------------------- numbers */

TEST(test_number__nan_and_infinities_are_kept) {
  quipu_run *run = start_run();
  static row_list list;
  char directory[1024];
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log(run, "x", NAN), QUIPU_OK);
  CHECK_STATUS(quipu_run_log(run, "x", INFINITY), QUIPU_OK);
  CHECK_STATUS(quipu_run_log(run, "x", -INFINITY), QUIPU_OK);
  CHECK_STATUS(quipu_run_log(run, "x", -0.0), QUIPU_OK);
  CHECK_STATUS(quipu_run_log(run, "x", 5e-324), QUIPU_OK);
  CHECK_STATUS(quipu_run_log(run, "x", 1.7976931348623157e308), QUIPU_OK);
  CHECK_OK(quipu_run_log_json(run, quipu_cstr("{\"x\":NaN,\"y\":-Infinity}"), NULL, 0, QUIPU_STEP_AUTO, 0, &error));
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "x", &list);
  CHECK_INT(list.count, 7);
  CHECK(isnan(list.values[0]));
  CHECK(isinf(list.values[1]) && list.values[1] > 0);
  CHECK(isinf(list.values[2]) && list.values[2] < 0);
  CHECK(list.values[4] == 5e-324);
  CHECK(list.values[5] == 1.7976931348623157e308);
  CHECK(isnan(list.values[6]));
}

TEST(test_number__integers_keep_all_their_bits) {
  quipu_run *run = start_run();
  quipu_item items[2];
  quipu_str out;
  REQUIRE(run);
  items[0] = quipu_item_int("low", INT64_MIN);
  items[1] = quipu_item_int("high", INT64_MAX);
  CHECK_OK(quipu_run_log_items(run, items, 2, QUIPU_STEP_AUTO, 0, &error));
  CHECK_OK(quipu_run_summary_json(run, QUIPU_WAIT_FOREVER, &out, &error));
  CHECK(out.data && strstr(out.data, "-9223372036854775808"));
  CHECK(out.data && strstr(out.data, "9223372036854775807"));
  quipu_text_free(out);
  end_run(run);
}

/* ----------------------------------------------------------------------------------------------------------- steps */

TEST(test_step__negative_is_refused) {
  static const int64_t steps[] = {INT64_MIN, INT64_MIN + 1, -2, -1000};
  quipu_run *run = start_with_before();
  const char *keys[] = {"a"};
  const double values[] = {1};
  const quipu_item item = quipu_item_double("a", 1);
  quipu_columns *columns = NULL;
  size_t index;
  REQUIRE(run);
  CHECK_OK(quipu_columns_new(keys, NULL, 1, &columns, &error));
  for (index = 0; index < sizeof steps / sizeof steps[0]; index++) {
    CHECK_STATUS(quipu_run_log_doubles(run, keys, values, 1, steps[index], 0), QUIPU_ERROR_STEP);
    CHECK_REFUSED(quipu_run_log_items(run, &item, 1, steps[index], 0, &error), QUIPU_ERROR_STEP, "step");
    CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"a\":1}"), NULL, 0, steps[index], 0, &error), QUIPU_ERROR_STEP,
                  "step");
    CHECK_STATUS(quipu_run_log_columns(run, columns, values, steps[index], 0), QUIPU_ERROR_STEP);
  }
  quipu_columns_free(columns);
  check_before_and_after(run);
}

TEST(test_step__largest_is_accepted_and_the_run_goes_on) {
  quipu_run *run = start_run();
  const char *keys[] = {"a"};
  const double values[] = {1};
  static row_list list;
  char directory[1024];
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log_doubles(run, keys, values, 1, INT64_MAX, QUIPU_COMMIT_NOW), QUIPU_OK);
  quipu_run_log(run, "b", 2); /* no step is left: kept or counted as dropped, never a crash */
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.count, 1);
  CHECK_INT(list.steps[0], INT64_MAX);
}

TEST(test_step__lower_step_is_dropped_and_counted) {
  quipu_run *run = start_run();
  const char *keys[] = {"a"};
  double value = 1;
  quipu_run_stats stats;
  static row_list list;
  char directory[1024];
  REQUIRE(run);
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_STATUS(quipu_run_log_doubles(run, keys, &value, 1, 10, QUIPU_COMMIT_NOW), QUIPU_OK);
  value = 2;
  CHECK_STATUS(quipu_run_log_doubles(run, keys, &value, 1, 5, QUIPU_COMMIT_NOW), QUIPU_OK);
  value = 3;
  CHECK_STATUS(quipu_run_log_doubles(run, keys, &value, 1, 11, QUIPU_COMMIT_NOW), QUIPU_OK);
  CHECK_OK(quipu_run_flush(run, QUIPU_WAIT_FOREVER, &error));
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  CHECK_INT(stats.rows_dropped_low_step, 1);
  CHECK_INT(stats.rows_written, 2);
  CHECK_INT(stats.step, 12);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.count, 2);
  CHECK_INT(list.values[0], 1);
  CHECK_INT(list.values[1], 3);
}

TEST(test_step__lower_step_is_kept_when_asked) {
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  const char *keys[] = {"a"};
  double value = 1;
  static row_list list;
  char directory[1024];
  options.low_steps = QUIPU_LOW_STEPS_KEEP;
  CHECK_OK(quipu_run_start(&options, &run, &error));
  REQUIRE(run);
  CHECK_STATUS(quipu_run_log_doubles(run, keys, &value, 1, 10, QUIPU_COMMIT_NOW), QUIPU_OK);
  value = 2;
  CHECK_STATUS(quipu_run_log_doubles(run, keys, &value, 1, 5, QUIPU_COMMIT_NOW), QUIPU_OK);
  value = 3;
  CHECK_STATUS(quipu_run_log_doubles(run, keys, &value, 1, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT), QUIPU_OK);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.count, 3);
  CHECK_INT(list.steps[1], 5);
  CHECK_INT(list.values[1], 2);
  CHECK_INT(list.steps[2], 11);
}

/* ------------------------------------------------------------------------------------- other nonsense in log calls */

TEST(test_log__unknown_type_and_reserved_are_refused) {
  quipu_run *run = start_with_before();
  quipu_item item = quipu_item_double("a", 1);
  const char *keys[] = {"a"};
  const quipu_type text_column = QUIPU_TYPE_TEXT, unknown = 99;
  quipu_columns *columns = NULL;
  REQUIRE(run);
  item.type = 99;
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_ARGUMENT, "type");
  item.type = -1;
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_ARGUMENT, "type");
  CHECK_REFUSED(quipu_columns_new(keys, &text_column, 1, &columns, &error), QUIPU_ERROR_ARGUMENT, "type");
  CHECK_REFUSED(quipu_columns_new(keys, &unknown, 1, &columns, &error), QUIPU_ERROR_ARGUMENT, "type");
  CHECK(columns == NULL);
  item.type = QUIPU_TYPE_DOUBLE;
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 77, &error), QUIPU_ERROR_ARGUMENT, "commit");
  CHECK_STATUS(quipu_run_output(run, 9, quipu_cstr("x")), QUIPU_ERROR_ARGUMENT);
  check_before_and_after(run);
}

TEST(test_log__broken_json_is_refused) {
  static const char *const texts[] = {"", "{", "[1,2]", "17", "{\"a\":}", "{\"a\":1}}", "{\"a\" 1}", "{'a':1}",
                                      "{\"a\":tru}", "{\"a\":\"\x01\"}", "{\"a\":1,}"};
  quipu_run *run = start_with_before();
  size_t index, depth = 1 << 20;
  char *deep = malloc(2 * depth + 16);
  REQUIRE(run && deep);
  for (index = 0; index < sizeof texts / sizeof texts[0]; index++) {
    CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr(texts[index]), NULL, 0, QUIPU_STEP_AUTO, 0, &error),
                  QUIPU_ERROR_VALUE, "json");
    CHECK_REFUSED(quipu_run_config_update(run, quipu_cstr(texts[index]), 0, &error), QUIPU_ERROR_VALUE, "json");
  }
  /* a million brackets do not exhaust the stack */
  strcpy(deep, "{\"a\":");
  memset(deep + 5, '[', depth);
  memset(deep + 5 + depth, ']', depth);
  strcpy(deep + 5 + 2 * depth, "}");
  CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr(deep), NULL, 0, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_VALUE,
                "json");
  {
    const double one = 1;
    const int64_t shape[] = {1};
    const quipu_array array = {&one, QUIPU_DTYPE_FLOAT64, 1, shape, NULL, 0, 0};
    quipu_media *media = NULL;
    CHECK_OK(quipu_array_value_new(&array, &media, &error));
    CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"a\":{\"$quipu\":3}}"), &media, 1, QUIPU_STEP_AUTO, 0, &error),
                  QUIPU_ERROR_VALUE, "media");
    CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"a\":{\"$quipu\":-1}}"), &media, 1, QUIPU_STEP_AUTO, 0, &error),
                  QUIPU_ERROR_VALUE, "media");
    quipu_media_free(media);
  }
  free(deep);
  check_before_and_after(run);
}

TEST(test_log__no_values_is_a_row_without_values) {
  quipu_run *run = start_run();
  quipu_run_stats stats;
  REQUIRE(run);
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_STATUS(quipu_run_log_doubles(run, NULL, NULL, 0, QUIPU_STEP_AUTO, 0), QUIPU_OK);
  CHECK_OK(quipu_run_log_items(run, NULL, 0, QUIPU_STEP_AUTO, 0, &error));
  CHECK_OK(quipu_run_log_json(run, quipu_cstr("{}"), NULL, 0, QUIPU_STEP_AUTO, 0, &error));
  CHECK_OK(quipu_run_flush(run, QUIPU_WAIT_FOREVER, &error));
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  CHECK_INT(stats.step, 3);
  end_run(run);
}

/* A value larger than the ring is written or refused, never cut and never a hang. */
TEST(test_log__value_larger_than_the_ring_is_whole_or_refused) {
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  const size_t size = 3 << 20;
  char *text = malloc(size);
  quipu_item item;
  quipu_error *error = NULL;
  quipu_status status;
  REQUIRE(text);
  options.ring_bytes = 65536;
  CHECK_STATUS(quipu_run_start(&options, &run, NULL), QUIPU_OK);
  REQUIRE(run);
  memset(text, 'x', size);
  item = quipu_item_text("t", (quipu_str){text, size});
  CHECK_STATUS(quipu_run_log(run, "before", 1), QUIPU_OK);
  status = quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error);
  if (status == QUIPU_OK) {
    static row_list list;
    char directory[1024];
    snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
    end_run(run);
    read_rows(directory, "before", &list);
    CHECK_INT(list.rows, 2);
  } else {
    check_refused(__FILE__, __LINE__, "log_items", status, QUIPU_ERROR_TOO_LARGE, &error, NULL);
    check_before_and_after(run);
  }
  free(text);
}

/* --------------------------------------------------------------------------------------------------------- options */

TEST(test_options__bad_names_are_refused) {
  static const struct {
    const char *id;
    const char *project;
  } cases[] = {{"a/b", NULL}, {"a:b", NULL}, {"a;b", NULL}, {"a,b", NULL}, {"a#b", NULL}, {"a?b", NULL}, {"a'b", NULL},
               {"", NULL},    {"  ", NULL},  {NULL, "a/b"}, {NULL, "a\\b"}, {NULL, "a#b"}, {NULL, "a?b"}, {NULL, "a%b"},
               {NULL, "a:b"}};
  char long_name[200];
  size_t index;
  quipu_run *run;
  quipu_run_options options;
  for (index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    options = offline_options();
    run = (quipu_run *)(uintptr_t)1;
    if (cases[index].id) options.id = cases[index].id;
    if (cases[index].project) options.project = cases[index].project;
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NAME, cases[index].id ? "id" : "project");
    CHECK(run == NULL);
  }
  memset(long_name, 'p', 129);
  long_name[129] = 0;
  options = offline_options();
  options.project = long_name;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NAME, "project");
  {
    const char *tags[] = {"", NULL};
    char long_tag[66];
    memset(long_tag, 't', 65);
    long_tag[65] = 0;
    options = offline_options();
    options.tags = tags;
    options.tag_count = 1;
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NAME, "tag");
    tags[0] = long_tag;
    CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NAME, "tag");
  }
  CHECK(access(below("wandb"), F_OK) != 0);
}

TEST(test_options__run_id_cannot_leave_the_directory) {
  static const char *const ids[] = {"../../evil", "..", ".", "a/../../b", "/etc/x"};
  size_t index;
  for (index = 0; index < sizeof ids / sizeof ids[0]; index++) {
    quipu_run_options options = offline_options();
    quipu_run *run = NULL;
    quipu_status status;
    options.id = ids[index];
    status = quipu_run_start(&options, &run, NULL);
    if (strchr(ids[index], '/')) {
      CHECK_STATUS(status, QUIPU_ERROR_NAME);
    } else if (status == QUIPU_OK) { /* "run-…-.." is an ordinary file name */
      CHECK(strncmp(quipu_run_directory(run), test_directory, strlen(test_directory)) == 0);
    }
    quipu_run_free(run);
  }
}

TEST(test_options__bad_values_are_refused) {
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  options.config_json = quipu_cstr("[1]");
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_VALUE, "config");
  options = offline_options();
  options.config_json = quipu_cstr("{\"a\":");
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_VALUE, "config");
  options = offline_options();
  options.settings_json = quipu_cstr("{\"no_such_setting\":1}");
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_SETTING, "no_such_setting");
  options = offline_options();
  options.settings_json = quipu_cstr("{\"console\":");
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_VALUE, "settings");
  options = offline_options();
  options.mode = 99;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_ARGUMENT, "mode");
  options = offline_options();
  options.resume = -3;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_ARGUMENT, "resume");
  options = offline_options();
  options.low_steps = 9;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_ARGUMENT, "low_steps");
  options = offline_options();
  options.ring_bytes = UINT64_MAX;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_ARGUMENT, "ring_bytes");
  options = offline_options();
  options.ring_bytes = 1;
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_ARGUMENT, "ring_bytes");
  options = offline_options();
  options.config_path = below("no-such-file.yaml");
  CHECK_REFUSED(quipu_run_start(&options, &run, &error), QUIPU_ERROR_NOT_FOUND, "no-such-file.yaml");
  CHECK(run == NULL);
  CHECK(access(below("wandb"), F_OK) != 0);
}

TEST(test_options__struct_size_decides_what_is_read) {
  struct {
    quipu_run_options known;
    uint64_t tail[4];
  } larger;
  quipu_run *run = NULL;
  /* zero: not initialised */
  memset(&larger, 0, sizeof larger);
  CHECK_REFUSED(quipu_run_start(&larger.known, &run, &error), QUIPU_ERROR_OPTIONS, "struct_size");
  CHECK(run == NULL);
  /* shorter than its own first field, or absurdly long */
  larger.known.struct_size = 12; /* would cut a pointer in two */
  CHECK_REFUSED(quipu_run_start(&larger.known, &run, &error), QUIPU_ERROR_OPTIONS, "struct_size");
  larger.known.struct_size = 2;
  CHECK_REFUSED(quipu_run_start(&larger.known, &run, &error), QUIPU_ERROR_OPTIONS, "struct_size");
  /* of a newer header, whose new fields are not used */
  larger.known = offline_options();
  larger.known.struct_size = sizeof larger;
  CHECK_OK(quipu_run_start(&larger.known, &run, &error));
  CHECK_STATUS(quipu_run_log(run, "a", 1), QUIPU_OK);
  end_run(run);
  /* of a newer header, whose new fields are used */
  run = (quipu_run *)(uintptr_t)1;
  larger.tail[3] = 1;
  CHECK_REFUSED(quipu_run_start(&larger.known, &run, &error), QUIPU_ERROR_OPTIONS, "options");
  CHECK(run == NULL);
  {
    struct {
      quipu_metric_options known;
      uint64_t tail;
    } metric;
    struct {
      quipu_run_stats known;
      uint64_t tail;
    } stats;
    run = start_run();
    memset(&metric, 0, sizeof metric);
    CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric.known, &error), QUIPU_ERROR_OPTIONS, "struct_size");
    metric.known.struct_size = sizeof metric;
    CHECK_OK(quipu_run_define_metric(run, "a", &metric.known, &error));
    metric.tail = 1;
    CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric.known, &error), QUIPU_ERROR_OPTIONS, "options");
    memset(&stats, 0, sizeof stats);
    CHECK_STATUS(quipu_run_get_stats(run, &stats.known), QUIPU_ERROR_OPTIONS);
    stats.known.struct_size = sizeof stats; /* what it does not know it leaves alone or clears */
    CHECK_STATUS(quipu_run_get_stats(run, &stats.known), QUIPU_OK);
    CHECK_INT(stats.tail, 0);
    end_run(run);
  }
}

/* A program compiled against a header that had only the first fields, in memory that ends right behind them. */
TEST(test_options__older_header_client_is_served) {
  const size_t old_size = offsetof(quipu_run_options, tags);
  char *old = malloc(old_size);
  quipu_run_options options = offline_options();
  quipu_run *run = NULL;
  char *stats; /* an older quipu_run_stats */
  uint32_t size;
  uint64_t rows = 0;
  static row_list list;
  char directory[1024];
  const size_t old_stats = offsetof(quipu_run_stats, rows_dropped_low_step);
  REQUIRE(old);
  options.struct_size = (uint32_t)old_size;
  options.id = "older";
  memcpy(old, &options, old_size);
  CHECK_OK(quipu_run_start((const quipu_run_options *)(void *)old, &run, &error));
  free(old);
  REQUIRE(run);
  CHECK_TEXT(quipu_run_id(run), "older");
  CHECK_STATUS(quipu_run_log(run, "a", 1), QUIPU_OK);
  CHECK_OK(quipu_run_flush(run, QUIPU_WAIT_FOREVER, &error));
  stats = calloc(1, old_stats); /* a write behind the end is what the address sanitizer is for */
  REQUIRE(stats);
  size = (uint32_t)old_stats;
  memcpy(stats, &size, sizeof size);
  CHECK_STATUS(quipu_run_get_stats(run, (quipu_run_stats *)(void *)stats), QUIPU_OK);
  memcpy(&rows, stats + offsetof(quipu_run_stats, rows_written), sizeof rows);
  CHECK_INT(rows, 1);
  memcpy(&size, stats, sizeof size);
  CHECK_INT(size, old_stats);
  free(stats);
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  read_rows(directory, "a", &list);
  CHECK_INT(list.count, 1);
}

TEST(test_options__init_function_equals_the_macro) {
  quipu_run_options by_macro = QUIPU_RUN_OPTIONS_INIT, by_function;
  memset(&by_function, 0xA5, sizeof by_function);
  CHECK_STATUS(quipu_run_options_init(&by_function, sizeof by_function), QUIPU_OK);
  CHECK_INT(by_function.struct_size, sizeof by_function);
  CHECK(by_function.project == NULL && by_function.tags == NULL && by_function.language == NULL);
  CHECK_INT(by_macro.struct_size, by_function.struct_size);
  CHECK_INT(by_function.full_wait_ms, 0);
  CHECK_STATUS(quipu_run_options_init(&by_function, 0), QUIPU_ERROR_OPTIONS);
}

TEST(test_metric__bad_definitions_are_refused) {
  quipu_run *run = start_with_before();
  quipu_metric_options metric = QUIPU_METRIC_OPTIONS_INIT;
  REQUIRE(run);
  CHECK_REFUSED(quipu_run_define_metric(run, "", NULL, &error), QUIPU_ERROR_NAME, "name");
  CHECK_REFUSED(quipu_run_define_metric(run, "a*b", NULL, &error), QUIPU_ERROR_NAME, "name");
  metric.summary = "median";
  CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric, &error), QUIPU_ERROR_VALUE, "summary");
  metric.summary = "best";
  metric.goal = "upwards";
  CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric, &error), QUIPU_ERROR_VALUE, "goal");
  metric.goal = NULL;
  metric.hidden = 9;
  CHECK_REFUSED(quipu_run_define_metric(run, "a", &metric, &error), QUIPU_ERROR_ARGUMENT, "hidden");
  check_before_and_after(run);
}

TEST(test_config__change_without_permission_changes_nothing) {
  quipu_run *run = start_run();
  quipu_str out;
  REQUIRE(run);
  CHECK_OK(quipu_run_config_update(run, quipu_cstr("{\"rate\":0.1}"), 0, &error));
  CHECK_REFUSED(quipu_run_config_update(run, quipu_cstr("{\"new\":1,\"rate\":0.2}"), 0, &error),
                QUIPU_ERROR_CONFIG_CHANGED, "rate");
  CHECK_OK(quipu_run_config_json(run, &out, &error));
  CHECK(out.data && strstr(out.data, "0.1") && !strstr(out.data, "0.2") && !strstr(out.data, "new"));
  quipu_text_free(out);
  CHECK_OK(quipu_run_config_update(run, quipu_cstr("{\"rate\":0.2}"), 1, &error));
  CHECK_OK(quipu_run_config_json(run, &out, &error));
  CHECK(out.data && strstr(out.data, "0.2"));
  quipu_text_free(out);
  end_run(run);
}

TEST(test_summary__bad_paths_are_refused) {
  quipu_run *run = start_with_before();
  const char *empty[] = {"a", ""};
  REQUIRE(run);
  CHECK_REFUSED(quipu_run_summary_set(run, empty, 0, quipu_cstr("1"), NULL, 0, &error), QUIPU_ERROR_ARGUMENT, "path");
  CHECK_REFUSED(quipu_run_summary_set(run, empty, 1, quipu_cstr("{"), NULL, 0, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_run_summary_set(run, empty, 1, quipu_cstr(""), NULL, 0, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_run_summary_remove(run, empty, 0, &error), QUIPU_ERROR_ARGUMENT, "path");
  check_before_and_after(run);
}

TEST(test_recover__wrong_paths_are_refused) {
  quipu_str out = {"stale", 5};
  FILE *file;
  quipu_run *run;
  CHECK_REFUSED(quipu_recover(below("nowhere"), &out, &error), QUIPU_ERROR_NOT_FOUND, "nowhere");
  CHECK(out.data == NULL && out.size == 0);
  file = fopen(below("other.wandb"), "w");
  REQUIRE(file);
  fputs("this is no log", file);
  fclose(file);
  CHECK_REFUSED(quipu_recover(below("other.wandb"), NULL, &error), QUIPU_ERROR_FORMAT, NULL);
  run = start_run();
  REQUIRE(run);
  CHECK_REFUSED(quipu_recover(quipu_run_directory(run), NULL, &error), QUIPU_ERROR_BUSY, NULL);
  end_run(run);
}

/* ------------------------------------------------------------------------------------------------------- the clock */

/* This program's clock_gettime comes before libc's for the library too, and can jump. */
static volatile int64_t clock_shift_s;

int clock_gettime(clockid_t id, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, id, now);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += clock_shift_s;
  return result;
}

TEST(test_clock__jump_back_loses_nothing) {
  quipu_run *run = start_run();
  static row_list list;
  char directory[1024];
  int index;
  REQUIRE(run);
  for (index = 0; index < 300; index++) {
    if (index == 100) clock_shift_s = -86400 * 365;
    if (index == 150) clock_shift_s = -4000000000; /* before 1970 */
    if (index == 200) clock_shift_s = 86400 * 365;
    if (index == 250) clock_shift_s = 0;
    CHECK_STATUS(quipu_run_log(run, "x", index), QUIPU_OK);
    if (index % 50 == 49) CHECK_OK(quipu_run_flush(run, QUIPU_WAIT_FOREVER, &error));
  }
  snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
  end_run(run);
  clock_shift_s = 0;
  read_rows(directory, "x", &list);
  CHECK_INT(list.count, 300);
  for (index = 0; index < 300 && index < (int)list.count; index++) {
    CHECK_INT(list.values[index], index);
    CHECK_INT(list.steps[index], index);
  }
}

/* The shim above is only worth something if the library uses it. */
TEST(test_clock__the_shim_reaches_the_library) {
  quipu_run *run;
  quipu_str out;
  const char *found;
  clock_shift_s = -86400 * 365;
  run = start_run();
  REQUIRE(run);
  CHECK_OK(quipu_run_info_json(run, &out, &error));
  found = out.data ? strstr(out.data, "\"start_time\":") : NULL;
  CHECK(found && strtod(found + 13, NULL) < (double)time(NULL) - 86400 * 300);
  quipu_text_free(out);
  end_run(run);
  clock_shift_s = 0;
}
