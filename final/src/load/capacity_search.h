/* capacity_search -- which rate to try next when the capacity of a node is measured, and
 * what a step has shown.  It raises the rate until a step fails, halves the remaining
 * distance some times, and confirms at nine tenths of what it has found.  Pure.  Thread:
 * any. */
#ifndef LARS_LOAD_CAPACITY_SEARCH_H
#define LARS_LOAD_CAPACITY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#define CAPACITY_SEARCH_FACTOR 1.25       /* from one step to the next */
#define CAPACITY_SEARCH_BISECTIONS 3      /* the result is exact to 3 % */
#define CAPACITY_SEARCH_CONFIRM 0.9       /* of the rate that was found */
#define CAPACITY_SEARCH_CONFIRMS 3        /* each after a tenth less */
#define CAPACITY_SEARCH_LEAST 0.5         /* 1/s; below it the search gives up */
#define CAPACITY_SEARCH_LATES 5           /* steps of a late generator, one after another,
                                           * that do not count */
#define CAPACITY_SEARCH_LATE_PERCENT 2    /* of the requests: then it is late */

struct capacity_search_rules {
    double from, to;                      /* 1/s; the rates that may be tried, but see
                                           * CAPACITY_SEARCH_LEAST */
    uint64_t target_us;                   /* the p99 may be so long */
    double error_percent;                 /* so many may fail */
    double delivered_percent;             /* so many must be answered in the step */
};

struct capacity_search_step {             /* what a step has shown */
    uint64_t due, delivered, failed;      /* requests; delivered: answered in its time */
    uint64_t p99_us;
    double inflight;                      /* mean number in progress */
    uint64_t late;                        /* requests that the generator itself took up
                                           * late */
};

enum capacity_search_verdict {
    CAPACITY_SEARCH_GOOD,
    CAPACITY_SEARCH_SLOW,                 /* p99 above the target */
    CAPACITY_SEARCH_ERRORS,
    CAPACITY_SEARCH_SHORT,                /* too few were answered in time */
    CAPACITY_SEARCH_LATE                  /* one of these, but the generator was late: it
                                           * shows nothing about the node */
};

enum capacity_search_phase {
    CAPACITY_SEARCH_RAISE,
    CAPACITY_SEARCH_LOWER,                /* the first rate was too high already */
    CAPACITY_SEARCH_BISECT,
    CAPACITY_SEARCH_PROVE,                /* the longer step that confirms */
    CAPACITY_SEARCH_FOUND,
    CAPACITY_SEARCH_NONE                  /* no rate was good, or none was confirmed */
};

struct capacity_search {                  /* read <phase>, <rate>, <low>, <best> */
    struct capacity_search_rules rules;
    enum capacity_search_phase phase;
    double rate;                          /* to be tried now, 1/s */
    double low, high;                     /* good; not good; 0 = none yet */
    struct capacity_search_step best;     /* what <low> has shown */
    unsigned n;                           /* bisections or confirmations so far */
    unsigned n_late;                      /* steps that did not count, in a row */
    bool again;                           /* the rate has failed once */
};

void capacity_search_init(struct capacity_search *s,
                          const struct capacity_search_rules *rules);

enum capacity_search_verdict
capacity_search_judge(const struct capacity_search_rules *rules,
                      const struct capacity_search_step *step);

/* The step at s->rate has shown <step>: sets the next phase and rate.  A step that fails
 * is repeated once, because one pause of a machine is not the node's capacity; one that
 * the generator has spoilt is repeated CAPACITY_SEARCH_LATES times at most. */
void capacity_search_next(struct capacity_search *s,
                          const struct capacity_search_step *step);

bool capacity_search_is_over(const struct capacity_search *s);

/* "p99 above the target" ...: static. */
const char *capacity_search_words(enum capacity_search_verdict v);

#endif
