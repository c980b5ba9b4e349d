/* Order of stores, so that a reader and a successor see sense at every instruction:
 *     a node       module and address, then family (nonzero: it exists)
 *     a module     its line, then n_module, then the index: mid, then key
 *     its nodes    a copy in lines that nobody's <where> names, then <where>
 * The fence before a copy is written keeps its stores behind the <where> that took these
 * lines out of force: a reader that sees any of them sees that <where> has moved. */
#include "shmem/route_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#include "shmem/block_alloc.h"
#include "shmem/route_reader.h"

struct key {                          /* without gaps */
    uint32_t mid;
    struct net_addr addr;
};

struct node {
    struct key key;
    uint32_t nid;
    uint32_t seen;                    /* route_writer_nodes() marks what stays */
    uint32_t removed;                 /* 0 = in force; else reclaims since it went, + 1 */
    UT_hash_handle hh;
};

struct module {
    uint32_t spare, spare_lines;      /* the copy that is not in force; 0 = none */
    uint32_t lines;                   /* of the one in force */
};

struct route_writer {
    struct segment *s;
    struct block_alloc *lines;
    struct node *nodes;               /* by key */
    struct node **by_nid;             /* max_nodes */
    struct module *module;            /* max_modules */
    uint32_t *free_nid;
    uint32_t n_free, n_removed, mark;
};

static uint32_t load(const _Atomic uint32_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static void store(_Atomic uint32_t *p, uint32_t value)
{
    atomic_store_explicit(p, value, memory_order_relaxed);
}

static uint32_t lines_for(uint32_t n)
{
    return (uint32_t)((sizeof(struct layout_copy) + 8 * (size_t)n + LAYOUT_LINE - 1) /
                      LAYOUT_LINE);
}

/* --- nodes -------------------------------------------------------------------------- */

static struct node *find_node(const struct route_writer *p, const struct key *k)
{
    struct node *n;

    HASH_FIND(hh, p->nodes, k, sizeof(*k), n);
    return n;
}

static struct node *keep_node(struct route_writer *p, const struct key *k, uint32_t nid)
{
    struct node *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->key = *k;
    n->nid = nid;
    HASH_ADD(hh, p->nodes, key, sizeof(*k), n);
    if (!n->hh.tbl) {
        free(n);
        return NULL;
    }
    p->by_nid[nid] = n;
    return n;
}

static void write_addr(struct route_writer *p, uint32_t nid, const struct key *k)
{
    struct layout_addr *a = &p->s->addr[nid];
    uint32_t i, word;

    store(&a->mid, k->mid);
    for (i = 0; i < 4; i++) {
        memcpy(&word, k->addr.ip + 4 * i, 4);
        store(&a->ip[i], word);
    }
    atomic_store_explicit(&a->family_port, k->addr.family | (uint32_t)k->addr.port << 16,
                          memory_order_release);
}

static int reserve_nid(struct route_writer *p, uint32_t nid)
{
    struct segment *s = p->s;
    int rc = segment_reserve(s, (void *)&s->cost[nid], sizeof(s->cost[0]));

    if (rc == 0)
        rc = segment_reserve(s, (void *)&s->gen[nid], sizeof(s->gen[0]));
    if (rc == 0)
        rc = segment_reserve(s, &s->addr[nid], sizeof(s->addr[0]));
    if (rc == 0)
        rc = segment_reserve(s, &s->counters->counter[nid], sizeof(struct node_counter));
    return rc;
}

static int add_node(struct route_writer *p, const struct key *k, uint32_t cost,
                    struct node **out)
{
    uint32_t nid =
        p->n_free > 0 ? p->free_nid[p->n_free - 1] : load(&p->s->routes->n_nid);
    int rc = nid < p->s->max_nodes ? reserve_nid(p, nid) : -ENOSPC;

    if (rc < 0)
        return rc;
    *out = keep_node(p, k, nid);
    if (!*out)
        return -ENOMEM;
    if (p->n_free > 0)
        p->n_free--;
    else
        store(&p->s->routes->n_nid, nid + 1);
    store(&p->s->cost[nid], cost);
    store(&p->s->counters->counter[nid].streak, 0);
    atomic_store_explicit(&p->s->counters->counter[nid].ejected_until_ms, 0,
                          memory_order_relaxed);
    write_addr(p, nid, k);
    return 0;
}

static void remove_node(struct route_writer *p, struct node *n)
{
    n->removed = 1;
    p->n_removed++;
}

void route_writer_reclaim(struct route_writer *p, route_writer_unused_fn *is_unused,
                          void *arg)
{
    struct node *n, *next;

    HASH_ITER(hh, p->nodes, n, next)
    {
        if (p->n_removed == 0)
            return;
        if (n->removed == 0)
            continue;
        if (n->removed == 1)          /* clients see it from here on: snapshot.c */
            atomic_fetch_add(&p->s->gen[n->nid], 1);
        if (n->removed++ < 3 || !is_unused(n->nid, arg))
            continue;
        atomic_store(&p->s->addr[n->nid].family_port, 0);
        p->free_nid[p->n_free++] = n->nid;
        p->by_nid[n->nid] = NULL;
        HASH_DEL(p->nodes, n);
        free(n);
        p->n_removed--;
    }
}

void route_writer_each(const struct route_writer *p, route_writer_each_fn *fn, void *arg)
{
    struct node *n, *next;

    HASH_ITER(hh, p->nodes, n, next)
    fn(n->nid, n->key.mid, &n->key.addr, arg);
}

/* --- modules ------------------------------------------------------------------------ */

static void enter_index(struct segment *s, uint32_t modid, uint32_t cmdid, uint32_t mid)
{
    uint32_t i = route_reader_hash(modid, cmdid);

    while (s->index[i & (s->n_index - 1)].key != 0)
        i++;                          /* half of it is empty */
    store(&s->index[i & (s->n_index - 1)].mid, mid);
    atomic_store_explicit(&s->index[i & (s->n_index - 1)].key,
                          (uint64_t)modid << 32 | cmdid, memory_order_release);
}

int64_t route_writer_module(struct route_writer *p, uint32_t modid, uint32_t cmdid)
{
    int64_t mid = route_reader_find(p->s, modid, cmdid);
    struct layout_module *m;

    if (mid >= 0)
        return mid;
    mid = load(&p->s->routes->n_module);
    if (mid == p->s->max_modules)
        return -EMFILE;
    m = &p->s->module[mid];
    m->modid = modid;
    m->cmdid = cmdid;
    store(&p->s->routes->n_module, (uint32_t)mid + 1);
    enter_index(p->s, modid, cmdid, (uint32_t)mid);
    return mid;
}

/* Lines for a copy of <n> nodes that are not in force.  Returns 0 or -ENOSPC. */
static int spare_for(struct route_writer *p, struct module *m, uint32_t n)
{
    uint32_t want = lines_for(n), at;
    int rc;

    if (m->spare && m->spare_lines >= want && m->spare_lines <= 2 * want)
        return 0;
    at = block_alloc_take(p->lines, &want);
    if (at == 0)
        return -ENOSPC;
    rc = segment_reserve(p->s, p->s->line + (size_t)at * LAYOUT_LINE,
                         (size_t)want * LAYOUT_LINE);
    if (rc < 0) {
        block_alloc_give(p->lines, at, want);
        return rc;
    }
    if (m->spare)
        block_alloc_give(p->lines, m->spare, m->spare_lines);
    m->spare = at;
    m->spare_lines = want;
    return 0;
}

static void put_in_force(struct route_writer *p, uint32_t mid,
                         const struct node_member *mem, uint32_t n, uint32_t n_own)
{
    struct module *m = &p->module[mid];
    _Atomic uint64_t *where = &p->s->module[mid].where;
    uint64_t old = atomic_load_explicit(where, memory_order_relaxed);
    uint32_t i, gen = (uint32_t)(old >> 32) + 1, line = m->spare, lines = m->spare_lines;
    struct layout_copy *c = (void *)(p->s->line + (size_t)line * LAYOUT_LINE);

    atomic_thread_fence(memory_order_release);
    store(&c->gen, gen);
    store(&c->n, n);
    store(&c->n_own, n_own);
    store(&c->sum, route_reader_sum(gen, n_own, mem, n));
    for (i = 0; i < n; i++) {
        store(&c->member[i].nid, mem[i].nid);
        store(&c->member[i].rest, mem[i].weight | (uint32_t)mem[i].zone << 16);
    }
    m->spare = (uint32_t)old;
    m->spare_lines = m->lines;
    m->lines = lines;
    atomic_store_explicit(where, (uint64_t)gen << 32 | line, memory_order_release);
}

/* Numbers for all of them, the own zone's first.  Returns 0 or -errno. */
static int number_nodes(struct route_writer *p, uint32_t mid,
                        const struct route_writer_node *node, uint32_t n, uint32_t cost,
                        struct node_member *mem)
{
    struct key k = {.mid = mid};
    struct node *at;
    uint32_t i, pass, n_mem = 0;
    int rc;

    p->mark++;
    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < n; i++) {
            if ((node[i].zone == 0) != (pass == 0))
                continue;
            k.addr = node[i].addr;
            at = find_node(p, &k);
            rc = at ? 0 : add_node(p, &k, cost, &at);
            if (rc < 0)
                return rc;
            at->seen = p->mark;
            mem[n_mem++] = (struct node_member){at->nid, node[i].weight, node[i].zone, 0};
        }
    return 0;
}

/* The copy that was in force names some that are not in the new one. */
static void remove_unseen(struct route_writer *p, uint32_t mid)
{
    struct route_reader was = {0};
    struct node *n;
    uint32_t i;

    if (route_reader_read(p->s, mid, &was) < 0)
        return;
    for (i = 0; i < was.n; i++) {
        n = p->by_nid[was.member[i].nid];
        if (n && n->seen != p->mark && n->removed == 0)
            remove_node(p, n);
    }
    route_reader_free(&was);
}

static void bring_back(struct route_writer *p, const struct node_member *mem, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (p->by_nid[mem[i].nid]->removed > 0) {
            p->by_nid[mem[i].nid]->removed = 0;
            p->n_removed--;
        }
}

int64_t route_writer_nodes(struct route_writer *p, uint32_t modid, uint32_t cmdid,
                      const struct route_writer_node *node, uint32_t n, uint32_t cost)
{
    struct node_member *mem;
    int64_t mid = route_writer_module(p, modid, cmdid);
    uint32_t i, n_own = 0;
    int rc;

    if (mid < 0)
        return mid;
    if (n > 65536)
        return -ENOSPC;
    mem = malloc((n + 1) * sizeof(*mem));
    if (!mem)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        n_own += node[i].zone == 0;
    rc = number_nodes(p, (uint32_t)mid, node, n, cost, mem);
    if (rc == 0)
        rc = spare_for(p, &p->module[mid], n);
    if (rc == 0) {
        remove_unseen(p, (uint32_t)mid);
        bring_back(p, mem, n);
        put_in_force(p, (uint32_t)mid, mem, n, n_own);
    }
    free(mem);                     /* numbers given in vain are found at the next start */
    return rc < 0 ? rc : mid;
}

void route_writer_stat(const struct route_writer *p, struct route_writer_stat *out)
{
    uint32_t n_nid = load(&p->s->routes->n_nid), n_mod = load(&p->s->routes->n_module);

    *out = (struct route_writer_stat){.n_module = n_mod,
                                 .n_node = HASH_COUNT(p->nodes) - p->n_removed,
                                 .n_removed = p->n_removed};
    out->bytes =
        (uint64_t)n_nid *
            (4 + 4 + sizeof(struct layout_addr) + sizeof(struct node_counter)) +
        n_mod * (sizeof(struct layout_module) + 2 * sizeof(struct layout_index)) +
        (uint64_t)block_alloc_used(p->lines) * LAYOUT_LINE;
}

/* --- the start ---------------------------------------------------------------------- */

/* The copies in force: their lines are taken, their nodes are there. */
static int adopt_module(struct route_writer *p, uint32_t mid, uint32_t *mark)
{
    const struct layout_module *m = &p->s->module[mid];
    struct route_reader snap = {0};
    uint32_t i;
    int rc;

    if (route_reader_find(p->s, m->modid, m->cmdid) < 0)
        enter_index(p->s, m->modid, m->cmdid, mid); /* killed just before */
    rc = route_reader_read(p->s, mid, &snap);
    if (rc == -ENOENT)
        return 0;
    for (i = 0; i < snap.n && rc == 0; i++)
        if (snap.member[i].nid >= load(&p->s->routes->n_nid) ||
            load(&p->s->addr[snap.member[i].nid].mid) != mid)
            rc = -EBADMSG;
        else
            mark[snap.member[i].nid] = 1;
    if (rc == 0) {
        p->module[mid].lines = lines_for(snap.n);
        rc = block_alloc_mark(p->lines, (uint32_t)snap.where, p->module[mid].lines);
    }
    route_reader_free(&snap);
    return rc;
}

static int adopt_nodes(struct route_writer *p, const uint32_t *mark, uint32_t n)
{
    struct key k = {0};
    struct node *at;
    uint32_t nid;

    for (nid = 0; nid < n; nid++) {
        k.mid = load(&p->s->addr[nid].mid);
        route_reader_addr(p->s, nid, &k.addr);
        if (k.addr.family == 0) {
            p->free_nid[p->n_free++] = nid;
            continue;
        }
        if (k.mid >= load(&p->s->routes->n_module))
            return -EBADMSG;
        if (find_node(p, &k)) {       /* twice: the first may be out of use */
            if (mark[nid])
                return -EBADMSG;
            continue;
        }
        at = keep_node(p, &k, nid);
        if (!at)
            return -ENOMEM;
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
        rc = block_alloc_sweep(p->lines);
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
    p->by_nid = calloc(s->max_nodes, sizeof(struct node *));
    p->module = calloc(s->max_modules, sizeof(struct module));
    p->free_nid = malloc(s->max_nodes * sizeof(uint32_t));
    rc = block_alloc_create(&p->lines, s->n_line);
    if (rc == 0 && (!p->by_nid || !p->module || !p->free_nid))
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
    struct node *n, *next;

    if (!p)
        return;
    HASH_ITER(hh, p->nodes, n, next)
    {
        HASH_DEL(p->nodes, n);
        free(n);
    }
    block_alloc_destroy(p->lines);
    free(p->by_nid);
    free(p->module);
    free(p->free_nid);
    free(p);
}
