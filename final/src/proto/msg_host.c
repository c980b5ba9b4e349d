/* Messages 4, 5 and 6, coded by the generated code of protobuf-c and checked here.
 *
 * Invariant: 0 is returned only for a message whose module, host and retcode are valid,
 * so the agent and the API use them without further checks.
 * Rejected: measuring a message before packing it; its largest size is known, and
 * these messages are packed for every call. */
#include "proto/msg_host.h"

#include <errno.h>

#include "proto/budget.h"
#include "proto/lars.pb-c.h"

static int take_module(struct module_id *to, int32_t modid, int32_t cmdid)
{
    *to = (struct module_id){(uint32_t)modid, (uint32_t)cmdid};
    return modid == 0 && cmdid == 0 ? -EINVAL : 0;
}

static int take_host(struct msg_host *to, const Lars__HostInfo *h)
{
    if (!h || h->port < 1 || h->port > UINT16_MAX)
        return -EINVAL;
    *to = (struct msg_host){(uint32_t)h->ip, (uint32_t)h->port};
    return 0;
}

static Lars__HostInfo host_info(const struct msg_host *h)
{
    Lars__HostInfo info = LARS__HOST_INFO__INIT;

    info.ip = (int32_t)h->ip;
    info.port = (int32_t)h->port;
    return info;
}

ssize_t msg_host_pack_get(const struct msg_get_host *m, void *body, size_t room)
{
    Lars__GetHostRequest q = LARS__GET_HOST_REQUEST__INIT;

    q.seq = m->seq;
    q.modid = (int32_t)m->mod.modid;
    q.cmdid = (int32_t)m->mod.cmdid;
    if (room < MSG_HOST_ROOM)
        return -ENOBUFS;
    return (ssize_t)lars__get_host_request__pack(&q, body);
}

int msg_host_unpack_get(struct msg_get_host *m, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__GetHostRequest *q = lars__get_host_request__unpack(&a, len, body);
    int rc;

    if (!q)
        return -EBADMSG;
    m->seq = q->seq;
    rc = take_module(&m->mod, q->modid, q->cmdid);
    lars__get_host_request__free_unpacked(q, &a);
    return rc;
}

ssize_t msg_host_pack_reply(const struct msg_host_reply *m, void *body, size_t room)
{
    Lars__GetHostResponse r = LARS__GET_HOST_RESPONSE__INIT;
    Lars__HostInfo info = host_info(&m->host);

    r.seq = m->seq;
    r.modid = (int32_t)m->mod.modid;
    r.cmdid = (int32_t)m->mod.cmdid;
    r.retcode = m->retcode;
    r.host = m->retcode == MSG_RET_OK ? &info : NULL;
    if (room < MSG_HOST_ROOM)
        return -ENOBUFS;
    return (ssize_t)lars__get_host_response__pack(&r, body);
}

int msg_host_unpack_reply(struct msg_host_reply *m, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__GetHostResponse *r = lars__get_host_response__unpack(&a, len, body);
    int rc;

    if (!r)
        return -EBADMSG;
    m->seq = r->seq;
    m->retcode = r->retcode;
    m->host = (struct msg_host){0, 0};
    rc = take_module(&m->mod, r->modid, r->cmdid);
    if (rc == 0 && (r->retcode < MSG_RET_OK || r->retcode > MSG_RET_NONE))
        rc = -EINVAL;
    if (rc == 0 && r->retcode == MSG_RET_OK)
        rc = take_host(&m->host, r->host);
    lars__get_host_response__free_unpacked(r, &a);
    return rc;
}

ssize_t msg_host_pack_call(const struct msg_call *m, void *body, size_t room)
{
    Lars__ReportRequest q = LARS__REPORT_REQUEST__INIT;
    Lars__HostInfo info = host_info(&m->host);

    q.modid = (int32_t)m->mod.modid;
    q.cmdid = (int32_t)m->mod.cmdid;
    q.host = &info;
    q.retcode = m->retcode;
    q.cost_us = m->cost_us;
    if (room < MSG_HOST_ROOM)
        return -ENOBUFS;
    return (ssize_t)lars__report_request__pack(&q, body);
}

int msg_host_unpack_call(struct msg_call *m, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__ReportRequest *q = lars__report_request__unpack(&a, len, body);
    int rc;

    if (!q)
        return -EBADMSG;
    rc = take_module(&m->mod, q->modid, q->cmdid);
    if (rc == 0)
        rc = take_host(&m->host, q->host);
    m->retcode = q->retcode;
    m->cost_us = q->cost_us;
    lars__report_request__free_unpacked(q, &a);
    return rc;
}
