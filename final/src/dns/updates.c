/* A change is packed once per module and thread as a delta, and sent to every subscriber:
 * the delta names the checksum of the nodes that it applies to, and an agent that has
 * other nodes asks for the whole route.  So this side keeps no state per agent, and a
 * lost update is repaired, and a repeated one changes nothing.
 *
 * A delta that would not be smaller than the route is not made; the route is then sent
 * whole, in pages that fit in a frame. */
#include "dns/updates.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "dns/subs.h"
#include "net/frame.h"
#include "proto/msg_batch.h"
#include "proto/msg_update.h"
#include "route/routedelta.h"

struct updates {
    struct subs *subs;                /* of peers that have said hello */
    const struct route_table *had, *has; /* while pushing; had may be NULL */
    uint64_t n_sent;
    struct module_meta_table *meta;   /* NULL = none yet; one reference */
    const struct module_meta_table *old_meta; /* while pushing: what <meta> replaces */
    char meta_body[MSG_MODULE_META_ROOM];
    size_t meta_len;
    /* The change that is being sent: */
    struct module_id mod;
    const struct route *route;        /* the module's nodes now, or NULL */
    size_t delta_len;                 /* of delta; 0 = send the whole */
    struct route_node add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
    struct msg_host host[2][MSG_UPDATE_HOSTS];
    char delta[FRAME_MAX_BODY], page[FRAME_MAX_BODY];
};

int updates_create(struct updates **out)
{
    struct updates *u = calloc(1, sizeof(*u));
    int rc = u ? subs_create(&u->subs) : -ENOMEM;

    if (rc < 0)
        free(u);
    else
        *out = u;
    return rc;
}

void updates_destroy(struct updates *u)
{
    if (!u)
        return;
    subs_destroy(u->subs);
    module_meta_table_unref(u->meta);
    free(u);
}

bool updates_has(const struct updates *u, const struct conn *c)
{
    return subs_of(conn_user(c)) == u->subs;
}

void updates_hello(struct updates *u, struct conn *c)
{
    struct subs_client *cl;
    char body[16];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_DNS, body, sizeof(body));

    if (n < 0 || updates_has(u, c)) {
        if (n > 0)
            conn_send(c, MSG_HELLO_REPLY, body, (size_t)n);
        return;
    }
    if (subs_client_create(&cl, u->subs, c) < 0) {
        conn_close(c);
        return;
    }
    subs_client_destroy(conn_user(c));
    conn_set_user(c, cl);
    conn_send(c, MSG_HELLO_REPLY, body, (size_t)n);
}

static void hosts_of(struct msg_host *out, const struct route_node *node, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] =
            (struct msg_host){node[i].ip, node[i].port, node[i].weight, node[i].zone};
}

int updates_send_whole(struct updates *u, struct conn *c, const struct module_id *m,
                       const struct route *r, uint64_t version)
{
    size_t n = r ? r->n_node : 0, at = 0;
    struct msg_update head = {
        .mod = *m,
        .version = version,
        .sum = routedelta_sum(r ? r->node : NULL, n),
        .pages = n == 0 ? 1 : (uint32_t)((n + MSG_UPDATE_HOSTS - 1) / MSG_UPDATE_HOSTS)};
    int rc = 0;

    for (head.page = 1; rc == 0 && head.page <= head.pages; head.page++) {
        ssize_t len;

        head.n_add = n - at < MSG_UPDATE_HOSTS ? n - at : MSG_UPDATE_HOSTS;
        if (head.n_add > 0)
            hosts_of(u->host[0], r->node + at, head.n_add);
        at += head.n_add;
        len = msg_update_pack(&head, u->host[0], NULL, u->page, sizeof(u->page));
        rc = len < 0 ? (int)len : conn_send(c, MSG_ROUTE_UPDATE, u->page, (size_t)len);
    }
    return rc;
}

/* Returns the length of the delta; 0 when the whole route is to be sent instead. */
static size_t pack_delta(struct updates *u, const struct route *had,
                         const struct route *has)
{
    size_t n_had = had ? had->n_node : 0, n_has = has ? has->n_node : 0;
    struct msg_update head = {.mod = u->mod, .page = 1, .pages = 1};
    ssize_t len;

    if (routedelta_diff(had ? had->node : NULL, n_had, has ? has->node : NULL, n_has,
                        u->add, &head.n_add, u->gone, &head.n_gone,
                        MSG_UPDATE_HOSTS / 2) < 0 ||
        head.n_add + head.n_gone >= n_has)
        return 0;
    head.version = route_table_version(u->has);
    head.base = routedelta_sum(had ? had->node : NULL, n_had);
    head.sum = routedelta_sum(has ? has->node : NULL, n_has);
    hosts_of(u->host[0], u->add, head.n_add);
    hosts_of(u->host[1], u->gone, head.n_gone);
    len = msg_update_pack(&head, u->host[0], u->host[1], u->delta, sizeof(u->delta));
    return len < 0 ? 0 : (size_t)len;
}

static void send_to(struct conn *c, void *arg)
{
    struct updates *u = arg;
    int rc = u->delta_len > 0 ? conn_send(c, MSG_ROUTE_UPDATE, u->delta, u->delta_len)
                              : updates_send_whole(u, c, &u->mod, u->route,
                                                   route_table_version(u->has));

    u->n_sent += rc == 0;
}

static void push_changed_route(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct updates *u = arg;
    const struct route *had = u->had ? route_table_find(u->had, modid, cmdid) : NULL;

    u->mod = (struct module_id){modid, cmdid};
    u->route = route_table_find(u->has, modid, cmdid);
    if (u->had && route_equal(had, u->route))
        return;
    u->delta_len = u->had ? pack_delta(u, had, u->route) : 0;
    subs_each_conn(u->subs, modid, cmdid, send_to, u);
    LOG_DEBUG("route.pushed", "modid=%u cmdid=%u version=%llu nodes=%u delta=%d", modid,
              cmdid, (unsigned long long)route_table_version(u->has),
              u->route ? u->route->n_node : 0, u->delta_len > 0);
}

uint64_t updates_push(struct updates *u, const struct route_table *had,
                      const struct route_table *has)
{
    uint64_t before = u->n_sent;

    u->had = had;
    u->has = has;
    subs_each_module(u->subs, push_changed_route, u);
    u->had = u->has = NULL;
    return u->n_sent - before;
}

/* --- module meta -------------------------------------------------------------------- */

/* <meta> NULL: the module has none any more. */
static void pack_meta(struct updates *u, const struct module_id *m,
                      const struct msg_module_meta *meta)
{
    const struct msg_module_meta none = {.mod = *m};
    ssize_t n =
        msg_module_meta_pack(meta ? meta : &none, u->meta_body, sizeof(u->meta_body));

    u->meta_len = n > 0 ? (size_t)n : 0;
}

static void send_meta_to(struct conn *c, void *arg)
{
    struct updates *u = arg;

    if (u->meta_len > 0)
        conn_send(c, MSG_MODULE_META, u->meta_body, u->meta_len);
}

static void push_changed_meta(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct updates *u = arg;
    const struct msg_module_meta *has = module_meta_table_find(u->meta, modid, cmdid);

    if (module_meta_table_same(module_meta_table_find(u->old_meta, modid, cmdid), has))
        return;
    pack_meta(u, &(struct module_id){modid, cmdid}, has);
    subs_each_conn(u->subs, modid, cmdid, send_meta_to, u);
}

void updates_take_meta(struct updates *u, struct module_meta_table *t)
{
    struct module_meta_table *old = u->meta;

    u->meta = t;
    u->old_meta = old;
    subs_each_module(u->subs, push_changed_meta, u);
    u->old_meta = NULL;
    module_meta_table_unref(old);
}

void updates_send_meta(struct updates *u, struct conn *c, const struct module_id *m)
{
    const struct msg_module_meta *meta =
        module_meta_table_find(u->meta, m->modid, m->cmdid);

    if (!meta)
        return;
    pack_meta(u, m, meta);
    send_meta_to(c, u);
}
