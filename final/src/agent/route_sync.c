/* DNSService sends updates to an agent that has sent a hello.  An update is a whole route
 * in pages (base 0), or a delta that names the checksum of the route that it changes
 * (base) and of the route that results (sum).
 *
 * Invariant: a route is taken over only when its checksum is the sum of the update.  When
 * anything does not fit (a page is missing, the base is another one, the sum is wrong),
 * nothing is repaired: resync() asks for the whole route, and DNSService answers with
 * pages.  A legacy peer ignores the hello and sends whole routes in message 2.
 *
 * Rejected: numbered versions.  After a restart of DNSService, or with a second
 * DNSService, the same number could mean another route; a checksum cannot. */
#include "agent/route_sync.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "net/conn.h"
#include "proto/msg_batch.h"
#include "proto/msg_update.h"
#include "route/routedelta.h"

#define LOG_GAP_MS 60000
#define NODES_MAX ((size_t)MSG_UPDATE_HOSTS * MSG_UPDATE_PAGES)

struct route_sync {
    struct dnscli *dns;
    route_sync_meta_fn *meta;
    void *arg;
    _Atomic uint64_t wrong_ms;        /* as route_sync_wrong_ms() */
    /* The route whose pages are arriving; the pages of a module arrive in order. */
    struct msg_update want;           /* its head; page: the next one; pages 0 = none */
    struct route_node *node;          /* owned; the nodes of the pages so far */
    size_t n, cap;                    /* nodes in use, room for nodes */
    /* the update in hand, as messages have it and as routes have it */
    struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
    struct route_node add_node[MSG_UPDATE_HOSTS], gone_node[MSG_UPDATE_HOSTS];
};

int route_sync_create(struct route_sync **out, route_sync_meta_fn *fn, void *arg)
{
    struct route_sync *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->meta = fn;
    s->arg = arg;
    *out = s;
    return 0;
}

void route_sync_destroy(struct route_sync *s)
{
    if (!s)
        return;
    free(s->node);
    free(s);
}

/* What this agent has of the route may be wrong: asks for the whole of it. */
static void resync(struct route_sync *s, const struct module_id *m, const char *why)
{
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_INFO, "route.resync",
              "modid=%u cmdid=%u why=%s: asked for the whole route", m->modid, m->cmdid,
              why);
    s->want.pages = 0;
    dnscli_ask(s->dns, m);
}

static void copy_hosts(struct route_node *out, const struct msg_host *host, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = (struct route_node){host[i].ip, (uint16_t)host[i].port,
                                     (uint16_t)host[i].weight, host[i].zone};
}

static int reserve_nodes(struct route_sync *s, size_t n)
{
    struct route_node *node;

    if (n > NODES_MAX)
        return -E2BIG;
    if (n <= s->cap)
        return 0;
    node = realloc(s->node, (n + MSG_UPDATE_HOSTS) * sizeof(*node));
    if (!node)
        return -ENOMEM;
    s->node = node;
    s->cap = n + MSG_UPDATE_HOSTS;
    return 0;
}

/* Takes over the <n> nodes in s->node, if they are what the update means. */
static void take_route(struct route_sync *s, const struct msg_update *m, size_t n)
{
    s->want.pages = 0;
    if (routedelta_sum(s->node, n) != m->sum)
        resync(s, &m->mod, "sum");
    else
        dnscli_take(s->dns, &m->mod, &(struct dnscli_nodes){s->node, n, m->version});
}

static void on_page(struct route_sync *s, const struct msg_update *m)
{
    if (m->page == 1) {
        s->want = *m;
        s->n = 0;
    } else if (s->want.pages != m->pages || s->want.page != m->page ||
               s->want.sum != m->sum || memcmp(&s->want.mod, &m->mod, sizeof(m->mod))) {
        resync(s, &m->mod, "page");
        return;
    }
    if (reserve_nodes(s, s->n + m->n_add) < 0) {
        resync(s, &m->mod, "memory");
        return;
    }
    copy_hosts(s->node + s->n, s->add, m->n_add);
    s->n += m->n_add;
    s->want.page++;
    if (m->page == m->pages)
        take_route(s, m, s->n);
}

static void on_delta(struct route_sync *s, const struct msg_update *m)
{
    const struct route_node *had;
    size_t n;
    int64_t left;

    if (dnscli_route(s->dns, &m->mod, &had, &n) < 0 ||
        routedelta_sum(had, n) != m->base) {
        resync(s, &m->mod, "base");
        return;
    }
    if (reserve_nodes(s, n + m->n_add) < 0) {
        resync(s, &m->mod, "memory");
        return;
    }
    copy_hosts(s->add_node, s->add, m->n_add);
    copy_hosts(s->gone_node, s->gone, m->n_gone);
    left =
        routedelta_apply(had, n, s->add_node, m->n_add, s->gone_node, m->n_gone, s->node);
    if (left < 0)
        resync(s, &m->mod, "delta");
    else
        take_route(s, m, (size_t)left);
}

static void on_update(struct conn *c, const struct frame *f, void *arg)
{
    struct route_sync *s = arg;
    struct msg_update m;
    int rc = msg_update_unpack(&m, s->add, s->gone, f->body, f->len);

    (void)c;
    if (rc < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.refused", "err=%s", err_str(rc));
        return;
    }
    if (!dnscli_wants(s->dns, &m.mod))
        return;                       /* not wanted any more */
    if (m.base == 0)
        on_page(s, &m);
    else
        on_delta(s, &m);
}

static void on_meta(struct conn *c, const struct frame *f, void *arg)
{
    struct route_sync *s = arg;
    struct msg_module_meta m;
    int rc = msg_module_meta_unpack(&m, f->body, f->len);

    (void)c;
    if (rc < 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "module_meta.refused", "err=%s",
                  err_str(rc));
    else if (dnscli_wants(s->dns, &m.mod))
        s->meta(&m, s->arg);
}

static void on_hello_reply(struct conn *c, const struct frame *f, void *arg)
{
    struct route_sync *s = arg;
    enum msg_service service;
    uint32_t version;
    char peer[NET_ADDR_STRLEN];

    if (msg_batch_unpack_hello(&version, &service, f->body, f->len) < 0)
        return;
    s->wrong_ms = service == MSG_SERVICE_REPORT ? mono_ms() : 0;
    if (service != MSG_SERVICE_REPORT)
        return;                       /* updates arrive from now on */
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "server.wrong_service",
              "server=%s: this is a Report Service, but [dnsserver] names it as a "
              "DNSService, so it gives no routes; correct [dnsserver]",
              net_addr_str(conn_peer(c), peer));
    conn_close(c);                    /* the next server of the list is tried */
}

uint64_t route_sync_wrong_ms(const struct route_sync *s)
{
    return s->wrong_ms;
}

int route_sync_more(struct dispatch *d, struct dnscli *c, void *arg)
{
    struct route_sync *s = arg;
    int rc = dispatch_set(d, MSG_HELLO_REPLY, on_hello_reply, s);

    s->dns = c;
    if (rc == 0)
        rc = dispatch_set(d, MSG_MODULE_META, on_meta, s);
    return rc < 0 ? rc : dispatch_set(d, MSG_ROUTE_UPDATE, on_update, s);
}

/* The hello must be the first frame on a connection. */
void route_sync_on_up(struct tcpcli *c, void *arg)
{
    struct route_sync *s = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_DNS, body, sizeof(body));

    s->want.pages = 0;
    if (n > 0)
        tcpcli_send(c, MSG_HELLO, body, (size_t)n);
}
