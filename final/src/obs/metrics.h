/* metrics -- values as Prometheus text, format 0.0.4.  A program has one function that
 * writes all of its values and is called for each scrape: no value is registered
 * anywhere, and none is kept twice.  Thread: one. */
#ifndef LARS_OBS_METRICS_H
#define LARS_OBS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* <name> is lars_PROGRAM_WHAT_UNIT, a counter's ends in _total.  <help>: one sentence
 * without a line end.  Out of memory: the text is cut and rc says so. */
struct metrics {
    struct buf *out;                  /* borrowed */
    int rc;                           /* 0 or -ENOMEM */
};

void metrics_counter(struct metrics *m, const char *name, const char *help, double value);
void metrics_gauge(struct metrics *m, const char *name, const char *help, double value);

/* A value in parts that a label tells apart: a sample NAME{LABEL="..."} for each. */
struct metrics_part {
    const char *value;                /* of the label; letters, digits, '_' and '/' */
    double count;
};
void metrics_counter_parts(struct metrics *m, const char *name, const char *help,
                           const char *label, const struct metrics_part *part, size_t n);
void metrics_gauge_parts(struct metrics *m, const char *name, const char *help,
                         const char *label, const struct metrics_part *part, size_t n);

/* A value in parts that several labels tell apart: the caller writes them. */
struct metrics_sample {
    char labels[80];                  /* module="1/2",result="node" */
    double value;
};
void metrics_counter_samples(struct metrics *m, const char *name, const char *help,
                             const struct metrics_sample *sample, size_t n);
void metrics_gauge_samples(struct metrics *m, const char *name, const char *help,
                           const struct metrics_sample *sample, size_t n);

/* A histogram for each of <n> series: how many values were at most bound[i], not counting
 * those of smaller bounds; count[n_bounds] are the others. */
struct metrics_series {
    const char *value;                /* of the label */
    const uint64_t *count;            /* n_bounds + 1 */
    double sum;
};
void metrics_histogram(struct metrics *m, const char *name, const char *help,
                       const char *label, const double *bound, size_t n_bounds,
                       const struct metrics_series *series, size_t n);

/* What Prometheus expects of every process: processor seconds, memory, descriptors. */
void metrics_process(struct metrics *m);

#endif
