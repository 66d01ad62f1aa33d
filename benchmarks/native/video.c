// What a caller pays for a video of 64 x 3 x 128 x 128, and a plain memcpy of its frames.
//   video DIR ROUNDS
#include "measure.h"
#include "run.h"

#include <string.h>

int main(int argc, char **argv) {
  enum { size = 64 * 3 * 128 * 128 };
  const int64_t shape[4] = {64, 3, 128, 128};
  uint8_t *frames = malloc(size), *copy = malloc(size);
  quipu_run_options options;
  quipu_run *run = NULL;
  if (argc != 3 || !frames || !copy) return 2;
  options = run_options(argv[1]);
  must(quipu_run_start(&options, &run, NULL), "start");
  for (size_t i = 0; i < size; i++) frames[i] = (uint8_t)((i / 64 + i / 16384) % 6 * 40);
  memset(copy, 1, size);
  printf("[");
  for (int round = 0; round < atoi(argv[2]); round++) {
    quipu_media *video = NULL;
    quipu_array array = {0};
    quipu_item item;
    uint64_t plain, call, begin = now_ns();
    memcpy(copy, frames, size);
    __asm__ volatile("" : : "r"(copy) : "memory");
    plain = now_ns() - begin;
    array.dtype = QUIPU_DTYPE_UINT8;
    array.ndim = 4;
    array.shape = shape;
    array.data = frames;
    begin = now_ns();
    must(quipu_video_new(&array, NULL, &video, NULL), "video");
    item = quipu_item_media("video", video);
    must(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, 0, NULL), "log");
    quipu_media_free(video);
    call = now_ns() - begin;
    must(quipu_run_flush(run, QUIPU_WAIT_FOREVER, NULL), "flush");
    printf("%s{\"memcpy_ns\":%llu,\"call_ns\":%llu}", round ? "," : "", (unsigned long long)plain,
           (unsigned long long)call);
  }
  printf("]\n");
  run_finish(run);
  return 0;
}
