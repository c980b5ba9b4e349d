#include "dns/updates.h"

#include <errno.h>
#include <stdlib.h>

#include "net/frame.h"
#include "proto/msg_update.h"
#include "route/routedelta.h"

/* What is prepared: a packed delta, or, when that would not be smaller, the whole. */
struct updates {
    struct msg_module mod;
    const struct route *has;          /* borrowed between prepare and send */
    uint64_t version;
    size_t delta_len;                 /* of delta; 0 = send the whole */
    struct route_node add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
    struct msg_host host[2][MSG_UPDATE_HOSTS];
    char delta[FRAME_MAX_BODY], page[FRAME_MAX_BODY];
};

int updates_create(struct updates **out)
{
    *out = malloc(sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void updates_destroy(struct updates *u)
{
    free(u);
}

static void hosts(struct msg_host *out, const struct route_node *node, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = (struct msg_host){node[i].ip, node[i].port};
}

int updates_send_whole(struct updates *u, struct conn *c, const struct msg_module *m,
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
            hosts(u->host[0], r->node + at, head.n_add);
        at += head.n_add;
        len = msg_update_pack(&head, u->host[0], NULL, u->page, sizeof(u->page));
        rc = len < 0 ? (int)len : conn_send(c, MSG_ROUTE_UPDATE, u->page, (size_t)len);
    }
    return rc;
}

/* The delta's length; 0 when the whole is sent instead. */
static size_t pack_delta(struct updates *u, const struct route *had,
                         const struct route *has)
{
    size_t n_had = had ? had->n_node : 0, n_has = has ? has->n_node : 0;
    struct msg_update head = {
        .mod = u->mod, .version = u->version, .page = 1, .pages = 1};
    ssize_t len;

    if (routedelta_diff(had ? had->node : NULL, n_had, has ? has->node : NULL, n_has,
                        u->add, &head.n_add, u->gone, &head.n_gone,
                        MSG_UPDATE_HOSTS / 2) < 0 ||
        head.n_add + head.n_gone >= n_has)
        return 0;
    head.base = routedelta_sum(had ? had->node : NULL, n_had);
    head.sum = routedelta_sum(has ? has->node : NULL, n_has);
    hosts(u->host[0], u->add, head.n_add);
    hosts(u->host[1], u->gone, head.n_gone);
    len = msg_update_pack(&head, u->host[0], u->host[1], u->delta, sizeof(u->delta));
    return len < 0 ? 0 : (size_t)len;
}

void updates_prepare(struct updates *u, const struct msg_module *m,
                     const struct route *had, const struct route *has, uint64_t version)
{
    u->mod = *m;
    u->has = has;
    u->version = version;
    u->delta_len = pack_delta(u, had, has);
}

int updates_send(struct updates *u, struct conn *c)
{
    if (u->delta_len == 0)
        return updates_send_whole(u, c, &u->mod, u->has, u->version);
    return conn_send(c, MSG_ROUTE_UPDATE, u->delta, u->delta_len);
}
