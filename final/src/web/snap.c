/* Routes are shared between snapshots, because they change rarely and are most of the
 * memory; what changes each second is small.
 *
 * Rejected: answering each request from the database.  Twenty viewers would ask it twenty
 * times for the same second. */
#include "web/snap.h"

#include <stdlib.h>
#include <string.h>

#define ALIVE_MS 6000

struct snap *snap_ref(struct snap *s)
{
    s->refs++;
    return s;
}

void snap_routes_unref(struct snap_routes *r)
{
    if (!r || --r->refs > 0)
        return;
    node_row_free(&r->rows);
    free(r->mod);
    free(r->cmd);
    free(r);
}

struct snap_routes *snap_routes_ref(struct snap_routes *r)
{
    r->refs++;
    return r;
}

void snap_unref(struct snap *s)
{
    if (!s || --s->refs > 0)
        return;
    snap_routes_unref(s->routes);
    free(s->node);
    free(s->module);
    free(s->zone);
    free(s->service);
    free(s->alarm);
    free(s->hold);
    free(s->change);
    free(s);
}

static const char *name_of(const struct snap_name *at, size_t n, uint32_t id)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (at[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && at[low].id == id ? at[low].text : "";
}

const char *snap_mod_name(const struct snap *s, uint32_t modid)
{
    return name_of(s->routes->mod, s->routes->n_mod, modid);
}

const char *snap_cmd_name(const struct snap *s, uint32_t cmdid)
{
    return name_of(s->routes->cmd, s->routes->n_cmd, cmdid);
}

const struct snap_module *snap_find(const struct snap *s, uint32_t modid, uint32_t cmdid)
{
    size_t low = 0, high = s->n_module;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct snap_module *m = &s->module[mid];

        if (m->modid < modid || (m->modid == modid && m->cmdid < cmdid))
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n_module && s->module[low].modid == modid &&
                   s->module[low].cmdid == cmdid
               ? &s->module[low]
               : NULL;
}

bool snap_is_alive(const struct snap_service *v)
{
    return v->silent_ms < ALIVE_MS;
}

bool snap_has_alive(const struct snap *s, const char *kind)
{
    size_t i;

    for (i = 0; i < s->n_service; i++)
        if (strcmp(s->service[i].kind, kind) == 0 && snap_is_alive(&s->service[i]))
            return true;
    return false;
}
