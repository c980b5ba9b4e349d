/* capacity_run -- measures how many requests a second one node can serve: the steps of
 * capacity_search, each a load of its own.  It runs an event loop of its own and returns
 * when the search is over.  Thread: one. */
#ifndef LARS_LOAD_CAPACITY_RUN_H
#define LARS_LOAD_CAPACITY_RUN_H

#include "load/arrivals.h"
#include "load/capacity_search.h"
#include "load/figures.h"
#include "load/path_list.h"
#include "load/target.h"

struct capacity_run_plan {                /* borrows all of it */
    const struct target *target;
    const char *host;                     /* the field Host */
    const struct path_list *paths;        /* requested in turn */
    struct capacity_search_rules rules;
    uint32_t step_s, settle_s, confirm_s; /* of a step, the first <settle_s> of which do
                                           * not count; of the confirmation */
    uint32_t timeout_ms;
    uint32_t connections;                 /* to the node, at most; so many requests more
                                           * may wait for one */
    enum arrivals_kind arrivals;
    uint64_t seed;
    /* A step at <rate> is over.  Returns false to end the measurement. */
    bool (*on_step)(const struct capacity_search *s, double rate,
                    const struct capacity_search_step *step, const struct figures *f,
                    void *arg);
    /* Asked ten times a second; true ends it at once.  NULL = never. */
    bool (*should_stop)(void *arg);
    void *arg;
};

/* Returns 0: the search is over and *out has its result; -ECANCELED: it was ended by one
 * of the functions; -ENOMEM, -EMFILE. */
int capacity_run_search(const struct capacity_run_plan *plan,
                        struct capacity_search *out);

#endif
