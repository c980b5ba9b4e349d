/* The values are read where the loops write them, without a lock: each is right for
 * itself, and the sums of a busy gateway may differ by the requests of that moment. */
#include "gateway/gateway_status.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "base/version.h"
#include "gateway/admit.h"
#include "gateway/cache.h"
#include "gateway/gateway_demand.h"
#include "gateway/gateway_private.h"
#include "gateway/static_copy.h"

#define INT(n) ((json_int_t)(n))
#define SUM(g, field) INT(GATEWAY_SUM(g, field))

static json_t *cache_json(const struct gateway *g)
{
    struct cache_stats s = {0};

    if (g->cache)
        cache_read_stats(g->cache, &s);
    return json_pack("{sI sI sI sI sI sI}", "bytes", INT(s.bytes), "bytes_max",
                     INT(g->cfg.cache_bytes), "objects", INT(s.copies), "hits",
                     SUM(g, requests[GATE_CACHE]), "misses", SUM(g, cache_misses),
                     "stale", SUM(g, requests[GATE_STALE]));
}

static json_t *static_json(struct gateway *g)
{
    struct static_copy_view v;

    static_copy_look(g->statics, mono_ms(), &v);
    return json_pack("{sb sb ss sI sI sI so s{ss sI sI sI sI sI sI ss}}", "present",
                     v.present, "on", v.on, "reason", static_copy_reason_name(v.reason),
                     "pages", INT(v.pages), "files", INT(v.files), "bytes", INT(v.bytes),
                     "taken_at", v.present ? json_integer(INT(v.taken_s)) : json_null(),
                     "snapshot", "state", static_copy_making_name(v.making), "number",
                     INT(v.n_snapshots), "pages", INT(v.report.n_pages), "files",
                     INT(v.report.n_files), "broken", INT(v.report.n_broken), "bytes",
                     INT(v.report.bytes), "ms", INT(v.report.ms), "why", v.report.why);
}

static json_t *requests_json(const struct gateway *g, unsigned slot)
{
    json_t *all = json_object();
    unsigned r;

    for (r = 0; r < GATE_RESULTS; r++)
        json_object_set_new(all, gate_loop_result_name[r],
                            json_integer(SUM(g, module[slot].requests[r])));
    return all;
}

static json_t *module_json(struct gateway *g, const struct modules_entry *m)
{
    struct admit_view now;

    admit_look(g->admit, m->slot, mono_ms(), &now);
    return json_pack("{sI sI ss sI sb sI sf sf sI sI sI sI so sI}", "modid",
                     INT(m->modid), "cmdid", INT(m->cmdid), "state",
                     admit_rule_state_name(now.state), "nodes_in", INT(now.nodes_in),
                     "measured", now.measured, "limit", INT(now.limit), "factor",
                     now.factor, "share", now.share, "inflight", INT(now.inflight),
                     "queue", INT(now.waiting), "refused_new",
                     INT(now.refused[ADMIT_CLASS_NEW] + now.refused[ADMIT_CLASS_WAITING]),
                     "refused_inside", INT(now.refused[ADMIT_CLASS_INSIDE]), "requests",
                     requests_json(g, m->slot), "budget_empty",
                     SUM(g, module[m->slot].budget_empty));
}

static json_t *busy_json(const struct gateway *g)
{
    json_t *all = json_array();
    unsigned i;

    for (i = 0; i < listeners_n(g->listeners); i++)
        json_array_append_new(all,
                              json_integer(INT(loop_load_permille(&g->loop[i]->load))));
    return all;
}

static json_t *modules_json(struct gateway *g)
{
    struct modules_entry list[MODULES_MAX];
    unsigned i, n = modules_list(g->modules, list);
    json_t *all = json_array();

    for (i = 0; i < n; i++)
        json_array_append_new(all, module_json(g, &list[i]));
    return all;
}

static json_t *gateway_json(struct gateway *g)
{
    char host[256] = "", at[NET_ADDR_STRLEN];

    gethostname(host, sizeof(host) - 1);
    return json_pack("{ss ss ss ss ss sI sb si si so sI sI so so so}", "host", host,
                     "version", LARS_VERSION, "epoch", gateway_demand_epoch(g->demand),
                     "address", net_addr_str(gateway_address(g), at), "zone", g->cfg.zone,
                     "up_s", INT((mono_ms() - g->start_ms) / 1000), "draining",
                     g->draining, "loops", (int)listeners_n(g->listeners), "loops_max",
                     (int)g->cfg.n_loops, "loop_busy_permille", busy_json(g), "clients",
                     INT(g->n_clients), "clients_max", INT(g->cfg.limits.max_clients),
                     "cache", cache_json(g), "static", static_json(g), "modules",
                     modules_json(g));
}

int gateway_status_write(struct gateway *g, struct buf *out)
{
    json_t *json = gateway_json(g);
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = text ? buf_append(out, text, strlen(text)) : -ENOMEM;

    free(text);
    json_decref(json);
    return rc < 0 ? rc : buf_append(out, "\n", 1);
}
