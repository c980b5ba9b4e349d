/* One pass over both sorted lists finds the modules and rows that differ; a module
 * without a difference is not part of the plan.
 *
 * Consent is asked for what the removal guard of lars-dnsd would hold, by the same rule
 * (route/mass_removal): whatever passes here passes there.
 *
 * Rejected: asking for consent after every warning.  An empty zone or a load that the
 * rest can just not carry is often what the operator wants (a zone is drained), so these
 * are shown and the operator is trusted. */
#include "ops/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "route/mass_removal.h"

#define MINUTE_S 60

/* The next pair of rows of the same node; one of both is NULL when only one list has it.
 * Returns false at the end. */
static bool next_pair(const struct plan *p, size_t *i, size_t *k,
                      const struct node_row **old, const struct node_row **fresh)
{
    const struct node_rows *a = &p->before, *b = &p->after;
    int order;

    if (*i == a->n && *k == b->n)
        return false;
    order = *i == a->n ? 1 : *k == b->n ? -1 : node_row_cmp(&a->at[*i], &b->at[*k]);
    *old = order <= 0 ? &a->at[(*i)++] : NULL;
    *fresh = order >= 0 ? &b->at[(*k)++] : NULL;
    return true;
}

static bool differs(const struct node_row *old, const struct node_row *fresh)
{
    return !old || !fresh || !node_row_same(old, fresh);
}

int plan_each(const struct plan *p, plan_row_fn *fn, void *arg)
{
    const struct node_row *old, *fresh;
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && next_pair(p, &i, &k, &old, &fresh))
        if (differs(old, fresh))
            rc = fn(old, fresh, arg);
    return rc;
}

/* --- modules ------------------------------------------------------------------------ */

static int cmp_module(const void *a, const void *b)
{
    const struct plan_module *x = a, *y = b;

    if (x->modid != y->modid)
        return x->modid < y->modid ? -1 : 1;
    return x->cmdid < y->cmdid ? -1 : x->cmdid > y->cmdid;
}

static struct plan_module *find_module(const struct plan *p, uint32_t modid,
                                       uint32_t cmdid)
{
    struct plan_module key = {.modid = modid, .cmdid = cmdid};

    return p->n_module == 0
               ? NULL
               : bsearch(&key, p->module, p->n_module, sizeof(*p->module), cmp_module);
}

const struct plan_module *plan_find(const struct plan *p, uint32_t modid, uint32_t cmdid)
{
    return find_module(p, modid, cmdid);
}

/* Add the module of a row that differs, unless it is the last one.  The rows are sorted,
 * so the modules are, too. */
static int note_module(const struct node_row *old, const struct node_row *fresh,
                       void *arg)
{
    struct plan *p = arg;
    const struct node_row *r = old ? old : fresh;
    struct plan_module *last = p->n_module ? &p->module[p->n_module - 1] : NULL, *at;

    p->added += !old;
    p->removed += !fresh;
    p->changed += old && fresh;
    p->drained += old && fresh && node_row_in_service(old) && !node_row_in_service(fresh);
    if (last && last->modid == r->modid && last->cmdid == r->cmdid)
        return 0;
    at = realloc(p->module, (p->n_module + 1) * sizeof(*at));
    if (!at)
        return -ENOMEM;
    p->module = at;
    p->module[p->n_module++] = (struct plan_module){.modid = r->modid, .cmdid = r->cmdid};
    return 0;
}

static void count_row(struct plan_module *m, const struct node_row *old,
                      const struct node_row *fresh)
{
    bool was = old && node_row_in_service(old), is = fresh && node_row_in_service(fresh);

    m->had += was;
    m->left += is;
    m->gone += was && !is;
}

static int cmp_zone(const struct plan_zone *a, const struct plan_zone *b)
{
    if (a->modid != b->modid)
        return a->modid < b->modid ? -1 : 1;
    if (a->cmdid != b->cmdid)
        return a->cmdid < b->cmdid ? -1 : 1;
    return strcmp(a->zone, b->zone);
}

static int cmp_zone_any(const void *a, const void *b)
{
    return cmp_zone(a, b);
}

/* Zones are few, so the list of the plan is searched from its end. */
static struct plan_zone *zone_of(struct plan *p, const struct node_row *r)
{
    struct plan_zone key = {.modid = r->modid, .cmdid = r->cmdid}, *at;
    size_t i = p->n_zone;

    memcpy(key.zone, r->zone, sizeof(key.zone));
    while (i > 0 && p->zone[i - 1].modid == key.modid &&
           p->zone[i - 1].cmdid == key.cmdid)
        if (cmp_zone(&p->zone[--i], &key) == 0)
            return &p->zone[i];
    at = realloc(p->zone, (p->n_zone + 1) * sizeof(*at));
    if (!at)
        return NULL;
    p->zone = at;
    p->zone[p->n_zone] = key;
    return &p->zone[p->n_zone++];
}

static int count_zones(struct plan *p, const struct node_row *old,
                       const struct node_row *fresh)
{
    struct plan_zone *z;

    if (old && node_row_in_service(old)) {
        z = zone_of(p, old);
        if (!z)
            return -ENOMEM;
        z->had++;
    }
    if (fresh && node_row_in_service(fresh)) {
        z = zone_of(p, fresh);
        if (!z)
            return -ENOMEM;
        z->left++;
    }
    return 0;
}

/* Count all rows of the modules that differ; returns 0 or -ENOMEM. */
static int count_rows(struct plan *p)
{
    const struct node_row *old, *fresh;
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && next_pair(p, &i, &k, &old, &fresh)) {
        const struct node_row *r = old ? old : fresh;
        struct plan_module *m = find_module(p, r->modid, r->cmdid);

        if (!m)
            continue;
        count_row(m, old, fresh);
        rc = count_zones(p, old, fresh);
    }
    if (rc == 0 && p->n_zone > 1)
        qsort(p->zone, p->n_zone, sizeof(*p->zone), cmp_zone_any);
    return rc;
}

/* --- judging ------------------------------------------------------------------------ */

uint64_t plan_sum(const struct node_rows *rows, uint32_t modid, uint32_t cmdid)
{
    struct node_row first = {.modid = modid, .cmdid = cmdid};
    size_t i = node_row_find(rows, &first);
    bool there = i < rows->n && rows->at[i].modid == modid && rows->at[i].cmdid == cmdid;

    return node_row_sum(rows, i, there ? node_row_module_end(rows, i) : i);
}

void plan_mix(struct plan *p, const char *text)
{
    p->hash = fnv_add_text(p->hash, text);
}

static void judge_module(struct plan *p, struct plan_module *m)
{
    m->base = plan_sum(&p->before, m->modid, m->cmdid);
    p->hash = fnv_add_number(fnv_add_number(p->hash, m->modid, 8), m->cmdid, 8);
    p->hash = fnv_add_number(p->hash, m->base, 8);
    p->hash = fnv_add_number(p->hash, plan_sum(&p->after, m->modid, m->cmdid), 8);
    p->had += m->had;
    p->gone += m->gone;
    p->left += m->left;
    if (m->gone > 0 && m->left == 0)
        m->warnings |= PLAN_NONE_LEFT;
    if (mass_removal_of_module(m->had, m->gone, m->left))
        m->warnings |= m->left ? PLAN_MOST_GONE : PLAN_NONE_LEFT;
    if (m->warnings)
        p->needs = PLAN_YES;
}

static void judge_zones(struct plan *p)
{
    size_t i;

    for (i = 0; i < p->n_zone; i++) {
        const struct plan_zone *z = &p->zone[i];
        struct plan_module *m = find_module(p, z->modid, z->cmdid);

        if (m && z->had > 0 && z->left == 0)
            m->warnings |= PLAN_ZONE_EMPTY;
    }
}

int plan_make(struct plan *p, struct node_rows *before, struct node_rows *after,
              uint64_t total)
{
    size_t i;
    int rc;

    p->before = *before;
    p->after = *after;
    *before = *after = (struct node_rows){NULL, 0, 0};
    p->hash = FNV_START;
    rc = plan_each(p, note_module, p);
    if (rc == 0)
        rc = count_rows(p);
    if (rc < 0)
        return rc;
    for (i = 0; i < p->n_module; i++)
        judge_module(p, &p->module[i]);
    judge_zones(p);
    p->rest = total > p->gone ? total - p->gone : 0;
    p->many_of_all = mass_removal_of_all(total, p->gone);
    if (p->many_of_all)
        p->needs = PLAN_YES;
    if (p->gone > 0 && total == p->had && p->left == 0)
        p->needs = PLAN_REMOVE_ALL;
    return 0;
}

void plan_free(struct plan *p)
{
    node_row_free(&p->before);
    node_row_free(&p->after);
    free(p->module);
    free(p->zone);
    *p = (struct plan){.n_module = 0};
}

/* --- load --------------------------------------------------------------------------- */

static const struct node_row *row_of(const struct node_rows *rows,
                                     const struct node_row *key)
{
    size_t i = node_row_find(rows, key);

    return i < rows->n && node_row_cmp(&rows->at[i], key) == 0 ? &rows->at[i] : NULL;
}

void plan_add_load(struct plan *p, const struct plan_load *load)
{
    struct plan_module *m = find_module(p, load->modid, load->cmdid);
    struct node_row key = {load->modid, load->cmdid, load->ip, load->port, 0, 0, "", ""};
    const struct node_row *old = row_of(&p->before, &key),
                          *fresh = row_of(&p->after, &key);

    if (!m)
        return;
    m->calls += load->calls;
    if (old && node_row_in_service(old) && !(fresh && node_row_in_service(fresh)))
        m->calls_gone += load->calls;
}

void plan_add_out(struct plan *p, uint32_t modid, uint32_t cmdid, uint32_t ip,
                  uint32_t port)
{
    struct plan_module *m = find_module(p, modid, cmdid);
    struct node_row key = {modid, cmdid, ip, port, 0, 0, "", ""};
    const struct node_row *fresh = row_of(&p->after, &key);

    if (!m || !fresh || !node_row_in_service(fresh))
        return;
    m->out++;
    if (m->gone > 0 && m->out == m->left)
        m->warnings |= PLAN_ALL_OUT;
}

void plan_set_capacity(struct plan *p, uint32_t modid, uint32_t cmdid, uint32_t node_rps)
{
    struct plan_module *m = find_module(p, modid, cmdid);
    struct node_row first = {.modid = modid, .cmdid = cmdid};
    uint64_t weight = 0;
    size_t i;

    if (!m || node_rps == 0)
        return;
    for (i = node_row_find(&p->after, &first);
         i < p->after.n && p->after.at[i].modid == modid && p->after.at[i].cmdid == cmdid;
         i++)
        if (node_row_in_service(&p->after.at[i]))
            weight += p->after.at[i].weight;
    m->capacity = weight * node_rps / 100;
    if (m->calls / MINUTE_S > m->capacity)
        m->warnings |= PLAN_OVERLOAD;
}
