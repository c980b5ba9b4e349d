/* A choice has two steps: which part of the nodes (own zone, the others, or all of them
 * in panic), then which node of that part.
 *
 * The first step costs nothing while every node is in: the scan itself counts how many
 * are out, and only when some are, the shares are computed and the scan done again where
 * it has to be.  Rejected: a state that remembers the verdict, because every reader would
 * have to be told when it changes. */
#include "lb/pick.h"

#include <math.h>
#include <stdatomic.h>
#include <stddef.h>

#define PROBE_EVERY 11 /* classic */
#define LOT_BITS 12 /* of a score, below cost x calls under way */
#define LOT_STEP 0x9e3779b1u /* a prime near 2^32 / golden ratio: Knuth */
#define LOT_MIX 0x85ebca6bu /* source: Appleby, MurmurHash3 */
#define BUSY_MAX 0xfffff /* so that it all fits */

#define PROPOSAL_MS 1000
#define ALONE_SHIFT 5
#define ALONE_MAX_MS 30000
#define BROKEN_STAYS 20 /* of PICK_FULL: the share that still tries it */

struct part { /* members from..from+n-1 */
    uint32_t from, n;
    bool any; /* health is ignored */
    bool draw; /* among equal ones */
};

static uint32_t cost_of(const struct pick_view *v, uint32_t i)
{
    return atomic_load_explicit(&v->cost[v->member[i].nid], memory_order_relaxed);
}

bool pick_is_ejected(const struct pick_view *v, uint32_t i, uint64_t now_ms)
{
    const struct node_counter *c = &v->counter[v->member[i].nid];

    return cost_of(v, i) >= NODE_EJECTED ||
           atomic_load_explicit(&c->ejected_until_ms, memory_order_relaxed) > now_ms;
}

uint32_t pick_count_available(const struct pick_view *v, uint64_t now_ms, uint32_t *own)
{
    uint32_t i, n = 0, n_own = 0;

    for (i = 0; i < v->n; i++) {
        if (pick_is_ejected(v, i, now_ms))
            continue;
        n++;
        n_own += i < v->n_own;
    }
    if (own)
        *own = n_own;
    return n;
}

bool pick_may_eject(const struct pick_view *v, uint64_t now_ms)
{
    uint32_t in = pick_count_available(v, now_ms, NULL);

    return in > 1 && (in - 1) * 2 >= v->n;
}

static uint64_t score(const struct pick_view *v, uint32_t i)
{
    const struct node_counter *c = &v->counter[v->member[i].nid];
    int32_t inflight = atomic_load_explicit(&c->inflight, memory_order_relaxed);

    return (uint64_t)cost_of(v, i) * (uint32_t)((inflight > 0 ? inflight : 0) + 1);
}

static uint32_t below(struct pick_state *st, uint32_t n)
{
    return (uint32_t)((uint64_t)rnd_u32(&st->rnd) * n >> 32);
}

struct best {
    uint64_t least;
    uint32_t at, n_out;
};

/* Members from..to-1.  Without branches: which node is the best is as good as random, and
 * the processor would guess wrongly at every other one.
 *
 * Of equal ones the first one: behind a random start each is that as often, while none is
 * out or rests.  Otherwise it would get the calls of all those before it, so that a lot
 * is drawn for each and stands in the score's last bits. */
static inline void look_at(const struct pick_view *v, uint32_t from, uint32_t to,
                           bool any, uint64_t now_ms, uint32_t lot, struct best *b)
{
    uint32_t i;

    for (i = from; i < to; i++) {
        uint32_t nid = v->member[i].nid;
        const struct node_counter *c = &v->counter[nid];
        uint64_t cost = atomic_load_explicit(&v->cost[nid], memory_order_relaxed);
        uint64_t until = atomic_load_explicit(&c->ejected_until_ms, memory_order_relaxed);
        int64_t inflight = atomic_load_explicit(&c->inflight, memory_order_relaxed);
        bool out = (cost >= NODE_EJECTED) | (until > now_ms);
        uint64_t busy = (uint64_t)(inflight > 0 ? inflight : 0) & BUSY_MAX;
        uint64_t s = (any ? 1 : cost) * (busy + 1);

        b->n_out += cost >= NODE_WARMING || out;
        if (lot != 0)
            s = s << LOT_BITS | (lot ^ i * LOT_STEP) * LOT_MIX >> (32 - LOT_BITS);
        s = out & !any ? UINT64_MAX : s;
        b->at = s < b->least ? i : b->at;
        b->least = s < b->least ? s : b->least;
    }
}

/* The best of <n> members of the part from its <start>th on.  Returns it, v->n when all
 * are out; counts those in <n_out>. */
static inline uint32_t best_of(const struct pick_view *v, struct pick_state *st,
                               const struct part *p, uint32_t start, uint32_t n,
                               uint64_t now_ms, uint32_t *n_out)
{
    uint32_t first = n < p->n - start ? n : p->n - start, lot;
    struct best b = {UINT64_MAX, v->n, 0};

    if (p->draw) {
        lot = rnd_u32(&st->rnd) | 1;
        look_at(v, p->from + start, p->from + start + first, p->any, now_ms, lot, &b);
        look_at(v, p->from, p->from + n - first, p->any, now_ms, lot, &b);
    } else {
        look_at(v, p->from + start, p->from + start + first, false, now_ms, 0, &b);
        look_at(v, p->from, p->from + n - first, false, now_ms, 0, &b);
    }
    *n_out = p->any ? 0 : b.n_out;
    return b.at;
}

static uint32_t scan(const struct pick_view *v, struct pick_state *st,
                     const struct part *p, uint64_t now_ms, uint32_t *n_out)
{
    uint32_t n = p->n > PICK_SCAN_MAX ? PICK_SAMPLE : p->n;
    uint32_t i = best_of(v, st, p, below(st, p->n), n, now_ms, n_out);

    if (i == v->n && n < p->n) /* eight in a row are out: look at all of them */
        i = best_of(v, st, p, 0, p->n, now_ms, n_out);
    else if (n < p->n)
        *n_out = *n_out * p->n / n; /* what the sample says of all */
    return i;
}

/* Two distinct ones: with replacement the worse of two nodes would get a quarter. */
static uint32_t p2c(const struct pick_view *v, struct pick_state *st,
                    const struct part *p, uint64_t now_ms, uint32_t *n_out)
{
    uint32_t a, b;
    bool a_out, b_out;

    if (p->n <= 2 || p->any)
        return best_of(v, st, p, below(st, p->n), p->n, now_ms, n_out);
    a = below(st, p->n);
    b = below(st, p->n - 1);
    b += b >= a;
    a_out = pick_is_ejected(v, p->from + a, now_ms);
    b_out = pick_is_ejected(v, p->from + b, now_ms);
    if (a_out && b_out)
        return best_of(v, st, p, a, p->n, now_ms, n_out);
    *n_out = (uint32_t)(a_out + b_out) * p->n / 2;
    if (a_out != b_out)
        return p->from + (a_out ? b : a);
    return p->from + (score(v, p->from + b) < score(v, p->from + a) ? b : a);
}

/* Source: nginx, ngx_http_upstream_round_robin.c. */
static uint32_t wrr(const struct pick_view *v, struct pick_state *st,
                    const struct part *p, uint64_t now_ms, uint32_t *n_out)
{
    int64_t total = 0, most = INT64_MIN;
    uint32_t i, best = v->n;

    *n_out = 0;
    for (i = p->from; i < p->from + p->n; i++) {
        if (!p->any && pick_is_ejected(v, i, now_ms)) {
            ++*n_out;
            continue;
        }
        if (cost_of(v, i) == NODE_WARMING && !p->any)
            continue; /* slow start: not at this moment */
        st->current[i] += v->member[i].weight;
        total += v->member[i].weight;
        if (st->current[i] > most) {
            most = st->current[i];
            best = i;
        }
    }
    if (best < v->n)
        st->current[best] -= total;
    return best < v->n || *n_out == p->n ? best : scan(v, st, p, now_ms, n_out);
}

static uint64_t mix(uint64_t x) /* source: Steele et al., SplitMix64 */
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* The node with the highest weight / -ln(hash of key and node): a node that comes or goes
 * moves its own keys and no others.  Source: Thaler and Ravishankar, 1998; weights by
 * Schindelhauer and Schomaker, 2005. */
static uint32_t by_key(const struct pick_view *v, const struct part *p, uint64_t now_ms,
                       uint64_t key, uint32_t *n_out)
{
    double most = -1, s, u;
    uint32_t i, best = v->n;

    *n_out = 0;
    for (i = p->from; i < p->from + p->n; i++) {
        if (!p->any && pick_is_ejected(v, i, now_ms)) {
            ++*n_out;
            continue;
        }
        u = (double)(mix(key ^ mix(v->member[i].nid + 1)) >> 11) + 0.5;
        s = v->member[i].weight / -log(u / 9007199254740992.0);
        if (s > most) {
            most = s;
            best = i;
        }
    }
    return best;
}

/* In turn, and each 11th call to the next node that is out.  Source: Lars.  With every
 * node out that refuses; here it takes another zone's, or any. */
static uint32_t classic(const struct pick_view *v, struct pick_state *st,
                        const struct part *p, uint64_t now_ms, unsigned *why)
{
    bool probe = st->turn++ % PROBE_EVERY == PROBE_EVERY - 1;
    uint32_t k, i, *at = probe ? &st->probe_at : &st->at;

    for (k = 0; k < p->n; k++) {
        i = p->from + (*at + k) % p->n;
        if (pick_is_ejected(v, i, now_ms) != probe)
            continue;
        *at = (*at + k + 1) % p->n;
        *why |= probe ? PICK_PROBE : 0;
        return i;
    }
    if (!probe && p->from == 0 && p->n < v->n) /* all of ours are out */
        return classic(v, st, &(struct part){p->n, v->n - p->n, false, false}, now_ms,
                       why);
    st->at = (st->at + 1) % p->n;
    return p->from + st->at;
}

static uint32_t pick_in(const struct pick_view *v, struct pick_state *st,
                        const struct part *p, uint64_t now_ms, uint64_t key,
                        uint32_t *n_out)
{
    if (v->rule == PICK_P2C)
        return p2c(v, st, p, now_ms, n_out);
    if (v->rule == PICK_WRR && st->current)
        return wrr(v, st, p, now_ms, n_out);
    if (v->rule == PICK_HASH)
        return by_key(v, p, now_ms, key, n_out);
    return scan(v, st, p, now_ms, n_out);
}

/* What is left of our zone's capacity, by weight, of PICK_FULL. */
static uint32_t capacity_own(const struct pick_view *v, uint64_t now_ms)
{
    uint64_t all = 0, in = 0;
    uint32_t i;

    for (i = 0; i < v->n_own; i++) {
        all += v->member[i].weight;
        in += pick_is_ejected(v, i, now_ms) ? 0 : v->member[i].weight;
    }
    return (uint32_t)(PICK_FULL * in / all);
}

/* Which share of the calls stays in the own zone?  <in> of its nodes are in. */
static uint32_t share_own(const struct pick_view *v, uint32_t in, uint64_t now_ms,
                          unsigned *why)
{
    uint32_t share = PICK_FULL, left = capacity_own(v, now_ms);

    if (left < v->demand) /* its capacity, and what is wanted of it */
        share = (uint32_t)((uint64_t)PICK_FULL * left / v->demand);
    if (share > v->own_max)
        share = v->own_max;
    if (v->n_own >= 2 && (v->n_own - in) * 100 >= PICK_ZONE_BREAK_PCT * v->n_own &&
        share > BROKEN_STAYS) {
        share = BROKEN_STAYS;
        *why |= PICK_ZONE_BROKEN;
    }
    return in == 0 ? 0 : share;
}

/* Some nodes are out, or our zone's share is limited. */
static uint32_t pick_carefully(const struct pick_view *v, struct pick_state *st,
                               uint64_t now_ms, uint64_t key, unsigned *why)
{
    struct part p = {0, v->n, false, true};
    uint32_t own, in = pick_count_available(v, now_ms, &own), ignored;

    if (in * 2 < v->n) { /* so many cannot all be bad */
        *why |= PICK_PANIC;
        p.any = true;
    } else if (v->n_own > 0 && v->n_own < v->n) {
        if (in == own || below(st, PICK_FULL) < share_own(v, own, now_ms, why)) {
            p.n = v->n_own;
        } else {
            *why |= PICK_OTHER_ZONE;
            p = (struct part){v->n_own, v->n - v->n_own, false, true};
        }
    }
    return pick_in(v, st, &p, now_ms, key, &ignored);
}

uint32_t pick_node(const struct pick_view *v, struct pick_state *st, uint64_t now_ms,
                   uint64_t key, unsigned *why)
{
    struct part p = {0, v->n_own > 0 ? v->n_own : v->n, false, false};
    uint32_t i, n_out;
    unsigned none;

    why = why ? why : &none;
    *why = 0;
    if (v->rule == PICK_CLASSIC)
        return classic(v, st, &p, now_ms, why);
    if (v->rule != PICK_WRR && v->own_max >= PICK_FULL && v->demand <= PICK_FULL) {
        /* not for wrr: it moves its state */
        i = pick_in(v, st, &p, now_ms, key, &n_out);
        if (n_out == 0)
            return i;
    }
    i = pick_carefully(v, st, now_ms, key, why);
    return i < v->n ? i : 0; /* all of a part went out just now */
}

static void propose(const struct pick_view *v, struct node_counter *n, uint32_t over,
                    bool alone, uint64_t now_ms)
{
    uint64_t until = PROPOSAL_MS, was;

    if (!pick_may_eject(v, now_ms))
        return;
    if (alone) {
        until <<= over < ALONE_SHIFT ? over : ALONE_SHIFT;
        until = until < ALONE_MAX_MS ? until : ALONE_MAX_MS;
    }
    until += now_ms;
    was = atomic_load_explicit(&n->ejected_until_ms, memory_order_relaxed);
    if (was < until)
        atomic_compare_exchange_strong(&n->ejected_until_ms, &was, until);
}

void pick_call_ended(const struct pick_view *v, uint32_t nid, uint32_t k, bool ok,
                     bool alone, uint64_t now_ms)
{
    struct node_counter *n = &v->counter[nid];
    uint32_t streak;

    if (ok) {
        if (atomic_load_explicit(&n->streak, memory_order_relaxed) != 0)
            atomic_store_explicit(&n->streak, 0, memory_order_relaxed);
        return;
    }
    streak = 1 + atomic_fetch_add(&n->streak, 1);
    if (streak >= k)
        propose(v, n, streak - k, alone, now_ms);
}
