/* demand_rates -- requests a second at one gateway, from its answers.  Pure: the times
 * are passed in, and the clock of the gateway is used for differences of its own only.
 * The rates are those between the newest answer and the one about a second before it.
 * Thread: one at a time. */
#ifndef LARS_SCALE_DEMAND_RATES_H
#define LARS_SCALE_DEMAND_RATES_H

#include <stdbool.h>

#include "scale/demand_answer.h"

#define DEMAND_FRESH_MS 1500 /* an older answer: the gateway is silent */
#define DEMAND_KEEP_MS 10000 /* its rates count for so long */
#define DEMAND_ALL_MS 60000 /* so long it must have answered, before nodes are stopped */

#define DEMAND_RATE_MAX 1e7 /* a counter that grows faster is no counter */

struct demand_rates { /* of one module */
    double arrived; /* requests a second, of all visitors */
    double cached; /* answered from the caches of gateways */
    double served; /* sent to nodes, each request once */
    double refused; /* answered with the waiting page */
    double inflight; /* mean requests in progress at nodes */
};

struct demand_rates_module {
    uint32_t modid, cmdid;
    struct demand_rates rates;
};

#define DEMAND_RATES_ANSWERS 8

struct demand_rates_source { /* zeroed: no answer yet.  Read the fields, change none */
    struct demand_answer answer[DEMAND_RATES_ANSWERS]; /* the newest is the last */
    unsigned n;
    uint64_t last_ms; /* of the newest answer, by our clock */
    uint64_t since_ms; /* it answers without a pause or restart since then */
    uint64_t rated_ms; /* of the rates; 0 = there are none */
    unsigned n_modules;
    struct demand_rates_module module[DEMAND_MODULES_MAX];
};

/* The answer <a> came at <now_ms>.  After a restart of the gateway, the last rates stay
 * until two answers are there. */
void demand_rates_add(struct demand_rates_source *s, const struct demand_answer *a,
                       uint64_t now_ms);

/* The newest answer; NULL = none yet. */
const struct demand_answer *demand_rates_newest(const struct demand_rates_source *s);

bool demand_rates_answers(const struct demand_rates_source *s, uint64_t now_ms);
/* Whether it has rates of now. */
bool demand_rates_is_fresh(const struct demand_rates_source *s, uint64_t now_ms);
bool demand_rates_counts(const struct demand_rates_source *s, uint64_t now_ms);

/* For how long it has answered without a pause or a restart; 0 = it is silent now. */
uint64_t demand_rates_whole_ms(const struct demand_rates_source *s, uint64_t now_ms);

/* The rates of a module; NULL = the rules of the gateway do not name it. */
const struct demand_rates *demand_rates_of(const struct demand_rates_source *s,
                                               uint32_t modid, uint32_t cmdid);

#endif
