/* Lists and sums from the snapshot: no question to the database, so they are as fast for
 * twenty viewers as for one, and there when the database is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web/api.h"
#include "web/api_brief.h"
#include "web/api_gateway.h"
#include "web/api_json.h"
#include "web/api_read.h"

#define PAGE 50
#define TOP 5

/* --- overview ---------------------------------------------------------------------- */

/* Calls a second of each minute of the last hour, the oldest first. */
static json_t *list_minutes(const struct minutes_hour *h)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < MINUTES_N; i++)
        json_array_append_new(list, api_json_rate((double)h->calls[i] / 60));
    return list;
}

/* {calls, failed}: numbers, not rates. */
static json_t *sum_hour(const struct minutes_hour *h)
{
    uint64_t calls = 0, failed = 0;
    size_t i;

    for (i = 0; i < MINUTES_N; i++) {
        calls += h->calls[i];
        failed += h->failed[i];
    }
    return json_pack("{s:I,s:I}", "calls", (json_int_t)calls, "failed",
                     (json_int_t)failed);
}

static json_t *zone_json(const struct snap_zone *z, bool hour_known)
{
    bool known = z->capacity > 0;

    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "zone", z->name,
                     "decided", z->decided, "up", (json_int_t)z->n_up, "drained",
                     (json_int_t)z->n_drained, "out", (json_int_t)z->n_out, "calls",
                     api_json_rate(z->calls), "failed", api_json_rate(z->failed), "need",
                     known ? api_json_rate(z->need) : json_null(), "capacity",
                     known ? api_json_rate(z->capacity) : json_null(), "minutes",
                     hour_known ? list_minutes(&z->hour) : json_null());
}

static json_t *list_zones(const struct snap *s)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < s->n_zone; i++)
        json_array_append_new(list, zone_json(&s->zone[i], s->minutes_s > 0));
    return list;
}

static json_t *list_alarms(const struct snap *s)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < s->n_alarm; i++)
        json_array_append_new(list, api_json_alarm(&s->alarm[i]));
    return list;
}

static json_t *list_changes(const struct snap *s)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < s->n_change; i++) {
        const struct snap_change *c = &s->change[i];

        json_array_append_new(
            list,
            json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:s}", "id", (json_int_t)c->id, "at",
                      (json_int_t)c->at_ms, "actor", c->actor, "via", c->via, "action",
                      c->action, "subject", c->subject, "result", c->result));
    }
    return list;
}

static int badness(const struct snap_module *m)
{
    static const char *const order[] = {"ok",   "drained", "unknown",
                                        "held", "out",     "down"};
    const char *state = api_json_module_state(m);
    int i = 0;

    while (strcmp(order[i], state) != 0)
        i++;
    return i;
}

static int by_problem(const void *a, const void *b)
{
    const struct snap_module *x = *(const struct snap_module *const *)a,
                             *y = *(const struct snap_module *const *)b;
    int bx = badness(x), by = badness(y);

    if (bx != by)
        return by - bx;
    if (x->failed > y->failed || x->failed < y->failed)
        return x->failed > y->failed ? -1 : 1;
    if (x->modid != y->modid)
        return x->modid < y->modid ? -1 : 1;
    return x->cmdid < y->cmdid ? -1 : x->cmdid > y->cmdid;
}

static int by_calls(const void *a, const void *b)
{
    const struct snap_module *x = *(const struct snap_module *const *)a,
                             *y = *(const struct snap_module *const *)b;

    if (x->calls > y->calls || x->calls < y->calls)
        return x->calls > y->calls ? -1 : 1;
    return by_problem(a, b);
}

static int by_number(const void *a, const void *b)
{
    const struct snap_module *x = *(const struct snap_module *const *)a,
                             *y = *(const struct snap_module *const *)b;

    return x < y ? -1 : x > y;        /* the array is sorted so */
}

/* Pointers to all modules in an order; NULL = no memory. */
static const struct snap_module **sorted(const struct snap *s,
                                         int (*cmp)(const void *, const void *))
{
    const struct snap_module **at = calloc(s->n_module + 1, sizeof(*at));
    size_t i;

    for (i = 0; at && i < s->n_module; i++)
        at[i] = &s->module[i];
    if (at && s->n_module > 1)
        qsort(at, s->n_module, sizeof(*at), cmp);
    return at;
}

static json_t *list_top(const struct snap *s, int (*cmp)(const void *, const void *))
{
    const struct snap_module **at = sorted(s, cmp);
    json_t *list = json_array();
    size_t i;

    for (i = 0; at && i < s->n_module && i < TOP; i++)
        json_array_append_new(list, api_json_module(s, at[i]));
    free(at);
    return list;
}

/* How the databases of the zones stand; without names and addresses. */
static json_t *database_json(struct web *web)
{
    struct zone_db_view v;

    reader_database(web->reader, &v);
    return json_pack("{s:s,s:I,s:I}", "case", zone_db_case_name(v.is), "members",
                     (json_int_t)v.members, "data", (json_int_t)v.data);
}

json_t *api_read_overview_json(const struct snap *s, struct web *web)
{
    json_t *j = api_json_head(s, web);
    double calls = 0, failed = 0;
    size_t i;

    for (i = 0; i < s->n_module; i++) {
        calls += s->module[i].calls;
        failed += s->module[i].failed;
    }
    json_object_set_new(j, "calls", api_json_rate(calls));
    json_object_set_new(j, "failed", api_json_rate(failed));
    json_object_set_new(j, "p99_ms",
                        s->p99_us ? api_json_rate(s->p99_us / 1000.0) : json_null());
    json_object_set_new(j, "hour",
                        s->minutes_s > 0 ? sum_hour(&s->hour) : json_null());
    json_object_set_new(j, "minutes_to", json_integer((json_int_t)s->minutes_s));
    json_object_set_new(j, "modules", json_integer((json_int_t)s->n_module));
    json_object_set_new(j, "revision", json_integer((json_int_t)s->routes->revision));
    json_object_set_new(j, "gateways", api_gateway_brief(web));
    json_object_set_new(j, "scaling", api_brief_scaling(s));
    json_object_set_new(j, "drill", api_brief_drill(s));
    json_object_set_new(j, "zones", list_zones(s));
    json_object_set_new(j, "database", database_json(web));
    json_object_set_new(j, "alarms", list_alarms(s));
    json_object_set_new(j, "changes", list_changes(s));
    json_object_set_new(j, "worst", list_top(s, by_problem));
    json_object_set_new(j, "busiest", list_top(s, by_calls));
    return j;
}

void api_read_overview(struct request *q, const struct request_env *env)
{
    if (api_json_has_snap(q, env))
        reply_json(&q->reply, 200, api_read_overview_json(env->snap, env->web));
}

/* A change of routes, names or policies, and not of users, wall links or alarms. */
static bool is_of_module(const struct snap_change *c)
{
    return strncmp(c->action, "user", 4) != 0 && strncmp(c->action, "wall", 4) != 0 &&
           strncmp(c->action, "alarm", 5) != 0;
}

/* When and what, not who. */
static json_t *last_change(const struct snap *s)
{
    size_t i = 0;

    while (i < s->n_change && !is_of_module(&s->change[i]))
        i++;
    if (i == s->n_change)
        return json_null();
    return json_pack("{s:I,s:s,s:s}", "at", (json_int_t)s->change[i].at_ms, "action",
                     s->change[i].action, "result", s->change[i].result);
}

/* A wall has no addresses and no persons: everybody in the room can read it. */
json_t *api_read_wall_json(const struct snap *s, struct web *web)
{
    json_t *j = api_read_overview_json(s, web);
    json_int_t n = (json_int_t)json_array_size(json_object_get(j, "alarms"));

    json_object_set_new(j, "problems", json_integer(n));
    json_object_set_new(j, "change", last_change(s));
    json_object_del(json_object_get(j, "drill"), "host");
    json_object_del(j, "alarms");
    json_object_del(j, "changes");
    json_object_del(j, "worst");
    json_object_del(j, "busiest");
    return j;
}

void api_read_wall(struct request *q, const struct request_env *env)
{
    if (api_json_has_snap(q, env))
        reply_json(&q->reply, 200, api_read_wall_json(env->snap, env->web));
}

/* --- modules ----------------------------------------------------------------------- */

static bool has_node(const struct snap *s, const struct snap_module *m, const char *zone,
                     const char *address)
{
    size_t i, n = strlen(address);

    for (i = m->first; i < m->first + m->n; i++) {
        const struct node_row *r = &s->routes->rows.at[i];
        char text[24];

        snprintf(text, sizeof(text), "%u.%u.%u.%u:%u", r->ip >> 24, r->ip >> 16 & 255,
                 r->ip >> 8 & 255, r->ip & 255, r->port);
        if ((!zone[0] || strcmp(r->zone, zone) == 0) &&
            (!n || strncmp(text, address, n) == 0))
            return true;
    }
    return false;
}

/* Does the search text fit the number, a name or a node of the module? */
static bool is_found(const struct snap *s, const struct snap_module *m, const char *text)
{
    char number[24];

    snprintf(number, sizeof(number), "%u/%u", m->modid, m->cmdid);
    return strncmp(number, text, strlen(text)) == 0 ||
           strcasestr(snap_mod_name(s, m->modid), text) ||
           strcasestr(snap_cmd_name(s, m->cmdid), text) || has_node(s, m, "", text);
}

static bool is_wanted(const struct request *q, const struct snap *s,
                      const struct snap_module *m)
{
    const char *text = request_query(q, "q", ""), *zone = request_query(q, "zone", ""),
               *state = request_query(q, "state", "");

    return (!text[0] || is_found(s, m, text)) && (!zone[0] || has_node(s, m, zone, "")) &&
           (!state[0] || strcmp(state, api_json_module_state(m)) == 0);
}

/* Filter, then sort, then write one page. */
void api_read_modules(struct request *q, const struct request_env *env)
{
    const char *sort = request_query(q, "sort", "problems");
    const struct snap *s = env->snap;
    const struct snap_module **at;
    json_t *items = json_array(), *j;
    size_t i, n = 0;
    uint32_t page;

    if (!api_json_has_snap(q, env) || !request_page(q, 100000, &page)) {
        json_decref(items);
        return;
    }
    at = sorted(s, strcmp(sort, "calls") == 0    ? by_calls
                   : strcmp(sort, "number") == 0 ? by_number
                                                 : by_problem);
    for (i = 0; at && i < s->n_module; i++) {
        if (!is_wanted(q, s, at[i]))
            continue;
        if (n / PAGE + 1 == page)
            json_array_append_new(items, api_json_module(s, at[i]));
        n++;
    }
    free(at);
    j = api_json_head(s, env->web);
    json_object_set_new(j, "total", json_integer((json_int_t)n));
    json_object_set_new(j, "page", json_integer(page));
    json_object_set_new(j, "page_size", json_integer(PAGE));
    json_object_set_new(j, "items", items);
    reply_json(&q->reply, 200, j);
}

/* --- zones, services --------------------------------------------------------------- */

void api_read_zones(struct request *q, const struct request_env *env)
{
    json_t *j;

    if (!api_json_has_snap(q, env))
        return;
    j = api_json_head(env->snap, env->web);
    json_object_set_new(j, "items", list_zones(env->snap));
    reply_json(&q->reply, 200, j);
}

static json_t *list_holds(const struct snap *s)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < s->n_hold; i++) {
        const struct snap_hold *h = &s->hold[i];

        json_array_append_new(list, json_pack("{s:o,s:I,s:I,s:s}", "module",
                                              api_json_module_id(h->modid, h->cmdid),
                                              "had", (json_int_t)h->had, "gone",
                                              (json_int_t)h->gone, "dnsd", h->dnsd));
    }
    return list;
}

void api_read_services(struct request *q, const struct request_env *env)
{
    json_t *list, *j;
    size_t i;

    if (!api_json_has_snap(q, env))
        return;
    list = json_array();
    for (i = 0; i < env->snap->n_service; i++) {
        const struct snap_service *v = &env->snap->service[i];

        json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:b}", "kind", v->kind, "name",
                      v->name, "zone", v->zone, "address", v->address, "version",
                      v->version, "state", v->state, "revision", (json_int_t)v->revision,
                      "silent_ms", (json_int_t)v->silent_ms, "alive", snap_is_alive(v)));
    }
    j = api_json_head(env->snap, env->web);
    json_object_set_new(j, "items", list);
    json_object_set_new(j, "holds", list_holds(env->snap));
    json_object_set_new(j, "revision",
                        json_integer((json_int_t)env->snap->routes->revision));
    reply_json(&q->reply, 200, j);
}
