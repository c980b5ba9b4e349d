/* The counters of the loops are added for each node.  The nodes are sorted, so that those
 * of several loops stand together.
 *
 * Rejected: a quantile instead of the counters.  Quantiles of several gateways cannot be
 * added. */
#include "gateway/gateway_nodes.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "base/mono.h"
#include "gateway/gateway_demand.h"
#include "gateway/gateway_private.h"
#include "gateway/node_times.h"

struct rows {
    struct node_times_row *at;
    size_t n, max;
};

static void take(const struct node_times_row *row, void *arg)
{
    struct rows *r = arg;

    if (r->n < r->max)
        r->at[r->n++] = *row;
}

static int by_key(const void *a, const void *b)
{
    const struct node_times_row *x = a, *y = b;

    return x->key < y->key ? -1 : x->key > y->key;
}

/* Rows of one node become one. */
static void merge(struct rows *r)
{
    size_t i, n = 0;
    unsigned b;

    qsort(r->at, r->n, sizeof(*r->at), by_key);
    for (i = 0; i < r->n; i++) {
        if (n == 0 || r->at[n - 1].key != r->at[i].key) {
            r->at[n++] = r->at[i];
            continue;
        }
        for (b = 0; b <= LATENCY_BUCKETS; b++)
            r->at[n - 1].n[b] += r->at[i].n[b];
    }
    r->n = n < GATEWAY_NODES_MAX ? n : GATEWAY_NODES_MAX;
}

static json_t *counters_json(const struct node_times_row *row)
{
    json_t *all = json_array();
    unsigned b;

    for (b = 1; b <= LATENCY_BUCKETS; b++)
        if (row->n[b] > 0)
            json_array_append_new(all, json_pack("[iI]", (int)b, (json_int_t)row->n[b]));
    return all;
}

/* NULL: the module of the slot is no longer in the rules. */
static json_t *row_json(const struct node_times_row *row,
                        const struct modules_entry *list, unsigned n)
{
    const struct net_addr addr = ipv4_addr(row->ip, (uint16_t)row->port);
    char at[NET_ADDR_STRLEN];
    unsigned i;

    for (i = 0; i < n && list[i].slot != row->slot; i++)
        ;
    if (i == n)
        return NULL;
    return json_pack("{sI sI ss so}", "modid", (json_int_t)list[i].modid, "cmdid",
                     (json_int_t)list[i].cmdid, "at", net_addr_str(&addr, at), "us",
                     counters_json(row));
}

static json_t *answer_json(const struct gateway *g, const struct rows *r)
{
    struct modules_entry list[MODULES_MAX];
    unsigned n = modules_list(g->modules, list);
    json_t *all = json_array();
    size_t i;

    for (i = 0; i < r->n; i++) {
        json_t *row = row_json(&r->at[i], list, n);

        if (row)
            json_array_append_new(all, row);
    }
    return json_pack("{ss sI so}", "epoch", gateway_demand_epoch(g->demand), "ms",
                     (json_int_t)mono_ms(), "nodes", all);
}

static int write_answer(const struct gateway *g, const struct rows *r, struct buf *out)
{
    json_t *json = answer_json(g, r);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    int rc = text ? buf_append(out, text, strlen(text)) : -ENOMEM;

    free(text);
    json_decref(json);
    return rc < 0 ? rc : buf_append(out, "\n", 1);
}

int gateway_nodes_answer(struct gateway *g, const char *body, struct buf *out)
{
    struct rows r = {.max = (size_t)g->n_loops * NODE_TIMES_MAX};
    json_t *question = json_loads(body, 0, NULL);
    bool is_object = json_is_object(question);
    unsigned i;
    int rc;

    json_decref(question);
    if (!is_object)
        return -EINVAL;
    r.at = calloc(r.max + 1, sizeof(*r.at));
    if (!r.at)
        return -ENOMEM;
    for (i = 0; i < g->n_loops; i++)
        node_times_each(g->loop[i]->times, take, &r);
    merge(&r);
    rc = write_answer(g, &r, out);
    free(r.at);
    return rc;
}
