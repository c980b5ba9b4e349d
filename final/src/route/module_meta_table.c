/* A hash table with a reference count: one thread fills it, then shares it; afterwards
 * any number of threads read it without a lock, and the last reference frees it.
 *
 * Invariant: an entry has no padding and unused bytes are zero, so entries are compared
 * as memory. */
#include "route/module_meta_table.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

struct entry {
    struct msg_module_meta meta;      /* its mod is the key */
    UT_hash_handle hh;
};

struct module_meta_table {
    _Atomic uint32_t refs;
    struct entry *entries;
};

int module_meta_table_create(struct module_meta_table **out)
{
    struct module_meta_table *t = calloc(1, sizeof(*t));

    if (!t)
        return -ENOMEM;
    t->refs = 1;
    *out = t;
    return 0;
}

static struct entry *find_entry(const struct module_meta_table *t,
                                const struct module_id *m)
{
    struct entry *e;

    HASH_FIND(hh, t->entries, m, sizeof(*m), e);
    return e;
}

struct msg_module_meta *module_meta_table_at(struct module_meta_table *t, uint32_t modid,
                                             uint32_t cmdid)
{
    const struct module_id m = {modid, cmdid};
    struct entry *e = find_entry(t, &m);

    if (e)
        return &e->meta;
    e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->meta.mod = m;
    HASH_ADD(hh, t->entries, meta.mod, sizeof(m), e);
    if (e->hh.tbl)
        return &e->meta;
    free(e);
    return NULL;
}

struct module_meta_table *module_meta_table_ref(struct module_meta_table *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void module_meta_table_unref(struct module_meta_table *t)
{
    struct entry *e, *next;

    if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
        return;
    HASH_ITER(hh, t->entries, e, next)
    {
        HASH_DEL(t->entries, e);
        free(e);
    }
    free(t);
}

const struct msg_module_meta *module_meta_table_find(const struct module_meta_table *t,
                                                     uint32_t modid, uint32_t cmdid)
{
    const struct module_id m = {modid, cmdid};
    struct entry *e = t ? find_entry(t, &m) : NULL;

    return e ? &e->meta : NULL;
}

bool module_meta_table_same(const struct msg_module_meta *a,
                            const struct msg_module_meta *b)
{
    if (!a || !b)
        return a == b;
    return memcmp(a, b, sizeof(*a)) == 0;
}

void module_meta_table_each(const struct module_meta_table *t,
                            void (*fn)(const struct msg_module_meta *m, void *arg),
                            void *arg)
{
    struct entry *e, *next;

    HASH_ITER(hh, t->entries, e, next)
    fn(&e->meta, arg);
}

size_t module_meta_table_n(const struct module_meta_table *t)
{
    return HASH_COUNT(t->entries);
}
