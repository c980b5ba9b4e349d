/* admit_rule -- the arithmetic of admission: how many requests of a module may be in
 * flight, when that number changes, how long refused visitors wait, and which state an
 * operator sees.  Pure: the time is passed in, and nothing is shared.  Thread: any. */
#ifndef LARS_GATEWAY_ADMIT_RULE_H
#define LARS_GATEWAY_ADMIT_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* What the nodes of a module can do; set once a second. */
struct admit_capacity {
    uint32_t nodes_in;                    /* in use; 0 = not known: one is assumed */
    double inflight;                      /* measured: what these nodes together can have
                                           * in flight; 0 = unmeasured */
    uint32_t target_ms;                   /* for the first byte; 0 = ADMIT_TARGET_MS */
    double share;                         /* of this gateway: 0 to 1 */
    uint32_t most;                        /* the limit is never more; 0 = no such bound */
};

#define ADMIT_UNMEASURED 32               /* in flight for a node, when unmeasured */
#define ADMIT_TARGET_MS 500

/* What was seen in the last second. */
struct admit_seen {
    uint64_t first_bytes;                 /* responses that began */
    uint64_t over_target, over_half;      /* of them, later than target_ms, its half */
    bool limit_reached;                   /* a request had to wait for its admission */
};

/* The limit of a module at the factor <f>: at least 1. */
uint32_t admit_rule_limit(const struct admit_capacity *c, uint32_t unmeasured, double f);

/* The factor for the next second.  1 is where it starts. */
double admit_rule_factor(const struct admit_capacity *c, double f,
                         const struct admit_seen *seen);

/* The limit for visitors who are not inside: <reserve> percent of <limit> are kept for
 * those who are.  At least 1. */
uint32_t admit_rule_limit_new(uint32_t limit, uint32_t reserve);

#define ADMIT_REFRESH_MIN_S 8
#define ADMIT_REFRESH_MAX_S 120

/* Seconds after which refused visitors ask again, from the last value, the refusals in
 * the last second and those that this gateway can afford. */
uint32_t admit_rule_refresh_s(uint32_t refresh_s, double refused, double affordable);

enum admit_state {
    ADMIT_NORMAL,
    ADMIT_QUEUEING,                       /* requests waited, all were admitted */
    ADMIT_WAITING,                        /* new visitors got the waiting page */
    ADMIT_SHEDDING,                       /* visitors inside were refused as well */
    ADMIT_STATIC,                         /* the copy of the site was served */
    ADMIT_STATES
};

#define ADMIT_CALM_MS 5000

/* The state at <now_ms>: the gravest that was seen within the last ADMIT_CALM_MS.
 * <seen_ms> has the time at which each was seen last; 0 = never. */
enum admit_state admit_rule_state(const uint64_t seen_ms[ADMIT_STATES], uint64_t now_ms);

const char *admit_rule_state_name(enum admit_state s);

#endif
