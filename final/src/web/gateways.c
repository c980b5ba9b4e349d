/* Each gateway has a worker with a lock of its own, which is held for as long as an
 * answer is stored or read and never while the gateway is asked.
 *
 * What is known of gateways is not part of the reader's snapshot: that stands still
 * without the database, which gateways do not need.
 *
 * Rejected: asking in the thread of a request.  Twenty viewers would ask each gateway
 * twenty times a second, and a page would wait for the slowest of them. */
#include "web/gateways.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"

#define ROUND_MS 1000
#define LOOK_MS 4000 /* a viewer asks again before that, also over a slow network */
#define FRESH_MS 4000 /* an older answer does not tell how a gateway is now */
#define ASK_MS 1000
#define FAILURES 2 /* in a row; one time-out may be that of a busy host */

struct gateway {
    struct worker *worker;
    char address[NET_ADDR_STRLEN];
    const atomic_bool *is_ending; /* of struct gateways */
    /* under the lock of the worker: */
    uint64_t wanted_until_ms;
    struct gateway_rates rates;
    uint64_t started_s; /* since 1970 */
    unsigned n_failed; /* looks in a row */
    uint64_t failed_ms; /* wall clock of the first of them */
    int fault; /* of the last of them */
    char why[GATEWAY_CLIENT_WHY];
};

struct gateways {
    atomic_bool is_ending;
    unsigned n;
    struct gateway at[];
};

const char *gateways_state_name(enum gateways_state s)
{
    static const char *const names[] = {"ready", "draining", "unreachable", "unknown"};

    return names[s];
}

/* --- thread of a gateway ------------------------------------------------------------ */

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The gateway tells whole seconds, so what follows from them moves by one; a start at
 * another second is another start only beyond that. */
static void note_start(struct gateway *g, uint64_t up_s)
{
    uint64_t now_s = wall_ms() / 1000, at = now_s > up_s ? now_s - up_s : 0;

    if (at > g->started_s + 2 || at + 2 < g->started_s)
        g->started_s = at;
}

static void note_answer(struct gateway *g, struct gateway_answer *a)
{
    note_start(g, a->up_s);
    if (g->n_failed >= FAILURES)
        LOG_INFO("console.gateway", "admin=%s answers again", g->address);
    gateway_rates_add(&g->rates, a, mono_ms());
    g->n_failed = 0;
}

static void note_failure(struct gateway *g, int fault, const char *why)
{
    if (g->n_failed == 0)
        g->failed_ms = wall_ms();
    g->fault = fault;
    snprintf(g->why, sizeof(g->why), "%s", why);
    if (g->n_failed < FAILURES && ++g->n_failed == FAILURES)
        LOG_WARN("console.gateway", "%s", why);
}

/* Returns 0 with <a>, or -errno with a sentence in <why>. */
static int ask(const struct gateway *g, struct gateway_answer *a,
               char why[GATEWAY_CLIENT_WHY])
{
    json_t *o = NULL;
    int rc = gateway_client_get(g->address, "/gateway", ASK_MS, &o, why);

    if (rc < 0)
        return rc;
    rc = gateway_answer_read(a, o);
    json_decref(o);
    if (rc < 0)
        snprintf(why, GATEWAY_CLIENT_WHY, "%s: %s", g->address,
                 rc == -ENOMEM ? "out of memory"
                               : "what answers is no gateway; correct [gateways] admin");
    return rc;
}

static void look_once(struct gateway *g)
{
    struct gateway_answer a;
    char why[GATEWAY_CLIENT_WHY];
    int rc = ask(g, &a, why);

    worker_lock(g->worker);
    if (rc == 0)
        note_answer(g, &a);
    else
        note_failure(g, rc, why);
    worker_unlock(g->worker);
}

/* Returns false when it is to end. */
static bool wait_for_viewer(struct gateway *g)
{
    bool ends;

    worker_lock(g->worker);
    while (!worker_is_stopping(g->worker) && mono_ms() >= g->wanted_until_ms)
        worker_wait(g->worker);
    ends = worker_is_stopping(g->worker);
    worker_unlock(g->worker);
    return !ends;
}

static void run(void *arg)
{
    struct gateway *g = arg;
    uint64_t began;
    uint32_t took;

    do {
        if (!wait_for_viewer(g) || *g->is_ending)
            return;
        began = mono_ms();
        look_once(g);
        took = (uint32_t)(mono_ms() - began);
    } while (worker_pause(g->worker, took < ROUND_MS ? ROUND_MS - took : 1));
}

/* --- owner -------------------------------------------------------------------------- */

static int start_one(struct gateways *all, struct gateway *g, const char *address)
{
    int rc = worker_create(&g->worker);

    snprintf(g->address, sizeof(g->address), "%s", address);
    g->is_ending = &all->is_ending;
    return rc < 0 ? rc : worker_start(g->worker, run, g);
}

int gateways_start(struct gateways **out, const struct gateway_list *list)
{
    struct gateways *g = calloc(1, sizeof(*g) + list->n * sizeof(g->at[0]));
    int rc = g ? gateway_client_init() : -ENOMEM;

    if (rc < 0) {
        free(g);
        return rc;
    }
    while (rc == 0 && g->n < list->n) {
        rc = start_one(g, &g->at[g->n], list->address[g->n]);
        g->n++;
    }
    if (rc < 0)
        gateways_stop(g);
    else
        *out = g;
    return rc;
}

void gateways_stop(struct gateways *g)
{
    unsigned i;

    if (!g)
        return;
    g->is_ending = true; /* no thread begins to ask while another ends */
    for (i = 0; i < g->n; i++) {
        worker_destroy(g->at[i].worker);
        gateway_rates_free(&g->at[i].rates);
    }
    gateway_client_fini();
    free(g);
}

void gateways_look(struct gateways *g)
{
    unsigned i;

    for (i = 0; g && i < g->n; i++) {
        worker_lock(g->at[i].worker);
        g->at[i].wanted_until_ms = mono_ms() + LOOK_MS;
        worker_wake(g->at[i].worker);
        worker_unlock(g->at[i].worker);
    }
}

unsigned gateways_n(const struct gateways *g)
{
    return g ? g->n : 0;
}

static struct gateways_view view_of(const struct gateway *g)
{
    struct gateways_view v = {
        .admin = g->address, .rates = &g->rates, .started_s = g->started_s, .why = ""};

    v.answer = gateway_rates_newest(&g->rates);
    if (v.answer)
        v.age_ms = mono_ms() - g->rates.at_ms[g->rates.n - 1];
    if (g->n_failed >= FAILURES) {
        v.state = GATEWAYS_UNREACHABLE;
        v.since_ms = g->failed_ms;
        v.fault = g->fault;
        v.why = g->why;
    } else if (!v.answer || v.age_ms > FRESH_MS) {
        v.state = GATEWAYS_UNKNOWN;
    } else {
        v.state = v.answer->is_draining ? GATEWAYS_DRAINING : GATEWAYS_READY;
    }
    return v;
}

void gateways_each(struct gateways *g,
                   void (*fn)(const struct gateways_view *v, void *arg), void *arg)
{
    unsigned i;

    for (i = 0; g && i < g->n; i++) {
        struct gateways_view v;

        worker_lock(g->at[i].worker);
        v = view_of(&g->at[i]);
        fn(&v, arg);
        worker_unlock(g->at[i].worker);
    }
}
