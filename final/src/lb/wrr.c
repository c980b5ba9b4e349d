/* Smooth weighted round robin: at each call every node earns its weight, the richest one
 * is chosen and pays the sum of all weights.  Weights 5, 1, 1 give a a b a c a a and not
 * five calls in a row.  Source: nginx, ngx_http_upstream_round_robin.c.
 *
 * The credits are the caller's own (pick_state.slot), so each thread goes round by
 * itself.  A node that is warming up earns nothing meanwhile, and so gets its part of the
 * turns.  Rejected: one shared set of credits for the host, because every call of every
 * process would write every node's line. */
#include "lb/scan.h"

static uint32_t wrr_pick(const struct pick_view *v, struct pick_state *st,
                         const struct pick_part *p, struct pick_call *c)
{
    int64_t total = 0, most = INT64_MIN;
    uint32_t i, best = v->n;

    c->n_skipped = 0;
    for (i = p->from; i < p->from + p->n; i++) {
        if (pick_is_out(v, i, c->now_ms)) {
            c->n_skipped++;
            continue;
        }
        if (pick_cost(v, i) == NODE_WARMING)
            continue;
        st->slot[i] += v->member[i].weight;
        total += v->member[i].weight;
        if (st->slot[i] > most) {
            most = st->slot[i];
            best = i;
        }
    }
    if (best < v->n)
        st->slot[best] -= total;
    else if (c->n_skipped < p->n)     /* every available node is warming up */
        best = scan_pick(v, st, p, c);
    return best;
}

const struct lb_policy wrr_policy = {.name = "wrr",
                                     .summary = "smooth weighted round robin",
                                     .flags = POLICY_MOVES_STATE,
                                     .pick = wrr_pick};
