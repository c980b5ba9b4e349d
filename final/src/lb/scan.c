/* The loop over the nodes has no branches: which node is the best is as good as random,
 * so a processor would predict every other branch wrongly.  A node that must not be
 * chosen gets the highest score instead.
 *
 * Equal nodes share the calls by a random start: the first of them behind it wins.  That
 * is fair only while every node is a candidate; else the node behind a run of ejected
 * ones would get their calls too (measured: 56 of 100 behind five dead nodes).  With
 * <draw> a lot is drawn for each node and stands in the last bits of its score.
 *
 * Rejected as the default: the better of two random nodes (p2c).  A host shares one view,
 * so looking at all nodes is cheap, and its p99 is a fifth (docs/decisions/015). */
#include "lb/scan.h"

#include "lb/scan_row.h"

#define LOT_BITS 12                   /* of a score, below cost x (in-flight + 1) */
#define LOT_STEP 0x9e3779b1u          /* a prime near 2^32 / golden ratio: Knuth */
#define LOT_MIX 0x85ebca6bu           /* source: Appleby, MurmurHash3 */
/* Members from .. to - 1.  <lot>: random, odd; 0 = draw none. */
static inline void look_at(const struct pick_view *v, uint32_t from, uint32_t to,
                           uint64_t now_ms, uint32_t lot, struct scan_best *b)
{
    uint64_t over_ms = pick_over_ms(v, now_ms);
    uint32_t i;

    for (i = from; i < to; i++) {
        uint32_t nid = v->member[i].nid;
        const struct node_counter *c = &v->counter[nid];
        uint64_t cost = atomic_load_explicit(&v->cost[nid], memory_order_relaxed);
        uint64_t until = atomic_load_explicit(&c->ejected_until_ms, memory_order_relaxed);
        int64_t inflight = atomic_load_explicit(&c->inflight, memory_order_relaxed);
        bool out = (cost >= NODE_OUT) | (until > over_ms);
        uint64_t busy = (uint64_t)(inflight > 0 ? inflight : 0) & SCAN_INFLIGHT_MASK;
        uint64_t score = cost * (busy + 1);

        b->n_skipped += cost >= NODE_WARMING || out;
        if (lot != 0)
            score = score << LOT_BITS | (lot ^ i * LOT_STEP) * LOT_MIX >> (32 - LOT_BITS);
        score = out ? UINT64_MAX : score;
        b->at = score < b->score ? i : b->at;
        b->score = score < b->score ? score : b->score;
    }
}

uint32_t scan_from(const struct pick_view *v, struct pick_state *st,
                   const struct pick_part *p, uint32_t start, uint32_t n,
                   struct pick_call *c)
{
    uint32_t first = n < p->n - start ? n : p->n - start, lot;
    struct scan_best b = {UINT64_MAX, v->n, 0};

    if (v->in_row && !p->draw && n == p->n && n >= SCAN_ROW_LEAST &&
        n <= SCAN_ROW_MOST) {
        b = scan_row_best(v, p->from, p->from + n, p->from + start,
                          pick_over_ms(v, c->now_ms));
    } else if (p->draw) {
        lot = rnd_u32(&st->rnd) | 1;
        look_at(v, p->from + start, p->from + start + first, c->now_ms, lot, &b);
        look_at(v, p->from, p->from + n - first, c->now_ms, lot, &b);
    } else { /* constants, so that the loop is compiled for them */
        look_at(v, p->from + start, p->from + start + first, c->now_ms, 0, &b);
        look_at(v, p->from, p->from + n - first, c->now_ms, 0, &b);
    }
    c->n_skipped = b.n_skipped;
    return b.at;
}

uint32_t scan_pick(const struct pick_view *v, struct pick_state *st,
                   const struct pick_part *p, struct pick_call *c)
{
    uint32_t n = p->n > SCAN_MAX ? SCAN_SAMPLE : p->n;
    uint32_t i = scan_from(v, st, p, pick_below(st, p->n), n, c);

    if (i == v->n && n < p->n)        /* all of the sample are ejected: look at all */
        i = scan_from(v, st, p, 0, p->n, c);
    else if (n < p->n)
        c->n_skipped = c->n_skipped * p->n / n; /* of all, estimated from the sample */
    return i;
}

const struct lb_policy scan_policy = {.name = "scan",
                                      .summary = "lowest cost x (in-flight + 1)",
                                      .pick = scan_pick};
