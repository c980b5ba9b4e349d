#include "agent_data/udp_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/ipv4.h"
#include "shmem/picker.h"

#define FIRST_LOG (SEGMENT_CLIENT_LOGS + 1) /* the log before it is client_logs' own */

struct udp_calls {
    char dir[256];
    unsigned n_shard;
    struct picker *picker[];          /* by shard, its thread only; NULL = not made yet */
};

/* The picker of a shard; NULL when it cannot be made now, for example because /dev/shm is
 * full.  The next question tries again. */
static struct picker *picker_of(struct udp_calls *u, unsigned index)
{
    if (!u->picker[index] &&
        picker_create(&u->picker[index], u->dir, FIRST_LOG + index) < 0)
        u->picker[index] = NULL;
    return u->picker[index];
}

int udp_calls_pick(struct udp_calls *u, unsigned index, const struct module_id *m,
                   struct route_node *out)
{
    struct picker *p = picker_of(u, index);
    struct net_addr a;
    int rc = p ? picker_look(p, m->modid, m->cmdid, 0, &a) : -ESRCH;

    if (rc == -EBUSY)
        return -EAGAIN;
    if (rc < 0 || a.family != AF_INET)
        return -ESRCH;
    *out = (struct route_node){.ip = ipv4_of(&a), .port = a.port};
    return 0;
}

bool udp_calls_count(struct udp_calls *u, unsigned index, const struct msg_call *q)
{
    struct picker *p = picker_of(u, index);
    struct net_addr a = ipv4_addr(q->host.ip, (uint16_t)q->host.port);

    return p && picker_count(p, q->mod.modid, q->mod.cmdid, &a, q->retcode == 0,
                             q->cost_us) == 0;
}

int udp_calls_create(struct udp_calls **out, const char *dir, unsigned n_shard)
{
    struct udp_calls *u;

    if (n_shard >= SEGMENT_AGENT_LOGS)
        return -EINVAL;
    u = calloc(1, sizeof(*u) + n_shard * sizeof(u->picker[0]));
    if (!u)
        return -ENOMEM;
    u->n_shard = n_shard;
    if (snprintf(u->dir, sizeof(u->dir), "%s", dir) >= (int)sizeof(u->dir)) {
        free(u);
        return -ENAMETOOLONG;
    }
    *out = u;
    return 0;
}

void udp_calls_destroy(struct udp_calls *u)
{
    unsigned i;

    if (!u)
        return;
    for (i = 0; i < u->n_shard; i++)
        picker_destroy(u->picker[i]);
    free(u);
}
