/* latency -- buckets for durations: four for each doubling, so a quantile is told within
 * a quarter, from 16 us to an hour, in a hundred numbers that can be added up.  Source:
 * the log-linear buckets of HdrHistogram.  Pure.  Thread: any. */
#ifndef LARS_BASE_LATENCY_H
#define LARS_BASE_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 113           /* 1 to this; bucket 1 is below 16 us */

unsigned latency_bucket(uint32_t us);

/* Every duration of bucket <b> is below it. */
uint64_t latency_below_us(unsigned b);

/* Below which duration <q> (0 to 1) of all that was counted lies; n[b] is bucket b's
 * count, n[0] is not used.  0 when nothing was counted. */
uint64_t latency_quantile_us(const uint64_t n[LATENCY_BUCKETS + 1], double q);

#endif
