/* front -- hosts with gateways, as a part of the rounds: what front_life.h decides is
 * written with the round, and then the program of the operator is called:
 *     PROGRAM start HOST              the gateway of the host is to run
 *     PROGRAM announce HOST FENCE     visitors are to reach it
 *     PROGRAM withdraw HOST FENCE     new visitors are to reach it no more
 * Each may be repeated.  One runs at a time, with the rules of hook_run.h.  Announced
 * hosts are asked for their demand.  Thread: that of the rounds. */
#ifndef LARS_SCALE_FRONT_H
#define LARS_SCALE_FRONT_H

#include "scale/demand.h"
#include "scale/front_rows.h"

struct front;

struct front_config {
    const char *program; /* its path, borrowed; "" = none */
    uint32_t timeout_ms; /* it gets SIGTERM then, and SIGKILL 5 s later */
    struct front_life_config life; /* has_program is set from <program> */
    struct demand *demand; /* borrowed until front_destroy() */
};

/* Returns 0 or -ENOMEM.  Thread: init, for both. */
int front_create(struct front **out, const struct front_config *cfg);
void front_destroy(struct front *f); /* kills what runs; NULL is fine */

void front_lead(struct front *f, uint64_t now_ms); /* this process leads */
void front_forget(struct front *f); /* another one leads */

/* Look at the program that runs; in every round, whether this process leads or not. */
void front_turn(struct front *f, uint64_t now_ms);

/* Decide.  front_changes() is what the round has to write; borrowed until the next. */
void front_round(struct front *f, const struct snapshot *s, uint64_t now_ms);
const struct front_changes *front_changes(const struct front *f);

/* It was written under <fence>: call the program when a command is due. */
void front_written(struct front *f, const struct snapshot *s, uint64_t now_ms,
                   uint64_t fence);

struct front_stat {
    unsigned n_serving; /* gateways that count */
    double busy; /* of them, parts of 1; -1 = not known */
    bool none_left; /* one more is wanted, and no host is left */
    uint64_t n_failed; /* programs that were not accepted */
};

void front_stat(const struct front *f, struct front_stat *out);

#endif
