/* The zone of a gateway is that of the agent on its host: the gateway itself knows none,
 * because its calls get their zone from that agent. */
#include "web/api_gateway.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "web/api.h"
#include "web/api_json.h"

#define BRIEF_MODULES 20

struct listing {
    json_t *items;
    const struct snap *snap;
};

/* --- one gateway -------------------------------------------------------------------- */

static const char *zone_of(const struct snap *s, const char *admin)
{
    size_t i, n = strcspn(admin, admin[0] == '[' ? "]" : ":");

    for (i = 0; i < s->n_service; i++) {
        const struct snap_service *v = &s->service[i];

        if (strcmp(v->kind, "agent") == 0 && strncmp(v->address, admin, n) == 0 &&
            (v->address[n] == '\0' || v->address[n] == admin[n]))
            return v->zone;
    }
    return "";
}

static json_t *numbers(const double *v, size_t n)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < n; i++)
        json_array_append_new(list, api_json_rate(v[i]));
    return list;
}

static json_t *busy_json(const struct gateway_answer *a)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < a->n_busy; i++)
        json_array_append_new(list, json_integer(a->busy[i]));
    return list;
}

static json_t *results_json(const double v[GATEWAY_RESULTS])
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "node", api_json_rate(v[GATEWAY_NODE]),
                     "cache", api_json_rate(v[GATEWAY_CACHE]), "stale",
                     api_json_rate(v[GATEWAY_STALE]), "static",
                     api_json_rate(v[GATEWAY_COPY]), "waiting",
                     api_json_rate(v[GATEWAY_PAGE]), "error",
                     api_json_rate(v[GATEWAY_ERROR]));
}

static json_t *module_json(const struct snap *s, const struct gateway_rates *r,
                           const struct gateway_answer_module *m)
{
    double v[GATEWAY_COUNTS];
    int c;

    for (c = 0; c < GATEWAY_COUNTS; c++)
        v[c] = gateway_rates_of(r, m, (enum gateway_answer_count)c);
    return json_pack("{s:o,s:s,s:s,s:s,s:I,s:b,s:I,s:o,s:o,s:I,s:I,s:o,s:o,s:o,s:o}",
                     "module", api_json_module_id(m->modid, m->cmdid), "name",
                     snap_mod_name(s, m->modid), "command", snap_cmd_name(s, m->cmdid),
                     "state", gateway_answer_state_name(m->state), "nodes_in",
                     (json_int_t)m->nodes_in, "measured", m->is_measured, "limit",
                     (json_int_t)m->limit, "factor", api_json_rate(m->factor), "share",
                     api_json_rate(m->share), "inflight", (json_int_t)m->inflight,
                     "queue", (json_int_t)m->queue, "refused_new",
                     api_json_rate(v[GATEWAY_REFUSED_NEW]), "refused_inside",
                     api_json_rate(v[GATEWAY_REFUSED_INSIDE]), "budget_empty",
                     api_json_rate(v[GATEWAY_BUDGET_EMPTY]), "requests", results_json(v));
}

static json_t *modules_json(const struct snap *s, const struct gateways_view *v)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < v->answer->n_module; i++)
        json_array_append_new(list, module_json(s, v->rates, &v->answer->module[i]));
    return list;
}

static json_t *cache_json(const struct gateways_view *v)
{
    const struct gateway_answer *a = v->answer;

    return json_pack("{s:I,s:I,s:I,s:o}", "bytes", (json_int_t)a->cache.bytes,
                     "bytes_max", (json_int_t)a->cache.bytes_max, "objects",
                     (json_int_t)a->cache.objects, "hit_ratio",
                     api_json_rate(gateway_rates_hits(v->rates)));
}

static json_t *copy_json(const struct gateway_answer *a)
{
    return json_pack("{s:b,s:b,s:I,s:I,s:o}", "present", a->copy.is_present, "on",
                     a->copy.is_on, "files", (json_int_t)a->copy.files, "bytes",
                     (json_int_t)a->copy.bytes, "taken_at",
                     a->copy.taken_s ? json_integer((json_int_t)a->copy.taken_s)
                                     : json_null());
}

static json_t *answer_json(const struct snap *s, const struct gateways_view *v)
{
    const struct gateway_answer *a = v->answer;
    double sum[GATEWAY_RESULTS];
    int c;

    for (c = 0; c < GATEWAY_RESULTS; c++)
        sum[c] = gateway_rates_sum(v->rates, (enum gateway_answer_count)c);
    return json_pack(
        "{s:I,s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "age_ms",
        (json_int_t)v->age_ms, "host", a->host, "version", a->version, "address",
        a->address, "started", (json_int_t)v->started_s, "loops", (json_int_t)a->loops,
        "loops_max", (json_int_t)a->loops_max, "busy", busy_json(a), "clients",
        (json_int_t)a->clients, "clients_max", (json_int_t)a->clients_max, "cache",
        cache_json(v), "static", copy_json(a), "requests", results_json(sum), "recent",
        numbers(v->rates->recent, v->rates->n_recent), "modules", modules_json(s, v));
}

static const char *fault_name(int fault)
{
    switch (fault) {
    case -ECONNREFUSED:
        return "refused";
    case -ETIMEDOUT:
        return "timeout";
    case -EPROTO:
    case -EMSGSIZE:
        return "no_gateway";
    default:
        return "network";
    }
}

static json_t *since_json(const struct gateways_view *v)
{
    if (v->state != GATEWAYS_UNREACHABLE)
        return json_null();
    return json_pack("{s:I,s:s,s:s}", "since", (json_int_t)v->since_ms, "fault",
                     fault_name(v->fault), "detail", v->why);
}

static void add_gateway(const struct gateways_view *v, void *arg)
{
    struct listing *l = arg;

    json_array_append_new(
        l->items, json_pack("{s:s,s:s,s:s,s:o,s:o}", "admin", v->admin, "zone",
                            zone_of(l->snap, v->admin), "state",
                            gateways_state_name(v->state), "unreachable", since_json(v),
                            "answer", v->answer ? answer_json(l->snap, v) : json_null()));
}

void api_gateway_list(struct request *q, const struct request_env *env)
{
    struct listing l = {.snap = env->snap};
    json_t *j;

    if (!api_json_has_snap(q, env))
        return;
    l.items = json_array();
    gateways_look(env->web->gateways);
    gateways_each(env->web->gateways, add_gateway, &l);
    j = api_json_head(env->snap, env->web);
    json_object_set_new(j, "commands", json_boolean(env->web->gateway_keys != NULL));
    json_object_set_new(j, "items", l.items);
    reply_json(&q->reply, 200, j);
}

/* --- all of them in brief ----------------------------------------------------------- */

struct brief {
    json_int_t unreachable;
    struct {
        uint32_t modid, cmdid;
        enum gateway_answer_state state; /* the worst */
        json_int_t gateways;
    } module[BRIEF_MODULES];
    size_t n;
};

static void add_module(struct brief *b, const struct gateway_answer_module *m)
{
    size_t i = 0;

    while (i < b->n && (b->module[i].modid != m->modid || b->module[i].cmdid != m->cmdid))
        i++;
    if (i == BRIEF_MODULES)
        return;
    if (i == b->n) {
        b->module[b->n].modid = m->modid;
        b->module[b->n++].cmdid = m->cmdid;
    }
    b->module[i].gateways++;
    if (m->state > b->module[i].state)
        b->module[i].state = m->state;
}

static void add_brief(const struct gateways_view *v, void *arg)
{
    struct brief *b = arg;
    size_t i;

    b->unreachable += v->state == GATEWAYS_UNREACHABLE;
    if (v->state != GATEWAYS_READY && v->state != GATEWAYS_DRAINING)
        return;
    for (i = 0; i < v->answer->n_module; i++)
        if (v->answer->module[i].state != GATEWAY_NORMAL)
            add_module(b, &v->answer->module[i]);
}

json_t *api_gateway_brief(struct web *web)
{
    struct brief b = {0};
    json_t *list;
    size_t i;

    if (gateways_n(web->gateways) == 0)
        return json_null();
    gateways_look(web->gateways);
    gateways_each(web->gateways, add_brief, &b);
    list = json_array();
    for (i = 0; i < b.n; i++)
        json_array_append_new(
            list, json_pack("{s:o,s:s,s:I}", "module",
                            api_json_module_id(b.module[i].modid, b.module[i].cmdid),
                            "state", gateway_answer_state_name(b.module[i].state),
                            "gateways", b.module[i].gateways));
    return json_pack("{s:I,s:I,s:o}", "all", (json_int_t)gateways_n(web->gateways),
                     "unreachable", b.unreachable, "modules", list);
}
