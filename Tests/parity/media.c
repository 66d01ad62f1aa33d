/* Every kind of media from C; media.cpp, media.swift and media.py log the same. Argument: the directory of the run. */
#include <quipu.h>
#include <stdio.h>

#define DO(call)                                                      \
  do {                                                                \
    quipu_error *error = NULL;                                        \
    if ((call) != QUIPU_OK) {                                         \
      fprintf(stderr, "%s: %s\n", #call, quipu_error_message(error)); \
      return 1;                                                       \
    }                                                                 \
  } while (0)

static quipu_array array_of(const void *data, quipu_dtype dtype, int32_t ndim, const int64_t *shape) {
  quipu_array array = {NULL, 0, 0, NULL, NULL, 0, 0};
  array.data = data;
  array.dtype = dtype;
  array.ndim = ndim;
  array.shape = shape;
  return array;
}

/* A row of its own; the handle is freed. */
static quipu_status log_media(quipu_run *run, const char *key, quipu_media *media, quipu_error **error) {
  quipu_item item = quipu_item_media(key, media);
  quipu_status status = quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, error);
  quipu_media_free(media);
  return status;
}

static unsigned char pixels[6][8][3], mask[6][8], frames[4][3][8][8];
static float fractions[6][8], points[4][3];
static int16_t samples[800];
static double values[100];
static const int64_t image_shape[] = {6, 8, 3}, plane_shape[] = {6, 8}, frames_shape[] = {4, 3, 8, 8};
static const int64_t points_shape[] = {4, 3}, samples_shape[] = {400, 2}, values_shape[] = {100};

static void fill(void) {
  int t, c, y, x;
  for (y = 0; y < 6; y++) {
    for (x = 0; x < 8; x++) {
      pixels[y][x][0] = (unsigned char)(x * 30);
      pixels[y][x][1] = (unsigned char)(y * 40);
      pixels[y][x][2] = 128;
      mask[y][x] = (unsigned char)(x / 4 + y / 3 * 2);
      fractions[y][x] = (float)(x * y) / 35.0f;
    }
  }
  for (t = 0; t < 4; t++) {
    for (c = 0; c < 3; c++) {
      for (y = 0; y < 8; y++) {
        for (x = 0; x < 8; x++) frames[t][c][y][x] = (unsigned char)((t * 60 + x * 8 + y * 4 + c * 20) % 256);
      }
    }
  }
  for (x = 0; x < 12; x++) points[x / 3][x % 3] = (float)x * 0.5f;
  for (x = 0; x < 800; x++) samples[x] = (int16_t)((x * 397 % 2000 - 1000) * 16);
  for (x = 0; x < 100; x++) values[x] = x * x;
}

static int log_images(quipu_run *run) {
  const quipu_array rgb = array_of(pixels, QUIPU_DTYPE_UINT8, 3, image_shape);
  const quipu_array gray = array_of(fractions, QUIPU_DTYPE_FLOAT32, 2, plane_shape);
  const quipu_array numbers = array_of(mask, QUIPU_DTYPE_UINT8, 2, plane_shape);
  quipu_image_options options = QUIPU_IMAGE_OPTIONS_INIT;
  quipu_media *image = NULL, *layer = NULL, *classes = NULL, *list = NULL, *items[2];
  options.caption = "a picture";
  DO(quipu_image_new(&rgb, &options, &image, &error));
  DO(quipu_classes_from_json(quipu_cstr("{\"0\":\"sky\",\"1\":\"road\",\"2\":\"car\",\"3\":\"tree\"}"), &classes,
                             &error));
  DO(quipu_mask_new(&numbers, classes, NULL, &layer, &error));
  DO(quipu_image_add(image, "truth", layer, &error));
  quipu_media_free(layer);
  quipu_media_free(classes);
  DO(quipu_boxes_from_json(
      quipu_cstr("{\"box_data\":[{\"position\":{\"minX\":0.125,\"maxX\":0.5,\"minY\":0.25,\"maxY\":0.75},"
                 "\"class_id\":1,\"box_caption\":\"a car\",\"scores\":{\"score\":0.5}}],"
                 "\"class_labels\":{\"1\":\"car\"}}"),
      NULL, &layer, &error));
  DO(quipu_image_add(image, "found", layer, &error));
  quipu_media_free(layer);
  DO(log_media(run, "image", image, &error));
  DO(quipu_image_new(&gray, NULL, &image, &error));
  DO(log_media(run, "gray", image, &error));
  DO(quipu_image_new(&rgb, &options, &items[0], &error));
  options.caption = "another";
  DO(quipu_image_new(&gray, &options, &items[1], &error));
  DO(quipu_media_list_new(items, 2, &list, &error));
  quipu_media_free(items[0]);
  quipu_media_free(items[1]);
  DO(log_media(run, "images", list, &error));
  return 0;
}

static int log_objects(quipu_run *run) {
  const quipu_array cloud = array_of(points, QUIPU_DTYPE_FLOAT32, 2, points_shape);
  const double center[] = {0, 0, 0}, size[] = {2, 2, 2}, turn[] = {1, 0.5, 0, 0}, arrow[] = {0, 0, 0, 1, 1, 1};
  quipu_scene_options options = QUIPU_SCENE_OPTIONS_INIT;
  quipu_box3d box = {{0}, 0, NULL, {0}, 0, 0};
  quipu_media *media = NULL;
  DO(quipu_point_cloud_new(&cloud, "four points", &media, &error));
  DO(log_media(run, "cloud", media, &error));
  DO(quipu_box3d_turn(center, size, turn, &box, &error));
  box.color[0] = 255;
  box.label = "car";
  box.has_score = 1;
  box.score = 0.5;
  options.points = &cloud;
  options.boxes = &box;
  options.box_count = 1;
  options.vectors = arrow;
  options.vector_count = 1;
  DO(quipu_scene_new(&options, &media, &error));
  DO(log_media(run, "scene", media, &error));
  DO(quipu_object3d_from_text(quipu_cstr("v 0 0 0\n"), "obj", NULL, &media, &error));
  DO(log_media(run, "model", media, &error));
  DO(quipu_molecule_from_text(quipu_cstr("ATOM\n"), "pdb", "an atom", &media, &error));
  DO(log_media(run, "molecule", media, &error));
  DO(quipu_html_new(quipu_cstr("<p>page</p>"), QUIPU_TOGGLE_DEFAULT, &media, &error));
  DO(log_media(run, "page", media, &error));
  return 0;
}

static int log_sound(quipu_run *run) {
  const quipu_array sound = array_of(samples, QUIPU_DTYPE_INT16, 2, samples_shape);
  const quipu_array film = array_of(frames, QUIPU_DTYPE_UINT8, 4, frames_shape);
  quipu_video_options options = QUIPU_VIDEO_OPTIONS_INIT;
  quipu_media *media = NULL;
  DO(quipu_audio_new(&sound, 8000, "a tone", &media, &error));
  DO(log_media(run, "audio", media, &error));
  options.fps = 10;
  options.caption = "a film";
  DO(quipu_video_new(&film, &options, &media, &error));
  DO(log_media(run, "video", media, &error));
  return 0;
}

static int log_tables(quipu_run *run) {
  static const double scores[6][2] = {{0.9, 0.1}, {0.4, 0.6}, {0.65, 0.35}, {0.3, 0.7}, {0.55, 0.45}, {0.8, 0.2}};
  static const int64_t truth[6] = {0, 1, 0, 1, 1, 0}, chosen[6] = {0, 1, 0, 1, 0, 0};
  static const int64_t six[] = {6}, score_shape[] = {6, 2};
  const quipu_array values_array = array_of(values, QUIPU_DTYPE_FLOAT64, 1, values_shape);
  const quipu_array score_array = array_of(scores, QUIPU_DTYPE_FLOAT64, 2, score_shape);
  const quipu_array truth_array = array_of(truth, QUIPU_DTYPE_INT64, 1, six);
  const quipu_array chosen_array = array_of(chosen, QUIPU_DTYPE_INT64, 1, six);
  const quipu_array rgb = array_of(pixels, QUIPU_DTYPE_UINT8, 3, image_shape);
  const quipu_str name_texts[] = {{"cat", 3}, {"dog", 3}};
  const quipu_labels truths = {&truth_array, NULL, 0}, choices = {&chosen_array, NULL, 0}, names = {NULL, name_texts, 2};
  const char *columns[] = {"id", "score", "label", "picture"}, *plotted[] = {"x", "y"};
  quipu_chart_options options = QUIPU_CHART_OPTIONS_INIT;
  quipu_histogram_options bins = QUIPU_HISTOGRAM_OPTIONS_INIT;
  quipu_media *table = NULL, *image = NULL, *chart = NULL, *histogram = NULL;
  quipu_item cells[4];
  int x;
  bins.bins = 10;
  DO(quipu_histogram_new(&values_array, &bins, &histogram, &error));
  DO(log_media(run, "histogram", histogram, &error));
  DO(quipu_table_new(columns, 4, NULL, &table, &error));
  DO(quipu_image_new(&rgb, NULL, &image, &error));
  for (x = 0; x < 2; x++) {
    cells[0] = quipu_item_int("", x);
    cells[1] = quipu_item_double("", x * 0.25);
    cells[2] = quipu_item_text("", quipu_cstr(x ? "one" : "none"));
    cells[3] = quipu_item_media("", image);
    DO(quipu_table_add_row(table, cells, 4, &error));
  }
  quipu_media_free(image);
  DO(log_media(run, "table", table, &error));
  DO(quipu_table_new(plotted, 2, NULL, &table, &error));
  for (x = 0; x < 3; x++) {
    cells[0] = quipu_item_int("", x);
    cells[1] = quipu_item_double("", x * 0.5);
    DO(quipu_table_add_row(table, cells, 2, &error));
  }
  options.title = "a line";
  DO(quipu_chart_line(table, "x", "y", NULL, &options, &chart, &error));
  quipu_media_free(table);
  DO(log_media(run, "line", chart, &error));
  options.title = NULL;
  options.class_names = &names;
  DO(quipu_chart_pr_curve(&truths, &score_array, &options, &chart, &error));
  DO(log_media(run, "pr", chart, &error));
  DO(quipu_chart_roc_curve(&truths, &score_array, &options, &chart, &error));
  DO(log_media(run, "roc", chart, &error));
  DO(quipu_chart_confusion_matrix(&truths, &choices, NULL, &options, &chart, &error));
  DO(log_media(run, "confusion", chart, &error));
  return 0;
}

int main(int argc, char **argv) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  quipu_run *run = NULL;
  if (argc < 2) return 2;
  fill();
  options.mode = QUIPU_MODE_OFFLINE;
  options.dir = argv[1];
  options.project = "parity";
  options.id = "media001";
  options.name = "media";
  options.settings_json = quipu_cstr("{\"console\":\"off\",\"x_disable_stats\":true}");
  DO(quipu_run_start(&options, &run, &error));
  if (log_images(run) || log_objects(run) || log_sound(run) || log_tables(run)) return 1;
  DO(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error));
  quipu_run_free(run);
  return 0;
}
