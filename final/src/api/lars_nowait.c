#include "api/lars_nowait.h"

#include "api/retry.h"

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
