/* Arrays, images, histograms, point clouds and tables that are not what they should be, and the edges of what is. */
#include "rows.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static quipu_array array_of(const void *data, quipu_dtype dtype, int32_t ndim, const int64_t *shape,
                            const int64_t *strides) {
  quipu_array array;
  memset(&array, 0, sizeof array);
  array.data = data;
  array.dtype = dtype;
  array.ndim = ndim;
  array.shape = shape;
  array.strides = strides;
  return array;
}

typedef quipu_status (*maker)(const quipu_array *array, quipu_media **media, quipu_error **error);
static quipu_status make_image(const quipu_array *array, quipu_media **media, quipu_error **error) {
  return quipu_image_new(array, NULL, media, error);
}
static quipu_status make_histogram(const quipu_array *array, quipu_media **media, quipu_error **error) {
  return quipu_histogram_new(array, NULL, media, error);
}
static quipu_status make_value(const quipu_array *array, quipu_media **media, quipu_error **error) {
  return quipu_array_value_new(array, media, error);
}
static quipu_status make_cloud(const quipu_array *array, quipu_media **media, quipu_error **error) {
  return quipu_point_cloud_new(array, NULL, media, error);
}
static const struct {
  const char *name;
  maker make;
} makers[] = {{"image", make_image}, {"histogram", make_histogram}, {"array value", make_value}, {"cloud", make_cloud}};
enum { maker_count = sizeof makers / sizeof makers[0] };

/* Every maker refuses `array` with `want`, names `argument`, and leaves the output cleared. */
static void refuse_everywhere(int line, const quipu_array *array, quipu_status want, const char *argument) {
  int index;
  for (index = 0; index < maker_count; index++) {
    quipu_media *media = (quipu_media *)(uintptr_t)1;
    quipu_error *error = NULL;
    quipu_status got = makers[index].make(array, &media, &error);
    check_refused(__FILE__, line, makers[index].name, got, want, &error, argument);
    if (media) harness_fail(__FILE__, line, "%s: the output is not cleared", makers[index].name);
  }
}
#define REFUSE_EVERYWHERE(array, want, argument) refuse_everywhere(__LINE__, array, want, argument)

static const float some_floats[64] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* ---------------------------------------------------------------------------------------------------------- arrays */

TEST(test_array__null_pointers_are_refused) {
  const int64_t shape[] = {4, 3};
  quipu_array array = array_of(NULL, QUIPU_DTYPE_FLOAT32, 2, shape, NULL);
  quipu_media *media = NULL;
  REFUSE_EVERYWHERE(NULL, QUIPU_ERROR_NULL, NULL);
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_NULL, "data");
  array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 2, NULL, NULL);
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_NULL, "shape");
  array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 2, shape, NULL);
  CHECK_REFUSED(quipu_image_new(&array, NULL, NULL, &error), QUIPU_ERROR_NULL, "image");
  CHECK_REFUSED(quipu_histogram_new(&array, NULL, NULL, &error), QUIPU_ERROR_NULL, "histogram");
  CHECK_REFUSED(quipu_image_open(NULL, NULL, &media, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_media_list_new(NULL, 1, &media, &error), QUIPU_ERROR_NULL, "items");
  CHECK(media == NULL);
}

TEST(test_array__unknown_dtypes_are_refused) {
  static const int32_t dtypes[] = {0, -1, 16, 99, INT32_MAX, INT32_MIN};
  const int64_t shape[] = {4, 3};
  size_t index;
  for (index = 0; index < sizeof dtypes / sizeof dtypes[0]; index++) {
    quipu_array array = array_of(some_floats, dtypes[index], 2, shape, NULL);
    REFUSE_EVERYWHERE(&array, QUIPU_ERROR_DTYPE, "dtype");
  }
}

TEST(test_array__nonsense_shapes_are_refused) {
  int64_t shape[40];
  quipu_array array;
  int index;
  for (index = 0; index < 40; index++) shape[index] = 1;
  array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, -1, shape, NULL);
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "ndim");
  array.ndim = 33;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "ndim");
  array.ndim = INT32_MAX;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "ndim");
  array.ndim = INT32_MIN;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "ndim");
  array.ndim = 2;
  shape[0] = -1;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "shape");
  shape[0] = INT64_MIN;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "shape");
  shape[0] = INT64_MAX;
  shape[1] = 3;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "shape");
  shape[0] = (int64_t)1 << 32;
  shape[1] = (int64_t)1 << 32;
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "shape");
}

TEST(test_array__overflowing_strides_are_refused) {
  const int64_t shape[] = {4, 3};
  const int64_t cases[][2] = {{INT64_MAX, 4}, {INT64_MIN, 4}, {(int64_t)1 << 62, 4}, {12, INT64_MAX}, {12, INT64_MIN}};
  size_t index;
  for (index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    quipu_array array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 2, shape, cases[index]);
    REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "stride");
  }
}

/* An extent of 0 makes the rest of the shape, and the pointer, meaningless: nothing is read. */
TEST(test_array__zero_elements_read_nothing) {
  const int64_t shape[] = {0, INT64_MAX};
  quipu_array array = array_of(NULL, QUIPU_DTYPE_FLOAT32, 2, shape, NULL);
  int index;
  for (index = 0; index < maker_count; index++) {
    quipu_media *media = NULL;
    quipu_error *error = NULL;
    quipu_status status = makers[index].make(&array, &media, &error);
    CHECK(status == QUIPU_OK || status == QUIPU_ERROR_SHAPE || status == QUIPU_ERROR_VALUE);
    CHECK((status == QUIPU_OK) == (media != NULL));
    quipu_media_free(media);
    quipu_error_free(error);
  }
}

/* The summary with one logged value. */
static char *logged_value(quipu_media *media) {
  quipu_run *run = start_run();
  quipu_item item = quipu_item_media("v", media);
  quipu_str out = {NULL, 0};
  char *text = NULL;
  if (!run) return NULL;
  CHECK_OK(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error));
  CHECK_OK(quipu_run_summary_json(run, QUIPU_WAIT_FOREVER, &out, &error));
  if (out.data) text = strdup(out.data);
  end_run(run);
  quipu_text_free(out);
  return text;
}

static quipu_status count_in_bins(const quipu_array *array, int64_t bins, quipu_media **media, quipu_error **detail) {
  quipu_histogram_options options = QUIPU_HISTOGRAM_OPTIONS_INIT;
  options.bins = bins;
  return quipu_histogram_new(array, &options, media, detail);
}

static void check_histogram_of(const quipu_array *array, const char *counts) {
  quipu_media *media = NULL;
  char *text;
  CHECK_OK(count_in_bins(array, 3, &media, &error));
  text = logged_value(media);
  CHECK(text != NULL);
  if (text) {
    char *spaceless = text, *from;
    char *to = spaceless;
    for (from = text; *from; from++) {
      if (*from != ' ') *to++ = *from;
    }
    *to = 0;
    if (!strstr(spaceless, counts)) harness_fail(__FILE__, __LINE__, "no %s in %s", counts, spaceless);
  }
  free(text);
  quipu_media_free(media);
}

TEST(test_array__negative_zero_and_overlapping_strides_are_read_as_said) {
  static const double values[] = {0, 1, 2, 3, 4, 5};
  int64_t shape[2], strides[2];
  quipu_array array;
  /* backwards: 5 4 3 2 1 0 */
  shape[0] = 6;
  strides[0] = -8;
  array = array_of(values + 5, QUIPU_DTYPE_FLOAT64, 1, shape, strides);
  check_histogram_of(&array, "\"values\":[2,2,2]");
  /* the same element five times beside one other: rows of stride 0 */
  shape[0] = 5;
  shape[1] = 2;
  strides[0] = 0;
  strides[1] = 8;
  array = array_of(values, QUIPU_DTYPE_FLOAT64, 2, shape, strides);
  check_histogram_of(&array, "\"values\":[5,0,5]");
  /* overlapping windows: 012 123 234 345 */
  shape[0] = 4;
  shape[1] = 3;
  strides[0] = 8;
  strides[1] = 8;
  array = array_of(values, QUIPU_DTYPE_FLOAT64, 2, shape, strides);
  check_histogram_of(&array, "\"values\":[3,6,3]");
}

/* ---------------------------------------------------------------------------------------------------------- images */

TEST(test_image__shapes_without_an_image_are_refused) {
  static const uint8_t pixels[64] = {0};
  static const int64_t shapes[][4] = {{4, 4, 2, 0}, {4, 4, 5, 0}, {4, 4, 0, 0}, {2, 2, 2, 2}, {16, 0, 0, 0}};
  static const int32_t axes[] = {3, 3, 3, 4, 1};
  size_t index;
  for (index = 0; index < 5; index++) {
    quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, axes[index], shapes[index], NULL);
    quipu_media *image = (quipu_media *)(uintptr_t)1;
    if (index == 0) continue; /* two channels: grey and alpha where the mode says so */
    CHECK_REFUSED(quipu_image_new(&array, NULL, &image, &error), QUIPU_ERROR_SHAPE, "shape");
    CHECK(image == NULL);
  }
  {
    quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 0, NULL, NULL);
    quipu_media *image = NULL;
    CHECK_REFUSED(quipu_image_new(&array, NULL, &image, &error), QUIPU_ERROR_SHAPE, "axes");
  }
}

TEST(test_image__zero_size_is_refused) {
  static const uint8_t pixel = 0;
  static const int64_t shapes[][3] = {{0, 4, 3}, {4, 0, 3}, {0, 0, 3}};
  size_t index;
  for (index = 0; index < 3; index++) {
    quipu_array array = array_of(&pixel, QUIPU_DTYPE_UINT8, 3, shapes[index], NULL);
    quipu_media *image = (quipu_media *)(uintptr_t)1;
    CHECK_REFUSED(quipu_image_new(&array, NULL, &image, &error), QUIPU_ERROR_SHAPE, NULL);
    CHECK(image == NULL);
  }
}

TEST(test_image__wide_images_are_written) {
  quipu_run *run = start_run();
  const int64_t width = 65536;
  uint8_t *row = calloc((size_t)width, 6);
  char directory[1024];
  REQUIRE(run && row);
  {
    /* two rows: an axis of one would be squeezed away, as W&B does */
    const int64_t wide[] = {2, width, 3}, tall[] = {width, 2, 3};
    quipu_array array = array_of(row, QUIPU_DTYPE_UINT8, 3, wide, NULL);
    quipu_media *images[2] = {NULL, NULL};
    quipu_item items[2];
    quipu_run_stats stats;
    CHECK_OK(quipu_image_new(&array, NULL, &images[0], &error));
    array.shape = tall;
    CHECK_OK(quipu_image_new(&array, NULL, &images[1], &error));
    items[0] = quipu_item_media("wide", images[0]);
    items[1] = quipu_item_media("tall", images[1]);
    CHECK_OK(quipu_run_log_items(run, items, 2, QUIPU_STEP_AUTO, 0, &error));
    quipu_media_free(images[0]);
    quipu_media_free(images[1]);
    snprintf(directory, sizeof directory, "%s", quipu_run_directory(run));
    CHECK_OK(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error));
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
    CHECK_INT(stats.values_dropped, 0);
    CHECK_INT(stats.media_pending, 0);
    quipu_run_free(run);
  }
  {
    static row_list list;
    char command[2048];
    FILE *find;
    int pngs = 0;
    snprintf(command, sizeof command, "find '%s/files/media' -name '*.png' -size +0", directory);
    find = popen(command, "r");
    REQUIRE(find);
    while (fgets(command, sizeof command, find)) {
      uint8_t head[24];
      FILE *png;
      command[strcspn(command, "\n")] = 0;
      png = fopen(command, "rb");
      REQUIRE(png && fread(head, 1, 24, png) == 24);
      fclose(png);
      CHECK(memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0);
      CHECK_INT((head[16] << 24 | head[17] << 16 | head[18] << 8 | head[19]) *
                    (int64_t)(head[20] << 24 | head[21] << 16 | head[22] << 8 | head[23]),
                2 * 65536);
      pngs++;
    }
    pclose(find);
    CHECK_INT(pngs, 2);
    read_rows(directory, "_step", &list);
    CHECK_INT(list.rows, 1);
  }
  free(row);
}

TEST(test_image__bad_options_are_refused) {
  static const uint8_t pixels[48] = {0};
  const int64_t shape[] = {4, 4, 3};
  quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 3, shape, NULL);
  quipu_media *image = NULL;
  quipu_image_options options = QUIPU_IMAGE_OPTIONS_INIT;
  options.mode = "CMYK";
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_ENCODE, "mode");
  options.mode = "\xff";
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_UTF8, "mode");
  options.mode = NULL;
  options.caption = "\xff";
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_UTF8, "caption");
  options.caption = NULL;
  options.file_type = "exe";
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_VALUE, "file_type");
  options.file_type = NULL;
  options.struct_size = 0;
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_OPTIONS, "struct_size");
  CHECK(image == NULL);
}

TEST(test_image__odd_values_never_trap) {
  const double values[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, -1, 256, 255.9, 0.5};
  const int64_t shape[] = {3, 3};
  quipu_array array = array_of(values, QUIPU_DTYPE_FLOAT64, 2, shape, NULL);
  quipu_media *image = NULL;
  quipu_run *run = start_run();
  quipu_item item;
  REQUIRE(run);
  CHECK_OK(quipu_image_new(&array, NULL, &image, &error));
  item = quipu_item_media("odd", image);
  CHECK_OK(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error));
  quipu_media_free(image);
  end_run(run);
}

TEST(test_image__files_that_are_none_are_refused) {
  quipu_media *image = NULL;
  FILE *file = fopen(below("text.png"), "w");
  REQUIRE(file);
  fputs("not a picture", file);
  fclose(file);
  CHECK_REFUSED(quipu_image_open(below("nowhere.png"), NULL, &image, &error), QUIPU_ERROR_NOT_FOUND, "nowhere.png");
  CHECK_REFUSED(quipu_image_open(below("text.png"), NULL, &image, &error), QUIPU_ERROR_FORMAT, NULL);
  CHECK_REFUSED(quipu_image_open("", NULL, &image, &error), QUIPU_ERROR_ARGUMENT, "path");
  CHECK_REFUSED(quipu_image_open(test_directory, NULL, &image, &error), QUIPU_ERROR_FILE, "directory");
  CHECK_REFUSED(quipu_image_open("\xff", NULL, &image, &error), QUIPU_ERROR_UTF8, "path");
  CHECK(image == NULL);
}

TEST(test_image__bytes_that_are_no_picture_are_refused) {
  static const char text[] = "not a picture, however long it is";
  quipu_media *image = (quipu_media *)(uintptr_t)1;
  CHECK_REFUSED(quipu_image_from_bytes(text, sizeof text, NULL, &image, &error), QUIPU_ERROR_FORMAT, "data");
  CHECK(image == NULL);
  CHECK_REFUSED(quipu_image_from_bytes(NULL, 5, NULL, &image, &error), QUIPU_ERROR_NULL, "data");
  CHECK_REFUSED(quipu_image_from_bytes(text, 0, NULL, &image, &error), QUIPU_ERROR_FORMAT, "data");
  CHECK_REFUSED(quipu_image_from_bytes(text, SIZE_MAX, NULL, &image, &error), QUIPU_ERROR_TOO_LARGE, "data");
}

TEST(test_image__options_that_do_not_fit_are_refused) {
  static const uint8_t pixels[64] = {0};
  const int64_t shape[] = {4, 4, 4};
  quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 3, shape, NULL);
  quipu_media *image = NULL;
  quipu_image_options options = QUIPU_IMAGE_OPTIONS_INIT;
  options.bit_depth = 12;
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_VALUE, "bit_depth");
  options.bit_depth = 16;
  options.file_type = "jpg";
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_ENCODE, "16-bit");
  options.bit_depth = 0;
  options.quality = 101;
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_VALUE, "quality");
  options.quality = -1;
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_VALUE, "quality");
  options.quality = 0;
  options.mode = "RGBA";
  CHECK_REFUSED(quipu_image_new(&array, &options, &image, &error), QUIPU_ERROR_ENCODE, "RGBA");
  CHECK(image == NULL);
  options.mode = NULL;
  CHECK_OK(quipu_image_new(&array, &options, &image, &error));
  quipu_media_free(image);
}

TEST(test_images__batches_are_lists_with_captions) {
  static const uint8_t pixels[2 * 3 * 4 * 3] = {0};
  static const char *const captions[] = {"a", "b"}, *const missing[] = {"a", NULL};
  const int64_t shape[] = {2, 3, 4, 3}, flat[] = {24, 3};
  const quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 4, shape, NULL);
  const quipu_array no_batch = array_of(pixels, QUIPU_DTYPE_UINT8, 2, flat, NULL);
  quipu_media *list = NULL;
  quipu_run *run = start_run();
  quipu_item item;
  REQUIRE(run);
  CHECK_REFUSED(quipu_images_new(&array, missing, NULL, &list, &error), QUIPU_ERROR_NULL, "captions[1]");
  CHECK_REFUSED(quipu_images_new(&no_batch, NULL, NULL, &list, &error), QUIPU_ERROR_SHAPE, "batch");
  CHECK(list == NULL);
  CHECK_OK(quipu_images_new(&array, captions, NULL, &list, &error));
  item = quipu_item_media("list", list);
  CHECK_OK(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error));
  quipu_media_free(list);
  end_run(run);
}

TEST(test_layers__what_does_not_fit_the_image_is_refused) {
  static const uint8_t pixels[12] = {0};
  static const double outside[] = {0, 0, 5, 3}, inside[] = {0, 0, 4, 3};
  static const int64_t ids[] = {7};
  static const quipu_class classes[] = {{0, "sky"}, {7, "road"}};
  const int64_t shape[] = {3, 4}, other[] = {4, 3}, row[] = {1, 4}, one[] = {1};
  const quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 2, shape, NULL);
  const quipu_array turned = array_of(pixels, QUIPU_DTYPE_UINT8, 2, other, NULL);
  const quipu_array far = array_of(outside, QUIPU_DTYPE_FLOAT64, 2, row, NULL);
  const quipu_array near = array_of(inside, QUIPU_DTYPE_FLOAT64, 2, row, NULL);
  const quipu_array numbers = array_of(ids, QUIPU_DTYPE_INT64, 1, one, NULL);
  quipu_media *image = NULL, *mask = NULL, *wrong = NULL, *boxes = NULL, *names = NULL;
  quipu_boxes_options options = QUIPU_BOXES_OPTIONS_INIT;
  quipu_run *run = start_run();
  quipu_item item;
  REQUIRE(run);
  CHECK_OK(quipu_image_new(&array, NULL, &image, &error));
  CHECK_OK(quipu_classes_new(classes, 2, &names, &error));
  CHECK_OK(quipu_mask_new(&array, names, NULL, &mask, &error));
  CHECK_OK(quipu_mask_new(&turned, NULL, NULL, &wrong, &error));
  CHECK_REFUSED(quipu_image_add(image, "m", wrong, &error), QUIPU_ERROR_VALUE, "mask_data");
  CHECK_REFUSED(quipu_image_add(mask, "m", mask, &error), QUIPU_ERROR_HANDLE, "image");
  CHECK_REFUSED(quipu_image_add(image, "m", image, &error), QUIPU_ERROR_HANDLE, "layer");
  CHECK_REFUSED(quipu_image_add(image, "m", NULL, &error), QUIPU_ERROR_NULL, "layer");
  CHECK_REFUSED(quipu_image_add(image, "\xff", mask, &error), QUIPU_ERROR_UTF8, "name");
  CHECK_OK(quipu_image_add(image, "m", mask, &error));
  CHECK_OK(quipu_image_add(image, NULL, names, &error));
  options.in_pixels = 1;
  options.class_ids = &numbers;
  options.classes = names;
  CHECK_OK(quipu_boxes_new(&far, &options, &boxes, &error));
  CHECK_REFUSED(quipu_image_add(image, "b", boxes, &error), QUIPU_ERROR_VALUE, "outside");
  quipu_media_free(boxes);
  options.layout = 9;
  CHECK_REFUSED(quipu_boxes_new(&near, &options, &boxes, &error), QUIPU_ERROR_ARGUMENT, "layout");
  options.layout = QUIPU_BOX_CORNERS;
  options.classes = mask;
  CHECK_REFUSED(quipu_boxes_new(&near, &options, &boxes, &error), QUIPU_ERROR_HANDLE, "classes");
  options.classes = names;
  CHECK_REFUSED(quipu_boxes_new(&array, &options, &boxes, &error), QUIPU_ERROR_VALUE, "class_ids");
  CHECK_OK(quipu_boxes_new(&near, &options, &boxes, &error));
  CHECK_OK(quipu_image_add(image, "b", boxes, &error));
  item = quipu_item_media("alone", mask);
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_VALUE, "belong");
  item = quipu_item_media("image", image);
  CHECK_OK(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error));
  CHECK_REFUSED(quipu_image_add(image, "late", mask, &error), QUIPU_ERROR_STATE, "logged");
  quipu_media_free(boxes);
  quipu_media_free(wrong);
  quipu_media_free(mask);
  quipu_media_free(names);
  quipu_media_free(image);
  end_run(run);
}

TEST(test_layers__json_that_is_none_is_refused) {
  static const char *const boxes[] = {
    "", "[]", "{}", "{\"box_data\": 5}", "{\"box_data\": [5]}", "{\"box_data\": [{}]}",
    "{\"box_data\": [{\"position\": {\"minX\": 0}}]}",
    "{\"box_data\": [{\"position\": {\"minX\": 0, \"maxX\": 1, \"minY\": 0, \"maxY\": 1}}]}",
    "{\"box_data\": [{\"position\": {\"minX\": 0, \"maxX\": 1, \"minY\": 0, \"maxY\": 1}, \"class_id\": 1.5}]}",
    "{\"box_data\": [], \"class_labels\": {\"one\": \"x\"}}", "{\"box_data\": [], \"class_labels\": {\"1\": 2}}",
  };
  static const char *const classes[] = {"", "5", "[5]", "[{\"id\": 1}]", "[{\"name\": \"x\"}]", "{\"x\": \"y\"}"};
  for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
    quipu_media *made = (quipu_media *)(uintptr_t)1;
    CHECK(quipu_boxes_from_json(quipu_cstr(boxes[i]), NULL, &made, NULL) != QUIPU_OK);
    CHECK(made == NULL);
  }
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    quipu_media *made = (quipu_media *)(uintptr_t)1;
    CHECK(quipu_classes_from_json(quipu_cstr(classes[i]), &made, NULL) != QUIPU_OK);
    CHECK(made == NULL);
  }
}

/* ------------------------------------------------------------------------------------------------------ histograms */

TEST(test_histogram__values_without_an_order_are_refused) {
  double values[4] = {1, 2, 3, NAN};
  const int64_t shape[] = {4}, none[] = {0};
  quipu_array array = array_of(values, QUIPU_DTYPE_FLOAT64, 1, shape, NULL);
  quipu_media *histogram = NULL;
  CHECK_REFUSED(quipu_histogram_new(&array, NULL, &histogram, &error), QUIPU_ERROR_VALUE, NULL);
  values[3] = INFINITY;
  CHECK_REFUSED(quipu_histogram_new(&array, NULL, &histogram, &error), QUIPU_ERROR_VALUE, NULL);
  values[3] = 4;
  CHECK_REFUSED(count_in_bins(&array, -1, &histogram, &error), QUIPU_ERROR_VALUE, "bins");
  CHECK_REFUSED(count_in_bins(&array, 513, &histogram, &error), QUIPU_ERROR_VALUE, "bins");
  CHECK_REFUSED(count_in_bins(&array, INT64_MAX, &histogram, &error), QUIPU_ERROR_VALUE, "bins");
  CHECK_REFUSED(count_in_bins(&array, INT64_MIN, &histogram, &error), QUIPU_ERROR_VALUE, "bins");
  CHECK(histogram == NULL);
  /* np.histogram of nothing has empty bins */
  array = array_of(NULL, QUIPU_DTYPE_FLOAT64, 1, none, NULL);
  CHECK_OK(quipu_histogram_new(&array, NULL, &histogram, &error));
  quipu_media_free(histogram);
}

TEST(test_histogram__options_choose_bins_range_weights_and_what_to_skip) {
  static const float values[] = {0, 1, 2, 3, 4, NAN, INFINITY};
  static const double weights[] = {1, 1, 1, 1, 0.5, 7, 7};
  static const int32_t edges[] = {0, 2, 5};
  const int64_t shape[] = {7}, edge_shape[] = {3};
  const quipu_array array = array_of(values, QUIPU_DTYPE_FLOAT32, 1, shape, NULL);
  const quipu_array weight_array = array_of(weights, QUIPU_DTYPE_FLOAT64, 1, shape, NULL);
  const quipu_array edge_array = array_of(edges, QUIPU_DTYPE_INT32, 1, edge_shape, NULL);
  quipu_histogram_options options = QUIPU_HISTOGRAM_OPTIONS_INIT;
  const quipu_histogram_result *result = NULL;
  quipu_limit range[2];
  quipu_media *histogram = NULL;
  quipu_str text;

  options.edges = &edge_array;
  options.weights = &weight_array;
  options.skip_nonfinite = 1;
  CHECK_OK(quipu_histogram_compute(&array, &options, &result, &error));
  CHECK_INT(result->counts.dtype, QUIPU_DTYPE_FLOAT64);
  CHECK_INT(result->counts.shape[0], 2);
  CHECK(((const double *)result->counts.data)[0] == 2 && ((const double *)result->counts.data)[1] == 2.5);
  CHECK_INT(result->edges.dtype, QUIPU_DTYPE_INT32);
  CHECK_INT(result->edges.shape[0], 3);
  CHECK_INT(((const int32_t *)result->edges.data)[2], 5);
  CHECK_INT(result->skipped, 2);
  quipu_histogram_result_free(result);
  quipu_histogram_result_free(NULL);

  options.edges = options.weights = NULL;
  options.bins = 2;
  CHECK_OK(quipu_histogram_new(&array, &options, &histogram, &error));
  CHECK_OK(quipu_media_json(histogram, &text, &error));
  CHECK_TEXT(text.data, "{\"_type\":\"histogram\",\"values\":[2,3],\"bins\":[0.0,2.0,4.0],\"skipped\":2}");
  quipu_text_free(text);
  quipu_media_free(histogram);

  /* a range leaves out what lies outside, NaN too; a plain limit leaves float32 data their type, a typed one does not */
  options.skip_nonfinite = 0;
  options.range = range;
  range[0] = quipu_plain_limit(1);
  range[1] = quipu_plain_limit(3);
  CHECK_OK(quipu_histogram_compute(&array, &options, &result, &error));
  CHECK_INT(result->edges.dtype, QUIPU_DTYPE_FLOAT32);
  CHECK_INT(((const int64_t *)result->counts.data)[1], 2);
  quipu_histogram_result_free(result);
  range[1].dtype = QUIPU_DTYPE_FLOAT64;
  CHECK_OK(quipu_histogram_compute(&array, &options, &result, &error));
  CHECK_INT(result->edges.dtype, QUIPU_DTYPE_FLOAT64);
  quipu_histogram_result_free(result);

  range[1].dtype = 77;
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_DTYPE, "range[1]");
  range[1] = quipu_plain_limit(NAN);
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_VALUE, "range");
  range[1] = quipu_plain_limit(0);
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_VALUE, "range");
  options.range = NULL;
  CHECK(result == NULL);
  CHECK_REFUSED(quipu_histogram_compute(&array, NULL, NULL, &error), QUIPU_ERROR_NULL, "result");
  options.estimator = "auto";
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_OPTIONS, "estimator");
  options.bins = 0;
  options.skip_nonfinite = 1;
  options.weights = &edge_array;
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_VALUE, "weights");
  options.weights = NULL;
  options.estimator = "often";
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_VALUE, "often");
  options.estimator = NULL;
  options.struct_size = 7;
  CHECK_REFUSED(quipu_histogram_compute(&array, &options, &result, &error), QUIPU_ERROR_OPTIONS, "options");
}

TEST(test_array_statistics__are_those_of_the_elements) {
  double values[101] = {0};
  const int64_t shape[] = {101}, few[] = {3};
  quipu_array array = array_of(values, QUIPU_DTYPE_FLOAT64, 1, shape, NULL);
  quipu_media *media = NULL;
  quipu_str text;
  int at;
  for (at = 0; at < 101; at++) values[(at * 37) % 101] = at;
  CHECK_OK(quipu_array_statistics_new(&array, "torch.Tensor", &media, &error));
  CHECK_OK(quipu_media_json(media, &text, &error));
  CHECK_TEXT(text.data, "{\"_type\":\"torch.Tensor\",\"var\":850.0,\"mean\":50.0,\"min\":0.0,\"max\":100.0,"
                        "\"10%\":10.0,\"25%\":25.0,\"75%\":75.0,\"90%\":90.0,\"size\":101}");
  quipu_text_free(text);
  quipu_media_free(media);
  array.shape = few;
  CHECK_OK(quipu_array_statistics_new(&array, NULL, &media, &error));
  CHECK_OK(quipu_media_json(media, &text, &error));
  CHECK(text.size > 0 && text.data[0] == '[');
  quipu_text_free(text);
  quipu_media_free(media);
  CHECK_REFUSED(quipu_array_statistics_new(NULL, NULL, &media, &error), QUIPU_ERROR_NULL, "array");
}

TEST(test_histogram__counts_and_edges_that_do_not_fit_are_refused) {
  const double counts[3] = {1, 2, 3}, edges[4] = {0, 1, 2, 3};
  int64_t count_shape[] = {3}, edge_shape[] = {3};
  quipu_array c = array_of(counts, QUIPU_DTYPE_FLOAT64, 1, count_shape, NULL);
  quipu_array e = array_of(edges, QUIPU_DTYPE_FLOAT64, 1, edge_shape, NULL);
  quipu_media *histogram = NULL;
  CHECK_REFUSED(quipu_histogram_from_counts(&c, &e, &histogram, &error), QUIPU_ERROR_SHAPE, "edges");
  CHECK_REFUSED(quipu_histogram_from_counts(NULL, &e, &histogram, &error), QUIPU_ERROR_NULL, "counts");
  CHECK_REFUSED(quipu_histogram_from_counts(&c, NULL, &histogram, &error), QUIPU_ERROR_NULL, "edges");
  CHECK_REFUSED(quipu_histogram_from_json(quipu_cstr("[]"), &histogram, &error), QUIPU_ERROR_VALUE, "json");
  CHECK_REFUSED(quipu_histogram_from_json(quipu_cstr("{\"values\":[1,2],\"bins\":[0,1]}"), &histogram, &error),
                QUIPU_ERROR_SHAPE, "edges");
  CHECK(histogram == NULL);
  edge_shape[0] = 4;
  CHECK_OK(quipu_histogram_from_counts(&c, &e, &histogram, &error));
  quipu_media_free(histogram);
}

/* ---------------------------------------------------------------------------------------------------- point clouds */

TEST(test_cloud__wrong_widths_are_refused) {
  int64_t shape[2] = {4, 0};
  int64_t width;
  for (width = 0; width < 9; width++) {
    quipu_media *cloud = (quipu_media *)(uintptr_t)1;
    quipu_array array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 2, shape, NULL);
    shape[1] = width;
    if (width == 3 || width == 4 || width == 6) {
      CHECK_OK(quipu_point_cloud_new(&array, NULL, &cloud, &error));
      quipu_media_free(cloud);
    } else {
      CHECK_REFUSED(quipu_point_cloud_new(&array, NULL, &cloud, &error), QUIPU_ERROR_SHAPE, "shape");
      CHECK(cloud == NULL);
    }
  }
  {
    quipu_media *object = NULL;
    CHECK_REFUSED(quipu_object3d_from_text(quipu_cstr("{"), "json", NULL, &object, &error), QUIPU_ERROR_VALUE, NULL);
    CHECK_REFUSED(quipu_object3d_from_text(quipu_cstr("x"), "doc", NULL, &object, &error), QUIPU_ERROR_VALUE,
                  "file_type");
    CHECK_REFUSED(quipu_object3d_from_text(quipu_cstr("x"), NULL, NULL, &object, &error), QUIPU_ERROR_NULL,
                  "file_type");
    CHECK_REFUSED(quipu_object3d_open(below("nowhere.obj"), NULL, &object, &error), QUIPU_ERROR_NOT_FOUND,
                  "nowhere.obj");
    CHECK(object == NULL);
  }
}

static const char *file_with(const char *name, const void *content, size_t size) {
  const char *path = below("%s", name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(content, 1, size, file) != size || fclose(file) != 0) CHECK(!"a file can be written");
  return path;
}

TEST(test_scene__parts_that_are_wrong_are_refused_by_name) {
  const int64_t shape[2] = {2, 3};
  quipu_array points = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 2, shape, NULL);
  const double center[3] = {1, 2, 3}, size[3] = {2, 2, 2}, turn[4] = {1, 0, 0, 0}, none[4] = {0, 0, 0, 0};
  const double arrow[6] = {0, 0, 0, 1, 1, 1};
  quipu_scene_options options = QUIPU_SCENE_OPTIONS_INIT;
  quipu_media *scene = NULL;
  quipu_box3d box;
  memset(&box, 0, sizeof box);
  CHECK_OK(quipu_box3d_turn(center, size, turn, &box, &error));
  CHECK(box.corners[0] == 0 && box.corners[1] == 1 && box.corners[2] == 2 && box.corners[23] == 4);
  CHECK_OK(quipu_box3d_turn(center, size, NULL, &box, &error));
  CHECK_REFUSED(quipu_box3d_turn(NULL, size, turn, &box, &error), QUIPU_ERROR_VALUE, "center");
  CHECK_REFUSED(quipu_box3d_turn(center, NULL, turn, &box, &error), QUIPU_ERROR_VALUE, "size");
  CHECK_REFUSED(quipu_box3d_turn(center, size, none, &box, &error), QUIPU_ERROR_VALUE, "orientation");
  CHECK_REFUSED(quipu_box3d_turn(center, size, turn, NULL, &error), QUIPU_ERROR_NULL, "box");

  CHECK_OK(quipu_scene_new(&options, &scene, &error));
  quipu_media_free(scene);
  options.points = &points;
  options.boxes = &box;
  options.box_count = 1;
  options.vectors = arrow;
  options.vector_count = 1;
  CHECK_OK(quipu_scene_new(&options, &scene, &error));
  quipu_media_free(scene);
  CHECK_REFUSED(quipu_scene_new(NULL, &scene, &error), QUIPU_ERROR_NULL, "options");
  CHECK_REFUSED(quipu_scene_new(&options, NULL, &error), QUIPU_ERROR_NULL, "scene");
  box.label = "\xff";
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_UTF8, "boxes[0].label");
  box.label = "car";
  options.vectors = NULL;
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_NULL, "vectors");
  options.vectors = arrow;
  options.boxes = NULL;
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_NULL, "boxes");
  options.boxes = &box;
  options.boxes_json = quipu_cstr("[]");
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_ARGUMENT, "boxes_json");
  options.box_count = options.vector_count = 0;
  options.boxes_json = quipu_cstr("[{\"corners\":[1]}]");
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_VALUE, "boxes[0]");
  options.boxes_json = quipu_cstr("[");
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_VALUE, "boxes_json");
  options.boxes_json = quipu_cstr("[]");
  options.vectors_json = quipu_cstr("[{}]");
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_VALUE, "vectors[0]");
  options.struct_size = 3;
  CHECK_REFUSED(quipu_scene_new(&options, &scene, &error), QUIPU_ERROR_OPTIONS, "options");
  CHECK(scene == NULL);
}

/* ------------------------------------------------------------------------------------------------------- documents */

TEST(test_documents__files_that_are_not_what_they_should_be_are_refused) {
  static const char png[] = "\x89PNG\r\n\x1a\n";
  quipu_media *media = NULL;
  CHECK_REFUSED(quipu_object3d_open(file_with("a.glb", png, sizeof png), NULL, &media, &error), QUIPU_ERROR_FORMAT,
                "a.glb");
  CHECK_REFUSED(quipu_object3d_open(file_with("b.obj", "", 0), NULL, &media, &error), QUIPU_ERROR_FORMAT, "b.obj");
  CHECK_REFUSED(quipu_molecule_open(file_with("c.pdb", "{}", 2), NULL, &media, &error), QUIPU_ERROR_FORMAT, "c.pdb");
  CHECK_REFUSED(quipu_molecule_open(below("none.pdb"), NULL, &media, &error), QUIPU_ERROR_NOT_FOUND, "none.pdb");
  CHECK_REFUSED(quipu_molecule_open("x.xyz", NULL, &media, &error), QUIPU_ERROR_VALUE, "path");
  CHECK_REFUSED(quipu_molecule_open(NULL, NULL, &media, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_molecule_from_text(quipu_cstr("ATOM"), "xyz", NULL, &media, &error), QUIPU_ERROR_VALUE,
                "file_type");
  CHECK_REFUSED(quipu_molecule_from_text(quipu_cstr(""), "pdb", NULL, &media, &error), QUIPU_ERROR_FORMAT, "text");
  CHECK_REFUSED(quipu_molecule_from_text(quipu_cstr("ATOM"), "pdb", "\xff", &media, &error), QUIPU_ERROR_UTF8,
                "caption");
  CHECK_REFUSED(quipu_html_open(below("none.html"), 0, &media, &error), QUIPU_ERROR_NOT_FOUND, "none.html");
  CHECK_REFUSED(quipu_html_open(file_with("d.html", "<p>\xff", 4), 0, &media, &error), QUIPU_ERROR_UTF8, "d.html");
  CHECK_REFUSED(quipu_html_new(quipu_cstr("<p>\xc3"), 0, &media, &error), QUIPU_ERROR_UTF8, "page");
  CHECK_REFUSED(quipu_html_new(quipu_cstr("<p>"), 3, &media, &error), QUIPU_ERROR_ARGUMENT, "inject");
  CHECK_REFUSED(quipu_html_new(quipu_cstr("<p>"), 0, NULL, &error), QUIPU_ERROR_NULL, "html");
  REQUIRE(mkdir(below("folder.html"), 0755) == 0 && mkdir(below("folder.obj"), 0755) == 0);
  REQUIRE(mkdir(below("folder.pdb"), 0755) == 0);
  CHECK_REFUSED(quipu_html_open(below("folder.html"), 0, &media, &error), QUIPU_ERROR_FILE, "folder.html");
  CHECK_REFUSED(quipu_object3d_open(below("folder.obj"), NULL, &media, &error), QUIPU_ERROR_FILE, "folder.obj");
  CHECK_REFUSED(quipu_molecule_open(below("folder.pdb"), NULL, &media, &error), QUIPU_ERROR_FILE, "folder.pdb");
  CHECK_REFUSED(quipu_molecule_check_smiles(quipu_cstr("not a molecule"), &error), QUIPU_ERROR_VALUE, "smiles");
  CHECK_REFUSED(quipu_molecule_check_smiles(quipu_cstr("C1CC"), &error), QUIPU_ERROR_VALUE, "smiles");
  CHECK(media == NULL);
  CHECK_OK(quipu_molecule_check_smiles(quipu_cstr("CC(=O)O"), &error));
  CHECK_OK(quipu_molecule_from_text(quipu_cstr("ATOM\n"), "pdb", "c", &media, &error));
  quipu_media_free(media);
  CHECK_OK(quipu_html_new(quipu_cstr(""), 0, &media, &error));
  quipu_media_free(media);
  CHECK_OK(quipu_object3d_open(file_with("cube.obj", "v 0 0 0\n", 8), NULL, &media, &error));
  quipu_media_free(media);
}

/* -------------------------------------------------------------------------------------------------- audio and video */

TEST(test_audio__what_is_no_recording_is_refused) {
  const int64_t mono[] = {8}, stereo[] = {4, 2}, cube[] = {2, 2, 2};
  quipu_array array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 1, mono, NULL);
  quipu_media *media = NULL;
  CHECK_OK(quipu_audio_new(&array, 44100, "caption", &media, &error));
  quipu_media_free(media);
  media = NULL;
  CHECK_REFUSED(quipu_audio_new(NULL, 44100, NULL, &media, &error), QUIPU_ERROR_NULL, "samples");
  CHECK_REFUSED(quipu_audio_new(&array, 44100, NULL, NULL, &error), QUIPU_ERROR_NULL, "audio");
  CHECK_REFUSED(quipu_audio_new(&array, 44100, "\xff", &media, &error), QUIPU_ERROR_UTF8, "caption");
  CHECK_REFUSED(quipu_audio_new(&array, 0, NULL, &media, &error), QUIPU_ERROR_VALUE, "sample_rate");
  CHECK_REFUSED(quipu_audio_new(&array, INT64_MIN, NULL, &media, &error), QUIPU_ERROR_VALUE, "sample_rate");
  CHECK_REFUSED(quipu_audio_new(&array, INT64_MAX, NULL, &media, &error), QUIPU_ERROR_VALUE, "sample_rate");
  array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 3, cube, NULL);
  CHECK_REFUSED(quipu_audio_new(&array, 44100, NULL, &media, &error), QUIPU_ERROR_SHAPE, "samples");
  array = array_of(some_floats, QUIPU_DTYPE_UINT32, 2, stereo, NULL);
  CHECK_REFUSED(quipu_audio_new(&array, 44100, NULL, &media, &error), QUIPU_ERROR_DTYPE, "samples");
  CHECK_REFUSED(quipu_audio_open(NULL, NULL, &media, &error), QUIPU_ERROR_NULL, "path");
  CHECK_REFUSED(quipu_audio_open(below("none.wav"), NULL, &media, &error), QUIPU_ERROR_NOT_FOUND, "none.wav");
  CHECK_REFUSED(quipu_audio_open(file_with("e.wav", "fLaC", 4), NULL, &media, &error), QUIPU_ERROR_FORMAT, "e.wav");
  CHECK_REFUSED(quipu_audio_open(file_with("f.wav", "", 0), NULL, &media, &error), QUIPU_ERROR_FORMAT, "f.wav");
  CHECK_REFUSED(quipu_audio_from_bytes(quipu_cstr("OggS"), "mp3", NULL, &media, &error), QUIPU_ERROR_FORMAT, "content");
  CHECK_REFUSED(quipu_audio_from_bytes(quipu_cstr("x"), "a/b", NULL, &media, &error), QUIPU_ERROR_VALUE, "format");
  CHECK_REFUSED(quipu_audio_from_bytes(quipu_cstr("x"), NULL, NULL, &media, &error), QUIPU_ERROR_NULL, "format");
  CHECK(media == NULL);
}

TEST(test_video__what_is_no_video_is_refused) {
  const int64_t frames[] = {2, 3, 2, 2}, flat[] = {2, 3, 4}, two[] = {2, 2, 2, 2};
  quipu_array array = array_of(some_floats, QUIPU_DTYPE_UINT8, 4, frames, NULL);
  quipu_video_options options = QUIPU_VIDEO_OPTIONS_INIT;
  quipu_media *media = NULL;
  CHECK_OK(quipu_video_new(&array, NULL, &media, &error));
  quipu_media_free(media);
  media = NULL;
  CHECK_REFUSED(quipu_video_new(NULL, NULL, &media, &error), QUIPU_ERROR_NULL, "frames");
  CHECK_REFUSED(quipu_video_new(&array, NULL, NULL, &error), QUIPU_ERROR_NULL, "video");
  options.format = "avi";
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_VALUE, "format");
  options.format = "gif";
  options.fps = -4;
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_VALUE, "fps");
  options.fps = NAN;
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_VALUE, "fps");
  options.fps = 1e-9;
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_VALUE, "fps");
  options.fps = 0;
  options.channels_last = 1;
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_SHAPE, "frames");
  options.channels_last = 0;
  array = array_of(some_floats, QUIPU_DTYPE_UINT8, 3, flat, NULL);
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_SHAPE, "frames");
  array = array_of(some_floats, QUIPU_DTYPE_UINT8, 4, two, NULL);
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_SHAPE, "frames");
  options.struct_size = 3;
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_OPTIONS, "options");
  array = array_of(some_floats, QUIPU_DTYPE_UINT8, 4, frames, NULL);
  options.struct_size = sizeof options;
  options.format = "mp4";
  REQUIRE(setenv("QUIPU_FFMPEG", below("no-ffmpeg"), 1) == 0);
  CHECK_REFUSED(quipu_video_new(&array, &options, &media, &error), QUIPU_ERROR_LIBRARY, "QUIPU_FFMPEG");
  REQUIRE(unsetenv("QUIPU_FFMPEG") == 0);
  CHECK_REFUSED(quipu_video_open("x.avi", NULL, &media, &error), QUIPU_ERROR_VALUE, "path");
  CHECK_REFUSED(quipu_video_open(below("none.mp4"), NULL, &media, &error), QUIPU_ERROR_NOT_FOUND, "none.mp4");
  CHECK_REFUSED(quipu_video_open(file_with("g.mp4", "GIF89a", 6), NULL, &media, &error), QUIPU_ERROR_FORMAT, "g.mp4");
  CHECK_REFUSED(quipu_video_from_bytes(quipu_cstr(""), "gif", NULL, &media, &error), QUIPU_ERROR_FORMAT, "content");
  CHECK_REFUSED(quipu_video_from_bytes(quipu_cstr("x"), "mov", NULL, &media, &error), QUIPU_ERROR_VALUE, "format");
  CHECK(media == NULL);
}

/* ---------------------------------------------------------------------------------------------------------- tables */

static quipu_media *two_columns(void) {
  const char *columns[] = {"number", "text"};
  quipu_media *table = NULL;
  CHECK_OK(quipu_table_new(columns, 2, NULL, &table, &error));
  return table;
}

TEST(test_table__row_of_wrong_width_is_refused) {
  quipu_media *table = two_columns();
  quipu_item cells[3];
  REQUIRE(table);
  cells[0] = quipu_item_int("", 1);
  cells[1] = quipu_item_text("", quipu_cstr("one"));
  cells[2] = quipu_item_int("", 2);
  CHECK_OK(quipu_table_add_row(table, cells, 2, &error));
  CHECK_REFUSED(quipu_table_add_row(table, cells, 1, &error), QUIPU_ERROR_SHAPE, "column");
  CHECK_REFUSED(quipu_table_add_row(table, cells, 3, &error), QUIPU_ERROR_SHAPE, "column");
  CHECK_REFUSED(quipu_table_add_row(table, cells, 0, &error), QUIPU_ERROR_SHAPE, "column");
  CHECK_REFUSED(quipu_table_add_row(table, NULL, 2, &error), QUIPU_ERROR_NULL, "cells");
  CHECK_REFUSED(quipu_table_add_rows_json(table, quipu_cstr("[[5,\"x\"],[6]]"), NULL, 0, NULL, 0, &error),
                QUIPU_ERROR_SHAPE, NULL);
  CHECK_INT(quipu_table_row_count(table), 1); /* all rows or none */
  CHECK_OK(quipu_table_add_row(table, cells, 2, &error));
  CHECK_INT(quipu_table_row_count(table), 2);
  CHECK_INT(quipu_table_column_count(table), 2);
  quipu_media_free(table);
}

TEST(test_table__cell_that_does_not_fit_its_column_is_refused) {
  quipu_media *table = two_columns();
  quipu_item cells[2];
  REQUIRE(table);
  cells[0] = quipu_item_int("", 1);
  cells[1] = quipu_item_text("", quipu_cstr("one"));
  CHECK_OK(quipu_table_add_row(table, cells, 2, &error));
  cells[0] = quipu_item_text("", quipu_cstr("not a number"));
  CHECK_REFUSED(quipu_table_add_row(table, cells, 2, &error), QUIPU_ERROR_VALUE, NULL);
  cells[0] = quipu_item_text("", quipu_cstr("\xff"));
  CHECK_REFUSED(quipu_table_add_row(table, cells, 2, &error), QUIPU_ERROR_UTF8, NULL);
  cells[0].type = 99;
  CHECK_REFUSED(quipu_table_add_row(table, cells, 2, &error), QUIPU_ERROR_ARGUMENT, "type");
  CHECK_INT(quipu_table_row_count(table), 1);
  quipu_media_free(table);
}

TEST(test_table__columns_that_do_not_fit_are_refused) {
  quipu_media *table = two_columns(), *broken = (quipu_media *)(uintptr_t)1;
  const char *bad[] = {"a", "\xff"}, *hole[] = {NULL};
  const int64_t shape[] = {3}, flat[] = {2, 2};
  quipu_array array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 1, shape, NULL);
  const int64_t ends[] = {0, 1, 2}, tangled[] = {0, 2, 1};
  quipu_cells column = quipu_cells_array(&array);
  quipu_item cells[2];
  REQUIRE(table);
  CHECK_REFUSED(quipu_table_new(bad, 2, NULL, &broken, &error), QUIPU_ERROR_UTF8, "column");
  CHECK(broken == NULL);
  CHECK_REFUSED(quipu_table_new(hole, 1, NULL, &broken, &error), QUIPU_ERROR_NULL, "column");
  cells[0] = quipu_item_int("", 1);
  cells[1] = quipu_item_text("", quipu_cstr("one"));
  CHECK_OK(quipu_table_add_row(table, cells, 2, &error));
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_SHAPE, NULL);
  array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 2, flat, NULL);
  column = quipu_cells_array(&array);
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_SHAPE, NULL);
  CHECK_REFUSED(quipu_table_add_column(table, NULL, &column, 1, &error), QUIPU_ERROR_NULL, "name");
  CHECK_REFUSED(quipu_table_add_column(table, "c", NULL, 1, &error), QUIPU_ERROR_NULL, "cells");
  column = quipu_cells_text(quipu_cstr("ab"), ends, 2);
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_SHAPE, NULL);
  column = quipu_cells_text(quipu_cstr("ab"), tangled, 2);
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_VALUE, "offsets");
  column = quipu_cells_text(quipu_cstr("ab"), NULL, 2);
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_NULL, "offsets");
  column = quipu_cells_json(quipu_cstr("{"));
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_VALUE, "text");
  column.form = 77;
  CHECK_REFUSED(quipu_table_add_column(table, "c", &column, 1, &error), QUIPU_ERROR_ARGUMENT, "form");
  CHECK_REFUSED(quipu_table_alter(table, quipu_cstr("{\"op\":\"explode\"}"), NULL, &error), QUIPU_ERROR_VALUE, NULL);
  CHECK_INT(quipu_table_column_count(table), 2);
  CHECK_INT(quipu_table_row_count(table), 1);
  quipu_media_free(table);
}

TEST(test_table__calls_on_another_kind_of_media_are_refused) {
  const int64_t shape[] = {4};
  quipu_array array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 1, shape, NULL);
  quipu_cells column = quipu_cells_array(&array);
  quipu_media *histogram = NULL;
  quipu_item cell = quipu_item_int("", 1);
  CHECK_OK(quipu_histogram_new(&array, NULL, &histogram, &error));
  CHECK_REFUSED(quipu_table_add_row(histogram, &cell, 1, &error), QUIPU_ERROR_HANDLE, "table");
  CHECK_REFUSED(quipu_table_add_column(histogram, "a", &column, 1, &error), QUIPU_ERROR_HANDLE, "table");
  CHECK_REFUSED(quipu_table_add_row(NULL, &cell, 1, &error), QUIPU_ERROR_NULL, "table");
  CHECK_INT(quipu_table_row_count(histogram), 0);
  quipu_media_free(histogram);
}

TEST(test_media__use_after_free_is_refused) {
  const int64_t shape[] = {4};
  quipu_array array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 1, shape, NULL);
  quipu_media *histogram = NULL, *list = (quipu_media *)(uintptr_t)1;
  quipu_run *run = start_with_before();
  quipu_item item;
  REQUIRE(run);
  CHECK_OK(quipu_histogram_new(&array, NULL, &histogram, &error));
  quipu_media_free(histogram);
  quipu_media_free(histogram); /* a second free does nothing */
  item = quipu_item_media("h", histogram);
  CHECK_REFUSED(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, &error), QUIPU_ERROR_HANDLE, "media");
  CHECK_REFUSED(quipu_media_list_new(&histogram, 1, &list, &error), QUIPU_ERROR_HANDLE, NULL);
  CHECK(list == NULL);
  check_before_and_after(run);
}

TEST(test_media__json_of_what_is_a_file_is_refused) {
  static const uint8_t pixels[16] = {0};
  const int64_t shape[] = {4, 4}, flat[] = {3};
  quipu_array array = array_of(pixels, QUIPU_DTYPE_UINT8, 2, shape, NULL);
  quipu_media *image = NULL, *value = NULL;
  quipu_str out = {"stale", 5};
  CHECK_OK(quipu_image_new(&array, NULL, &image, &error));
  array = array_of(some_floats, QUIPU_DTYPE_FLOAT32, 1, flat, NULL);
  CHECK_OK(quipu_array_value_new(&array, &value, &error));
  CHECK_REFUSED(quipu_media_json(image, &out, &error), QUIPU_ERROR_STATE, NULL);
  CHECK(out.data == NULL && out.size == 0);
  CHECK_REFUSED(quipu_media_json(NULL, &out, &error), QUIPU_ERROR_NULL, "media");
  CHECK_REFUSED(quipu_media_json(value, NULL, &error), QUIPU_ERROR_NULL, "out");
  CHECK_OK(quipu_media_json(value, &out, &error));
  CHECK_TEXT(out.data, "[0.0,1.0,2.0]");
  quipu_text_free(out);
  quipu_media_free(image);
  quipu_media_free(value);
}

/* ---------------------------------------------------------------------------------------------------------- DLPack */

/* The layout of DLPack 0.x and 1.x, from its specification. */
struct DLTensor {
  void *data;
  struct {
    int32_t device_type;
    int32_t device_id;
  } device;
  int32_t ndim;
  struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
  } dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
};

TEST(test_dlpack__tensors_are_read_or_refused) {
  static float values[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  int64_t shape[] = {2, 3}, strides[] = {1, 2}, out[2] = {0, 0};
  struct DLTensor tensor;
  quipu_array array;
  memset(&tensor, 0, sizeof tensor);
  tensor.data = values;
  tensor.device.device_type = 1;
  tensor.ndim = 2;
  tensor.dtype.code = 2;
  tensor.dtype.bits = 32;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  tensor.strides = strides;
  tensor.byte_offset = 8;
  CHECK_OK(quipu_array_from_dlpack(&tensor, &array, out, 2, &error));
  CHECK(array.data == values + 2);
  CHECK_INT(array.dtype, QUIPU_DTYPE_FLOAT32);
  CHECK_INT(array.ndim, 2);
  CHECK_INT(out[0], 4);
  CHECK_INT(out[1], 8);
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, &array, out, 1, &error), QUIPU_ERROR_SHAPE, "strides_out");
  CHECK(array.data == NULL);
  CHECK_REFUSED(quipu_array_from_dlpack(NULL, &array, out, 2, &error), QUIPU_ERROR_NULL, "tensor");
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, NULL, out, 2, &error), QUIPU_ERROR_NULL, "array");
  tensor.device.device_type = 2; /* CUDA */
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, &array, out, 2, &error), QUIPU_ERROR_DEVICE, NULL);
  tensor.device.device_type = 1;
  tensor.dtype.lanes = 4;
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, &array, out, 2, &error), QUIPU_ERROR_DTYPE, "lanes");
  tensor.dtype.lanes = 1;
  tensor.dtype.bits = 4;
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, &array, out, 2, &error), QUIPU_ERROR_DTYPE, NULL);
  tensor.dtype.bits = 32;
  tensor.ndim = -1;
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, &array, out, 2, &error), QUIPU_ERROR_SHAPE, "ndim");
  tensor.ndim = 2;
  strides[0] = INT64_MAX;
  CHECK_REFUSED(quipu_array_from_dlpack(&tensor, &array, out, 2, &error), QUIPU_ERROR_SHAPE, "stride");
  shape[0] = -4;
  strides[0] = 1;
  CHECK_OK(quipu_array_from_dlpack(&tensor, &array, out, 2, &error)); /* whoever reads it refuses it */
  REFUSE_EVERYWHERE(&array, QUIPU_ERROR_SHAPE, "negative");
}
