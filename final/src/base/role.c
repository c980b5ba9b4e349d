#include "base/role.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"agent",      "dnsd",    "reportd", "console",
                                    "autoscaler", "gateway", "slots",   "larsctl"};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

unsigned role_of(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < N_NAMES; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return 1u << i;
    return 0;
}

const char *role_names(unsigned roles, char out[ROLE_NAMES])
{
    size_t i, n = 0;

    snprintf(out, ROLE_NAMES, "none");
    for (i = 0; i < N_NAMES; i++)
        if (roles & 1u << i)
            n +=
                (size_t)snprintf(out + n, ROLE_NAMES - n, "%s%s", n ? " " : "", names[i]);
    return out;
}
