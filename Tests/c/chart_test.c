/* Charts, figures and graphs from C: what is refused, and that a curve of arrays is what it should be. */
#include "rows.h"

#include <math.h>

static const int64_t two[] = {2}, two_by_two[] = {2, 2};
static const int32_t classes[] = {0, 1};
static const float probabilities[] = {0.9F, 0.1F, 0.2F, 0.8F};

static quipu_array array_of(const void *data, quipu_dtype dtype, int32_t ndim, const int64_t *shape) {
  quipu_array array;
  memset(&array, 0, sizeof array);
  array.data = data;
  array.dtype = dtype;
  array.ndim = ndim;
  array.shape = shape;
  return array;
}

static quipu_media *small_table(void) {
  static const char *const names[] = {"x"};
  quipu_media *table = NULL;
  CHECK_OK(quipu_table_new(names, 1, NULL, &table, &error));
  CHECK_OK(quipu_table_add_rows_json(table, quipu_cstr("[[1],[2]]"), NULL, 0, NULL, 0, &error));
  return table;
}

TEST(test_chart__null_arguments_are_refused) {
  quipu_media *table = small_table(), *chart = NULL;
  const quipu_str none = {NULL, 0};
  quipu_array truth = array_of(classes, QUIPU_DTYPE_INT32, 1, two);
  quipu_array scores = array_of(probabilities, QUIPU_DTYPE_FLOAT32, 2, two_by_two);
  quipu_labels labels = {&truth, NULL, 0}, empty = {NULL, NULL, 3};
  CHECK_REFUSED(quipu_chart_new(NULL, "s", none, none, 0, &chart, &error), QUIPU_ERROR_NULL, "table");
  CHECK_REFUSED(quipu_chart_new(table, NULL, none, none, 0, &chart, &error), QUIPU_ERROR_NULL, "spec");
  CHECK_REFUSED(quipu_chart_new(table, "s", none, none, 0, NULL, &error), QUIPU_ERROR_NULL, "chart");
  CHECK_REFUSED(quipu_chart_new(table, "s", quipu_cstr("{"), none, 0, &chart, &error), QUIPU_ERROR_VALUE,
                "fields_json");
  CHECK_REFUSED(quipu_chart_new(table, "s", none, quipu_cstr("x"), 0, &chart, &error), QUIPU_ERROR_VALUE,
                "strings_json");
  CHECK_REFUSED(quipu_chart_visualize(table, NULL, &chart, &error), QUIPU_ERROR_NULL, "id");
  CHECK_REFUSED(quipu_chart_line(table, NULL, "y", NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "x");
  CHECK_REFUSED(quipu_chart_scatter(table, "x", NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "y");
  CHECK_REFUSED(quipu_chart_bar(table, NULL, "y", NULL, &chart, &error), QUIPU_ERROR_NULL, "label");
  CHECK_REFUSED(quipu_chart_histogram(table, NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "value");
  CHECK_REFUSED(quipu_chart_histogram(table, "\xff", NULL, &chart, &error), QUIPU_ERROR_UTF8, "value");
  CHECK_REFUSED(quipu_chart_line_series(NULL, 1, &truth, 1, NULL, NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "xs");
  CHECK_REFUSED(quipu_chart_line_series(&truth, 1, NULL, 1, NULL, NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "ys");
  CHECK_REFUSED(quipu_chart_line_series(&truth, 1, NULL, 0, NULL, NULL, NULL, &chart, &error), QUIPU_ERROR_VALUE, "ys");
  CHECK_REFUSED(quipu_chart_line_series(&truth, 1, &scores, 1, NULL, NULL, NULL, &chart, &error), QUIPU_ERROR_VALUE,
                "ys[0]");
  CHECK_REFUSED(quipu_chart_line_series(&truth, (size_t)-1, &truth, 1, NULL, NULL, NULL, &chart, &error),
                QUIPU_ERROR_TOO_LARGE, "xs");
  CHECK_REFUSED(quipu_chart_roc_curve(NULL, &scores, NULL, &chart, &error), QUIPU_ERROR_NULL, "y_true");
  CHECK_REFUSED(quipu_chart_roc_curve(&empty, &scores, NULL, &chart, &error), QUIPU_ERROR_NULL, "y_true.texts");
  CHECK_REFUSED(quipu_chart_pr_curve(&labels, NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "y_probas");
  CHECK_REFUSED(quipu_chart_confusion_matrix(NULL, &labels, NULL, NULL, &chart, &error), QUIPU_ERROR_NULL, "y_true");
  CHECK_REFUSED(quipu_chart_confusion_matrix(&labels, NULL, NULL, NULL, &chart, &error), QUIPU_ERROR_VALUE, "preds");
  CHECK_REFUSED(quipu_chart_confusion_matrix(&labels, &labels, &scores, NULL, &chart, &error), QUIPU_ERROR_VALUE,
                "preds");
  CHECK_REFUSED(quipu_plotly_new(none, &chart, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_plotly_new(quipu_cstr("{\"data\":{}}"), &chart, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_bokeh_new(quipu_cstr("[]"), &chart, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_bokeh_open(NULL, &chart, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_bokeh_open("missing.json", &chart, &error), QUIPU_ERROR_NOT_FOUND, "path");
  CHECK_REFUSED(quipu_graph_new(quipu_cstr("{\"nodes\":[1],\"edges\":[]}"), &chart, &error), QUIPU_ERROR_VALUE,
                "nodes[0]");
  CHECK_REFUSED(quipu_graph_new(quipu_cstr("{\"nodes\":[],\"edges\":[[1]]}"), &chart, &error), QUIPU_ERROR_VALUE,
                "edges[0]");
  CHECK(chart == NULL);
  quipu_media_free(table);
}

TEST(test_chart__bad_labels_scores_and_options_are_refused) {
  const float with_nan[] = {0.9F, NAN, 0.2F, 0.8F};
  const double fractions[] = {0.5, 1};
  const quipu_str words[] = {{"no", 2}, {"\xff", 1}};
  const quipu_str names[] = {{"only", 4}};
  quipu_media *chart = NULL;
  quipu_array truth = array_of(classes, QUIPU_DTYPE_INT32, 1, two);
  quipu_array halves = array_of(fractions, QUIPU_DTYPE_FLOAT64, 1, two);
  quipu_array flat = array_of(probabilities, QUIPU_DTYPE_FLOAT32, 1, two);
  quipu_array scores = array_of(probabilities, QUIPU_DTYPE_FLOAT32, 2, two_by_two);
  quipu_array broken = array_of(with_nan, QUIPU_DTYPE_FLOAT32, 2, two_by_two);
  quipu_labels labels = {&truth, NULL, 0}, both = {&truth, words, 2}, bytes = {NULL, words, 2};
  quipu_labels fractional = {&halves, NULL, 0}, one_name = {NULL, names, 1}, endless = {NULL, words, (size_t)-1};
  quipu_chart_options options = QUIPU_CHART_OPTIONS_INIT;
  CHECK_REFUSED(quipu_chart_roc_curve(&both, &scores, NULL, &chart, &error), QUIPU_ERROR_ARGUMENT, "y_true");
  CHECK_REFUSED(quipu_chart_roc_curve(&bytes, &scores, NULL, &chart, &error), QUIPU_ERROR_UTF8, "y_true.texts[1]");
  CHECK_REFUSED(quipu_chart_roc_curve(&endless, &scores, NULL, &chart, &error), QUIPU_ERROR_TOO_LARGE, "y_true.count");
  CHECK_REFUSED(quipu_chart_roc_curve(&fractional, &scores, NULL, &chart, &error), QUIPU_ERROR_VALUE, "y_true");
  CHECK_REFUSED(quipu_chart_roc_curve(&labels, &flat, NULL, &chart, &error), QUIPU_ERROR_VALUE, "y_probas");
  CHECK_REFUSED(quipu_chart_pr_curve(&labels, &broken, NULL, &chart, &error), QUIPU_ERROR_VALUE, "y_probas");
  CHECK_REFUSED(quipu_chart_confusion_matrix(&labels, NULL, &broken, NULL, &chart, &error), QUIPU_ERROR_VALUE, "probs");
  options.class_names = &one_name;
  CHECK_REFUSED(quipu_chart_roc_curve(&labels, &scores, &options, &chart, &error), QUIPU_ERROR_VALUE, "labels");
  CHECK_REFUSED(quipu_chart_confusion_matrix(&labels, &labels, NULL, &options, &chart, &error), QUIPU_ERROR_VALUE,
                "class_names");
  options.class_names = NULL;
  options.interp_size = -1;
  CHECK_REFUSED(quipu_chart_pr_curve(&labels, &scores, &options, &chart, &error), QUIPU_ERROR_VALUE, "interp_size");
  options.interp_size = 0;
  options.title = "\xff";
  CHECK_REFUSED(quipu_chart_pr_curve(&labels, &scores, &options, &chart, &error), QUIPU_ERROR_UTF8, "title");
  options.struct_size = 4;
  CHECK_REFUSED(quipu_chart_pr_curve(&labels, &scores, &options, &chart, &error), QUIPU_ERROR_OPTIONS, "options");
  CHECK(chart == NULL);
}

TEST(test_chart__where_no_chart_can_stand_it_is_refused_and_nothing_is_logged) {
  quipu_run *run = start_with_before();
  quipu_media *table = small_table(), *chart = NULL, *list = NULL, *image = NULL;
  const char *const path[] = {"c"};
  REQUIRE(run);
  CHECK_OK(quipu_chart_histogram(table, "x", NULL, &chart, &error));
  CHECK_REFUSED(quipu_chart_histogram(chart, "x", NULL, &image, &error), QUIPU_ERROR_HANDLE, "table");
  CHECK_REFUSED(quipu_media_list_new(&chart, 1, &list, &error), QUIPU_ERROR_VALUE, "items");
  CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"c\":[{\"$quipu\":0}]}"), &chart, 1, QUIPU_STEP_AUTO,
                                   QUIPU_COMMIT_DEFAULT, &error),
                QUIPU_ERROR_VALUE, "c");
  CHECK_REFUSED(quipu_run_log_json(run, quipu_cstr("{\"c\":{\"d\":[[{\"$quipu\":0}]]}}"), &chart, 1, QUIPU_STEP_AUTO,
                                   QUIPU_COMMIT_DEFAULT, &error),
                QUIPU_ERROR_VALUE, "d");
  CHECK_REFUSED(quipu_run_summary_set(run, path, 1, quipu_cstr("{\"$quipu\":0}"), &chart, 1, &error),
                QUIPU_ERROR_VALUE, "value");
  quipu_media_free(chart);
  quipu_media_free(table);
  check_before_and_after(run);
}

TEST(test_chart__labels_and_scores_may_be_freed_after_the_call) {
  quipu_run *run = start_run();
  quipu_media *chart = NULL;
  quipu_str summary = {NULL, 0};
  const char *directory = NULL;
  char path[1024];
  char text[512];
  int64_t shape[] = {4, 2}, count[] = {4};
  float *scores = malloc(8 * sizeof *scores);
  int8_t *truth = malloc(4);
  quipu_array array = array_of(scores, QUIPU_DTYPE_FLOAT32, 2, shape);
  quipu_array numbers = array_of(truth, QUIPU_DTYPE_INT8, 1, count);
  quipu_labels labels = {&numbers, NULL, 0};
  FILE *file;
  size_t got;
  const char *start;
  int index;
  REQUIRE(run && scores && truth);
  for (index = 0; index < 4; index++) {
    truth[index] = (int8_t)(index % 2);
    scores[2 * index] = (float)index;
    scores[2 * index + 1] = (float)(index / 2);
  }
  CHECK_OK(quipu_chart_roc_curve(&labels, &array, NULL, &chart, &error));
  memset(scores, 0x7f, 8 * sizeof *scores);
  free(scores);
  free(truth);
  CHECK_OK(quipu_run_log_json(run, quipu_cstr("{\"c\":{\"$quipu\":0}}"), &chart, 1, QUIPU_STEP_AUTO,
                              QUIPU_COMMIT_DEFAULT, &error));
  quipu_media_free(chart);
  CHECK_OK(quipu_run_summary_json(run, -1, &summary, &error));
  start = summary.data ? strstr(summary.data, "\"path\":\"") : NULL;
  REQUIRE(start);
  directory = quipu_run_directory(run);
  snprintf(path, sizeof path, "%s/files/%.*s", directory, (int)strcspn(start + 8, "\""), start + 8);
  quipu_text_free(summary);
  file = fopen(path, "r");
  REQUIRE(file);
  got = fread(text, 1, sizeof text - 1, file);
  text[got] = 0;
  fclose(file);
  CHECK_TEXT(text, "{\"columns\":[\"class\",\"fpr\",\"tpr\"],\"data\":[[0,0.0,0.0],[0,0.5,0.0],[0,0.5,0.5],[0,1.0,0.5],"
                   "[0,1.0,1.0],[1,0.0,0.0],[1,0.5,0.5],[1,1.0,1.0]]}");
  end_run(run);
}
