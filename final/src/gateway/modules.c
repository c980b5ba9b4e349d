/* A table that is searched from its beginning: it is used when rules are read and when
 * metrics are, not by requests, which have the slot in their rule.
 *
 * Invariant: only one thread gives slots away, the one that also changes the limits of
 * admission, so a slot never changes its module while that thread looks at it.
 * Rejected: the index of a module within its rules as the number of its admission.  After
 * a reload that removes a rule, requests that are in progress would leave the counts of
 * another module. */
#include "gateway/modules.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct modules {
    struct admit *admit;
    pthread_mutex_t lock; /* guards modid, cmdid and n_users */
    struct {
        uint32_t modid, cmdid, n_users;
        struct lars_budget budget;
        struct fallback fallback;
    } slot[MODULES_MAX];
};

int modules_create(struct modules **out, struct admit *a)
{
    struct modules *m = calloc(1, sizeof(*m));
    unsigned i;

    if (!m)
        return -ENOMEM;
    m->admit = a;
    for (i = 0; i < MODULES_MAX; i++)
        fallback_init(&m->slot[i].fallback);
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return 0;
}

void modules_destroy(struct modules *m)
{
    unsigned i;

    if (!m)
        return;
    for (i = 0; i < MODULES_MAX; i++)
        fallback_fini(&m->slot[i].fallback);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* The slot of the module, else one that is free, else -ENOBUFS. */
static int find(const struct modules *m, uint32_t modid, uint32_t cmdid)
{
    int i, unused = -ENOBUFS;

    for (i = MODULES_MAX - 1; i >= 0; i--) {
        if (m->slot[i].n_users == 0)
            unused = i;
        else if (m->slot[i].modid == modid && m->slot[i].cmdid == cmdid)
            return i;
    }
    return unused;
}

int modules_take(struct modules *m, uint32_t modid, uint32_t cmdid)
{
    int i;

    pthread_mutex_lock(&m->lock);
    i = find(m, modid, cmdid);
    if (i >= 0 && m->slot[i].n_users++ == 0) {
        m->slot[i].modid = modid;
        m->slot[i].cmdid = cmdid;
        memset(&m->slot[i].budget, 0, sizeof(m->slot[i].budget));
        fallback_set(&m->slot[i].fallback, NULL, 0);
        fallback_note(&m->slot[i].fallback, false);
        admit_reset(m->admit, (unsigned)i);
    }
    pthread_mutex_unlock(&m->lock);
    return i;
}

void modules_drop(struct modules *m, unsigned slot)
{
    pthread_mutex_lock(&m->lock);
    m->slot[slot].n_users--;
    pthread_mutex_unlock(&m->lock);
}

struct lars_budget *modules_budget(struct modules *m, unsigned slot)
{
    return &m->slot[slot].budget;
}

struct fallback *modules_fallback(struct modules *m, unsigned slot)
{
    return &m->slot[slot].fallback;
}

unsigned modules_list(struct modules *m, struct modules_entry out[MODULES_MAX])
{
    unsigned i, n = 0;

    pthread_mutex_lock(&m->lock);
    for (i = 0; i < MODULES_MAX; i++)
        if (m->slot[i].n_users > 0)
            out[n++] = (struct modules_entry){i, m->slot[i].modid, m->slot[i].cmdid};
    pthread_mutex_unlock(&m->lock);
    return n;
}
