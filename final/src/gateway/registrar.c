/* A loop must not wait, so everything that can is here: lars_register() asks the agent,
 * and files can be on a slow disk.  One thread has all of it, and so the slots of modules
 * and the limits of admission have one writer.
 *
 * Invariant: <now> is the newest generation, and every loop uses it or has the task in
 * its queue that makes it do so, in the order of the reloads.
 * Rejected: to put new rules in force at once.  The requests for a new module would be
 * answered with 503 until the agent has its routes. */
#include "gateway/registrar.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"
#include "gateway/capacity.h"
#include "gateway/gate_loop.h"
#include "gateway/static_copy.h"

#define ROUND_MS 1000 /* between two rounds */
#define POST_MS 10 /* until a full queue is tried again */
#define AWAIT_MS 50 /* between two questions to the agent */

struct registrar {
    struct registrar_config cfg;
    struct worker *worker;
    struct looppool *pool;
    struct generation *now; /* the thread's */
    bool wanted; /* a reload; guarded by the worker's lock */
    _Atomic unsigned n_modules, n_registered, n_fallback;
    _Atomic bool answered;
    _Atomic uint64_t n_reloads, n_failed;
};

/* --- modules ------------------------------------------------------------------------ */

/* The agent knows whether the module has nodes. */
static bool is_answer(int rc)
{
    return rc == 0 || rc == -ENOENT;
}

static void update_capacity(struct registrar *r)
{
    capacity_update(r->cfg.lars, r->cfg.files.modules, r->cfg.admit, r->cfg.shares);
}

static bool is_by_fallback(const struct registrar *r, const struct modules_entry *m)
{
    return fallback_is_used(modules_fallback(r->cfg.files.modules, m->slot));
}

/* While nodes of the rules serve it, the log has said so. */
static void log_module(const struct registrar *r, const struct modules_entry *m, int rc)
{
    if (rc < 0 && !is_by_fallback(r, m))
        LOG_EVERY(10000, LOG_LEVEL_WARN, "gateway.module", "module=%u/%u err=%s: %s",
                  m->modid, m->cmdid, err_str(rc), lars_strerror(rc));
}

/* The limits are set before a module counts as registered. */
static void register_modules(struct registrar *r)
{
    struct modules_entry list[MODULES_MAX];
    unsigned i, n = modules_list(r->cfg.files.modules, list);
    unsigned registered = 0, fallback = 0;
    bool answered = true;
    int rc[MODULES_MAX];

    for (i = 0; i < n; i++) {
        rc[i] = lars_register(r->cfg.lars, list[i].modid, list[i].cmdid);
        log_module(r, &list[i], rc[i]);
    }
    update_capacity(r);
    for (i = 0; i < n; i++) {
        bool by_rules = rc[i] < 0 && is_by_fallback(r, &list[i]);

        registered += rc[i] == 0;
        fallback += by_rules;
        answered = answered && (by_rules || is_answer(rc[i]));
    }
    r->n_modules = n;
    r->n_registered = registered;
    r->n_fallback = fallback;
    r->answered = answered;
}

/* --- reload ------------------------------------------------------------------------- */

/* The routes and limits of the modules of <next>, as far as the agent answers. */
static void prepare(struct registrar *r, const struct generation *next)
{
    uint64_t end_ms = mono_ms() + REGISTRAR_WAIT_MS;
    unsigned i = 0;

    while (i < rules_n_modules(next->rules)) {
        const struct rules_module *m = rules_module(next->rules, i);
        int rc = lars_register(r->cfg.lars, m->modid, m->cmdid);

        if (!is_answer(rc) && mono_ms() < end_ms && worker_pause(r->worker, AWAIT_MS))
            continue;
        if (rc < 0)
            LOG_WARN("gateway.module",
                     "module=%u/%u err=%s: %s; its requests are answered with 503 until "
                     "it has nodes",
                     m->modid, m->cmdid, err_str(rc), lars_strerror(rc));
        i++;
    }
    update_capacity(r);
}

static void run_use(void *arg, void *user)
{
    gate_loop_use(user, arg);
}

static void drop_use(void *arg)
{
    generation_unref(arg);
}

/* Every loop gets it: one with a full queue is emptying it. */
static void give_to_loops(struct registrar *r, struct generation *next)
{
    unsigned i;

    for (i = 0; i < looppool_n(r->pool); i++) {
        const struct msgq_task t = {run_use, drop_use, generation_ref(next)};
        bool more = true;
        int rc;

        while ((rc = looppool_post(r->pool, i, &t)) < 0 && more)
            more = worker_pause(r->worker, POST_MS);
        if (rc < 0)
            generation_unref(next);
    }
}

static void tell_static(const struct registrar *r, const struct generation *g)
{
    if (r->cfg.statics)
        static_copy_set_rules(r->cfg.statics, g->rules);
}

/* The nodes that the rules name. */
static void set_fallbacks(const struct registrar *r, const struct generation *g)
{
    unsigned i;

    for (i = 0; i < rules_n_modules(g->rules); i++) {
        const struct rules_module *m = rules_module(g->rules, i);
        const struct rule *rule = m->with_nodes;

        fallback_set(modules_fallback(r->cfg.files.modules, m->slot),
                     rule ? rule->node : NULL, rule ? rule->n_nodes : 0);
    }
}

static void reload(struct registrar *r)
{
    struct generation *next, *old = r->now;
    char err[CONF_ERR_MAX];
    int rc = generation_create(&next, &r->cfg.files, err);

    if (rc < 0) {
        r->n_failed++;
        LOG_ERROR("gateway.reload",
                  "failed: %s; nothing has changed: mend it, try `lars-gateway "
                  "--check-config`, and send SIGHUP again",
                  err);
        return;
    }
    set_fallbacks(r, next);
    prepare(r, next);
    give_to_loops(r, next);
    tell_static(r, next);
    r->now = next;
    generation_unref(old);
    r->n_reloads++;
    LOG_INFO("gateway.reload", "done rules=%u modules=%u", rules_n(next->rules),
             rules_n_modules(next->rules));
}

void registrar_reload(struct registrar *r)
{
    worker_lock(r->worker);
    r->wanted = true;
    worker_wake(r->worker);
    worker_unlock(r->worker);
}

/* --- the thread --------------------------------------------------------------------- */

/* Wait for the next round, and reload when that is wanted.  False: stop. */
static bool await_round(struct registrar *r)
{
    struct timespec at = deadline_in(ROUND_MS);
    bool more;

    worker_lock(r->worker);
    while (!worker_is_stopping(r->worker) &&
           (r->wanted || worker_wait_until(r->worker, &at))) {
        if (!r->wanted)
            continue;
        r->wanted = false;
        worker_unlock(r->worker);
        reload(r);
        worker_lock(r->worker);
    }
    more = !worker_is_stopping(r->worker);
    worker_unlock(r->worker);
    return more;
}

static void run(void *arg)
{
    struct registrar *r = arg;

    do {
        register_modules(r);
        admit_tick(r->cfg.admit);
        update_capacity(r);
    } while (await_round(r));
}

int registrar_create(struct registrar **out, const struct registrar_config *c,
                     char err[CONF_ERR_MAX])
{
    struct registrar *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return -ENOMEM;
    r->cfg = *c;
    rc = generation_create(&r->now, &c->files, err);
    if (rc == 0)
        rc = worker_create(&r->worker);
    if (rc == 0) {
        set_fallbacks(r, r->now);
        tell_static(r, r->now);
    }
    if (rc < 0)
        registrar_destroy(r);
    else
        *out = r;
    return rc;
}

/* The daemon's loop does not run yet, and so does not see it. */
static bool is_to_end(void)
{
    sigset_t set;

    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1);
}

int registrar_await(struct registrar *r, uint32_t ms, char err[CONF_ERR_MAX])
{
    uint64_t end_ms = mono_ms() + ms;

    for (;;) {
        register_modules(r);
        if (r->answered && r->n_registered + r->n_fallback > 0)
            break;
        if (is_to_end()) {
            snprintf(err, CONF_ERR_MAX, "ended by a signal");
            return -EINTR;
        }
        if (mono_ms() >= end_ms) {
            snprintf(err, CONF_ERR_MAX,
                     "the agent has routes of %u of the %u modules of the rules after %u "
                     "ms: the lines gateway.module of the log have the reasons",
                     r->n_registered, r->n_modules, ms);
            return -ETIMEDOUT;
        }
        poll(NULL, 0, AWAIT_MS);
    }
    return 0;
}

int registrar_start(struct registrar *r, struct looppool *p)
{
    r->pool = p;
    return worker_start(r->worker, run, r);
}

void registrar_stop(struct registrar *r)
{
    if (r)
        worker_stop(r->worker);
}

void registrar_destroy(struct registrar *r)
{
    if (!r)
        return;
    worker_destroy(r->worker);
    generation_unref(r->now);
    free(r);
}

struct generation *registrar_generation(const struct registrar *r)
{
    return r->now;
}

void registrar_look(const struct registrar *r, struct registrar_view *out)
{
    *out = (struct registrar_view){.n_modules = r->n_modules,
                                   .n_registered = r->n_registered,
                                   .n_fallback = r->n_fallback,
                                   .answered = r->answered,
                                   .n_reloads = r->n_reloads,
                                   .n_failed = r->n_failed};
}
