/* advice -- how callers shall choose among a module's nodes: what the database says of it
 * (message 37), what this host's configuration says, and what follows from the load of
 * the zones.  It ends in the module's line in shared memory.  Thread: the plane's. */
#ifndef LARS_AGENT_DATA_MODULE_POLICY_H
#define LARS_AGENT_DATA_MODULE_POLICY_H

#include "proto/msg_module_meta.h"
#include "shmem/segment.h"

struct module_policy;

#define MODULE_POLICY_RULES 160       /* size of module_policy_config.rules */

struct module_policy_config {
    uint32_t zone;                    /* ours, as in routes; 0 = we have none */
    uint32_t timeout_ms;              /* of a call that nobody reports */
    /* "1/1=p2c 2/3=hash *=wrr": a module that is named here has this rule on this host,
     * whatever the database says; * is for those that nobody says anything of. */
    char rules[MODULE_POLICY_RULES];
};

int module_policy_create(struct module_policy **out, struct segment *s,
                  const struct module_policy_config *cfg); /* 0 or -ENOMEM */
void module_policy_destroy(struct module_policy *a); /* NULL is fine */

/* Are these rules as above, with names that lb/policies.h has?  0 or -EINVAL. */
int module_policy_check_rules(const char *rules);

/* The module's nodes have these weights. */
void module_policy_set_weights(struct module_policy *a, uint32_t mid, uint64_t own,
                               uint64_t all);

/* What the database says of it.  Copies.  Without zones the last ones stay in force. */
void module_policy_set(struct module_policy *a, uint32_t mid,
                       const struct msg_module_meta *m);

/* a path; "" = TCP */
const char *module_policy_probe(const struct module_policy *a, uint32_t mid);
uint32_t module_policy_slow_ms(const struct module_policy *a, uint32_t mid,
                               uint32_t preset);

#endif
