/* policies -- the table of all policies: the agent, larsctl, the simulator and the help
 * texts are made from it.  A policy's place in the table is its number in shared memory
 * (module_table_settings.rule).  Thread: any. */
#ifndef LARS_LB_POLICIES_H
#define LARS_LB_POLICIES_H

#include <stddef.h>

#include "lb/policy.h"

extern const struct lb_policy *const policies[];
extern const uint32_t policies_n;     /* 1 and more */

/* The policy of this number.  A number that this program does not have (the agent may be
 * newer than its client) gives the first one, scan. */
static inline const struct lb_policy *policies_at(uint32_t id)
{
    return policies[id < policies_n ? id : 0];
}

/* The number of the policy <name>; -EINVAL: there is none. */
int policies_find(const char *name);

/* Writes "scan, p2c, wrr ..." into <buf>, cut to <size> bytes.  Returns <buf>. */
const char *policies_names(char *buf, size_t size);

#endif
