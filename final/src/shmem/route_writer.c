/* The files are the only state that outlives this process, so everything else (which
 * blocks are free, which number a node has) is derived from them at the start, by
 * adopt(). The order of stores keeps them consistent at every instruction, for readers
 * and for a successor:
 *
 *     a new node     its module and address, then its family: nonzero means it exists
 *     new nodes      a copy in blocks that no <where> names, then <where>
 *
 * The fence before a copy is written keeps its stores behind the earlier store to <where>
 * that took these blocks out of force: a reader that sees any of the new words also sees
 * that <where> has moved.  test_route_writer_model checks it for all orders of stores
 * that a weakly ordered processor allows.
 *
 * A node that leaves a module keeps its number until no call can be using it.  Reclaim
 * takes three rounds: the first raises the generation, which clients compare after they
 * have counted a call; from the third on, <is_unused> decides.
 *
 * Rejected: writing the copy in force in place, because readers would have to wait; and
 * numbers that are never used again, because a host that runs for years would run out. */
#include "shmem/route_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shmem/block_alloc.h"
#include "shmem/module_table.h"
#include "shmem/node_numbers.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"
#include "shmem/segment_private.h"

struct module {
    uint32_t spare, spare_len;        /* blocks for the next copy; 0 = none */
    uint32_t len;                     /* blocks of the copy in force */
};

struct route_writer {
    struct segment *s;
    struct block_alloc *blocks;
    struct node_numbers nodes;
    struct module *module;            /* max_modules */
    uint32_t n_removed;
    uint32_t mark;                    /* number of the update in progress */
};

static uint32_t blocks_for(uint32_t n)
{
    return (uint32_t)((sizeof(struct layout_copy) + 8 * (size_t)n + LAYOUT_BLOCK - 1) /
                      LAYOUT_BLOCK);
}

/* --- nodes -------------------------------------------------------------------------- */

static void write_addr(struct route_writer *p, uint32_t nid, const struct node_key *k)
{
    struct layout_addr *a = &p->s->addr[nid];
    uint32_t i, word;

    segment_store(&a->mid, k->mid);
    memcpy(&word, k->addr.ip, 4);
    segment_store(&a->ip, word);
    for (i = 0; k->addr.family == AF_INET6 && i < 3; i++) {
        memcpy(&word, k->addr.ip + 4 + 4 * i, 4);
        segment_store(&p->s->addr6[nid].ip[i], word);
    }
    atomic_store_explicit(&a->family_port, k->addr.family | (uint32_t)k->addr.port << 16,
                          memory_order_release);
}

static int add_node(struct route_writer *p, const struct node_key *k, uint32_t cost,
                    struct numbered_node **out)
{
    struct node_numbers *nn = &p->nodes;
    uint32_t nid = nn->n_free > 0 ? nn->free_nid[nn->n_free - 1]
                                  : segment_load(&p->s->routes->n_nid);
    int rc = -ENOSPC;

    if (nid < p->s->max_nodes)
        rc = node_numbers_reserve(nn, nid, k->addr.family);
    if (rc < 0)
        return rc;
    *out = node_numbers_keep(nn, k, nid);
    (*out)->made = p->mark;
    if (nn->n_free > 0)
        nn->n_free--;
    else
        segment_store(&p->s->routes->n_nid, nid + 1);
    segment_store(&p->s->cost[nid], cost);
    segment_store(&p->s->counters->counter[nid].streak, 0);
    atomic_store_explicit(&p->s->counters->counter[nid].ejected_until_ms, 0,
                          memory_order_relaxed);
    write_addr(p, nid, k);
    return 0;
}

static void remove_node(struct route_writer *p, struct numbered_node *n)
{
    n->removed = 1;
    p->n_removed++;
}

/* One step on the way of a removed node. */
static void reclaim_node(struct route_writer *p, struct numbered_node *n,
                         route_writer_unused_fn *is_unused, void *arg)
{
    uint32_t nid = node_numbers_nid(&p->nodes, n);

    if (n->removed == 1)              /* clients see it from here on: route_reader.c */
        atomic_fetch_add(&p->s->gen[nid], 1);
    if (n->removed++ < 3 || !is_unused(nid, arg))
        return;
    atomic_store(&p->s->addr[nid].family_port, 0);
    node_numbers_give_back(&p->nodes, n);
    p->n_removed--;
}

void route_writer_reclaim(struct route_writer *p, route_writer_unused_fn *is_unused,
                          void *arg)
{
    uint32_t nid, left = p->n_removed;
    struct numbered_node *n;

    for (nid = 0; left > 0 && nid < p->s->max_nodes; nid++) {
        n = node_numbers_at(&p->nodes, nid);
        if (!n || n->removed == 0)
            continue;
        left--;
        reclaim_node(p, n, is_unused, arg);
    }
}

void route_writer_each(const struct route_writer *p, route_writer_each_fn *fn, void *arg)
{
    uint32_t nid, left = p->nodes.n_node;
    const struct numbered_node *n;

    for (nid = 0; left > 0 && nid < p->s->max_nodes; nid++) {
        n = node_numbers_at(&p->nodes, nid);
        if (!n)
            continue;
        left--;
        fn(nid, n->key.mid, &n->key.addr, arg);
    }
}

/* --- modules ------------------------------------------------------------------------ */

int64_t route_writer_module(struct route_writer *p, uint32_t modid, uint32_t cmdid)
{
    return module_table_add(p->s, modid, cmdid);
}

/* Make sure that <spare> has room for <n> nodes.  Returns 0 or -ENOSPC. */
static int make_spare(struct route_writer *p, struct module *m, uint32_t n)
{
    uint32_t want = blocks_for(n), at;
    int rc;

    if (m->spare && m->spare_len >= want && m->spare_len <= 2 * want)
        return 0;
    at = block_alloc_take(p->blocks, &want);
    if (at == 0)
        return -ENOSPC;
    rc = segment_reserve(p->s, segment_copy(p->s, at), (size_t)want * LAYOUT_BLOCK);
    if (rc < 0) {
        block_alloc_give(p->blocks, at, want);
        return rc;
    }
    if (m->spare)
        block_alloc_give(p->blocks, m->spare, m->spare_len);
    m->spare = at;
    m->spare_len = want;
    return 0;
}

static void put_in_force(struct route_writer *p, uint32_t mid,
                         const struct node_member *mem, uint32_t n, uint32_t n_own)
{
    struct module *m = &p->module[mid];
    _Atomic uint64_t *where = &p->s->module[mid].where;
    uint64_t old = atomic_load_explicit(where, memory_order_relaxed);
    uint32_t i, gen = (uint32_t)(old >> 32) + 1, block = m->spare, len = m->spare_len;
    struct layout_copy *c = segment_copy(p->s, block);

    atomic_thread_fence(memory_order_release);
    segment_store(&c->gen, gen);
    segment_store(&c->n, n);
    segment_store(&c->n_own, n_own);
    segment_store(&c->sum, route_reader_sum(gen, n_own, mem, n));
    for (i = 0; i < n; i++) {
        segment_store(&c->member[i].nid, mem[i].nid);
        segment_store(&c->member[i].rest, mem[i].weight | (uint32_t)mem[i].zone << 16);
    }
    m->spare = (uint32_t)old;
    m->spare_len = m->len;
    m->len = len;
    atomic_store_explicit(where, (uint64_t)gen << 32 | block, memory_order_release);
}

/* Are there numbers for the nodes of the update that have none yet? */
static bool has_numbers(const struct route_writer *p, uint32_t mid,
                        const struct route_writer_node *node, uint32_t n)
{
    uint32_t room = p->s->max_nodes - segment_load(&p->s->routes->n_nid), i;
    struct node_key k = {.mid = mid};

    room += p->nodes.n_free;
    for (i = 0; i < n && n > room; i++) {
        k.addr = node[i].addr;
        room += node_numbers_find(&p->nodes, &k) != NULL;
    }
    return n <= room;
}

/* Give each node a number and list them in <mem>, those of zone 0 first.  Returns 0 or
 * -errno. */
static int number_nodes(struct route_writer *p, uint32_t mid,
                        const struct route_writer_node *node, uint32_t n, uint32_t cost,
                        struct node_member *mem)
{
    struct node_key k = {.mid = mid};
    struct numbered_node *at;
    uint32_t i, pass, n_mem = 0;
    int rc;

    p->mark++;
    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < n; i++) {
            if ((node[i].zone == 0) != (pass == 0))
                continue;
            k.addr = node[i].addr;
            at = node_numbers_find(&p->nodes, &k);
            rc = at ? 0 : add_node(p, &k, cost, &at);
            if (rc < 0)
                return rc;
            at->seen = p->mark;
            mem[n_mem++] = (struct node_member){node_numbers_nid(&p->nodes, at),
                                                node[i].weight, node[i].zone, 0};
        }
    return 0;
}

/* Nodes of the copy in force that the update in progress does not have. */
static void remove_unseen(struct route_writer *p, uint32_t mid)
{
    struct route_reader was = {0};
    struct numbered_node *n;
    uint32_t i;

    if (route_reader_read(p->s, mid, &was) < 0)
        return;
    for (i = 0; i < was.n; i++) {
        n = node_numbers_at(&p->nodes, was.member[i].nid);
        if (n && n->seen != p->mark && n->removed == 0)
            remove_node(p, n);
    }
    route_reader_free(&was);
}

/* The update has failed: the numbers that it gave out are to be free again. */
static void remove_made(struct route_writer *p)
{
    uint32_t nid, n_nid = segment_load(&p->s->routes->n_nid);
    struct numbered_node *n;

    for (nid = 0; nid < n_nid; nid++) {
        n = node_numbers_at(&p->nodes, nid);
        if (n && n->made == p->mark && n->removed == 0)
            remove_node(p, n);
    }
}

/* Nodes of the update that were removed before and whose number was not yet free. */
static void bring_back(struct route_writer *p, const struct node_member *mem, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (p->nodes.node[mem[i].nid].removed > 0) {
            p->nodes.node[mem[i].nid].removed = 0;
            p->n_removed--;
        }
}

int64_t route_writer_nodes(struct route_writer *p, uint32_t modid, uint32_t cmdid,
                           const struct route_writer_node *node, uint32_t n,
                           uint32_t cost)
{
    struct node_member *mem;
    int64_t mid = route_writer_module(p, modid, cmdid);
    uint32_t i, n_own = 0;
    int rc;

    if (mid < 0)
        return mid;
    if (n > ROUTE_WRITER_MAX || !has_numbers(p, (uint32_t)mid, node, n))
        return -ENOSPC;
    mem = malloc((n + 1) * sizeof(*mem));
    if (!mem)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        n_own += node[i].zone == 0;
    rc = number_nodes(p, (uint32_t)mid, node, n, cost, mem);
    if (rc == 0)
        rc = make_spare(p, &p->module[mid], n);
    if (rc == 0) {
        remove_unseen(p, (uint32_t)mid);
        bring_back(p, mem, n);
        put_in_force(p, (uint32_t)mid, mem, n, n_own);
    } else {
        remove_made(p);
    }
    free(mem);
    return rc < 0 ? rc : mid;
}

void route_writer_stat(const struct route_writer *p, struct route_writer_stat *out)
{
    uint32_t n_nid = segment_load(&p->s->routes->n_nid);
    uint32_t n_mod = segment_load(&p->s->routes->n_module);

    *out = (struct route_writer_stat){.n_module = n_mod,
                                      .n_node = p->nodes.n_node - p->n_removed,
                                      .n_removed = p->n_removed};
    out->bytes =
        (uint64_t)n_nid *
            (4 + 4 + sizeof(struct layout_addr) + sizeof(struct node_counter)) +
        p->nodes.n_ip6 * sizeof(struct layout_addr6) +
        n_mod * (sizeof(struct layout_module) + 2 * sizeof(struct layout_index)) +
        (uint64_t)block_alloc_used(p->blocks) * LAYOUT_BLOCK;
}

/* --- the start ---------------------------------------------------------------------- */

/* Check the copy in force of a module, mark its blocks as used and set <mark> for its
 * nodes. */
static int adopt_module(struct route_writer *p, uint32_t mid, uint32_t *mark)
{
    struct route_reader snap = {0};
    uint32_t i;
    int rc;

    module_table_repair(p->s, mid);
    rc = route_reader_read(p->s, mid, &snap);
    if (rc == -ENOENT)
        return 0;
    for (i = 0; i < snap.n && rc == 0; i++)
        if (snap.member[i].nid >= segment_load(&p->s->routes->n_nid) ||
            segment_load(&p->s->addr[snap.member[i].nid].mid) != mid)
            rc = -EBADMSG;
        else
            mark[snap.member[i].nid] = 1;
    if (rc == 0) {
        p->module[mid].len = blocks_for(snap.n);
        rc = block_alloc_mark(p->blocks, (uint32_t)snap.where, p->module[mid].len);
    }
    route_reader_free(&snap);
    return rc;
}

/* Make the table of nodes.  A node that no copy names was removed; a number without an
 * address is free. */
static int adopt_nodes(struct route_writer *p, const uint32_t *mark, uint32_t n)
{
    struct node_key k = {0};
    struct numbered_node *at;
    uint32_t nid;

    for (nid = 0; nid < n; nid++) {
        k.mid = segment_load(&p->s->addr[nid].mid);
        node_table_addr(p->s, nid, &k.addr);
        if (k.addr.family == 0) {
            p->nodes.free_nid[p->nodes.n_free++] = nid;
            continue;
        }
        if (k.mid >= segment_load(&p->s->routes->n_module))
            return -EBADMSG;
        if (node_numbers_find(&p->nodes, &k)) { /* twice: a copy may name the first */
            if (mark[nid])
                return -EBADMSG;
            continue;
        }
        at = node_numbers_keep(&p->nodes, &k, nid);
        if (!mark[nid])
            remove_node(p, at);
    }
    return 0;
}

static int adopt(struct route_writer *p)
{
    struct layout_routes *r = p->s->routes;
    uint32_t *mark, mid;
    int rc = 0;

    if (r->n_module > p->s->max_modules || r->n_nid > p->s->max_nodes)
        return -EBADMSG;
    mark = calloc(p->s->max_nodes, sizeof(*mark));
    if (!mark)
        return -ENOMEM;
    for (mid = 0; mid < r->n_module && rc == 0; mid++)
        rc = adopt_module(p, mid, mark);
    if (rc == 0)
        rc = block_alloc_sweep(p->blocks);
    if (rc == 0)
        rc = adopt_nodes(p, mark, r->n_nid);
    free(mark);
    return rc;
}

int route_writer_create(struct route_writer **out, struct segment *s)
{
    struct route_writer *p = calloc(1, sizeof(*p));
    int rc;

    if (!p)
        return -ENOMEM;
    p->s = s;
    p->module = calloc(s->max_modules, sizeof(struct module));
    rc = node_numbers_init(&p->nodes, s);
    if (rc == 0)
        rc = block_alloc_create(&p->blocks, s->n_block);
    if (rc == 0 && !p->module)
        rc = -ENOMEM;
    if (rc == 0)
        rc = adopt(p);
    if (rc < 0)
        route_writer_destroy(p);
    else
        *out = p;
    return rc;
}

void route_writer_destroy(struct route_writer *p)
{
    if (!p)
        return;
    block_alloc_destroy(p->blocks);
    node_numbers_fini(&p->nodes);
    free(p->module);
    free(p);
}
