/* Two connections, one to a DNSService and one to a Report Service (service_link.h).
 *
 * Invariant: orders are handed over only as they came in one whole message 40.  No
 * connection, no answer and a refused message are all the same: no orders, which is not
 * the same as a list without orders.
 *
 * Invariant: no state is sent before the first slot_link_tell().  A lars-slotd that has
 * just started does not know yet what runs in its slots, and a state without slots would
 * delete their rows.
 *
 * Rejected: waiting for an acknowledgement before the next state is sent.  The last value
 * wins, so a state that was lost is replaced within a second. */
#include "slot/slot_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/rnd.h"
#include "net/conn.h"
#include "proto/msg_slot.h"
#include "slot/service_link.h"

#define TELL_MS 1000 /* between two states without a change */
#define LOG_GAP_MS 60000

struct slot_link {
    struct evloop *loop;
    struct msg_slot_host host;
    slot_link_orders_fn *on_orders;
    void *arg;
    struct service_link *dns, *report;
    struct evtimer timer; /* of the next state */
    bool told; /* slot_link_tell() was called */
    struct slot_status status[SLOT_MAX]; /* its last argument, sorted by slot */
    size_t n;
    uint8_t stream[MSG_STREAM];
    uint64_t seq; /* of the state sent last */
    uint64_t fence; /* slot_link_set_fence() */
    struct slot_link_stat stat;
    struct msg_slot_orders orders; /* the message that is being handled */
    struct slot_order order[SLOT_MAX];
    struct msg_slot_state state; /* the message that is being sent */
    char body[FRAME_MAX_BODY];
};

/* --- what runs, to the Report Service ----------------------------------------------- */

static void fill_node(struct msg_slot_node *to, const struct slot_status *s,
                      uint64_t now_ms)
{
    *to = (struct msg_slot_node){
        .slot = s->slot,
        .mod = {s->modid, s->cmdid},
        .port = s->port,
        .pid = s->pid,
        .state = (uint32_t)s->state,
        .starts = s->starts,
        .since_ms = now_ms > s->since_ms ? now_ms - s->since_ms : 0,
    };
    memcpy(to->note, s->note, sizeof(to->note));
    memcpy(to->build, s->build, sizeof(s->build));
}

static void send_state(struct slot_link *k)
{
    ssize_t len;
    size_t i;

    if (!k->told || !service_link_is_up(k->report))
        return;
    k->state.of = k->host;
    memcpy(k->state.stream, k->stream, MSG_STREAM);
    k->state.seq = ++k->seq;
    k->state.fence = k->fence;
    k->state.n = k->n;
    for (i = 0; i < k->n; i++)
        fill_node(&k->state.node[i], &k->status[i], evloop_now_ms(k->loop));
    len = msg_slot_pack_state(&k->state, k->body, sizeof(k->body));
    if (len > 0)
        service_link_send(k->report, MSG_SLOT_STATE, k->body, (size_t)len);
}

static void on_timer(void *arg)
{
    struct slot_link *k = arg;

    if (!k->told) /* there is nothing to acknowledge yet */
        service_link_is_useful(k->report);
    send_state(k);
    evloop_set_timer(k->loop, &k->timer, TELL_MS, on_timer, k);
}

static bool is_valid(const struct slot_link *k, const struct slot_status *s)
{
    return s->slot >= 1 && s->slot <= k->host.slots && (s->modid != 0 || s->cmdid != 0) &&
           s->port >= 1 && s->port <= UINT16_MAX && s->state >= SLOT_STARTING &&
           s->state <= SLOT_STOPPING;
}

static int by_slot(const void *a, const void *b)
{
    const struct slot_status *x = a, *y = b;

    return (x->slot > y->slot) - (x->slot < y->slot);
}

/* The receiver refuses control characters, which a note of a failed program may have. */
static void clean_note(char note[SLOT_NOTE])
{
    size_t i;

    for (i = 0; i + 1 < SLOT_NOTE && note[i]; i++)
        if ((unsigned char)note[i] < ' ' || note[i] == 0x7f)
            note[i] = ' ';
    memset(note + i, 0, SLOT_NOTE - i);
}

static int check_all(const struct slot_link *k, const struct slot_status *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (!is_valid(k, &s[i]) || (i > 0 && s[i - 1].slot == s[i].slot))
            return -EINVAL;
    return 0;
}

static bool is_same(const struct slot_status *a, const struct slot_status *b)
{
    return a->slot == b->slot && a->modid == b->modid && a->cmdid == b->cmdid &&
           a->port == b->port && a->pid == b->pid && a->state == b->state &&
           a->starts == b->starts && a->since_ms == b->since_ms &&
           strcmp(a->note, b->note) == 0 && strcmp(a->build, b->build) == 0;
}

static bool has_changed(const struct slot_link *k, const struct slot_status *s, size_t n)
{
    size_t i = 0;

    while (i < n && i < k->n && is_same(&s[i], &k->status[i]))
        i++;
    return !k->told || n != k->n || i < n;
}

int slot_link_tell(struct slot_link *k, const struct slot_status *s, size_t n)
{
    struct slot_status sorted[SLOT_MAX];
    size_t i;

    if (n > SLOT_MAX)
        return -EINVAL;
    for (i = 0; i < n; i++) {
        sorted[i] = s[i];
        clean_note(sorted[i].note);
    }
    qsort(sorted, n, sizeof(sorted[0]), by_slot);
    if (check_all(k, sorted, n) < 0)
        return -EINVAL;
    if (!has_changed(k, sorted, n))
        return 0;
    memcpy(k->status, sorted, n * sizeof(sorted[0]));
    k->n = n;
    k->told = true;
    send_state(k);
    return 0;
}

void slot_link_set_fence(struct slot_link *k, uint64_t fence)
{
    k->fence = fence;
}

static void on_ack(struct conn *c, const struct frame *f, void *arg)
{
    struct slot_link *k = arg;
    struct msg_ack ack;

    (void)c;
    if (msg_batch_unpack_ack(&ack, f->body, f->len) == 0 &&
        memcmp(ack.stream, k->stream, MSG_STREAM) == 0 && ack.seq <= k->seq) {
        k->stat.acked_ms = evloop_now_ms(k->loop);
        service_link_is_useful(k->report);
    }
}

/* --- orders, from DNSService -------------------------------------------------------- */

/* Those of slots that this host has; it may have had more when they were written. */
static size_t own_orders(struct slot_link *k)
{
    size_t i, n = 0;

    for (i = 0; i < k->orders.n; i++) {
        const struct msg_slot_order *o = &k->orders.order[i];

        if (o->slot > k->host.slots) {
            LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "slot_order.ignored",
                      "slot=%u slots=%u: this host has fewer slots than its orders name",
                      o->slot, k->host.slots);
            continue;
        }
        k->order[n++] = (struct slot_order){o->slot, o->mod.modid, o->mod.cmdid};
    }
    return n;
}

static void on_orders(struct conn *c, const struct frame *f, void *arg)
{
    struct slot_link *k = arg;
    char peer[NET_ADDR_STRLEN];
    int rc = msg_slot_unpack_orders(&k->orders, f->body, f->len);
    size_t n;

    if (rc == 0 && strcasecmp(k->orders.host, k->host.host) != 0)
        rc = -EINVAL;
    if (rc < 0) {
        k->stat.n_bad++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "slot_orders.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
        return;
    }
    n = own_orders(k);
    k->stat.n_orders++;
    k->stat.orders_ms = evloop_now_ms(k->loop);
    service_link_is_useful(k->dns);
    k->on_orders(k->orders.fence, n > 0 ? k->order : NULL, n, k->arg);
}

static void ask_for_orders(void *arg)
{
    struct slot_link *k = arg;
    ssize_t len = msg_slot_pack_hello(&k->host, k->body, sizeof(k->body));

    if (len > 0)
        service_link_send(k->dns, MSG_SLOT_HELLO, k->body, (size_t)len);
}

/* --- create, destroy ------------------------------------------------------------- */

/* The texts are checked by the function that the receivers use. */
static int take_host(struct msg_slot_host *out, const struct slot_link_config *cfg)
{
    struct msg_slot_host h = {.slots = cfg->slots};
    char body[FRAME_MAX_BODY / 64];
    ssize_t len;

    if (strlen(cfg->host) >= sizeof(h.host) || strlen(cfg->zone) >= sizeof(h.zone) ||
        strlen(cfg->address) >= sizeof(h.address) ||
        strlen(cfg->class) >= sizeof(h.class))
        return -EINVAL;
    snprintf(h.host, sizeof(h.host), "%s", cfg->host);
    snprintf(h.zone, sizeof(h.zone), "%s", cfg->zone);
    snprintf(h.address, sizeof(h.address), "%s", cfg->address);
    snprintf(h.class, sizeof(h.class), "%s", cfg->class);
    len = msg_slot_pack_hello(&h, body, sizeof(body));
    return len < 0 ? (int)len : msg_slot_unpack_hello(out, body, (size_t)len);
}

static void draw_stream(uint8_t stream[MSG_STREAM])
{
    struct rnd r;
    size_t i;

    rnd_init_any(&r);
    for (i = 0; i < MSG_STREAM; i++)
        stream[i] = (uint8_t)rnd_u32(&r);
}

static void on_report_ready(void *arg)
{
    send_state(arg);
}

static int open_links(struct slot_link *k, const struct slot_link_config *cfg)
{
    const struct service_link_config dns = {.kind = MSG_SERVICE_DNS,
                                            .to = cfg->dns,
                                            .n_to = cfg->n_dns,
                                            .tls = cfg->tls,
                                            .msgid = MSG_SLOT_ORDERS,
                                            .fn = on_orders,
                                            .on_ready = ask_for_orders,
                                            .arg = k};
    const struct service_link_config report = {.kind = MSG_SERVICE_REPORT,
                                               .to = cfg->report,
                                               .n_to = cfg->n_report,
                                               .tls = cfg->tls,
                                               .msgid = MSG_SLOT_STATE_ACK,
                                               .fn = on_ack,
                                               .on_ready = on_report_ready,
                                               .arg = k};
    int rc = service_link_create(&k->dns, k->loop, &dns);

    if (rc == 0)
        rc = service_link_create(&k->report, k->loop, &report);
    return rc < 0 ? rc : evloop_set_timer(k->loop, &k->timer, TELL_MS, on_timer, k);
}

int slot_link_create(struct slot_link **out, struct evloop *l,
                     const struct slot_link_config *cfg, slot_link_orders_fn *fn,
                     void *arg)
{
    struct slot_link *k = calloc(1, sizeof(*k));
    int rc;

    if (!k)
        return -ENOMEM;
    k->loop = l;
    k->on_orders = fn;
    k->arg = arg;
    draw_stream(k->stream);
    rc = take_host(&k->host, cfg);
    if (rc == 0)
        rc = open_links(k, cfg);
    if (rc < 0)
        slot_link_destroy(k);
    else
        *out = k;
    return rc;
}

void slot_link_destroy(struct slot_link *k)
{
    if (!k)
        return;
    evloop_clear_timer(k->loop, &k->timer);
    service_link_destroy(k->dns);
    service_link_destroy(k->report);
    free(k);
}

void slot_link_stat(const struct slot_link *k, struct slot_link_stat *out)
{
    *out = k->stat;
    out->dns_up = service_link_is_up(k->dns);
    out->report_up = service_link_is_up(k->report);
    out->dns_first = service_link_is_first(k->dns);
    out->report_first = service_link_is_first(k->report);
}
