/* Each gateway has a worker with a lock of its own, which is held while its answers are
 * stored or read and never while it is asked.  A thread that puts together a question
 * looks at the rates of all gateways and takes their locks one after another, never two.
 *
 * Rejected: one thread that asks all gateways in turn.  A gateway that hangs would make
 * the answers of the others a second old. */
#include "scale/demand_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "scale/demand_question.h"
#include "scale/need.h"

#define FAILURES 2 /* in a row; one time-out may be that of a busy host */

/* --- the question ------------------------------------------------------------------- */

static double wanted_of(const struct demand_rates *r)
{
    const struct need_demand d = {.served = r->served, .refused = r->refused};

    return need_wanted_rps(&d);
}

/* Requests a second for a module at a gateway, 0 when it does not count. */
static double wanted_at(struct demand_gateway *g, uint32_t modid, uint32_t cmdid,
                        uint64_t now_ms)
{
    const struct demand_rates *r = NULL;
    double wanted;

    worker_lock(g->worker);
    if (g->in_use && demand_rates_counts(&g->source, now_ms))
        r = demand_rates_of(&g->source, modid, cmdid);
    wanted = r ? wanted_of(r) : 0;
    worker_unlock(g->worker);
    return wanted;
}

static unsigned n_in_use(struct demand *d)
{
    unsigned i, n = 0, end = d->n;

    for (i = 0; i < end; i++) {
        worker_lock(d->at[i].worker);
        n += d->at[i].in_use;
        worker_unlock(d->at[i].worker);
    }
    return n;
}

static double share_of(struct demand_gateway *g, uint32_t modid, uint32_t cmdid,
                       unsigned n_gateways)
{
    struct demand *d = g->all;
    uint64_t now_ms = mono_ms();
    double all = 0, own = 0;
    unsigned i, end = d->n;

    for (i = 0; i < end; i++) {
        double wanted = wanted_at(&d->at[i], modid, cmdid, now_ms);

        all += wanted;
        if (&d->at[i] == g)
            own = wanted;
    }
    return demand_question_share(own, all, n_gateways);
}

/* The modules are those of the gateway's last answer; only its thread changes them. */
static void write_question(struct demand_gateway *g)
{
    struct demand_share share[DEMAND_MODULES_MAX];
    unsigned i, n = g->source.n_modules, n_gateways = n_in_use(g->all);
    char id[60];

    for (i = 0; i < n; i++) {
        const struct demand_rates_module *m = &g->source.module[i];

        share[i] = (struct demand_share){m->modid, m->cmdid,
                                         share_of(g, m->modid, m->cmdid, n_gateways)};
    }
    snprintf(id, sizeof(id), "%016" PRIx64 "-%" PRIu64, g->all->id, ++g->n_asked);
    g->next_share = demand_question_write(g->question, id, n_gateways,
                                          demand_orders_of(g), share, n, g->next_share);
}

/* --- the thread of a gateway -------------------------------------------------------- */

/* Returns 0 with <g->answer>, or -errno with a sentence in <why>. */
static int ask(struct demand_gateway *g, char why[GATEWAY_CLIENT_WHY])
{
    json_t *o = NULL;
    int rc;

    write_question(g);
    rc = gateway_client_ask(g->at, g->all->keys, "/demand", g->question, DEMAND_ASK_MS,
                            g->epoch, &o, why);
    if (rc < 0)
        return rc;
    rc = demand_answer_read(&g->answer, o);
    json_decref(o);
    if (rc < 0)
        snprintf(why, GATEWAY_CLIENT_WHY,
                 "%s: the answer to POST /demand lacks a member or has a wrong one, so "
                 "it is no gateway's of this version",
                 g->at);
    return rc;
}

static void note_failure(struct demand_gateway *g, const char *why)
{
    g->n_failed++;
    snprintf(g->why, sizeof(g->why), "%s", why);
    if (g->n_in_a_row < FAILURES && ++g->n_in_a_row == FAILURES)
        LOG_WARN("demand.gateway",
                 "%s (its address is in %s; until it answers no node is stopped)", why,
                 g->configured ? "[autoscaler] gateways" : "larsctl front list");
}

static void note_answer(struct demand_gateway *g)
{
    if (g->n_in_a_row == FAILURES)
        LOG_INFO("demand.gateway", "at=%s answers again", g->at);
    g->n_in_a_row = 0;
    demand_rates_add(&g->source, &g->answer, mono_ms());
}

static void ask_once(struct demand_gateway *g)
{
    char why[GATEWAY_CLIENT_WHY];
    int rc = ask(g, why);

    worker_lock(g->worker);
    if (rc == 0)
        note_answer(g);
    else
        note_failure(g, why);
    worker_unlock(g->worker);
}

/* Is there something to ask?  A place that is in use no more is emptied. */
static bool is_to_ask(struct demand_gateway *g)
{
    bool ask;

    worker_lock(g->worker);
    ask = g->in_use;
    if (!ask && !g->idle) {
        memset(&g->source, 0, sizeof(g->source));
        g->n_failed = g->n_in_a_row = 0;
        g->order = DEMAND_ORDER_UNKNOWN;
        g->why[0] = g->epoch[0] = '\0';
        demand_nodes_forget(g);
        g->idle = true;
    }
    worker_unlock(g->worker);
    return ask;
}

void demand_private_run(void *arg)
{
    struct demand_gateway *g = arg;
    uint32_t took;

    do {
        uint64_t began = mono_ms();

        if (g->all->is_ending)
            return;
        if (is_to_ask(g)) {
            ask_once(g);
            demand_nodes_ask(g);
        }
        took = (uint32_t)(mono_ms() - began);
    } while (
        worker_pause(g->worker, took < g->all->pull_ms ? g->all->pull_ms - took : 1));
}

/* --- owner -------------------------------------------------------------------------- */

static uint64_t random_id(void)
{
    struct rnd r;

    rnd_init_any(&r);
    return (uint64_t)rnd_u32(&r) << 32 | rnd_u32(&r);
}

int demand_private_prepare(struct demand *d, unsigned i, const char *at, bool configured)
{
    struct demand_gateway *g = &d->at[i];

    g->all = d;
    g->configured = configured;
    g->in_use = g->required = g->counts = configured;
    g->idle = !configured;
    snprintf(g->at, sizeof(g->at), "%s", at);
    return worker_create(&g->worker);
}

/* A thread looks at all gateways, so it starts when all are complete. */
static int start_all(struct demand *d, const struct gateway_list *list)
{
    unsigned i;
    int rc = 0;

    for (i = 0; rc == 0 && i < list->n; i++) {
        rc = demand_private_prepare(d, i, list->address[i], true);
        d->n += rc == 0;
    }
    for (i = 0; rc == 0 && i < d->n; i++)
        rc = worker_start(d->at[i].worker, demand_private_run, &d->at[i]);
    return rc;
}

int demand_start(struct demand **out, const struct demand_config *c,
                 char err[CONF_ERR_MAX])
{
    struct gateway_list list;
    struct demand *d;
    int rc;

    if (gateway_list_parse(&list, c->gateways) < 0) {
        snprintf(
            err, CONF_ERR_MAX,
            "[autoscaler] gateways is a list of the admin ports of the gateways, each "
            "once and at most %u, such as 10.0.0.1:9890, 10.0.0.2:9890",
            GATEWAY_LIST_MAX);
        return -EINVAL;
    }
    snprintf(err, CONF_ERR_MAX, "no memory or no thread");
    d = calloc(1, sizeof(*d));
    rc = d ? gateway_client_init() : -ENOMEM;
    if (rc < 0) {
        free(d);
        return rc;
    }
    d->keys = c->keys;
    d->pull_ms = c->pull_ms;
    d->nodes_ms = c->nodes_ms;
    d->id = random_id();
    rc = start_all(d, &list);
    if (rc < 0)
        demand_stop(d);
    else
        *out = d;
    return rc;
}

void demand_stop(struct demand *d)
{
    unsigned i;

    if (!d)
        return;
    d->is_ending = true; /* no thread begins to ask while another one ends */
    for (i = 0; i < d->n; i++)
        worker_stop(d->at[i].worker);
    for (i = 0; i < d->n; i++) { /* a thread looks at all */
        worker_destroy(d->at[i].worker);
        demand_nodes_forget(&d->at[i]);
    }
    gateway_client_fini();
    free(d);
}

/* --- looks -------------------------------------------------------------------------- */

static void add_rates(struct demand_rates *to, const struct demand_rates *r)
{
    to->arrived += r->arrived;
    to->cached += r->cached;
    to->served += r->served;
    to->refused += r->refused;
    to->inflight += r->inflight;
}

/* The zone <name> of <v>, in the order of the names. */
static struct demand_zone *zone_of(struct demand_view *v, const char *name)
{
    unsigned i = 0;

    while (i < v->n_zones && strcmp(v->zone[i].zone, name) < 0)
        i++;
    if (i == v->n_zones || strcmp(v->zone[i].zone, name) != 0) {
        memmove(&v->zone[i + 1], &v->zone[i], (v->n_zones - i) * sizeof(v->zone[0]));
        memset(&v->zone[i], 0, sizeof(v->zone[i]));
        snprintf(v->zone[i].zone, sizeof(v->zone[i].zone), "%s", name);
        v->n_zones++;
    }
    return &v->zone[i];
}

static void add_gateway(struct demand_view *v, const struct demand_gateway *g,
                        uint32_t modid, uint32_t cmdid, uint64_t now_ms)
{
    const struct demand_rates_source *s = &g->source;
    const struct demand_rates *r = demand_rates_of(s, modid, cmdid);
    struct demand_zone *zone;

    if (!g->in_use)
        return;
    v->n_gateways++;
    if (g->required && demand_rates_whole_ms(s, now_ms) < DEMAND_ALL_MS)
        v->all_gateways_60s = false;
    v->n_fresh += demand_rates_is_fresh(s, now_ms);
    if (!demand_rates_counts(s, now_ms))
        return;
    v->n_known++;
    zone = zone_of(v, demand_rates_newest(s)->zone);
    if (!r)
        return;
    v->known = true;
    add_rates(&zone->rates, r);
    add_rates(&v->all, r);
}

void demand_look(struct demand *d, uint32_t modid, uint32_t cmdid, uint64_t now_ms,
                 struct demand_view *out)
{
    unsigned i;

    *out = (struct demand_view){.all_gateways_60s = true};
    for (i = 0; i < d->n; i++) {
        worker_lock(d->at[i].worker);
        add_gateway(out, &d->at[i], modid, cmdid, now_ms);
        worker_unlock(d->at[i].worker);
    }
    out->fresh = out->n_fresh > 0;
}

/* Of all loops that the gateway may have, 0 to 1. */
static double busy_of(const struct demand_answer *a)
{
    double loops = a->loops_max > a->loops ? a->loops_max : a->loops;
    double busy = loops > 0 ? a->loops / loops * a->loop_busy_permille / 1000 : 0;

    return busy < 1 ? busy : 1;
}

double demand_gateways_busy(struct demand *d, uint64_t now_ms)
{
    unsigned i, n = 0;
    double sum = 0;

    for (i = 0; i < d->n; i++) {
        const struct demand_gateway *g = &d->at[i];
        const struct demand_rates_source *s = &g->source;

        worker_lock(g->worker);
        if (g->in_use && g->counts && demand_rates_answers(s, now_ms)) {
            sum += busy_of(demand_rates_newest(s));
            n++;
        }
        worker_unlock(g->worker);
    }
    return n ? sum / n : -1;
}

unsigned demand_n_gateways(const struct demand *d)
{
    return d->n;
}

bool demand_look_gateway(struct demand *d, unsigned i, uint64_t now_ms,
                         struct demand_gateway_view *out)
{
    struct demand_gateway *g = &d->at[i];
    const struct demand_answer *a;
    bool in_use;

    *out =
        (struct demand_gateway_view){.age_ms = UINT64_MAX, .configured = g->configured};
    worker_lock(g->worker);
    in_use = g->in_use;
    out->required = g->required;
    snprintf(out->at, sizeof(out->at), "%s", g->at);
    out->n_failed = g->n_failed;
    snprintf(out->why, sizeof(out->why), "%s", g->why);
    a = demand_rates_newest(&g->source);
    if (a) {
        out->answers = demand_rates_answers(&g->source, now_ms);
        out->age_ms = now_ms > g->source.last_ms ? now_ms - g->source.last_ms : 0;
        out->whole_ms = demand_rates_whole_ms(&g->source, now_ms);
        out->loops = a->loops;
        out->loops_max = a->loops_max;
        out->loop_busy_permille = a->loop_busy_permille;
        snprintf(out->zone, sizeof(out->zone), "%s", a->zone);
        snprintf(out->epoch, sizeof(out->epoch), "%s", a->epoch);
    }
    worker_unlock(g->worker);
    return in_use;
}
