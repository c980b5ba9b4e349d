/* visits.h -- visitors of a gateway as an open-loop load: they arrive at a fixed rate,
 * whatever the answers are.  A visitor opens a connection and asks for a number of pages,
 * one after the other with a pause between them, keeps the cookie that it gets, and
 * leaves when it is refused.  Runs on an event loop of its own.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_VISITS_H
#define LARS_TEST_LIB_VISITS_H

#include <stdint.h>

struct visits_plan {
    int port;                             /* of the gateway, at 127.0.0.1 */
    double per_s;                         /* visitors who arrive in a second */
    uint32_t run_ms;                      /* visitors arrive for so long; visits that have
                                           * begun then are finished */
    uint32_t pages, pause_ms;
};

struct visits_result {
    uint64_t visitors, admitted;          /* admitted: got their first page */
    uint64_t pages;                       /* 200, within run_ms */
    uint64_t all_pages;                   /* also those that came later */
    uint64_t refused_new, refused_inside; /* 503 with the waiting page */
    uint64_t n_inside;                    /* requests of visitors inside */
    uint64_t failed;                      /* anything else */
    uint32_t p99_ms;                      /* of the pages */
    char failure[120];                    /* the first one */
};

/* Run it to its end: run_ms and at most 30 s more. */
void visits_run(const struct visits_plan *plan, struct visits_result *out);

#endif
