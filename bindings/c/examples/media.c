/* An image, a histogram and a table in one row, and what to do with an error. */
#include <quipu.h>
#include <stdio.h>

static int failed(quipu_status status, quipu_error *error) {
  if (status == QUIPU_OK) return 0;
  fprintf(stderr, "%s: %s\n", quipu_status_name(status), quipu_error_message(error));
  quipu_error_free(error);
  return 1;
}

int main(void) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  quipu_run *run = NULL;
  quipu_media *image = NULL, *histogram = NULL, *table = NULL;
  quipu_error *error = NULL;
  unsigned char pixels[32][32][3];
  float weights[1000];
  const int64_t pixel_shape[] = {32, 32, 3}, weight_shape[] = {1000};
  const quipu_array pixel_array = {pixels, QUIPU_DTYPE_UINT8, 3, pixel_shape, NULL, 0, 0};
  const quipu_array weight_array = {weights, QUIPU_DTYPE_FLOAT32, 1, weight_shape, NULL, 0, 0};
  const char *columns[] = {"guess", "confidence"};
  quipu_item cells[2], items[4];
  int y, x, result = 1;

  options.project = "media";
  options.mode = QUIPU_MODE_OFFLINE;
  if (failed(quipu_run_start(&options, &run, &error), error)) return 1;

  for (y = 0; y < 32; y++) {
    for (x = 0; x < 32; x++) {
      pixels[y][x][0] = (unsigned char)(x * 8);
      pixels[y][x][1] = (unsigned char)(y * 8);
      pixels[y][x][2] = 128;
    }
  }
  for (x = 0; x < 1000; x++) weights[x] = (float)(x % 37) / 37.0f;

  if (failed(quipu_image_new(&pixel_array, NULL, &image, &error), error)) goto out;
  if (failed(quipu_histogram_new(&weight_array, NULL, &histogram, &error), error)) goto out;
  if (failed(quipu_table_new(columns, 2, NULL, &table, &error), error)) goto out;
  cells[0] = quipu_item_text("", quipu_cstr("seven"));
  cells[1] = quipu_item_double("", 0.93);
  if (failed(quipu_table_add_row(table, cells, 2, &error), error)) goto out;

  items[0] = quipu_item_double("loss", 0.25);
  items[1] = quipu_item_media("sample", image);
  items[2] = quipu_item_media("weights", histogram);
  items[3] = quipu_item_media("guesses", table);
  if (failed(quipu_run_log_items(run, items, 4, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, &error), error)) goto out;
  result = failed(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, &error), error);
  if (!result) printf("%s\n", quipu_run_directory(run));
out:
  quipu_media_free(table);
  quipu_media_free(histogram);
  quipu_media_free(image);
  quipu_run_free(run);
  return result;
}
