/* The nodes of a module change rarely and are read with every call, so a reader keeps a
 * private copy and only compares <where>, one load, to learn whether it is still valid.
 *
 * Why it is safe to call a node of such a copy, though its number may later be given to
 * another node: the agent raises the generation of a removed node before it looks for
 * open calls on it, and a client counts its call as open before it compares the
 * generation. Both orders are sequentially consistent, so at least one of the two sees
 * the other.
 *
 * Invariant: whatever the file contains, a copy that is accepted has node numbers below
 * max_nodes and weights above 0, and its checksum fits.
 *
 * Rejected: a seqlock.  Its counter stays odd for ever when the writer dies inside. */
#include "shmem/route_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "shmem/segment_private.h"

#define TRIES 64

bool route_reader_is_current(const struct segment *s, uint32_t mid,
                             const struct route_reader *snap)
{
    return snap->where != 0 && segment_where(s, mid) == snap->where;
}

static uint32_t mix(uint32_t sum, uint32_t word)
{
    return (sum ^ word) * 0x01000193u; /* FNV-1a, word by word */
}

uint32_t route_reader_sum(uint32_t gen, uint32_t n_own, const struct node_member *m,
                          uint32_t n)
{
    uint32_t i, sum = mix(mix(0x811c9dc5u, gen), n_own);

    for (i = 0; i < n; i++)
        sum = mix(mix(sum, m[i].nid), m[i].weight | (uint32_t)m[i].zone << 16);
    return sum;
}

static int make_room(struct route_reader *snap, uint32_t n)
{
    struct node_member *member;
    uint32_t *gen;

    if (n <= snap->cap)
        return 0;
    member = malloc(n * sizeof(*member));
    gen = malloc(n * sizeof(*gen));
    if (!member || !gen) {
        free(member);
        free(gen);
        return -ENOMEM;
    }
    free(snap->member);
    free(snap->gen);
    snap->member = member;
    snap->gen = gen;
    snap->cap = n;
    return 0;
}

/* One try at the copy that <where> names, into <to>. */
static int read_copy(const struct segment *s, uint64_t where, struct route_reader *to)
{
    uint32_t block = (uint32_t)where, i, n, rest;
    const struct layout_copy *c;

    if (block == 0 || block >= s->n_block)
        return -EBADMSG;
    c = segment_copy(s, block);
    n = segment_load(&c->n);
    if (n > ((size_t)(s->n_block - block) * LAYOUT_BLOCK - sizeof(*c)) / 8)
        return -EBADMSG;
    if (make_room(to, n) < 0)
        return -ENOMEM;
    to->n = n;
    to->n_own = segment_load(&c->n_own);
    if (to->n_own > n || segment_load(&c->gen) != (uint32_t)(where >> 32))
        return -EBADMSG;
    for (i = 0; i < n; i++) {
        rest = segment_load(&c->member[i].rest);
        to->member[i] = (struct node_member){.nid = segment_load(&c->member[i].nid),
                                             .weight = (uint16_t)rest,
                                             .zone = (uint8_t)(rest >> 16)};
        if (to->member[i].nid >= s->max_nodes || to->member[i].weight == 0)
            return -EBADMSG;
        to->gen[i] = segment_load(&s->gen[to->member[i].nid]);
    }
    if (segment_load(&c->sum) !=
        route_reader_sum(segment_load(&c->gen), to->n_own, to->member, n))
        return -EBADMSG;
    return 0;
}

int route_reader_read(const struct segment *s, uint32_t mid, struct route_reader *snap)
{
    struct route_reader to = {0};
    int i, rc = -EAGAIN;

    for (i = 0; i < TRIES && rc != 0; i++) {
        to.where = segment_where(s, mid);
        if (to.where == 0) {
            rc = -ENOENT;
            break;
        }
        rc = read_copy(s, to.where, &to);
        if (rc == -ENOMEM)
            break;
        atomic_thread_fence(memory_order_acquire);
        if (segment_load64(&s->module[mid].where) != to.where)
            rc = -EAGAIN;             /* a checksum that does not fit is no fault then */
    }
    if (rc < 0) {
        route_reader_free(&to);
        return rc;
    }
    route_reader_free(snap);
    *snap = to;
    return 0;
}

void route_reader_free(struct route_reader *snap)
{
    free(snap->member);
    free(snap->gen);
    *snap = (struct route_reader){0};
}
