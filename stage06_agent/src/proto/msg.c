/* The generated code of protobuf-c does the coding; this file checks what it returns.
 *
 * Invariant: an out-parameter is written only when the whole message is good, so a caller
 * never sees half of a message.
 * Rejected: passing the generated structs on to the callers.  Their fields are signed,
 * their memory must be freed in a special way, and every caller would have to check the
 * values itself. */
#include "proto/msg.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/budget.h"
#include "proto/lars.pb-c.h"

int msg_unpack_get_route(struct module_id *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__GetRouteRequest *m = NULL;
    int rc = 0;

    m = lars__get_route_request__unpack(&a, len, body);
    if (!m)
        return -EBADMSG;
    if (m->modid == 0 && m->cmdid == 0)
        rc = -EINVAL;
    else
        *out = (struct module_id){(uint32_t)m->modid, (uint32_t)m->cmdid};
    lars__get_route_request__free_unpacked(m, &a);
    return rc;
}

ssize_t msg_pack_get_route(const struct module_id *m, void *body, size_t room)
{
    Lars__GetRouteRequest q = LARS__GET_ROUTE_REQUEST__INIT;

    q.modid = (int32_t)m->modid;
    q.cmdid = (int32_t)m->cmdid;
    if (lars__get_route_request__get_packed_size(&q) > room)
        return -ENOBUFS;
    return (ssize_t)lars__get_route_request__pack(&q, body);
}

ssize_t msg_pack_route(const struct module_id *m, const struct msg_host *host, size_t n,
                       void *body, size_t room)
{
    Lars__GetRouteResponse r = LARS__GET_ROUTE_RESPONSE__INIT;
    Lars__HostInfo *info, **at;
    ssize_t len = -ENOBUFS;
    size_t i;

    if (n > MSG_MAX_HOSTS)
        return -E2BIG;
    info = malloc((n + 1) * (sizeof(*info) + sizeof(*at)));
    if (!info)
        return -ENOMEM;
    at = (Lars__HostInfo **)(void *)(info + n + 1);
    for (i = 0; i < n; i++) {
        lars__host_info__init(&info[i]);
        info[i].ip = (int32_t)host[i].ip;
        info[i].port = (int32_t)host[i].port;
        at[i] = &info[i];
    }
    r.modid = (int32_t)m->modid;
    r.cmdid = (int32_t)m->cmdid;
    r.n_host = n;
    r.host = at;
    if (lars__get_route_response__get_packed_size(&r) <= room)
        len = (ssize_t)lars__get_route_response__pack(&r, body);
    free(info);
    return len;
}

static int copy_hosts(const Lars__GetRouteResponse *r, struct msg_host *host, size_t max)
{
    size_t i;

    if (r->n_host > max)
        return -E2BIG;
    for (i = 0; i < r->n_host; i++) {
        if (r->host[i]->port < 1 || r->host[i]->port > UINT16_MAX)
            return -EINVAL;
        host[i] = (struct msg_host){.ip = (uint32_t)r->host[i]->ip,
                                    .port = (uint32_t)r->host[i]->port};
    }
    return 0;
}

int msg_unpack_route(struct module_id *m, struct msg_host *host, size_t max, size_t *n,
                     const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__GetRouteResponse *r = lars__get_route_response__unpack(&a, len, body);
    int rc = -EINVAL;

    if (!r)
        return -EBADMSG;
    if (r->modid != 0 || r->cmdid != 0)
        rc = copy_hosts(r, host, max);
    if (rc == 0) {
        *m = (struct module_id){(uint32_t)r->modid, (uint32_t)r->cmdid};
        *n = r->n_host;
    }
    lars__get_route_response__free_unpacked(r, &a);
    return rc;
}
