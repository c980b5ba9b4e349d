/* module_id -- names one service, called a module.  <modid> is the business area, <cmdid>
 * the concrete service in it; 0/0 names no module.  Thread: any. */
#ifndef LARS_BASE_MODULE_ID_H
#define LARS_BASE_MODULE_ID_H

#include <stdint.h>

struct module_id {
    uint32_t modid, cmdid;            /* int32 on the wire: the same 32 bits */
};

/* The index, 0 to n - 1, of the shard that serves module <id> out of <n> shards
 * (n > 0).  Agent and clients compute it alike, so a client asks the right shard. */
static inline uint32_t module_id_shard(struct module_id id, uint32_t n)
{
    return (id.modid + id.cmdid) % n;
}

#endif
