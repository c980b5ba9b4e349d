/* gateway_rates -- events a second from the counters of a gateway: the difference between
 * the newest answer and the oldest one of the last seconds.  Thread: one at a time. */
#ifndef LARS_WEB_GATEWAY_RATES_H
#define LARS_WEB_GATEWAY_RATES_H

#include "web/gateway_answer.h"

#define GATEWAY_RATES_LOOKS 6 /* answers that are kept */
#define GATEWAY_RATES_MS 7000 /* an older answer is no part of a rate */
#define GATEWAY_RATES_RECENT 60 /* points of the small chart, one for each look */

/* Zeroed = no answer yet. */
struct gateway_rates {
    struct gateway_answer answer[GATEWAY_RATES_LOOKS]; /* owned; the newest is the last */
    uint64_t at_ms[GATEWAY_RATES_LOOKS]; /* mono_ms() of each */
    size_t n;
    double recent[GATEWAY_RATES_RECENT]; /* requests a second, the oldest first; NAN: not
                                          * known */
    size_t n_recent;
};

/* An answer of <now_ms>.  Takes <a>.  After a restart of the gateway, whose counters
 * begin again, what came before is no part of a rate. */
void gateway_rates_add(struct gateway_rates *r, struct gateway_answer *a,
                       uint64_t now_ms);
void gateway_rates_free(struct gateway_rates *r);

const struct gateway_answer *gateway_rates_newest(const struct gateway_rates *r);

/* A second; never negative.  NAN: not known, because there is one answer only. */
double gateway_rates_of(const struct gateway_rates *r,
                        const struct gateway_answer_module *m,
                        enum gateway_answer_count c); /* <m>: of the newest answer */
double gateway_rates_sum(const struct gateway_rates *r, enum gateway_answer_count c);

/* Of the requests that the cache could have answered, the share that it has, 0 to 1; NAN:
 * there was none. */
double gateway_rates_hits(const struct gateway_rates *r);

#endif
