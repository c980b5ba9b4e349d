#include "api/lars_nowait.h"

#include "api/shm_calls.h"

int lars_nowait_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                    struct lars_host *out)
{
    int rc;

    shm_calls_only(true);
    rc = lars_get_host_key(c, modid, cmdid, key, out);
    shm_calls_only(false);
    return rc;
}
