#include "api/larsshm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "api/fallback.h"

/* lars_host.opaque: the token; node and module; the segment, 0 = not from here. */
_Static_assert(sizeof(struct lars_addr) == sizeof(struct net_addr), "one and the same");

int larsshm_open(struct shmcli **out, const char *dir)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/" FALLBACK_SHM, dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    return shmcli_create(out, path);
}

static _Thread_local struct {
    const struct lars_addr *addr;
    unsigned n;
    bool only;
} want;

void larsshm_avoid(const struct lars_addr *addr, unsigned n)
{
    want.addr = addr;
    want.n = n;
}

void larsshm_only(bool on)
{
    want.only = on;
}

int larsshm_get(struct shmcli *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct lars_host *out)
{
    struct chooser_pick p = {.avoid = (const struct net_addr *)(const void *)want.addr,
                             .n_avoid = want.n};
    int rc = shmcli_get(c, modid, cmdid, key, &p);

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

bool larsshm_has(const struct lars_host *h)
{
    return h->opaque[2] != 0;
}

int larsshm_report(struct shmcli *c, const struct lars_host *h, bool ok)
{
    struct chooser_pick p = {.nid = (uint32_t)h->opaque[1],
                             .mid = (uint32_t)(h->opaque[1] >> 32),
                             .segment = (uint32_t)h->opaque[2],
                             .token = h->opaque[0],
                             .start_us = h->start_us};

    return shmcli_report(c, &p, ok);
}

int larsshm_route(struct shmcli *c, uint32_t modid, uint32_t cmdid, struct lars_addr *out,
                  unsigned max)
{
    return shmcli_route(c, modid, cmdid, (struct net_addr *)(void *)out, max);
}
