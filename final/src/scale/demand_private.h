/* demand_private -- what demand.c, demand_follow.c, demand_nodes.c and
 * demand_orders.c share.  Only they
 * include it. */
#ifndef LARS_SCALE_DEMAND_PRIVATE_H
#define LARS_SCALE_DEMAND_PRIVATE_H

#include <stdatomic.h>

#include "base/worker.h"
#include "scale/demand.h"
#include "scale/demand_question.h"

#define DEMAND_ASK_MS 1000 /* for a question */

/* A place for a gateway, with a thread. */
struct demand_gateway {
    struct worker *worker;
    struct demand *all;
    bool configured; /* it never changes */
    /* of the thread: */
    uint64_t n_asked;
    unsigned next_share;
    char epoch[GATEWAY_CLIENT_EPOCH]; /* its process, for signatures; "" = not asked */
    struct demand_answer answer; /* the one that is being read */
    char question[DEMAND_QUESTION_SIZE];
    uint64_t nodes_asked_ms; /* the last time; 0 = not yet */
    /* under the lock of the worker: */
    char at[NET_ADDR_STRLEN];
    bool in_use, required, counts;
    enum demand_order order; /* for the zone that it has named */
    uint64_t order_ms; /* when that was true */
    bool idle; /* not in use, and nothing of its last use is left */
    struct demand_rates_source source;
    uint64_t n_failed;
    unsigned n_in_a_row; /* of these */
    char why[GATEWAY_CLIENT_WHY];
    struct nodes_answer *nodes[2]; /* the one before the last, and the last; or NULL */
    uint64_t nodes_ms; /* of the last */
    uint64_t nodes_given_ms; /* of the last that demand_nodes_take() has given out */
};

struct demand {
    const struct fleet_keys *keys;
    uint32_t pull_ms, nodes_ms;
    uint64_t id; /* random: another process asks other questions */
    atomic_bool is_ending;
    atomic_uint n; /* places with a thread; it only grows */
    struct demand_gateway at[DEMAND_GATEWAYS_MAX];
};

/* Prepare the place <i> for the gateway at <at>; its thread is not started.  Returns 0 or
 * -ENOMEM. */
int demand_private_prepare(struct demand *d, unsigned i, const char *at, bool configured);
void demand_private_run(void *place); /* the thread of a place */

/* What its next question says about its zone.  Its thread, without its lock. */
enum demand_order demand_orders_of(struct demand_gateway *g);

void demand_nodes_ask(struct demand_gateway *g); /* when it is due.  Its thread */
void demand_nodes_forget(struct demand_gateway *g); /* under its lock */

#endif
