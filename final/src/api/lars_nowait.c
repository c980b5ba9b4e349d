#include "api/lars_nowait.h"

#include "api/lars_private.h"

int lars_nowait_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                    struct lars_host *out)
{
    static const struct lars_get_options no_wait = {.no_wait = true};

    return lars_get_with(c, modid, cmdid, key, &no_wait, out);
}
