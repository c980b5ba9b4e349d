/* Message 3, coded by the generated code of protobuf-c and checked here.  The idea and
 * the invariant are those of proto/msg.c: bounded memory, and out-parameters that are
 * written only when the whole message is good, except for <res>, which may have been
 * written in part when an error is returned. */
#include "proto/msg_report.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/budget.h"
#include "proto/lars.pb-c.h"

static void fill_result(Lars__HostCallResult *to, const struct msg_result *r)
{
    lars__host_call_result__init(to);
    to->ip = (int32_t)r->ip;
    to->port = (int32_t)r->port;
    to->succ = r->succ;
    to->err = r->err;
    to->overload = r->overload;
}

ssize_t msg_report_pack(const struct msg_report *r, const struct msg_result *res,
                        size_t n, void *body, size_t room)
{
    Lars__ReportStatusRequest m = LARS__REPORT_STATUS_REQUEST__INIT;
    Lars__HostCallResult *item, **at;
    ssize_t len = -ENOBUFS;
    size_t i;

    if (n > MSG_REPORT_ROOM)
        return -E2BIG;
    item = malloc((n + 1) * (sizeof(*item) + sizeof(*at)));
    if (!item)
        return -ENOMEM;
    at = (Lars__HostCallResult **)(void *)(item + n + 1);
    for (i = 0; i < n; i++) {
        fill_result(&item[i], &res[i]);
        at[i] = &item[i];
    }
    m.modid = (int32_t)r->mod.modid;
    m.cmdid = (int32_t)r->mod.cmdid;
    m.caller = (int32_t)r->caller;
    m.ts = r->ts;
    m.n_results = n;
    m.results = at;
    if (lars__report_status_request__get_packed_size(&m) <= room)
        len = (ssize_t)lars__report_status_request__pack(&m, body);
    free(item);
    return len;
}

static int copy(const Lars__ReportStatusRequest *m, struct msg_result *res, size_t max)
{
    size_t i;

    if (m->n_results > max)
        return -E2BIG;
    for (i = 0; i < m->n_results; i++) {
        const Lars__HostCallResult *r = m->results[i];

        if (r->port < 1 || r->port > UINT16_MAX)
            return -EINVAL;
        res[i] = (struct msg_result){(uint32_t)r->ip, (uint32_t)r->port, r->succ, r->err,
                                     r->overload};
    }
    return 0;
}

int msg_report_unpack(struct msg_report *r, struct msg_result *res, size_t max, size_t *n,
                      const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__ReportStatusRequest *m = lars__report_status_request__unpack(&a, len, body);
    int rc = -EINVAL;

    if (!m)
        return -EBADMSG;
    if (m->modid != 0 || m->cmdid != 0)
        rc = copy(m, res, max);
    if (rc == 0) {
        r->mod = (struct module_id){(uint32_t)m->modid, (uint32_t)m->cmdid};
        r->caller = (uint32_t)m->caller;
        r->ts = m->ts;
        *n = m->n_results;
    }
    lars__report_status_request__free_unpacked(m, &a);
    return rc;
}
