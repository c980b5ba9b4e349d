/* latency -- buckets for durations from 16 us to an hour, four for each doubling: a
 * quantile is exact to a quarter, and histograms of several threads or hosts are added
 * bucket by bucket.  These are the log-linear buckets of HdrHistogram.  Pure.  Thread:
 * any. */
#ifndef LARS_BASE_LATENCY_H
#define LARS_BASE_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 113           /* 1 to this; bucket 1 is below 16 us */

unsigned latency_bucket(uint32_t us);

/* Every duration of bucket <b> is below the result. */
uint64_t latency_below_us(unsigned b);

/* The duration below which the share <q> (0 to 1) of all counts lies.  n[b] is the count
 * of bucket b, n[0] is not used.  Returns 0 when nothing was counted. */
uint64_t latency_quantile_us(const uint64_t n[LATENCY_BUCKETS + 1], double q);

#endif
