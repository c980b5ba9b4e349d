/* Two levels of counting: requests in a line of memory that only their loop writes, loops
 * in one atomic number.  A reload costs requests nothing, and no thread waits for
 * another.
 *
 * Rejected: one atomic count of all requests, because every loop would write the same
 * line twice for each request; a lock around the rules; waiting until no loop uses the
 * old rules, because a download can take hours. */
#include "gateway/generation.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static void destroy(struct generation *g)
{
    unsigned i;

    for (i = 0; i < g->n_taken; i++)
        modules_drop(g->modules, rules_module(g->rules, i)->slot);
    rules_destroy(g->rules);
    fleet_keys_destroy(g->own_keys);
    free(g);
}

struct generation *generation_ref(struct generation *g)
{
    atomic_fetch_add(&g->n_refs, 1);
    return g;
}

void generation_unref(struct generation *g)
{
    if (g && atomic_fetch_sub(&g->n_refs, 1) == 1)
        destroy(g);
}

void generation_begin(struct generation *g, unsigned i)
{
    g->loop[i].n++;
}

void generation_end(struct generation *g, unsigned i)
{
    if (--g->loop[i].n == 0)
        generation_unref(g);
}

static int take_slots(struct generation *g, char err[CONF_ERR_MAX])
{
    unsigned i, n = rules_n_modules(g->rules);

    for (i = 0; i < n; i++) {
        const struct rules_module *m = rules_module(g->rules, i);
        int slot = modules_take(g->modules, m->modid, m->cmdid);

        if (slot < 0) {
            snprintf(err, CONF_ERR_MAX,
                     "requests that began before still use %d modules of older rules; "
                     "reload again when they have ended",
                     MODULES_MAX);
            return slot;
        }
        rules_set_slot(g->rules, i, (unsigned)slot);
        g->n_taken = i + 1;
    }
    return 0;
}

static int read_files(struct generation *g, const struct generation_config *c,
                      char err[CONF_ERR_MAX])
{
    int rc = rules_create(&g->rules, c->rules, err);

    if (rc == 0 && c->key_file[0])
        rc = fleet_keys_create(&g->own_keys, c->key_file, "[gateway] key_file", err);
    if (rc < 0)
        return rc;
    g->keys = g->own_keys ? g->own_keys : c->keys;
    return take_slots(g, err);
}

int generation_create(struct generation **out, const struct generation_config *c,
                      char err[CONF_ERR_MAX])
{
    struct generation *g = aligned_alloc(64, sizeof(*g));
    unsigned i;
    int rc;

    snprintf(err, CONF_ERR_MAX, "there is not enough memory");
    if (!g)
        return -ENOMEM;
    *g = (struct generation){.modules = c->modules, .n_refs = 1};
    for (i = 0; i < GENERATION_LOOPS_MAX; i++)
        g->loop[i].n = 1;
    rc = read_files(g, c, err);
    if (rc < 0)
        destroy(g);
    else
        *out = g;
    return rc;
}
