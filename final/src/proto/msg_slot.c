/* Like msg_state.c: budget.h bounds what the protobuf library allocates, and every value
 * is checked here, because the texts end in the database and on terminals, and an order
 * starts a program.
 *
 * A list is sorted by slot, so that one comparison finds a slot that occurs twice: two
 * orders for a slot would otherwise depend on which one is read last. */
#include "proto/msg_slot.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ipv4.h"
#include "base/net_addr.h"
#include "base/process_name.h"
#include "proto/budget.h"
#include "proto/lars.pb-c.h"

static char *text_of(const char *s) /* the library does not write to it */
{
    return (char *)(uintptr_t)s;
}

ssize_t msg_slot_pack_orders(const struct msg_slot_orders *o, void *body, size_t room)
{
    Lars__SlotOrders m = LARS__SLOT_ORDERS__INIT;
    Lars__SlotOrder order[MSG_SLOT_MAX], *at[MSG_SLOT_MAX];
    size_t i;

    if (o->n > MSG_SLOT_MAX)
        return -E2BIG;
    for (i = 0; i < o->n; i++) {
        lars__slot_order__init(&order[i]);
        order[i].slot = o->order[i].slot;
        order[i].modid = (int32_t)o->order[i].mod.modid;
        order[i].cmdid = (int32_t)o->order[i].mod.cmdid;
        order[i].fence = o->order[i].fence;
        at[i] = &order[i];
    }
    m.host = text_of(o->host);
    m.fence = o->fence;
    m.n_order = o->n;
    m.order = at;
    if (lars__slot_orders__get_packed_size(&m) > room)
        return -ENOBUFS;
    return (ssize_t)lars__slot_orders__pack(&m, body);
}

static void fill_node(Lars__SlotNode *to, const struct msg_slot_node *n)
{
    lars__slot_node__init(to);
    to->slot = n->slot;
    to->modid = (int32_t)n->mod.modid;
    to->cmdid = (int32_t)n->mod.cmdid;
    to->port = (int32_t)n->port;
    to->pid = n->pid;
    to->state = n->state;
    to->starts = n->starts;
    to->since_ms = n->since_ms;
    to->note = text_of(n->note);
    to->build = text_of(n->build);
}

ssize_t msg_slot_pack_state(const struct msg_slot_state *s, void *body, size_t room)
{
    Lars__SlotState m = LARS__SLOT_STATE__INIT;
    Lars__SlotNode node[MSG_SLOT_MAX], *at[MSG_SLOT_MAX];
    size_t i;

    if (s->n > MSG_SLOT_MAX)
        return -E2BIG;
    for (i = 0; i < s->n; i++) {
        fill_node(&node[i], &s->node[i]);
        at[i] = &node[i];
    }
    m.host = text_of(s->of.host);
    m.zone = text_of(s->of.zone);
    m.address = text_of(s->of.address);
    m.class_ = text_of(s->of.class);
    m.slots = s->of.slots;
    m.stream = (ProtobufCBinaryData){MSG_STREAM, (uint8_t *)(uintptr_t)s->stream};
    m.seq = s->seq;
    m.fence = s->fence;
    m.n_node = s->n;
    m.node = at;
    if (lars__slot_state__get_packed_size(&m) > room)
        return -ENOBUFS;
    return (ssize_t)lars__slot_state__pack(&m, body);
}

ssize_t msg_slot_pack_hello(const struct msg_slot_host *h, void *body, size_t room)
{
    Lars__SlotHello m = LARS__SLOT_HELLO__INIT;

    m.host = text_of(h->host);
    m.zone = text_of(h->zone);
    m.address = text_of(h->address);
    m.class_ = text_of(h->class);
    m.slots = h->slots;
    if (lars__slot_hello__get_packed_size(&m) > room)
        return -ENOBUFS;
    return (ssize_t)lars__slot_hello__pack(&m, body);
}

/* --- unpacking ---------------------------------------------------------------------- */

static int take_text(char *to, size_t size, const char *from)
{
    size_t i;

    for (i = 0; from[i]; i++)
        if (i + 1 == size || (unsigned char)from[i] < ' ' || from[i] == 0x7f)
            return -EINVAL;
    memcpy(to, from, i + 1);
    return 0;
}

static int take_name(char *to, size_t size, const char *from)
{
    return process_name_is_valid(from) ? take_text(to, size, from) : -EINVAL;
}

/* The one way to write an address, so that two hosts never have the same. */
static int take_address(char to[MSG_SLOT_ADDRESS], const char *from)
{
    struct net_addr a;

    if (net_addr_set(&a, from, 1) < 0 || a.family != AF_INET)
        return -EINVAL;
    return take_text(to, MSG_SLOT_ADDRESS, from);
}

static bool is_none(const struct module_id *m)
{
    return m->modid == 0 && m->cmdid == 0;
}

static int take_order(struct msg_slot_orders *out, const Lars__SlotOrder *f)
{
    struct msg_slot_order *o = &out->order[out->n];

    *o = (struct msg_slot_order){f->slot,
                                 {(uint32_t)f->modid, (uint32_t)f->cmdid},
                                 f->fence};
    if (o->slot < 1 || o->slot > MSG_SLOT_MAX || is_none(&o->mod) ||
        o->fence > out->fence || (out->n > 0 && o[-1].slot >= o->slot))
        return -EINVAL;
    out->n++;
    return 0;
}

static int convert_orders(struct msg_slot_orders *out, const Lars__SlotOrders *m)
{
    int rc;
    size_t i;

    if (m->n_order > MSG_SLOT_MAX)
        return -E2BIG;
    rc = take_name(out->host, sizeof(out->host), m->host);
    out->fence = m->fence;
    out->n = 0;
    for (i = 0; i < m->n_order && rc == 0; i++)
        rc = take_order(out, m->order[i]);
    return rc;
}

int msg_slot_unpack_orders(struct msg_slot_orders *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__SlotOrders *m = lars__slot_orders__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    rc = convert_orders(out, m);
    lars__slot_orders__free_unpacked(m, &a);
    return rc;
}

static int take_host(struct msg_slot_host *out, const char *host, const char *zone,
                     const char *address, const char *class)
{
    int rc = take_name(out->host, sizeof(out->host), host);

    if (rc == 0)
        rc = take_text(out->zone, sizeof(out->zone), zone);
    if (rc == 0)
        rc = take_address(out->address, address);
    if (rc == 0)
        rc = take_text(out->class, sizeof(out->class), class);
    return rc;
}

static int take_slots(struct msg_slot_host *out, uint32_t slots)
{
    out->slots = slots;
    return slots < 1 || slots > MSG_SLOT_MAX ? -EINVAL : 0;
}

int msg_slot_unpack_hello(struct msg_slot_host *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__SlotHello *m = lars__slot_hello__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    rc = take_host(out, m->host, m->zone, m->address, m->class_);
    if (rc == 0)
        rc = take_slots(out, m->slots);
    lars__slot_hello__free_unpacked(m, &a);
    return rc;
}

static int take_build(char to[MSG_SLOT_BUILD], const char *from)
{
    return from[strspn(from, "0123456789abcdef")] == '\0'
               ? take_text(to, MSG_SLOT_BUILD, from)
               : -EINVAL;
}

static int take_node(struct msg_slot_state *out, const Lars__SlotNode *f)
{
    struct msg_slot_node *n = &out->node[out->n];
    int rc = take_text(n->note, sizeof(n->note), f->note);

    if (rc == 0)
        rc = take_build(n->build, f->build);
    n->slot = f->slot;
    n->mod = (struct module_id){(uint32_t)f->modid, (uint32_t)f->cmdid};
    n->port = (uint32_t)f->port;
    n->pid = f->pid;
    n->state = f->state;
    n->starts = f->starts;
    n->since_ms = f->since_ms;
    if (rc < 0 || n->slot < 1 || n->slot > out->of.slots || is_none(&n->mod) ||
        n->port < 1 || n->port > UINT16_MAX || n->state < MSG_SLOT_STARTING ||
        n->state > MSG_SLOT_STOPPING || (out->n > 0 && n[-1].slot >= n->slot))
        return -EINVAL;
    out->n++;
    return 0;
}

static int convert_state(struct msg_slot_state *out, const Lars__SlotState *m)
{
    size_t i;
    int rc;

    if (m->n_node > MSG_SLOT_MAX)
        return -E2BIG;
    if (m->stream.len != MSG_STREAM || m->seq == 0)
        return -EINVAL;
    memcpy(out->stream, m->stream.data, MSG_STREAM);
    out->seq = m->seq;
    out->fence = m->fence;
    out->n = 0;
    rc = take_host(&out->of, m->host, m->zone, m->address, m->class_);
    if (rc == 0)
        rc = take_slots(&out->of, m->slots);
    for (i = 0; i < m->n_node && rc == 0; i++)
        rc = take_node(out, m->node[i]);
    return rc;
}

int msg_slot_unpack_state(struct msg_slot_state *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__SlotState *m = lars__slot_state__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    rc = convert_state(out, m);
    lars__slot_state__free_unpacked(m, &a);
    return rc;
}

uint32_t msg_slot_ip(const struct msg_slot_host *h)
{
    struct net_addr at;

    return net_addr_set(&at, h->address, 0) == 0 && at.family == AF_INET ? ipv4_of(&at)
                                                                         : UINT32_MAX;
}

const char *msg_slot_state_name(uint32_t state)
{
    static const char *const name[] = {NULL,   "starting", "ready",
                                       "sick", "failed",   "stopping"};

    return state >= MSG_SLOT_STARTING && state <= MSG_SLOT_STOPPING ? name[state]
                                                                    : "unknown";
}
