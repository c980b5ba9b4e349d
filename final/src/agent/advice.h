/* advice -- how callers shall choose among a module's nodes: what the database says of it
 * (message 37), what this host's configuration says, and what follows from the load of
 * the zones.  It ends in the module's line in shared memory.  Thread: the plane's. */
#ifndef LARS_AGENT_ADVICE_H
#define LARS_AGENT_ADVICE_H

#include "proto/msg_info.h"
#include "shmtab/segment.h"

struct advice;

#define ADVICE_RULES 160              /* characters of advice_config.rules, with end */

struct advice_config {
    uint32_t zone;                    /* ours, as in routes; 0 = we have none */
    uint32_t timeout_ms;              /* of a call that nobody reports */
    /* "1/1=p2c 2/3=hash *=wrr": a module that is named here has this rule on this host,
     * whatever the database says; * is for those that nobody says anything of. */
    char rules[ADVICE_RULES];
};

int advice_create(struct advice **out, struct segment *s,
                  const struct advice_config *cfg); /* 0 or -ENOMEM */
void advice_destroy(struct advice *a); /* NULL is fine */

/* The name of a rule: scan, p2c, wrr, hash, classic.  Returns it; -EINVAL. */
int advice_rule(const char *name);
int advice_check_rules(const char *rules); /* 0 or -EINVAL */

/* The module's nodes have these weights. */
void advice_set_weights(struct advice *a, uint32_t mid, uint64_t own, uint64_t all);

/* What the database says of it.  Copies.  Without zones the last ones stay in force. */
void advice_set(struct advice *a, uint32_t mid, const struct msg_info *m);

const char *advice_probe(const struct advice *a, uint32_t mid); /* a path; "" = TCP */
uint32_t advice_slow_ms(const struct advice *a, uint32_t mid, uint32_t preset);

#endif
