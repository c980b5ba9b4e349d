/* Members are looked at from a random one on, so that the calls of a node that is lost
 * are spread over the others.  Nothing is remembered between two calls. */
#include "shmem/elsewhere.h"

static bool is_avoided(const struct net_addr *a, const struct picker_pick *p)
{
    unsigned k;

    for (k = 0; k < p->n_avoid; k++)
        if (net_addr_equal(a, &p->avoid[k]))
            return true;
    return false;
}

/* May member <i> take the call: is it healthy or, with <unseen>, of another zone, never
 * checked and not ejected by callers?  A ticket is not longer than PICK_PANIC_GAP_MS. */
static bool may_take(const struct pick_view *v, uint32_t i, uint64_t now_ms, bool unseen)
{
    uint32_t nid = v->member[i].nid;

    if (!pick_is_out(v, i, now_ms))
        return true;
    return unseen && node_cost_has(atomic_load(&v->cost[nid]), NODE_UNSEEN) &&
           atomic_load(&v->counter[nid].ejected_until_ms) <= now_ms + PICK_PANIC_GAP_MS;
}

/* A random one of the members from <first> on that may take the call and is not to be
 * avoided; PICK_NONE = there is none. */
static uint32_t any_but(const struct pick_view *v, const struct net_addr *addr,
                        struct rnd *rnd, uint32_t first, const struct picker_pick *p,
                        uint64_t now_ms, bool unseen)
{
    uint32_t n = v->n - first, k, at = n ? rnd_u32(rnd) % n : 0;

    for (k = 0; k < n; k++, at = at + 1 < n ? at + 1 : 0)
        if (!is_avoided(&addr[first + at], p) && may_take(v, first + at, now_ms, unseen))
            return first + at;
    return PICK_NONE;
}

/* Has the call failed in the own zone, and in no other? */
static bool failed_here(const struct pick_view *v, const struct net_addr *addr,
                        const struct picker_pick *p)
{
    uint32_t i;

    for (i = v->n_own; i < v->n; i++)
        if (is_avoided(&addr[i], p))
            return false;
    return v->n_own > 0;
}

uint32_t elsewhere_pick(const struct pick_view *v, const struct net_addr *addr,
                        struct rnd *rnd, uint32_t i, const struct picker_pick *p,
                        uint64_t now_ms)
{
    bool unseen = p->n_avoid > 1 || i == PICK_NONE || pick_is_out(v, i, now_ms);
    uint32_t other = PICK_NONE;

    if (failed_here(v, addr, p))
        other = any_but(v, addr, rnd, v->n_own, p, now_ms, unseen);
    if (other == PICK_NONE && i != PICK_NONE && is_avoided(&addr[i], p))
        other = any_but(v, addr, rnd, 0, p, now_ms, false);
    return other == PICK_NONE ? i : other;
}
