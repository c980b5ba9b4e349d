/* visits -- what visitors request and when.  Three kinds:
 *     paths    each arrival is one request, for the paths of a list in turn
 *     model    each arrival begins a visit: the first page of the list, then further
 *              pages after pauses, each with some pictures
 *     log      the requests of an access log of lars-gateway, with its distances in time
 *              divided by a speed; those of one address are one visitor
 * All times are fixed before anything is answered: a pause begins when a page was to be
 * requested, and not when it came.  So the load does not depend on the server.
 * Thread: one at a time for each struct visits. */
#ifndef LARS_LOAD_VISITS_H
#define LARS_LOAD_VISITS_H

#include "load/arrivals.h"
#include "load/log_replay.h"
#include "load/path_list.h"

#define VISITS_AT_ONCE 100000             /* visits of the model that are not over */

struct visits;

struct visits_model {
    double pages;                         /* mean of a visit, 1 or more; geometric */
    double pause_s;                       /* mean between two pages; exponential, at most
                                           * ten times as long */
    unsigned pictures;                    /* of each page */
};

struct visits_request {
    uint64_t at_us;                       /* scheduled, from the beginning */
    const char *path;                     /* borrowed from the struct visits */
    uint32_t visitor;                     /* 1 or more; 0 = one without a cookie */
};

/* Each takes the list or the log, which is not empty, on failure as well, and leaves it
 * empty.  <speed> of a log: 1 = as it was, 8 = in an eighth of the time.  In a model
 * plan->per_s is the mean number of requests, too, and not that of visits; a list without
 * pages serves pictures as pages, and without pictures pages have none.  Returns 0 or
 * -ENOMEM. */
int visits_create_paths(struct visits **out, struct path_list *list,
                        const struct arrivals_plan *plan);
int visits_create_model(struct visits **out, struct path_list *list,
                        const struct arrivals_plan *plan, const struct visits_model *m);
int visits_create_log(struct visits **out, struct log_replay *log, double speed);
void visits_destroy(struct visits *v); /* NULL is fine */

/* The time of the next request; UINT64_MAX when none follows. */
uint64_t visits_next_us(const struct visits *v);

/* Take the next request, which must exist. */
void visits_take(struct visits *v, struct visits_request *out);

/* Visits that did not begin because VISITS_AT_ONCE were not over or memory was short. */
uint64_t visits_n_skipped(const struct visits *v);

#endif
