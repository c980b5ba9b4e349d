#include "agent/route_sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "net/conn.h"
#include "proto/msg_batch.h"
#include "proto/msg_update.h"
#include "route/routedelta.h"

#define LOG_GAP_MS 60000
#define NODES_MAX ((size_t)MSG_UPDATE_HOSTS * MSG_UPDATE_PAGES)

struct route_sync {
    struct dnscli *dns;
    route_sync_info_fn *info;
    void *arg;
    /* The route whose pages are coming: those of a module come one after the other. */
    struct msg_update want;           /* its head; page = the next one; pages 0 = none */
    struct route_node *node;          /* grows with the pages */
    size_t n, cap;
    struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
    struct route_node add_node[MSG_UPDATE_HOSTS], gone_node[MSG_UPDATE_HOSTS];
};

int route_sync_create(struct route_sync **out, route_sync_info_fn *fn, void *arg)
{
    struct route_sync *u = calloc(1, sizeof(*u));

    *out = u;
    if (!u)
        return -ENOMEM;
    u->info = fn;
    u->arg = arg;
    return 0;
}

void route_sync_destroy(struct route_sync *u)
{
    if (!u)
        return;
    free(u->node);
    free(u);
}

/* Whatever it is that we have, it may be wrong: the whole comes for a question. */
static void doubt(struct route_sync *u, const struct module_id *m, const char *why)
{
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_INFO, "route.doubt",
              "modid=%u cmdid=%u why=%s: asked again", m->modid, m->cmdid, why);
    u->want.pages = 0;
    dnscli_ask(u->dns, m);
}

static void nodes_of(struct route_node *out, const struct msg_host *host, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = (struct route_node){host[i].ip, (uint16_t)host[i].port,
                                     (uint16_t)host[i].weight, host[i].zone};
}

static int reserve(struct route_sync *u, size_t n)
{
    struct route_node *node;

    if (n > NODES_MAX)
        return -E2BIG;
    if (n <= u->cap)
        return 0;
    node = realloc(u->node, (n + MSG_UPDATE_HOSTS) * sizeof(*node));
    if (!node)
        return -ENOMEM;
    u->node = node;
    u->cap = n + MSG_UPDATE_HOSTS;
    return 0;
}

/* <n> nodes are in u->node: are they what was meant? */
static void take(struct route_sync *u, const struct msg_update *m, size_t n)
{
    u->want.pages = 0;
    if (routedelta_sum(u->node, n) != m->sum)
        doubt(u, &m->mod, "sum");
    else
        dnscli_take(u->dns, &m->mod, u->node, n);
}

static void on_page(struct route_sync *u, const struct msg_update *m)
{
    if (m->page == 1) {
        u->want = *m;
        u->n = 0;
    } else if (u->want.pages != m->pages || u->want.page != m->page ||
               u->want.sum != m->sum || memcmp(&u->want.mod, &m->mod, sizeof(m->mod))) {
        doubt(u, &m->mod, "page");
        return;
    }
    if (reserve(u, u->n + m->n_add) < 0) {
        doubt(u, &m->mod, "memory");
        return;
    }
    nodes_of(u->node + u->n, u->add, m->n_add);
    u->n += m->n_add;
    u->want.page++;
    if (m->page == m->pages)
        take(u, m, u->n);
}

static void on_delta(struct route_sync *u, const struct msg_update *m)
{
    const struct route_node *had;
    size_t n;
    int64_t left;

    if (dnscli_route(u->dns, &m->mod, &had, &n) < 0 ||
        routedelta_sum(had, n) != m->base) {
        doubt(u, &m->mod, "base");
        return;
    }
    if (reserve(u, n + m->n_add) < 0) {
        doubt(u, &m->mod, "memory");
        return;
    }
    nodes_of(u->add_node, u->add, m->n_add);
    nodes_of(u->gone_node, u->gone, m->n_gone);
    left =
        routedelta_apply(had, n, u->add_node, m->n_add, u->gone_node, m->n_gone, u->node);
    if (left < 0)
        doubt(u, &m->mod, "delta");
    else
        take(u, m, (size_t)left);
}

static void on_update(struct conn *c, const struct frame *f, void *arg)
{
    struct route_sync *u = arg;
    struct msg_update m;
    int rc = msg_update_unpack(&m, u->add, u->gone, f->body, f->len);

    (void)c;
    if (rc < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.refused", "err=%s", err_str(rc));
        return;
    }
    if (!dnscli_wants(u->dns, &m.mod))
        return;                       /* not any more */
    if (m.base == 0)
        on_page(u, &m);
    else
        on_delta(u, &m);
}

static void on_info(struct conn *c, const struct frame *f, void *arg)
{
    struct route_sync *u = arg;
    struct msg_module_meta m;
    int rc = msg_module_meta_unpack(&m, f->body, f->len);

    (void)c;
    if (rc < 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "info.refused", "err=%s", err_str(rc));
    else if (dnscli_wants(u->dns, &m.mod))
        u->info(&m, u->arg);
}

static void on_hello_reply(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    (void)f;
    (void)arg;                        /* updates come now; nothing to remember */
}

int route_sync_more(struct dispatch *d, struct dnscli *c, void *arg)
{
    struct route_sync *u = arg;
    int rc = dispatch_set(d, MSG_HELLO_REPLY, on_hello_reply, u);

    u->dns = c;
    if (rc == 0)
        rc = dispatch_set(d, MSG_MODULE_META, on_info, u);
    return rc < 0 ? rc : dispatch_set(d, MSG_ROUTE_UPDATE, on_update, u);
}

/* First on a connection.  Who does not know it skips it and sends message 2. */
void route_sync_on_up(struct tcpcli *c, void *arg)
{
    struct route_sync *u = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(body, sizeof(body));

    u->want.pages = 0;
    if (n > 0)
        tcpcli_send(c, MSG_HELLO, body, (size_t)n);
}
