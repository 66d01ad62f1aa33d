/* The parity program in C. Arguments: the directory of the run, the directory of the input file. */
#include <math.h>
#include <quipu.h>
#include <stdio.h>

#define DO(call)                                                                       \
  do {                                                                                 \
    quipu_error *error = NULL;                                                         \
    if ((call) != QUIPU_OK) {                                                          \
      fprintf(stderr, "%s: %s\n", #call, quipu_error_message(error));                  \
      return 1;                                                                        \
    }                                                                                  \
  } while (0)

int main(int argc, char **argv) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  const char *tags[] = {"a", "b"}, *new_tags[] = {"a", "c"};
  quipu_run *run = NULL;
  char pattern[1024];
  int step, x, y;
  if (argc < 3) return 2;
  options.mode = QUIPU_MODE_OFFLINE;
  options.dir = argv[1];
  options.project = "parity";
  options.id = "parity01";
  options.name = "parity run";
  options.notes = "four languages";
  options.group = "g";
  options.job_type = "train";
  options.tags = tags;
  options.tag_count = 2;
  options.config_json = quipu_cstr("{\"rate\":0.1,\"layers\":[64,10],\"nested\":{\"a\":\"b\"}}");
  options.settings_json = quipu_cstr("{\"console\":\"off\",\"x_disable_stats\":true}");
  DO(quipu_run_start(&options, &run, &error));

  {
    quipu_metric_options metric = QUIPU_METRIC_OPTIONS_INIT;
    DO(quipu_run_define_metric(run, "epoch", NULL, &error));
    metric.step_metric = "epoch";
    metric.summary = "min,max";
    DO(quipu_run_define_metric(run, "val/*", &metric, &error));
  }
  DO(quipu_run_config_update(run, quipu_cstr("{\"seed\":7}"), 0, &error));
  for (step = 0; step < 10; step++) {
    quipu_item items[3];
    items[0] = quipu_item_double("loss", 1.0 / (step + 1));
    items[1] = quipu_item_int("count", step * step);
    items[2] = quipu_item_bool("even", step % 2 == 0);
    DO(quipu_run_log_items(run, items, 3, step * 2, QUIPU_COMMIT_DEFAULT, &error));
  }
  for (step = 0; step < 3; step++) {
    quipu_item items[2];
    items[0] = quipu_item_double("val/accuracy", 0.5 + step * 0.125);
    items[1] = quipu_item_int("epoch", step);
    DO(quipu_run_log_items(run, items, 2, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error));
  }
  DO(quipu_run_log_json(run,
                        quipu_cstr("{\"tree\":{\"a\":1,\"b\":{\"c\":\"text\",\"d\":[1,2,3],\"e\":null}},"
                                   "\"text\":\"\xc3\xbc\x62ung \\\"quoted\\\"\",\"odd\":NaN,\"large\":1e300}"),
                        NULL, 0, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error));
  {
    unsigned char pixels[6][8][3];
    double values[100];
    float points[4][3];
    const int64_t pixel_shape[] = {6, 8, 3}, value_shape[] = {100}, point_shape[] = {4, 3};
    const quipu_array pixel_array = {pixels, QUIPU_DTYPE_UINT8, 3, pixel_shape, NULL, 0, 0};
    const quipu_array value_array = {values, QUIPU_DTYPE_FLOAT64, 1, value_shape, NULL, 0, 0};
    const quipu_array point_array = {points, QUIPU_DTYPE_FLOAT32, 2, point_shape, NULL, 0, 0};
    quipu_image_options image_options = QUIPU_IMAGE_OPTIONS_INIT;
    const char *columns[] = {"number", "text", "flag"};
    quipu_media *image = NULL, *histogram = NULL, *cloud = NULL, *table = NULL;
    quipu_item items[4], cells[3];
    for (y = 0; y < 6; y++) {
      for (x = 0; x < 8; x++) {
        pixels[y][x][0] = (unsigned char)(x * 30);
        pixels[y][x][1] = (unsigned char)(y * 40);
        pixels[y][x][2] = 128;
      }
    }
    for (x = 0; x < 100; x++) values[x] = x * x;
    for (y = 0; y < 4; y++) {
      for (x = 0; x < 3; x++) points[y][x] = (float)(y * 3 + x) * 0.5f;
    }
    image_options.caption = "a picture";
    DO(quipu_image_new(&pixel_array, &image_options, &image, &error));
    {
      quipu_histogram_options ten = QUIPU_HISTOGRAM_OPTIONS_INIT;
      ten.bins = 10;
      DO(quipu_histogram_new(&value_array, &ten, &histogram, &error));
    }
    DO(quipu_point_cloud_new(&point_array, NULL, &cloud, &error));
    DO(quipu_table_new(columns, 3, NULL, &table, &error));
    for (x = 0; x < 3; x++) {
      char text[16];
      snprintf(text, sizeof text, "row %d", x);
      cells[0] = quipu_item_double("", x * 0.5);
      cells[1] = quipu_item_text("", quipu_cstr(text));
      cells[2] = quipu_item_bool("", x == 1);
      DO(quipu_table_add_row(table, cells, 3, &error));
    }
    items[0] = quipu_item_media("image", image);
    items[1] = quipu_item_media("histogram", histogram);
    items[2] = quipu_item_media("cloud", cloud);
    items[3] = quipu_item_media("table", table);
    DO(quipu_run_log_items(run, items, 4, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error));
    quipu_media_free(image);
    quipu_media_free(histogram);
    quipu_media_free(cloud);
    quipu_media_free(table);
  }
  {
    const char *best[] = {"best"}, *deep[] = {"deep"};
    DO(quipu_run_summary_set(run, best, 1, quipu_cstr("0.25"), NULL, 0, &error));
    DO(quipu_run_summary_set(run, deep, 1, quipu_cstr("{\"er\":\"x\"}"), NULL, 0, &error));
  }
  DO(quipu_run_alert(run, "Done", quipu_cstr("It is done."), "WARN", 0, &error));
  snprintf(pattern, sizeof pattern, "%s/*.md", argv[2]);
  DO(quipu_run_save(run, pattern, argv[2], QUIPU_POLICY_END, 0, NULL, &error));
  DO(quipu_run_set_tags(run, new_tags, 2, &error));
  DO(quipu_run_set_name(run, "renamed", &error));
  DO(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error));
  puts(quipu_run_directory(run));
  quipu_run_free(run);
  return 0;
}
