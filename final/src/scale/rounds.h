/* rounds -- the thread of the autoscaler: once in round_ms it reads the tables,
 * decides, and writes the next steps.  Of all processes the one that has the lease
 * "scale" does it; the others stand by.  What cannot be read changes nothing. */
#ifndef LARS_SCALE_ROUNDS_H
#define LARS_SCALE_ROUNDS_H

#include "scale/deciders.h"
#include "scale/front.h"

struct rounds;

struct rounds_config {
    uint32_t round_ms; /* between two rounds */
    uint32_t lease_s; /* how long the lease lasts without renewal */
    struct decide_pace pace;
    deciders_demand_fn *look; /* demand_look */
    struct demand *demand; /* for <look>; borrowed until rounds_stop() */
    struct exec_modules *exec; /* NULL: none; borrowed until rounds_stop() */
    bool track; /* whether nodes do what was measured */
    struct front *front; /* the hosts with gateways; borrowed until rounds_stop() */
};

/* Takes <db>, on failure as well.  Copies <cfg>.  Returns 0; -ENOMEM, -EAGAIN.  Thread:
 * init. */
int rounds_start(struct rounds **out, struct scale_db *db,
                 const struct rounds_config *cfg);

/* Gives the lease back.  Waits for a database call in progress.  NULL is fine.  Thread:
 * init. */
void rounds_stop(struct rounds *r);

struct rounds_stat {
    uint64_t n_round; /* rounds as the leader */
    uint64_t n_fail; /* rounds that failed */
    uint64_t n_lost; /* times that the lease was lost */
    uint64_t n_by_rule[DECIDE_DOWN + 1]; /* decisions that changed what is wanted */
    uint64_t n_step[NODE_CANCEL + 1]; /* steps written */
    uint64_t fence; /* of the leader, as last read; 0 = not yet */
    bool is_leader;
    uint64_t failing_ms; /* rounds have failed for so long, at least 1; 0 =
                                       * the last one succeeded */
    uint64_t age_ms; /* since the tables were last read; of the leader */
    unsigned n_resting; /* hosts that rest for a module */
    unsigned zones; /* that can be used */
    unsigned n_timed; /* gateways that told the response times of nodes lately */
    struct front_stat front;
};

void rounds_stat(struct rounds *r, struct rounds_stat *out); /* Thread: any */

/* What this process decided last: <n> modules, and their zones, of which those of at[i]
 * are zone[at[i].first_zone] and the next ones.  Nothing when it is not the leader. */
struct rounds_view {
    struct decided at[DECIDERS_MODULES_MAX];
    size_t n;
    struct decided_zone zone[DECIDERS_WANTS_MAX];
};

void rounds_look(struct rounds *r, struct rounds_view *out); /* Thread: any */

#endif
