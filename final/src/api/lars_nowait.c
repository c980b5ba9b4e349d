#include "api/lars_nowait.h"

#include <errno.h>
#include <string.h>

#include "api/client.h"
#include "api/last_error.h"
#include "api/retry.h"
#include "api/shm_client.h"

int lars_nowait_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                    struct lars_host *out)
{
    const struct lars_get_options o = {.flags = LARS_GET_NOWAIT, .key = key};

    return lars_get_host_opt(c, modid, cmdid, &o, out);
}

int lars_nowait_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out)
{
    return lars_retry_with(c, r, LARS_GET_NOWAIT, out);
}

static int check(const struct lars_client *c, uint32_t modid, uint32_t cmdid,
                 const struct lars_module *out)
{
    if (!client_is_open(c))
        return last_error_set("c: the client is %s", c ? "closed" : "NULL");
    if (modid == 0 && cmdid == 0)
        return last_error_set("modid, cmdid: 0/0 is no module");
    if (!out)
        return last_error_set("out: it is NULL");
    if (out->size == 0)
        return last_error_set("out->size: 0 is not sizeof(struct lars_module), %zu",
                              sizeof(*out));
    return 0;
}

int lars_nowait_module(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                       struct lars_module *out)
{
    struct lars_module now = {.size = sizeof(now)};
    struct module_capacity m;
    int rc = check(c, modid, cmdid, out);

    if (rc < 0)
        return rc;
    if (shm_client_has_forked(c->shm))
        client_renew_after_fork(c);
    rc = shm_client_module(c->shm, modid, cmdid, &m);
    if (rc < 0)
        return rc == -ENOENT || rc == -ENOTCONN ? rc : -EINPROGRESS;
    now.nodes_in = m.nodes_in;
    now.nodes_out = m.nodes_out;
    now.weight_in = m.weight_in;
    now.node_rps = m.node_rps;
    now.node_inflight = m.node_inflight;
    now.target_ms = m.target_ms;
    if (out->size < now.size)
        now.size = out->size;
    memcpy(out, &now, now.size);
    return 0;
}
