/* The power of two choices: two distinct random nodes, the one with the lower
 * cost x (in-flight + 1) wins.  Its work does not grow with the number of nodes.
 *
 * Invariant: the two are distinct.  Drawn with replacement, the worse one of two nodes
 * would still get a quarter of the calls.  Source: Mitzenmacher, 1996; Finagle's P2CPick;
 * Envoy, which looks at all nodes when there are no more than it would draw. */
#include "lb/scan.h"

static uint64_t score(const struct pick_view *v, uint32_t i)
{
    return (uint64_t)pick_cost(v, i) * (pick_inflight(v, i) + 1);
}

static uint32_t p2c_pick(const struct pick_view *v, struct pick_state *st,
                         const struct pick_part *p, struct pick_call *c)
{
    uint32_t a, b;
    bool a_out, b_out;

    if (p->n <= 2)
        return scan_from(v, st, p, pick_below(st, p->n), p->n, c);
    a = pick_below(st, p->n);
    b = pick_below(st, p->n - 1);
    b += b >= a;
    a_out = pick_is_out(v, p->from + a, c->now_ms);
    b_out = pick_is_out(v, p->from + b, c->now_ms);
    if (a_out && b_out)
        return scan_from(v, st, p, a, p->n, c);
    c->n_skipped = (uint32_t)(a_out + b_out) * p->n / 2;
    if (a_out != b_out)
        return p->from + (a_out ? b : a);
    return p->from + (score(v, p->from + b) < score(v, p->from + a) ? b : a);
}

const struct lb_policy p2c_policy = {.name = "p2c",
                                     .summary = "the better of two random nodes",
                                     .pick = p2c_pick};
