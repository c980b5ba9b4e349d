#include "lb/policies.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One line for each policy: the file <name>.c defines <name>_policy.  The place in the
 * list is the policy's number in shared memory, which agents and clients of different
 * versions exchange: add at the end, keep the order, remove nothing. */
#define POLICIES(X)                                                                      \
    X(scan)                                                                              \
    X(p2c)                                                                               \
    X(wrr)                                                                               \
    X(hash)                                                                              \
    X(classic_rule)

#define DECLARE(name) extern const struct lb_policy name##_policy;
#define POINTER(name) &name##_policy,
#define N_POLICIES (sizeof(policies) / sizeof(policies[0]))

POLICIES(DECLARE)

const struct lb_policy *const policies[] = {POLICIES(POINTER)};
const uint32_t policies_n = N_POLICIES;

int policies_find(const char *name)
{
    uint32_t id;

    for (id = 0; id < policies_n; id++)
        if (strcmp(policies[id]->name, name) == 0)
            return (int)id;
    return -EINVAL;
}

const char *policies_names(char *buf, size_t size)
{
    size_t len = 0;
    uint32_t id;

    buf[0] = '\0';
    for (id = 0; id < policies_n && len < size; id++)
        len += (size_t)snprintf(buf + len, size - len, "%s%s", id > 0 ? ", " : "",
                                policies[id]->name);
    return buf;
}
