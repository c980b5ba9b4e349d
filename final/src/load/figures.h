/* figures -- what became of the requests of a time, such as a second.  Those of several
 * times are added.  Pure.  Thread: any. */
#ifndef LARS_LOAD_FIGURES_H
#define LARS_LOAD_FIGURES_H

#include <stdio.h>

#include "base/latency.h"

enum figures_error {
    FIGURES_CONNECT,                      /* no connection */
    FIGURES_RESET,                        /* it ended before the response did */
    FIGURES_BAD,                          /* what came is no HTTP response */
    FIGURES_TIMEOUT,
    FIGURES_NO_ROOM,                      /* not sent: every connection of the generator
                                           * was in use, and its queue was full */
    FIGURES_ERRORS
};

struct figures {                          /* zeroed = nothing */
    uint64_t scheduled;                   /* requests that were to be sent in this time */
    uint64_t ok;                          /* answered with 200 to 399 in this time */
    uint64_t waiting;                     /* answered with the waiting page: 503 with
                                           * Retry-After */
    uint64_t error[FIGURES_ERRORS];
    uint64_t status[6];                   /* status[2]: answered with 200 to 299 ... */
    uint64_t latency[LATENCY_BUCKETS + 1]; /* us from the scheduled time until the end of
                                           * the response, or until the time-out; only of
                                           * ok and FIGURES_TIMEOUT, because a refusal is
                                           * fast */
    uint64_t sum_us;                      /* of the same */
    uint64_t late;                        /* the generator itself took them up more than
                                           * FIGURES_LATE_US after their time */
    uint64_t late_max_us;
};

#define FIGURES_LATE_US 10000

void figures_add(struct figures *to, const struct figures *more);

/* Requests that were neither answered with 200 to 399 nor with the waiting page. */
uint64_t figures_failed(const struct figures *f);
uint64_t figures_done(const struct figures *f); /* answered or failed */
uint64_t figures_p_us(const struct figures *f, double q); /* latency_quantile_us() */

/* "connect", "timeout" ...: static. */
const char *figures_error_name(enum figures_error e);

/* Write one line in plain words, without a line end. */
void figures_print(const struct figures *f, FILE *to);

#endif
