#include "proto/msg_update.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/budget.h"
#include "proto/lars.pb-c.h"

/* Make of <host> what protobuf-c wants: an array of pointers into an array of structs. */
static void point_to_hosts(Lars__HostInfo *info, Lars__HostInfo **at,
                           const struct msg_host *host, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        lars__host_info__init(&info[i]);
        info[i].ip = (int32_t)host[i].ip;
        info[i].port = (int32_t)host[i].port;
        info[i].weight = host[i].weight;
        info[i].zone = host[i].zone;
        at[i] = &info[i];
    }
}

ssize_t msg_update_pack(const struct msg_update *m, const struct msg_host *add,
                        const struct msg_host *gone, void *body, size_t room)
{
    Lars__RouteUpdate u = LARS__ROUTE_UPDATE__INIT;
    size_t n = m->n_add + m->n_gone;
    Lars__HostInfo *info, **at;
    ssize_t len = -ENOBUFS;

    if (n > MSG_UPDATE_HOSTS)
        return -E2BIG;
    info = malloc((n + 1) * (sizeof(*info) + sizeof(*at)));
    if (!info)
        return -ENOMEM;
    at = (Lars__HostInfo **)(void *)(info + n + 1);
    point_to_hosts(info, at, add, m->n_add);
    point_to_hosts(info + m->n_add, at + m->n_add, gone, m->n_gone);
    u.modid = (int32_t)m->mod.modid;
    u.cmdid = (int32_t)m->mod.cmdid;
    u.version = m->version;
    u.sum = m->sum;
    u.from_sum = m->base;
    u.page = m->page;
    u.pages = m->pages;
    u.n_add = m->n_add;
    u.add = at;
    u.n_gone = m->n_gone;
    u.gone = at + m->n_add;
    if (lars__route_update__get_packed_size(&u) <= room)
        len = (ssize_t)lars__route_update__pack(&u, body);
    free(info);
    return len;
}

static int copy_hosts(struct msg_host *out, Lars__HostInfo **at, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (at[i]->port < 1 || at[i]->port > UINT16_MAX || at[i]->weight > UINT16_MAX)
            return -EINVAL;
        out[i] = (struct msg_host){(uint32_t)at[i]->ip, (uint32_t)at[i]->port,
                                   at[i]->weight, at[i]->zone};
    }
    return 0;
}

static int convert_update(struct msg_update *out, struct msg_host *add,
                          struct msg_host *gone, const Lars__RouteUpdate *u)
{
    int rc;

    if (u->n_add > MSG_UPDATE_HOSTS || u->n_gone > MSG_UPDATE_HOSTS)
        return -E2BIG;
    if ((u->modid == 0 && u->cmdid == 0) || u->sum == 0 || u->page < 1 ||
        u->page > u->pages || u->pages > MSG_UPDATE_PAGES ||
        (u->from_sum != 0 && u->pages != 1) || (u->from_sum == 0 && u->n_gone > 0))
        return -EINVAL;
    rc = copy_hosts(add, u->add, u->n_add);
    if (rc == 0)
        rc = copy_hosts(gone, u->gone, u->n_gone);
    if (rc == 0)
        *out = (struct msg_update){{(uint32_t)u->modid, (uint32_t)u->cmdid},
                                   u->version,
                                   u->sum,
                                   u->from_sum,
                                   u->page,
                                   u->pages,
                                   u->n_add,
                                   u->n_gone};
    return rc;
}

int msg_update_unpack(struct msg_update *out, struct msg_host *add, struct msg_host *gone,
                      const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__RouteUpdate *u = lars__route_update__unpack(&a, len, body);
    int rc;

    if (!u)
        return -EBADMSG;
    rc = convert_update(out, add, gone, u);
    lars__route_update__free_unpacked(u, &a);
    return rc;
}
