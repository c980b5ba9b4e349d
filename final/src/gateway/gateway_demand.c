/* The requests at nodes are sampled, so that no request pays for their integral, and only
 * while an autoscaler asks, so that an idle gateway without one sleeps.
 *
 * Invariant: a wrong question changes nothing, because all of it is checked before any of
 * it is obeyed.
 * Rejected: the sum of the durations of requests that have ended.  Those that hang, and
 * show that nodes are needed, would count when they end and not while they hang. */
#include "gateway/gateway_demand.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/rnd.h"
#include "gateway/admit.h"
#include "gateway/gateway_private.h"
#include "gateway/shares.h"

#define SAMPLE_MS 20
#define ASKED_MS 10000 /* after a question, the next one is expected for so long */
#define GATEWAYS_MOST 1000

struct gateway_demand {
    char epoch[17];
    struct evtimer timer;
    uint64_t sampled_us; /* the last time; 0 = no samples are taken */
    uint64_t asked_ms;
    uint64_t inflight_us[MODULES_MAX]; /* requests in flight x us; index: slot */
};

int gateway_demand_create(struct gateway_demand **out)
{
    struct gateway_demand *d = calloc(1, sizeof(*d));
    struct rnd r;

    if (!d)
        return -ENOMEM;
    rnd_init_any(&r);
    snprintf(d->epoch, sizeof(d->epoch), "%08x%08x", rnd_u32(&r), rnd_u32(&r));
    *out = d;
    return 0;
}

const char *gateway_demand_epoch(const struct gateway_demand *d)
{
    return d->epoch;
}

void gateway_demand_destroy(struct gateway_demand *d, struct evloop *l)
{
    if (d)
        evloop_clear_timer(l, &d->timer);
    free(d);
}

/* --- samples ------------------------------------------------------------------------ */

/* What was in flight now counts for the time since the last sample. */
static void take_sample(struct gateway *g, uint64_t now_us)
{
    struct gateway_demand *d = g->demand;
    struct modules_entry list[MODULES_MAX];
    unsigned i, n = modules_list(g->modules, list);

    for (i = 0; i < n; i++) {
        struct admit_view now;

        admit_look(g->admit, list[i].slot, 0, &now);
        d->inflight_us[list[i].slot] += now.inflight * (now_us - d->sampled_us);
    }
    d->sampled_us = now_us;
}

static void on_sample(void *arg)
{
    struct gateway *g = arg;
    struct gateway_demand *d = g->demand;
    uint64_t now_us = mono_us();

    take_sample(g, now_us);
    if (now_us / 1000 > d->asked_ms + ASKED_MS ||
        evloop_set_timer(g->cfg.loop, &d->timer, SAMPLE_MS, on_sample, g) < 0)
        d->sampled_us = 0;
}

static int note_question(struct gateway *g)
{
    struct gateway_demand *d = g->demand;

    d->asked_ms = mono_ms();
    if (d->sampled_us > 0) {
        take_sample(g, mono_us());
        return 0;
    }
    d->sampled_us = mono_us();
    return evloop_set_timer(g->cfg.loop, &d->timer, SAMPLE_MS, on_sample, g);
}

/* --- the question ------------------------------------------------------------------- */

static bool is_id(const json_t *o)
{
    return json_is_integer(o) && json_integer_value(o) >= 0 &&
           json_integer_value(o) <= UINT32_MAX;
}

/* NULL, or what is wrong with a member of "modules". */
static const char *fault_of_module(const json_t *m)
{
    const json_t *share = json_object_get(m, "share");

    if (!is_id(json_object_get(m, "modid")) || !is_id(json_object_get(m, "cmdid")))
        return "each of \"modules\" needs modid and cmdid, numbers from 0 to 4294967295";
    if (!json_is_number(share) || json_number_value(share) < 0 ||
        json_number_value(share) > 1)
        return "each of \"modules\" needs a share, a number from 0 to 1";
    return NULL;
}

static const char *fault_of(const json_t *question)
{
    const json_t *modules = json_object_get(question, "modules"), *m;
    const json_t *n = json_object_get(question, "gateways");
    const json_t *out = json_object_get(question, "zone_out");
    const char *fault = NULL;
    size_t i;

    if (!json_is_object(question))
        return "it must be a JSON object, such as {}";
    if (out && !json_is_boolean(out))
        return "\"zone_out\" must be true or false";
    if (n && (!json_is_integer(n) || json_integer_value(n) < 1 ||
              json_integer_value(n) > GATEWAYS_MOST))
        return "\"gateways\" must be a number from 1 to 1000";
    if (modules && !json_is_array(modules))
        return "\"modules\" must be an array";
    json_array_foreach(modules, i, m) fault = fault ? fault : fault_of_module(m);
    return fault;
}

static bool is_of_rules(const struct modules_entry *list, unsigned n, uint32_t modid,
                        uint32_t cmdid)
{
    unsigned i;

    for (i = 0; i < n; i++)
        if (list[i].modid == modid && list[i].cmdid == cmdid)
            return true;
    return false;
}

static uint32_t id_of(const json_t *m, const char *name)
{
    return (uint32_t)json_integer_value(json_object_get(m, name));
}

static void obey(struct gateway *g, const json_t *question)
{
    const json_t *n_gateways = json_object_get(question, "gateways"), *m;
    const json_t *zone_out = json_object_get(question, "zone_out");
    struct modules_entry list[MODULES_MAX];
    unsigned n = modules_list(g->modules, list);
    uint64_t now_ms = mono_ms();
    size_t i;

    if (zone_out)
        gateway_follow_zone(g, json_is_true(zone_out));
    if (n_gateways)
        shares_set_gateways(g->shares, (uint32_t)json_integer_value(n_gateways));
    json_array_foreach(json_object_get(question, "modules"), i, m)
    {
        uint32_t modid = id_of(m, "modid"), cmdid = id_of(m, "cmdid");

        if (is_of_rules(list, n, modid, cmdid))
            shares_set(g->shares, modid, cmdid,
                       json_number_value(json_object_get(m, "share")), now_ms);
    }
}

/* --- the answer --------------------------------------------------------------------- */

#define INT(n) ((json_int_t)(n))
#define SUM(g, field) GATEWAY_SUM(g, module[slot].field)

static json_t *module_json(const struct gateway *g, const struct modules_entry *m)
{
    unsigned slot = m->slot;
    struct admit_view now;

    admit_look(g->admit, slot, 0, &now);
    return json_pack("{sI sI sI sI sI sI sI sI sI sI}", "modid", INT(m->modid), "cmdid",
                     INT(m->cmdid), "slot", INT(slot), "arrived", INT(SUM(g, arrived)),
                     "cached",
                     INT(SUM(g, requests[GATE_CACHE]) + SUM(g, requests[GATE_STALE])),
                     "forwarded", INT(SUM(g, forwarded)), "refused_new",
                     INT(now.refused[ADMIT_CLASS_NEW]), "refused_waiting",
                     INT(now.refused[ADMIT_CLASS_WAITING]), "refused_inside",
                     INT(now.refused[ADMIT_CLASS_INSIDE]), "inflight_ms",
                     INT(g->demand->inflight_us[slot] / 1000));
}

static json_t *answer_json(const struct gateway *g)
{
    struct modules_entry list[MODULES_MAX];
    unsigned i, n = modules_list(g->modules, list);
    json_t *all = json_array();

    for (i = 0; i < n; i++)
        json_array_append_new(all, module_json(g, &list[i]));
    return json_pack("{ss sI ss sI sI sI so}", "epoch", g->demand->epoch, "ms",
                     INT(g->demand->sampled_us / 1000), "zone", g->cfg.zone, "loops",
                     INT(listeners_n(g->listeners)), "loops_max", INT(g->cfg.n_loops),
                     "loop_busy_permille", INT(gateway_mean_permille(g)), "modules", all);
}

static int write_answer(const struct gateway *g, struct buf *out)
{
    json_t *json = answer_json(g);
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = text ? buf_append(out, text, strlen(text)) : -ENOMEM;

    free(text);
    json_decref(json);
    return rc < 0 ? rc : buf_append(out, "\n", 1);
}

int gateway_demand_answer(struct gateway *g, const char *body, struct buf *out,
                          char err[CONF_ERR_MAX])
{
    json_t *question = json_loads(body, 0, NULL);
    const char *fault = fault_of(question);
    int rc = -EINVAL;

    if (fault) {
        snprintf(err, CONF_ERR_MAX, "the body of POST /demand is wrong: %s", fault);
    } else {
        obey(g, question);
        rc = note_question(g);
        if (rc == 0)
            rc = write_answer(g, out);
        if (rc < 0)
            snprintf(err, CONF_ERR_MAX, "no memory is left for the answer; ask again");
    }
    json_decref(question);
    return rc;
}
