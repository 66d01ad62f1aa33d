// Timing for the benchmarks: a clock whose own cost is measured, and a histogram of latencies. Static functions only,
// so that C, C++ and Swift share one way of counting.
#ifndef QUIPU_BENCH_MEASURE_H
#define QUIPU_BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Counts by nanosecond up to 4096, then 64 steps per doubling: percentiles are exact to 1 ns, later to 1.6 %.
enum { LATENCY_EXACT = 4096, LATENCY_STEPS = 64, LATENCY_BUCKETS = LATENCY_EXACT + 40 * LATENCY_STEPS };

typedef struct latency {
  uint64_t *counts;
  uint64_t total;
  uint64_t max;
  uint64_t clock;  // cost of one pair of clock readings; taken off every sample
} latency;

static inline uint32_t latency_index(uint64_t v) {
  uint32_t exponent;
  if (v < LATENCY_EXACT) return (uint32_t)v;
  exponent = 63u - (uint32_t)__builtin_clzll(v);
  if (exponent > 51) exponent = 51;
  return LATENCY_EXACT + (exponent - 12) * LATENCY_STEPS + (uint32_t)((v >> (exponent - 6)) & 63);
}

static inline uint64_t latency_value(uint32_t index) {
  uint32_t exponent, step;
  if (index < LATENCY_EXACT) return index;
  exponent = 12 + (index - LATENCY_EXACT) / LATENCY_STEPS;
  step = (index - LATENCY_EXACT) % LATENCY_STEPS;
  return ((uint64_t)1 << exponent) + ((uint64_t)step << (exponent - 6));
}

static inline void latency_add(latency *l, uint64_t ns) {
  ns = ns > l->clock ? ns - l->clock : 0;
  l->counts[latency_index(ns)]++;
  l->total++;
  if (ns > l->max) l->max = ns;
}

static inline uint64_t latency_percentile(const latency *l, double share) {
  uint64_t wanted = (uint64_t)((double)l->total * share), seen = 0;
  uint32_t i;
  for (i = 0; i < LATENCY_BUCKETS; i++) {
    seen += l->counts[i];
    if (seen > wanted) return latency_value(i);
  }
  return l->max;
}

// The clock's own cost is the median of pairs with nothing between them.
static inline latency latency_new(void) {
  latency l = {0, 0, 0, 0};
  int i;
  l.counts = (uint64_t *)calloc(LATENCY_BUCKETS, sizeof *l.counts);
  if (!l.counts) exit(2);
  for (i = 0; i < 200000; i++) {
    uint64_t a = now_ns();
    uint64_t b = now_ns();
    latency_add(&l, b - a);
  }
  l.clock = latency_percentile(&l, 0.5);
  for (i = 0; i < LATENCY_BUCKETS; i++) l.counts[i] = 0;
  l.total = l.max = 0;
  return l;
}

// Waits, on the processor, until `*next`; then sets the time of the call after this one. A call that was late does not
// make the following ones hurry.
static inline void pace(uint64_t *next, uint64_t period_ns) {
  uint64_t now;
  if (!period_ns) return;
  do now = now_ns();
  while (now < *next);
  *next = now + period_ns;
}

// One line of JSON. `octaves[k]` counts latencies of 2^k .. 2^(k+1) ns.
static inline void latency_print(const latency *l, const char *face, uint64_t period_ns, double burst_mean_ns,
                                 uint64_t failed) {
  uint64_t octaves[40] = {0};
  uint32_t i;
  for (i = 0; i < LATENCY_BUCKETS; i++) {
    uint64_t v = latency_value(i);
    uint32_t k = v < 1 ? 0 : 63u - (uint32_t)__builtin_clzll(v);
    octaves[k > 39 ? 39 : k] += l->counts[i];
  }
  printf("{\"face\":\"%s\",\"period_ns\":%llu,\"calls\":%llu,\"failed\":%llu,\"clock_ns\":%llu,\"burst_mean_ns\":%.1f,"
         "\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"p999\":%llu,\"p9999\":%llu,\"max\":%llu,\"octaves\":[",
         face, (unsigned long long)period_ns, (unsigned long long)l->total, (unsigned long long)failed,
         (unsigned long long)l->clock, burst_mean_ns, (unsigned long long)latency_percentile(l, 0.5),
         (unsigned long long)latency_percentile(l, 0.9), (unsigned long long)latency_percentile(l, 0.99),
         (unsigned long long)latency_percentile(l, 0.999), (unsigned long long)latency_percentile(l, 0.9999),
         (unsigned long long)l->max);
  for (i = 0; i < 40; i++) printf("%s%llu", i ? "," : "", (unsigned long long)octaves[i]);
  printf("]}\n");
  fflush(stdout);
}

static inline int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double median(double *values, int count) {
  if (count < 1) return 0;
  qsort(values, (size_t)count, sizeof *values, compare_doubles);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

#endif
