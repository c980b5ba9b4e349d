/* Counters of a gateway begin again at 0 when it starts again, so the watch adds up
 * what each has counted between two looks.
 *
 * Invariant: only the thread of the watch asks, so a gateway or a database that is
 * stopped delays the samples and neither the load nor the undo. */
#include "drill/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/net_addr.h"
#include "base/worker.h"

#define LOOK_MS 500
#define ASK_MS 1000
#define SAMPLES_MAX 200000 /* a day has fewer */
#define BETWEEN " ,\t"

struct gateway {
    char at[NET_ADDR_STRLEN];
    uint64_t answered, failed; /* its counters at the last look */
    bool seen;
};

struct watch {
    struct sqldb *db;
    uint32_t modid, cmdid;
    struct gateway gateway[WATCH_GATEWAYS];
    unsigned n_gateways;
    uint64_t answered, failed; /* sums */
    char why[GATEWAY_CLIENT_WHY];
    struct worker *worker;
    struct watch_sample now, *all; /* under its lock */
    unsigned n, cap;
};

/* --- gateways ----------------------------------------------------------------------- */

static void add_module(const json_t *m, uint64_t *answered, uint64_t *failed, int *nodes)
{
    const char *name;
    json_t *n;

    json_object_foreach(json_object_get(m, "requests"), name, n)
    {
        *answered += (uint64_t)json_integer_value(n);
        if (strcmp(name, "error") == 0)
            *failed += (uint64_t)json_integer_value(n);
    }
    *nodes += (int)json_integer_value(json_object_get(m, "nodes_in"));
}

/* What a counter has grown by since <was>. */
static uint64_t growth(uint64_t now, uint64_t was)
{
    return now >= was ? now - was : now;
}

static void look_at_gateway(struct watch *w, struct gateway *g, struct watch_sample *s)
{
    uint64_t answered = 0, failed = 0;
    json_t *state = NULL, *modules;
    size_t i;

    if (gateway_client_get(g->at, "/gateway", ASK_MS, &state, w->why) < 0)
        return;
    w->why[0] = '\0';
    modules = json_object_get(state, "modules");
    for (i = 0; i < json_array_size(modules); i++)
        add_module(json_array_get(modules, i), &answered, &failed, &s->nodes_in);
    if (g->seen) {
        w->answered += growth(answered, g->answered);
        w->failed += growth(failed, g->failed);
    }
    g->answered = answered;
    g->failed = failed;
    g->seen = true;
    s->gateways++;
    json_decref(state);
}

static void look_at_gateways(struct watch *w, struct watch_sample *s)
{
    char why[GATEWAY_CLIENT_WHY] = "";
    unsigned i;

    for (i = 0; i < w->n_gateways; i++) {
        look_at_gateway(w, &w->gateway[i], s);
        if (w->why[0])
            memcpy(why, w->why, sizeof(why));
    }
    memcpy(w->why, why, sizeof(why));
    s->answered = w->answered;
    s->failed = w->failed;
    if (w->n_gateways == 0)
        s->gateways = s->nodes_in = WATCH_UNKNOWN;
}

/* --- the database ------------------------------------------------------------------- */

static int to_int(const char *text)
{
    return text ? (int)strtol(text, NULL, 10) : WATCH_UNKNOWN;
}

static int take_row(char **at, void *arg)
{
    struct watch_sample *s = arg;

    s->alarms = to_int(at[0]);
    s->up = to_int(at[1]);
    s->wanted = to_int(at[2]);
    if (at[3])
        s->decided_ms = mono_ms() - strtoull(at[3], NULL, 10);
    return 0;
}

static void look_at_database(struct watch *w, struct watch_sample *s)
{
    s->alarms = s->up = s->wanted = WATCH_UNKNOWN;
    if (!w->db)
        return;
    if (sqldb_each(w->db, take_row, s,
                   "SELECT (SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL), "
                   "(SELECT COUNT(*) FROM RouteData WHERE modid = %u AND cmdid = %u AND "
                   "state = 'up'), (SELECT d.wanted * d.zones FROM ScaleDecision d WHERE "
                   "d.modid = %u AND d.cmdid = %u ORDER BY d.id DESC LIMIT 1), (SELECT "
                   "GREATEST(0, TIMESTAMPDIFF(MICROSECOND, d.at, NOW(3)) DIV 1000) FROM "
                   "ScaleDecision d WHERE d.modid = %u AND d.cmdid = %u ORDER BY d.id "
                   "DESC LIMIT 1)",
                   w->modid, w->cmdid, w->modid, w->cmdid, w->modid, w->cmdid) < 0)
        s->alarms = s->up = s->wanted = WATCH_UNKNOWN;
}

/* --- the whole ---------------------------------------------------------------------- */

void watch_once(struct watch *w, struct watch_sample *out)
{
    struct watch_sample s = {.at_ms = mono_ms()};

    look_at_gateways(w, &s);
    look_at_database(w, &s);
    *out = s;
}

/* The caller holds the lock. */
static void keep(struct watch *w, const struct watch_sample *s)
{
    unsigned cap = w->cap ? w->cap * 2 : 256;
    struct watch_sample *more;

    w->now = *s;
    if (w->n == w->cap && cap < SAMPLES_MAX) {
        more = realloc(w->all, cap * sizeof(*more));
        if (more) {
            w->all = more;
            w->cap = cap;
        }
    }
    if (w->n < w->cap)
        w->all[w->n++] = *s;
}

static void run(void *arg)
{
    struct watch *w = arg;
    struct watch_sample s;

    do {
        watch_once(w, &s);
        worker_lock(w->worker);
        keep(w, &s);
        worker_unlock(w->worker);
    } while (worker_pause(w->worker, LOOK_MS));
}

static void take_gateways(struct watch *w, const char *list)
{
    const char *p = list + strspn(list, BETWEEN);
    size_t len;

    for (; *p; p += len + strspn(p + len, BETWEEN)) {
        len = strcspn(p, BETWEEN);
        if (len < NET_ADDR_STRLEN && w->n_gateways < WATCH_GATEWAYS)
            memcpy(w->gateway[w->n_gateways++].at, p, len);
    }
}

int watch_create(struct watch **out, const struct watch_config *cfg)
{
    struct watch *w = calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return -ENOMEM;
    w->db = cfg->db;
    w->modid = cfg->modid;
    w->cmdid = cfg->cmdid;
    take_gateways(w, cfg->gateways);
    rc = worker_create(&w->worker);
    if (rc == 0)
        rc = gateway_client_init();
    if (rc < 0) {
        worker_destroy(w->worker);
        free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void watch_destroy(struct watch *w)
{
    if (!w)
        return;
    worker_destroy(w->worker);
    gateway_client_fini();
    free(w->all);
    free(w);
}

const char *watch_why(const struct watch *w)
{
    return w->why;
}

unsigned watch_n_gateways(const struct watch *w)
{
    return w->n_gateways;
}

int watch_start(struct watch *w)
{
    watch_once(w, &w->now);
    keep(w, &w->now);
    return worker_start(w->worker, run, w);
}

void watch_stop(struct watch *w)
{
    worker_stop(w->worker);
}

void watch_look(struct watch *w, struct watch_sample *out)
{
    worker_lock(w->worker);
    *out = w->now;
    worker_unlock(w->worker);
}

const struct watch_sample *watch_samples(const struct watch *w, unsigned *n)
{
    *n = w->n;
    return w->all;
}
