#include "api/shm_calls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "api/fallback.h"

/* lars_host.opaque: the token; node and module; the segment, 0 = not from here. */
_Static_assert(sizeof(struct lars_addr) == sizeof(struct net_addr), "one and the same");

int shm_calls_open(struct shm_client **out, const char *dir)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/" FALLBACK_SHM, dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    return shm_client_create(out, path);
}

static _Thread_local struct {
    const struct lars_addr *addr;
    unsigned n;
    bool only;
} want;

void shm_calls_avoid(const struct lars_addr *addr, unsigned n)
{
    want.addr = addr;
    want.n = n;
}

void shm_calls_only(bool on)
{
    want.only = on;
}

int shm_calls_get(struct shm_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct lars_host *out)
{
    struct picker_pick p = {.avoid = (const struct net_addr *)(const void *)want.addr,
                             .n_avoid = want.n};
    int rc = shm_client_get(c, modid, cmdid, key, &p);

    if (rc < 0)
        return want.only && rc != -ENOENT ? -EINPROGRESS : rc;
    *out = (struct lars_host){.addr = *(const struct lars_addr *)(const void *)&p.addr,
                              .modid = modid,
                              .cmdid = cmdid,
                              .start_us = p.start_us,
                              .opaque = {p.token, (uint64_t)p.mid << 32 | p.nid,
                                         p.segment, p.why}};
    return 0;
}

bool shm_calls_has(const struct lars_host *h)
{
    return h->opaque[2] != 0;
}

int shm_calls_report(struct shm_client *c, const struct lars_host *h, bool ok)
{
    struct picker_pick p = {.nid = (uint32_t)h->opaque[1],
                             .mid = (uint32_t)(h->opaque[1] >> 32),
                             .segment = (uint32_t)h->opaque[2],
                             .token = h->opaque[0],
                             .start_us = h->start_us};

    return shm_client_report(c, &p, ok);
}

int shm_calls_route(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                    struct lars_addr *out, unsigned max)
{
    return shm_client_route(c, modid, cmdid, (struct net_addr *)(void *)out, max);
}
