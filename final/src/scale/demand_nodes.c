/* The two last answers of each gateway to POST /nodes.  Each pair is given out once: a
 * minute that counted twice would look like two slow minutes in a row. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "scale/demand_private.h"

/* NULL: it did not tell them.  A gateway of an older version has none. */
static struct nodes_answer *ask_nodes(struct demand_gateway *g)
{
    struct nodes_answer *a = malloc(sizeof(*a));
    char body[60], why[GATEWAY_CLIENT_WHY];
    json_t *o = NULL;
    int rc = a ? 0 : -ENOMEM;

    snprintf(body, sizeof(body), "{\"id\": \"%016" PRIx64 "-%" PRIu64 "n\"}", g->all->id,
             g->n_asked);
    if (rc == 0)
        rc = gateway_client_ask(g->at, g->all->keys, "/nodes", body, DEMAND_ASK_MS,
                                g->epoch, &o, why);
    if (rc == 0)
        rc = nodes_answer_read(a, o);
    json_decref(o);
    if (rc == 0)
        return a;
    LOG_DEBUG("demand.nodes", "at=%s err=%s", g->at, err_str(rc));
    free(a);
    return NULL;
}

void demand_nodes_ask(struct demand_gateway *g)
{
    uint32_t every_ms = g->all->nodes_ms;
    uint64_t now_ms = mono_ms();
    struct nodes_answer *a;

    if (every_ms == 0 || (g->nodes_asked_ms && now_ms < g->nodes_asked_ms + every_ms))
        return;
    g->nodes_asked_ms = now_ms;
    a = ask_nodes(g);
    if (!a)
        return;
    worker_lock(g->worker);
    free(g->nodes[0]);
    g->nodes[0] = g->nodes[1];
    g->nodes[1] = a;
    g->nodes_ms = mono_ms();
    worker_unlock(g->worker);
}

/* An answer that came later than the one that was given out last. */
static bool has_new_nodes(const struct demand_gateway *g)
{
    return g->nodes[0] && g->nodes_ms > g->nodes_given_ms;
}

unsigned demand_nodes_timed(struct demand *d, uint64_t now_ms)
{
    unsigned i, n = 0;

    for (i = 0; i < d->n; i++) {
        struct demand_gateway *g = &d->at[i];

        worker_lock(g->worker);
        n += g->in_use && g->nodes[0] && now_ms < g->nodes_ms + 2ull * d->nodes_ms;
        worker_unlock(g->worker);
    }
    return n;
}

static bool all_have_new_nodes(struct demand *d)
{
    unsigned i, n = 0, n_new = 0;

    for (i = 0; i < d->n; i++) {
        struct demand_gateway *g = &d->at[i];

        worker_lock(g->worker);
        n += g->in_use;
        n_new += g->in_use && has_new_nodes(g);
        worker_unlock(g->worker);
    }
    return n > 0 && n_new == n;
}

bool demand_nodes_take(struct demand *d, struct node_minutes *out)
{
    bool whole = all_have_new_nodes(d);
    unsigned i;

    out->n = 0;
    for (i = 0; whole && i < d->n; i++) {
        struct demand_gateway *g = &d->at[i];

        worker_lock(g->worker);
        if (g->in_use)
            whole = has_new_nodes(g) && node_minutes_add(out, g->nodes[0], g->nodes[1]);
        g->nodes_given_ms = g->nodes_ms;
        worker_unlock(g->worker);
    }
    return whole;
}

void demand_nodes_forget(struct demand_gateway *g)
{
    free(g->nodes[0]);
    free(g->nodes[1]);
    g->nodes[0] = g->nodes[1] = NULL;
    g->nodes_asked_ms = 0;
}
