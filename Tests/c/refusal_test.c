/* Layers, batches, figures and files that are not what they should be: the error names the argument, the output is
 * clear, and a run that was offered all of them holds nothing of them. */
#include "rows.h"

#include <math.h>
#include <sys/stat.h>

static unsigned char numbers[4][6];
static const int64_t plane[] = {4, 6}, other_plane[] = {4, 5}, colours[] = {4, 6, 3}, four[] = {1, 4}, three[] = {1, 3};

static quipu_array array_of(const void *data, quipu_dtype dtype, int32_t ndim, const int64_t *shape) {
  quipu_array array;
  memset(&array, 0, sizeof array);
  array.data = data;
  array.dtype = dtype;
  array.ndim = ndim;
  array.shape = shape;
  return array;
}

static quipu_media *picture(void) {
  static unsigned char pixels[4][6][3];
  const quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 3, colours);
  quipu_media *image = NULL;
  CHECK_STATUS(quipu_image_new(&array, NULL, &image, NULL), QUIPU_OK);
  return image;
}

/* Lays boxes over a picture; what is wrong with them may be found when they are made or when they are added. */
static quipu_status lay(const char *json, quipu_error **error) {
  quipu_media *boxes = NULL, *image = picture();
  quipu_status status = quipu_boxes_from_json(quipu_cstr(json), NULL, &boxes, error);
  if (status == QUIPU_OK) status = quipu_image_add(image, "found", boxes, error);
  quipu_media_free(boxes);
  quipu_media_free(image);
  return status;
}

TEST(test_mask__what_is_no_mask_is_refused) {
  static int16_t large[4][6];
  static float broken[4][6];
  quipu_array array = array_of(numbers, QUIPU_DTYPE_UINT8, 2, other_plane);
  quipu_media *mask = NULL, *image = picture(), *classes = NULL;
  const quipu_class nameless[] = {{0, NULL}};
  CHECK_OK(quipu_mask_new(&array, NULL, NULL, &mask, &error));
  CHECK_REFUSED(quipu_image_add(image, "truth", mask, &error), QUIPU_ERROR_VALUE, "mask_data");
  CHECK_REFUSED(quipu_image_add(image, NULL, mask, &error), QUIPU_ERROR_VALUE, "name");
  CHECK_REFUSED(quipu_image_add(image, "", mask, &error), QUIPU_ERROR_VALUE, "name");
  CHECK_REFUSED(quipu_image_add(image, "truth", image, &error), QUIPU_ERROR_HANDLE, "layer");
  CHECK_REFUSED(quipu_image_add(mask, "truth", mask, &error), QUIPU_ERROR_HANDLE, "image");
  CHECK_REFUSED(quipu_image_add(image, "truth", NULL, &error), QUIPU_ERROR_NULL, "layer");
  CHECK_REFUSED(quipu_image_add(NULL, "truth", mask, &error), QUIPU_ERROR_NULL, "image");
  quipu_media_free(mask);
  mask = NULL;
  array = array_of(large, QUIPU_DTYPE_INT16, 2, plane);
  large[3][5] = 256;
  CHECK_REFUSED(quipu_mask_new(&array, NULL, NULL, &mask, &error), QUIPU_ERROR_VALUE, "256");
  large[3][5] = -1;
  CHECK_REFUSED(quipu_mask_new(&array, NULL, NULL, &mask, &error), QUIPU_ERROR_VALUE, "-1");
  array = array_of(broken, QUIPU_DTYPE_FLOAT32, 2, plane);
  broken[1][1] = NAN;
  CHECK_REFUSED(quipu_mask_new(&array, NULL, NULL, &mask, &error), QUIPU_ERROR_VALUE, "mask_data");
  array = array_of(numbers, QUIPU_DTYPE_UINT8, 1, plane);
  CHECK_REFUSED(quipu_mask_new(&array, NULL, NULL, &mask, &error), QUIPU_ERROR_VALUE, "mask_data");
  CHECK_REFUSED(quipu_mask_new(NULL, NULL, NULL, &mask, &error), QUIPU_ERROR_NULL, "array");
  CHECK_REFUSED(quipu_mask_open(below("none.png"), &mask, &error), QUIPU_ERROR_NOT_FOUND, "none.png");
  CHECK_REFUSED(quipu_mask_open(test_directory, &mask, &error), QUIPU_ERROR_FILE, "directory");
  CHECK_REFUSED(quipu_classes_new(nameless, 1, &classes, &error), QUIPU_ERROR_NULL, "name");
  CHECK_REFUSED(quipu_classes_from_json(quipu_cstr("[{\"id\":1}]"), &classes, &error), QUIPU_ERROR_VALUE, "name");
  CHECK_REFUSED(quipu_classes_from_json(quipu_cstr("5"), &classes, &error), QUIPU_ERROR_VALUE, NULL);
  CHECK(mask == NULL && classes == NULL);
  quipu_media_free(image);
}

#define BOX(position, more)                                                                              \
  "{\"box_data\":[{\"position\":" position ",\"class_id\":1" more "}],\"class_labels\":{\"1\":\"car\"}}"
#define INSIDE "{\"minX\":0.1,\"maxX\":0.5,\"minY\":0.1,\"maxY\":0.5}"

TEST(test_boxes__what_are_no_boxes_are_refused) {
  static const struct {
    const char *json, *argument;
  } bad[] = {
      {BOX("{\"minX\":0,\"maxX\":1.5,\"minY\":0,\"maxY\":1}", ""), "position"},
      {BOX("{\"minX\":-0.5,\"maxX\":1,\"minY\":0,\"maxY\":1}", ""), "position"},
      {BOX("{\"minX\":0,\"maxX\":7,\"minY\":0,\"maxY\":4}", ",\"domain\":\"pixel\""), "position"},
      {BOX("{\"minX\":NaN,\"maxX\":1,\"minY\":0,\"maxY\":1}", ""), "position"},
      {BOX("{\"minX\":0}", ""), "position"},
      {BOX("5", ""), "position"},
      {BOX(INSIDE, ",\"domain\":\"percent\""), "domain"},
      {BOX(INSIDE, ",\"box_caption\":5"), "box_caption"},
      {BOX(INSIDE, ",\"scores\":{\"score\":\"high\"}"), "scores"},
      {"{\"box_data\":[{\"position\":" INSIDE ",\"class_id\":\"car\"}]}", "class_id"},
      {"{\"box_data\":5}", "box_data"},
      {"{}", "box_data"},
      {"[", "json"},
  };
  static const float numbers_of_one[4] = {0.1f, 0.1f, 0.5f, NAN};
  const quipu_array bad_array = array_of(numbers_of_one, QUIPU_DTYPE_FLOAT32, 2, four);
  const quipu_array narrow = array_of(numbers_of_one, QUIPU_DTYPE_FLOAT32, 2, three);
  quipu_boxes_options options = QUIPU_BOXES_OPTIONS_INIT;
  quipu_media *boxes = NULL;
  size_t at;
  for (at = 0; at < sizeof bad / sizeof bad[0]; at++) CHECK_REFUSED(lay(bad[at].json, &error), QUIPU_ERROR_VALUE, bad[at].argument);
  CHECK_OK(lay(BOX(INSIDE, ""), &error));
  CHECK_REFUSED(quipu_boxes_new(&narrow, NULL, &boxes, &error), QUIPU_ERROR_VALUE, "boxes");
  CHECK_REFUSED(quipu_boxes_new(NULL, NULL, &boxes, &error), QUIPU_ERROR_NULL, "array");
  options.layout = 3;
  CHECK_REFUSED(quipu_boxes_new(&bad_array, &options, &boxes, &error), QUIPU_ERROR_ARGUMENT, "layout");
  CHECK(boxes == NULL);
}

TEST(test_images__batches_that_are_none_are_refused) {
  const quipu_array batch = array_of(numbers, QUIPU_DTYPE_UINT8, 2, plane);
  quipu_media *list = NULL;
  CHECK_REFUSED(quipu_images_new(&batch, NULL, NULL, &list, &error), QUIPU_ERROR_SHAPE, "shape");
  CHECK_REFUSED(quipu_images_new(NULL, NULL, NULL, &list, &error), QUIPU_ERROR_NULL, "array");
  CHECK_REFUSED(quipu_image_from_bytes("no picture", 10, NULL, &list, &error), QUIPU_ERROR_FORMAT, "data");
  CHECK_REFUSED(quipu_image_from_bytes("", 0, NULL, &list, &error), QUIPU_ERROR_FORMAT, "data");
  CHECK(list == NULL);
}

TEST(test_figures__what_is_no_figure_is_refused) {
  quipu_media *figure = NULL;
  CHECK_REFUSED(quipu_plotly_new(quipu_cstr("{}"), &figure, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_plotly_new(quipu_cstr("{\"data\":"), &figure, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_bokeh_new(quipu_cstr("{}"), &figure, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_bokeh_open(below("none.bokeh.json"), &figure, &error), QUIPU_ERROR_NOT_FOUND, "none.bokeh.json");
  CHECK_REFUSED(quipu_graph_new(quipu_cstr("{\"nodes\":[]}"), &figure, &error), QUIPU_ERROR_VALUE, "json");
  CHECK(figure == NULL);
}

TEST(test_refusals__a_run_holds_nothing_of_what_was_refused) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  quipu_run_stats stats;
  quipu_run *run = NULL;
  quipu_media *image = picture(), *mask = NULL;
  const quipu_array array = array_of(numbers, QUIPU_DTYPE_UINT8, 2, other_plane);
  quipu_item items[2];
  struct stat info;
  options.mode = QUIPU_MODE_OFFLINE;
  options.dir = test_directory;
  options.settings_json = quipu_cstr("{\"console\":\"off\",\"x_disable_stats\":true,\"disable_git\":true}");
  CHECK_STATUS(quipu_run_start(&options, &run, NULL), QUIPU_OK);
  REQUIRE(run);
  CHECK_STATUS(quipu_mask_new(&array, NULL, NULL, &mask, NULL), QUIPU_OK);
  /* A mask is no value of its own; one good and one bad value are refused together. */
  items[0] = quipu_item_double("good", 1);
  items[1] = quipu_item_media("bad", mask);
  CHECK_REFUSED(quipu_run_log_items(run, items, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error), QUIPU_ERROR_VALUE,
                NULL);
  items[1] = quipu_item_media("bad", NULL);
  CHECK_REFUSED(quipu_run_log_items(run, items, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error), QUIPU_ERROR_NULL,
                "media");
  quipu_media_free(image);
  quipu_media_free(mask);
  items[1] = quipu_item_media("bad", image);
  CHECK_REFUSED(quipu_run_log_items(run, items, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error),
                QUIPU_ERROR_HANDLE, "media");
  CHECK_STATUS(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL), QUIPU_OK);
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
  CHECK_INT(stats.rows_written, 0);
  CHECK_INT(stats.values_dropped, 0);
  CHECK(stat(below("%s", "wandb/latest-run/files/media"), &info) != 0);
  quipu_run_free(run);
}
