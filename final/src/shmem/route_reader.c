/* Why it is safe to use a node of a snapshot, though its number may be given to another
 * node later: the agent moves the generation of a removed node before it looks for calls
 * that are open on it, and a client counts its call before it looks at the generation.
 * One of the two sees the other. */
#include "shmem/route_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 64

static uint32_t load(const _Atomic uint32_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

uint32_t route_reader_hash(uint32_t modid, uint32_t cmdid)
{
    uint64_t x = (uint64_t)modid << 32 | cmdid;

    x *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(x >> 32);
}

int64_t route_reader_find(const struct segment *s, uint32_t modid, uint32_t cmdid)
{
    uint64_t want = (uint64_t)modid << 32 | cmdid, key;
    uint32_t i = route_reader_hash(modid, cmdid), k, mid;

    for (k = 0; k < s->n_index; k++, i++) {
        const struct layout_index *e = &s->index[i & (s->n_index - 1)];

        key = atomic_load_explicit(&e->key, memory_order_acquire);
        if (key == 0)
            return -ENOENT;
        mid = load(&e->mid);
        if (key == want)
            return mid < s->max_modules ? (int64_t)mid : -ENOENT;
    }
    return -ENOENT;
}

static uint32_t mix(uint32_t sum, uint32_t word)
{
    return (sum ^ word) * 0x01000193u; /* FNV-1a, by words */
}

uint32_t route_reader_sum(uint32_t gen, uint32_t n_own, const struct node_member *m,
                      uint32_t n)
{
    uint32_t i, sum = mix(mix(0x811c9dc5u, gen), n_own);

    for (i = 0; i < n; i++)
        sum = mix(mix(sum, m[i].nid), m[i].weight | (uint32_t)m[i].zone << 16);
    return sum;
}

static int reserve(struct route_reader *snap, uint32_t n)
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

/* One try at the copy that <where> names, into <to>.  Whatever the file holds. */
static int read_copy(const struct segment *s, uint64_t where, struct route_reader *to)
{
    uint32_t line = (uint32_t)where, i, n, rest;
    const struct layout_copy *c;

    if (line == 0 || line >= s->n_line)
        return -EBADMSG;
    c = (const struct layout_copy *)(const void *)(s->line + (size_t)line * LAYOUT_LINE);
    n = load(&c->n);
    if (n > ((size_t)(s->n_line - line) * LAYOUT_LINE - sizeof(*c)) / 8)
        return -EBADMSG;
    if (reserve(to, n) < 0)
        return -ENOMEM;
    to->n = n;
    to->n_own = load(&c->n_own);
    if (to->n_own > n || load(&c->gen) != (uint32_t)(where >> 32))
        return -EBADMSG;
    for (i = 0; i < n; i++) {
        rest = load(&c->member[i].rest);
        to->member[i] = (struct node_member){.nid = load(&c->member[i].nid),
                                             .weight = (uint16_t)rest,
                                             .zone = (uint8_t)(rest >> 16)};
        if (to->member[i].nid >= s->max_nodes || to->member[i].weight == 0)
            return -EBADMSG;
        to->gen[i] = load(&s->gen[to->member[i].nid]);
    }
    return load(&c->sum) == route_reader_sum(load(&c->gen), to->n_own, to->member, n)
               ? 0
               : -EBADMSG;
}

int route_reader_read(const struct segment *s, uint32_t mid, struct route_reader *snap)
{
    const _Atomic uint64_t *where = &s->module[mid].where;
    struct route_reader to = {0};
    int i, rc = -EAGAIN;

    for (i = 0; i < TRIES && rc != 0; i++) {
        to.where = atomic_load_explicit(where, memory_order_acquire);
        if (to.where == 0) {          /* being made: no nodes yet */
            rc = -ENOENT;
            break;
        }
        rc = read_copy(s, to.where, &to);
        if (rc == -ENOMEM)
            break;
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(where, memory_order_relaxed) != to.where)
            rc = -EAGAIN;
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

void route_reader_addr(const struct segment *s, uint32_t nid, struct net_addr *out)
{
    const struct layout_addr *a = &s->addr[nid];
    uint32_t fp = load(&a->family_port), i, word;

    out->family = (uint16_t)fp;
    out->port = (uint16_t)(fp >> 16);
    for (i = 0; i < 4; i++) {
        word = load(&a->ip[i]);
        memcpy(out->ip + 4 * i, &word, 4);
    }
}
