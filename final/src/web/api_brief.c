/* What is up comes from the routes, as for the page of a module: the autoscaler counts
 * the same rows. */
#include "web/api_brief.h"

#include <string.h>

#include "web/api_json.h"

/* The object of a zone in <list>, added when it is new. */
static json_t *zone_in(json_t *list, const char *zone)
{
    size_t i;
    json_t *z;

    json_array_foreach(list, i, z)
        if (strcmp(json_string_value(json_object_get(z, "zone")), zone) == 0)
            return z;
    z = json_pack("{s:s,s:i}", "zone", zone, "up", 0);
    json_array_append_new(list, z);
    return z;
}

/* The nodes of the module that are in service, by zone. */
static json_t *list_up(const struct snap *s, const struct snap_scaled *v)
{
    const struct snap_module *m = snap_find(s, v->modid, v->cmdid);
    json_t *list = json_array(), *z;
    size_t i;

    for (i = m ? m->first : 0; m && i < m->first + m->n; i++) {
        const struct node_row *r = &s->routes->rows.at[i];

        z = zone_in(list, r->zone);
        if (z && node_row_in_service(r))
            json_object_set_new(
                z, "up",
                json_integer(json_integer_value(json_object_get(z, "up")) + 1));
    }
    return list;
}

/* As many zones as can be used have what is wanted; a zone without a row has nothing. */
static bool is_short(const json_t *zones, const struct snap_scaled *v)
{
    size_t i, n_full = 0;
    json_t *z;

    json_array_foreach(zones, i, z)
        n_full += json_integer_value(json_object_get(z, "up")) >= (json_int_t)v->wanted;
    return n_full < v->zones;
}

json_t *api_brief_scaling(const struct snap *s)
{
    json_t *list = json_array(), *zones;
    size_t i;

    for (i = 0; i < s->n_scaled; i++) {
        const struct snap_scaled *v = &s->scaled[i];

        zones = list_up(s, v);
        json_array_append_new(
            list, json_pack("{s:o,s:s,s:s,s:I,s:I,s:b,s:o}", "module",
                            api_json_module_id(v->modid, v->cmdid), "name",
                            snap_mod_name(s, v->modid), "command",
                            snap_cmd_name(s, v->cmdid), "wanted", (json_int_t)v->wanted,
                            "need", (json_int_t)v->need, "short", is_short(zones, v),
                            "zones", zones));
    }
    return list;
}

json_t *api_brief_drill(const struct snap *s)
{
    const struct snap_drill *d = &s->drill;

    if (d->id == 0)
        return json_null();
    return json_pack("{s:I,s:s,s:s,s:I,s:I,s:b}", "id", (json_int_t)d->id, "name",
                     d->name, "host", d->host, "second", (json_int_t)d->second, "seconds",
                     (json_int_t)d->seconds, "lost", d->is_lost);
}
