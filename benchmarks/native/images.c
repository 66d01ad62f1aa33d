// What a caller pays for pictures, and what they take of memory.
//   images DIR row ROUNDS           64 pictures of 256 x 256 RGB in one row: one by one, as a batch, and a plain memcpy
//   images DIR memory COUNT LIMIT   COUNT pictures of 512 x 512 RGB as fast as possible, with media_memory_bytes LIMIT
#include "measure.h"
#include "run.h"

#include <string.h>

static long status_kb(const char *name) {
  char line[256];
  long value = 0;
  size_t size = strlen(name);
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) exit(1);
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, size) == 0) sscanf(line + size, ": %ld", &value);
  fclose(file);
  return value;
}

static void fill(uint8_t *pixels, size_t size, uint32_t seed) {
  for (size_t i = 0; i < size; i++) {
    seed = seed * 1664525u + 1013904223u;
    pixels[i] = (uint8_t)((i / 7) + (seed >> 29));  // smooth, with the noise of a photograph
  }
}

static quipu_run *start(const char *directory, const char *settings) {
  quipu_run_options options = run_options(directory);
  quipu_run *run = NULL;
  options.settings_json = quipu_cstr(settings);
  must(quipu_run_start(&options, &run, NULL), "start");
  return run;
}

static void measure_row(const char *directory, int rounds) {
  enum { count = 64, side = 256 };
  const size_t each = (size_t)side * side * 3, all = each * count;
  const int64_t shape[4] = {count, side, side, 3};
  uint8_t *pixels = malloc(all), *copy = malloc(all);
  quipu_run *run = start(directory, "{}");
  if (!pixels || !copy) exit(1);
  fill(pixels, all, 1);
  memset(copy, 1, all);
  printf("[");
  for (int round = 0; round < rounds; round++) {
    quipu_media *images[count], *list = NULL;
    quipu_array array = {0};
    quipu_item item;
    uint64_t plain, single, batch, begin = now_ns();
    memcpy(copy, pixels, all);
    __asm__ volatile("" : : "r"(copy) : "memory");
    plain = now_ns() - begin;
    array.dtype = QUIPU_DTYPE_UINT8;
    array.ndim = 3;
    array.shape = shape + 1;
    begin = now_ns();
    for (int i = 0; i < count; i++) {
      array.data = pixels + (size_t)i * each;
      must(quipu_image_new(&array, NULL, &images[i], NULL), "image");
    }
    must(quipu_media_list_new(images, count, &list, NULL), "list");
    item = quipu_item_media("images", list);
    must(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, NULL), "log");
    for (int i = 0; i < count; i++) quipu_media_free(images[i]);
    quipu_media_free(list);
    single = now_ns() - begin;
    must(quipu_run_flush(run, QUIPU_WAIT_FOREVER, NULL), "flush");
    array.ndim = 4;
    array.shape = shape;
    array.data = pixels;
    begin = now_ns();
    must(quipu_images_new(&array, NULL, NULL, &list, NULL), "images");
    item = quipu_item_media("batch", list);
    must(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, NULL), "log");
    quipu_media_free(list);
    batch = now_ns() - begin;
    must(quipu_run_flush(run, QUIPU_WAIT_FOREVER, NULL), "flush");
    printf("%s{\"memcpy_ns\":%llu,\"single_ns\":%llu,\"batch_ns\":%llu}", round ? "," : "", (unsigned long long)plain,
           (unsigned long long)single, (unsigned long long)batch);
  }
  printf("]\n");
  run_finish(run);
}

static void measure_memory(const char *directory, int count, const char *limit) {
  enum { side = 512 };
  const size_t each = (size_t)side * side * 3;
  const int64_t shape[3] = {side, side, 3};
  uint8_t *pixels = malloc(each);
  char settings[128];
  quipu_run *run;
  long before;
  uint64_t begin, logged;
  if (!pixels) exit(1);
  snprintf(settings, sizeof settings, "{\"media_memory_bytes\": %s}", limit);
  run = start(directory, settings);
  before = status_kb("VmRSS");
  begin = now_ns();
  for (int i = 0; i < count; i++) {
    quipu_media *image = NULL;
    quipu_array array = {0};
    quipu_item item;
    fill(pixels, 4096, (uint32_t)i);
    array.dtype = QUIPU_DTYPE_UINT8;
    array.ndim = 3;
    array.shape = shape;
    array.data = pixels;
    must(quipu_image_new(&array, NULL, &image, NULL), "image");
    item = quipu_item_media("image", image);
    must(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, NULL), "log");
    quipu_media_free(image);
  }
  logged = now_ns() - begin;
  must(quipu_run_flush(run, QUIPU_WAIT_FOREVER, NULL), "flush");
  printf("{\"peak_kb\":%ld,\"logged_ns\":%llu,\"written_ns\":%llu}\n", status_kb("VmHWM") - before,
         (unsigned long long)logged, (unsigned long long)(now_ns() - begin));
  run_finish(run);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[2], "row") == 0) {
    measure_row(argv[1], atoi(argv[3]));
  } else if (argc == 5 && strcmp(argv[2], "memory") == 0) {
    measure_memory(argv[1], atoi(argv[3]), argv[4]);
  } else {
    return 2;
  }
  return 0;
}
