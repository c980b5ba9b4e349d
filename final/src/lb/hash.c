/* The node of a key, by weighted rendezvous hashing: the node with the highest
 * weight / -ln(hash of key and node).  A node that comes or goes moves its own keys and
 * no others, and no table has to be built or agreed on.  Source: Thaler and Ravishankar,
 * 1998; the weights by Schindelhauer and Schomaker, 2005.
 *
 * Slow start does not apply: a key's node is its node.  Rejected: a ring of virtual nodes
 * and Maglev's table, because both are large for 64 nodes in each client, and only
 * approximate the weights. */
#include <math.h>

#include "lb/policy.h"

#define TWO_TO_53 9007199254740992.0

static uint64_t mix(uint64_t x)       /* source: Steele et al., SplitMix64 */
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void hash_init(const struct pick_view *v, struct pick_state *st)
{
    uint32_t i;

    for (i = 0; i < v->n; i++)
        st->slot[i] = (int64_t)mix(v->member[i].nid + 1);
}

static uint32_t hash_pick(const struct pick_view *v, struct pick_state *st,
                          const struct pick_part *p, struct pick_call *c)
{
    uint32_t i, best = v->n, end = p->from + p->n, n_skipped = 0;
    uint64_t key = c->key, now_ms = c->now_ms;
    double most = -1, score, uniform;

    for (i = p->from; i < end; i++) {
        if (pick_is_out(v, i, now_ms)) {
            n_skipped++;
            continue;
        }
        uniform = (double)(mix(key ^ (uint64_t)st->slot[i]) >> 11) + 0.5;
        score = v->member[i].weight / -log(uniform / TWO_TO_53);
        if (score > most) {
            most = score;
            best = i;
        }
    }
    c->n_skipped = n_skipped;
    return best;
}

const struct lb_policy hash_policy = {.name = "hash",
                                      .summary = "the node of the caller's key",
                                      .init = hash_init,
                                      .pick = hash_pick};
