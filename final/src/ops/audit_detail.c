/* The values are read by people and by the console long after the change, so they are
 * written as names and addresses, and not as numbers of rows.
 *
 * Rejected: leaving it to RouteLog.  It has each row, and neither names nor policies. */
#include "ops/audit_detail.h"

#include <errno.h>
#include <stdio.h>

struct list {
    json_t *nodes;
    unsigned n, more;
};

static json_t *values_of(const struct node_row *r)
{
    return r ? json_pack("{s:I,s:s,s:s}", "weight", (json_int_t)r->weight, "zone",
                         r->zone, "state", r->state)
             : json_null();
}

static json_t *module_text(uint32_t modid, uint32_t cmdid)
{
    return json_sprintf("%u/%u", modid, cmdid);
}

json_t *audit_detail_row(const struct node_row *old, const struct node_row *fresh)
{
    const struct node_row *r = old ? old : fresh;

    return json_pack("{s:o,s:o,s:o,s:o}", "module", module_text(r->modid, r->cmdid),
                     "node",
                     json_sprintf("%u.%u.%u.%u:%u", r->ip >> 24, r->ip >> 16 & 255,
                                  r->ip >> 8 & 255, r->ip & 255, r->port),
                     "old", values_of(old), "new", values_of(fresh));
}

static int add_row(const struct node_row *old, const struct node_row *fresh, void *arg)
{
    struct list *l = arg;

    if (l->n == AUDIT_DETAIL_ROWS) {
        l->more++;
        return 0;
    }
    l->n++;
    return json_array_append_new(l->nodes, audit_detail_row(old, fresh)) < 0 ? -ENOMEM
                                                                             : 0;
}

json_t *audit_detail_settings(const struct settings *s)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < s->n; i++) {
        const struct settings_row *r = &s->at[i];

        json_array_append_new(list, json_pack("{s:o,s:s,s:s,s:s}", "module",
                                              module_text(r->modid, r->cmdid), "key",
                                              r->key, "old", r->old, "new", r->fresh));
    }
    return list;
}

char *audit_detail_of(const struct plan *p, const struct settings *s)
{
    struct list l = {json_array(), 0, 0};
    char *text = NULL;
    json_t *all;

    if (l.nodes && plan_each(p, add_row, &l) == 0) {
        all = json_pack("{s:O,s:i,s:o}", "nodes", l.nodes, "more", (int)l.more,
                        "settings", audit_detail_settings(s));
        text = all ? json_dumps(all, JSON_COMPACT) : NULL;
        json_decref(all);
    }
    json_decref(l.nodes);
    return text;
}
