/* Unpacking goes through budget.h, which bounds what the protobuf library allocates for a
 * frame, and then checks every value: after this file no other one sees an invalid
 * batch. */
#include "proto/msg_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/budget.h"
#include "proto/lars.pb-c.h"

ssize_t msg_batch_pack_hello(enum msg_service service, void *body, size_t room)
{
    Lars__Hello m = LARS__HELLO__INIT;

    m.version = MSG_VERSION;
    m.service = service;
    if (lars__hello__get_packed_size(&m) > room)
        return -ENOBUFS;
    return (ssize_t)lars__hello__pack(&m, body);
}

int msg_batch_unpack_hello(uint32_t *version, enum msg_service *service, const void *body,
                           size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__Hello *m = lars__hello__unpack(&a, len, body);

    if (!m)
        return -EBADMSG;
    *version = m->version;
    *service = m->service <= MSG_SERVICE_REPORT ? (enum msg_service)m->service
                                                : MSG_SERVICE_NOT_TOLD;
    lars__hello__free_unpacked(m, &a);
    return *version > 0 ? 0 : -EINVAL;
}

static ProtobufCBinaryData stream_of(const uint8_t *stream)
{
    return (ProtobufCBinaryData){MSG_STREAM, (uint8_t *)(uintptr_t)stream};
}

static int take_stream(uint8_t *to, const ProtobufCBinaryData *from, uint64_t seq)
{
    if (from->len != MSG_STREAM || seq == 0)
        return -EINVAL;
    memcpy(to, from->data, MSG_STREAM);
    return 0;
}

static void fill_count(Lars__CallCount *to, const struct msg_count *r)
{
    lars__call_count__init(to);
    to->modid = (int32_t)r->mod.modid;
    to->cmdid = (int32_t)r->mod.cmdid;
    to->ip = (int32_t)r->ip;
    to->port = (int32_t)r->port;
    to->succ = r->succ;
    to->err = r->err;
    to->overload = r->overload;
}

ssize_t msg_batch_pack(const struct msg_batch *b, void *body, size_t room)
{
    Lars__ReportBatch m = LARS__REPORT_BATCH__INIT;
    Lars__CallCount *item, **at;
    ssize_t len = -ENOBUFS;
    size_t i;

    if (b->n > MSG_BATCH_ROWS)
        return -E2BIG;
    item = malloc((b->n + 1) * (sizeof(*item) + sizeof(*at)));
    if (!item)
        return -ENOMEM;
    at = (Lars__CallCount **)(void *)(item + b->n + 1);
    for (i = 0; i < b->n; i++) {
        fill_count(&item[i], &b->row[i]);
        at[i] = &item[i];
    }
    m.stream = stream_of(b->stream);
    m.seq = b->seq;
    m.caller = (int32_t)b->caller;
    m.ts = b->ts;
    m.zone = b->zone;
    m.n_calls = b->n;
    m.calls = at;
    if (lars__report_batch__get_packed_size(&m) <= room)
        len = (ssize_t)lars__report_batch__pack(&m, body);
    free(item);
    return len;
}

static int copy_rows(struct msg_batch *b, const Lars__ReportBatch *m)
{
    size_t i;

    for (i = 0; i < m->n_calls; i++) {
        const Lars__CallCount *r = m->calls[i];

        if (r->port < 1 || r->port > UINT16_MAX || (r->modid == 0 && r->cmdid == 0))
            return -EINVAL;
        b->row[i] = (struct msg_count){{(uint32_t)r->modid, (uint32_t)r->cmdid},
                                       (uint32_t)r->ip,
                                       (uint32_t)r->port,
                                       r->succ,
                                       r->err,
                                       r->overload};
    }
    b->n = m->n_calls;
    return 0;
}

static int convert_batch(struct msg_batch **out, const Lars__ReportBatch *m)
{
    struct msg_batch *b;
    int rc;

    if (m->n_calls > MSG_BATCH_ROWS)
        return -E2BIG;
    b = malloc(sizeof(*b) + m->n_calls * sizeof(b->row[0]));
    if (!b)
        return -ENOMEM;
    b->seq = m->seq;
    b->caller = (uint32_t)m->caller;
    b->ts = m->ts;
    b->zone = m->zone;
    rc = take_stream(b->stream, &m->stream, m->seq);
    if (rc == 0)
        rc = copy_rows(b, m);
    if (rc < 0)
        free(b);
    else
        *out = b;
    return rc;
}

int msg_batch_unpack(struct msg_batch **out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__ReportBatch *m = lars__report_batch__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    rc = convert_batch(out, m);
    lars__report_batch__free_unpacked(m, &a);
    return rc;
}

ssize_t msg_batch_pack_ack(const struct msg_ack *a, void *body, size_t room)
{
    Lars__ReportAck m = LARS__REPORT_ACK__INIT;

    m.stream = stream_of(a->stream);
    m.seq = a->seq;
    if (lars__report_ack__get_packed_size(&m) > room)
        return -ENOBUFS;
    return (ssize_t)lars__report_ack__pack(&m, body);
}

int msg_batch_unpack_ack(struct msg_ack *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__ReportAck *m = lars__report_ack__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    out->seq = m->seq;
    rc = take_stream(out->stream, &m->stream, m->seq);
    lars__report_ack__free_unpacked(m, &a);
    return rc;
}
