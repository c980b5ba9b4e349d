#include "api/lars_nowait.h"

#include "api/larsshm.h"

int lars_nowait_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                    struct lars_host *out)
{
    int rc;

    larsshm_only(true);
    rc = lars_get_host_key(c, modid, cmdid, key, out);
    larsshm_only(false);
    return rc;
}
