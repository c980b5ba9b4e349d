/* module_policy -- how callers of this host choose among a module's nodes: the rule, the
 * time-out of a call, how nodes are checked, and how much of the own zone's capacity is
 * demanded.  The inputs are the database (message 37), this host's configuration, and the
 * load of the zones; the result goes into the module's entry in shared memory.
 * Thread: the data plane's, unless said otherwise.
 *
 * <mid> is the module's number in shared memory. */
#ifndef LARS_AGENT_DATA_MODULE_POLICY_H
#define LARS_AGENT_DATA_MODULE_POLICY_H

#include "proto/msg_module_meta.h"
#include "shmem/segment.h"

struct module_policy;

#define MODULE_POLICY_RULES 160       /* size of module_policy_config.rules */

struct module_policy_config {
    uint32_t zone;                    /* CRC-32 of this host's zone; 0 = none */
    uint32_t timeout_ms;              /* ends calls without a report, as failed */
    /* "1/1=p2c 2/3=hash *=wrr": the rule of a module that is named here, on this host,
     * whatever the database has; "*" is the rule of a module that is named neither here
     * nor in the database. */
    char rules[MODULE_POLICY_RULES];
};

/* Borrows <s>; copies <cfg>, whose rules module_policy_check_rules() has accepted.
 * Returns 0 or -ENOMEM. */
int module_policy_create(struct module_policy **out, struct segment *s,
                         const struct module_policy_config *cfg);
void module_policy_destroy(struct module_policy *p); /* NULL is fine */

/* Checks the text of module_policy_config.rules; lb/policies.h has the names of rules.
 * Returns 0 or -EINVAL.  Thread: any. */
int module_policy_check_rules(const char *rules);

/* The sum of the weights of the module's nodes: in the own zone, in all zones. */
void module_policy_set_weights(struct module_policy *p, uint32_t mid, uint64_t own,
                               uint64_t all);

/* What the database has on the module.  Copies <m>.  When <m> has no zones, those of the
 * message before stay in force.  Without memory nothing changes. */
void module_policy_set(struct module_policy *p, uint32_t mid,
                       const struct msg_module_meta *m);

/* How the module's nodes are checked (net/probe.h): the path of an HTTP request,
 * "echo", or "" for a TCP connection.  Borrowed until the next module_policy_set(). */
const char *module_policy_probe(const struct module_policy *p, uint32_t mid);
/* The length of the module's slow start in ms; <preset> when the database has none. */
uint32_t module_policy_slow_ms(const struct module_policy *p, uint32_t mid,
                               uint32_t preset);

#endif
