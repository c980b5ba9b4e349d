/* The order of stores of an addition: the module's ids, then the count, then the index,
 * mid before key.  A reader that finds the key sees the rest; a writer that was killed in
 * between leaves an entry that module_table_repair() completes.  Modules are never taken
 * out, so open addressing needs no marks for deleted entries, and at most half of the
 * index is in use, so a search ends soon.
 *
 * Rejected: uthash, as elsewhere in the agent, because it keeps pointers. */
#include "shmem/module_table.h"

#include <errno.h>

#include "shmem/segment_private.h"

uint32_t module_table_hash(uint32_t modid, uint32_t cmdid)
{
    uint64_t x = (uint64_t)modid << 32 | cmdid;

    x *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(x >> 32);
}

int64_t module_table_find(const struct segment *s, uint32_t modid, uint32_t cmdid)
{
    uint64_t want = (uint64_t)modid << 32 | cmdid, key;
    uint32_t i = module_table_hash(modid, cmdid), k, mid;

    for (k = 0; k < s->n_index; k++, i++) {
        const struct layout_index *e = &s->index[i & (s->n_index - 1)];

        key = atomic_load_explicit(&e->key, memory_order_acquire);
        if (key == 0)
            return -ENOENT;
        mid = segment_load(&e->mid);
        if (key == want)
            return mid < s->max_modules ? (int64_t)mid : -ENOENT;
    }
    return -ENOENT;
}

uint32_t module_table_count(const struct segment *s)
{
    uint32_t n = atomic_load(&s->routes->n_module);

    return n < s->max_modules ? n : s->max_modules;
}

struct module_id module_table_id(const struct segment *s, uint32_t mid)
{
    return (struct module_id){s->module[mid].modid, s->module[mid].cmdid};
}

void module_table_get(const struct segment *s, uint32_t mid,
                      struct module_table_settings *out)
{
    const struct layout_module *m = &s->module[mid];

    *out = (struct module_table_settings){.rule = segment_load(&m->rule),
                                          .eject_after = segment_load(&m->eject_after),
                                          .timeout_ms = segment_load(&m->timeout_ms),
                                          .demand = segment_load(&m->demand),
                                          .own_max = segment_load(&m->own_max),
                                          .penalty_us = segment_load(&m->penalty_us),
                                          .node_rps = segment_load(&m->node_rps),
                                          .node_inflight =
                                              segment_load(&m->node_inflight),
                                          .target_ms = segment_load(&m->target_ms)};
}

static void set(_Atomic uint32_t *p, uint32_t value)
{
    if (segment_load(p) != value)
        segment_store(p, value);
}

void module_table_set(struct segment *s, uint32_t mid,
                      const struct module_table_settings *in)
{
    struct layout_module *m = &s->module[mid];

    set(&m->rule, in->rule);
    set(&m->eject_after, in->eject_after);
    set(&m->timeout_ms, in->timeout_ms);
    set(&m->demand, in->demand);
    set(&m->own_max, in->own_max);
    set(&m->penalty_us, in->penalty_us);
    set(&m->node_rps, in->node_rps);
    set(&m->node_inflight, in->node_inflight);
    set(&m->target_ms, in->target_ms);
}

static void enter_index(struct segment *s, uint32_t modid, uint32_t cmdid, uint32_t mid)
{
    uint32_t i = module_table_hash(modid, cmdid);
    struct layout_index *e;

    for (;; i++) {                    /* ends: half of the index is empty */
        e = &s->index[i & (s->n_index - 1)];
        if (e->key == 0)
            break;
    }
    segment_store(&e->mid, mid);
    atomic_store_explicit(&e->key, (uint64_t)modid << 32 | cmdid, memory_order_release);
}

int64_t module_table_add(struct segment *s, uint32_t modid, uint32_t cmdid)
{
    int64_t mid = module_table_find(s, modid, cmdid);

    if (mid >= 0)
        return mid;
    mid = segment_load(&s->routes->n_module);
    if (mid >= s->max_modules)
        return -EMFILE;
    s->module[mid].modid = modid;
    s->module[mid].cmdid = cmdid;
    segment_store(&s->routes->n_module, (uint32_t)mid + 1);
    enter_index(s, modid, cmdid, (uint32_t)mid);
    return mid;
}

void module_table_repair(struct segment *s, uint32_t mid)
{
    const struct layout_module *m = &s->module[mid];

    if (module_table_find(s, m->modid, m->cmdid) < 0)
        enter_index(s, m->modid, m->cmdid, mid);
}
