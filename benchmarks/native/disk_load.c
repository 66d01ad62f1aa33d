// Keeps a disk busy until it is told to stop (SIGTERM): one writer fills the page cache and syncs, another writes past
// the cache and syncs small pieces. Says at the end what the disk took and how long a small write with fsync waited.
//   disk_load DIR
#define _GNU_SOURCE
#include "measure.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, BLOCKS = 128 };
static volatile sig_atomic_t stopping;
static char buffered_path[4096], direct_path[4096];
static uint64_t buffered_bytes, direct_bytes;

static void stop(int number) {
  (void)number;
  stopping = 1;
}

static void *fill(void *context) {
  char *block = malloc(BLOCK);
  int file = open(buffered_path, O_RDWR | O_CREAT | O_TRUNC, 0600), i;
  (void)context;
  if (file < 0 || !block) return NULL;
  memset(block, 0x5a, BLOCK);
  while (!stopping) {
    for (i = 0; i < BLOCKS && !stopping; i++) {
      if (pwrite(file, block, BLOCK, (off_t)i * BLOCK) == BLOCK) buffered_bytes += BLOCK;
    }
    fsync(file);
  }
  close(file);
  free(block);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t thread;
  latency sync_time;
  void *block = NULL;
  uint64_t start;
  int file, i = 0;
  if (argc != 2) return 2;
  snprintf(buffered_path, sizeof buffered_path, "%s/load.buffered", argv[1]);
  snprintf(direct_path, sizeof direct_path, "%s/load.direct", argv[1]);
  signal(SIGTERM, stop);
  sync_time = latency_new();
  file = open(direct_path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
  if (file < 0) file = open(direct_path, O_RDWR | O_CREAT | O_TRUNC, 0600);  // a file system without O_DIRECT
  if (file < 0 || posix_memalign(&block, 4096, BLOCK)) return 1;
  memset(block, 0xa5, BLOCK);
  if (pthread_create(&thread, NULL, fill, NULL)) return 1;
  start = now_ns();
  while (!stopping) {
    uint64_t a = now_ns();
    if (pwrite(file, block, 65536, (off_t)(i++ % 1024) * 65536) == 65536) direct_bytes += 65536;
    fsync(file);
    latency_add(&sync_time, now_ns() - a);
  }
  pthread_join(thread, NULL);
  printf("{\"seconds\":%.2f,\"megabytes\":%.1f,\"sync_p50_ms\":%.3f,\"sync_p99_ms\":%.3f,\"sync_max_ms\":%.3f}\n",
         (double)(now_ns() - start) * 1e-9, (double)(buffered_bytes + direct_bytes) * 1e-6,
         (double)latency_percentile(&sync_time, 0.5) * 1e-6, (double)latency_percentile(&sync_time, 0.99) * 1e-6,
         (double)sync_time.max * 1e-6);
  unlink(buffered_path);
  unlink(direct_path);
  return 0;
}
