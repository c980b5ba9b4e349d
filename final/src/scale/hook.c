/* Each place, a module in a zone, has at most one program that runs.  The thread looks at
 * all of them every LOOK_MS and waits for none, so a program that hangs delays only its
 * own place.  `scale` is repeated while another number runs, so neither an order
 * that was lost nor a program that said 0 and did nothing needs a memory.
 *
 * Invariant: <list> changes only by a list that was believed; a list that fails leaves
 * the last one, which grows old.
 * Rejected: a thread for each program.  A look is three system calls, and there are few
 * places. */
#include "scale/hook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"
#include "scale/hook_run.h"

#define LOOK_MS 20
#define UNUSED_MS 60000 /* a place that was not looked at for so long is left */
#define STUCK_MS 60000
#define RUNNING_MAX 32 /* programs at a time */

struct place {
    struct module_id id;
    char zone[HOOK_ZONE];
    uint64_t looked_ms;
    /* the order */
    bool ordered;
    unsigned n;
    uint64_t fence, lapse_ms; /* the order is in force until then */
    uint64_t scale_ms; /* `scale` is due then */
    uint64_t differs_ms; /* another number runs since; 0 = no */
    bool stuck;
    /* the program */
    struct hook_run *run;
    bool run_is_list;
    uint64_t asked_ms, list_ms; /* `list` is due then */
    enum hook_result last[2]; /* of scale and of list: what was logged */
    struct hook_view view; /* age_ms: not used */
    uint64_t viewed_ms;
};

struct hook {
    struct hook_config cfg;
    struct worker *worker; /* its lock guards what follows */
    struct place *place[HOOK_PLACES_MAX];
    size_t n_place, next; /* next: to be looked at first */
    unsigned n_running;
    bool full; /* logged: a place was refused */
    struct hook_stat stat;
    struct hook_list parsed;
};

/* --- a program ---------------------------------------------------------------------- */

static const char *verb_of(const struct place *p)
{
    return p->run_is_list ? "list" : "scale";
}

static void log_end(const struct hook *h, const struct place *p, enum hook_result r,
                    const char *why, const char *text)
{
    if (r == HOOK_ACCEPTED)
        LOG_INFO("scale.hook", "do=%s module=%u/%u zone=%s result=accepted", verb_of(p),
                 p->id.modid, p->id.cmdid, p->zone);
    else if (r == HOOK_MISCONFIGURED)
        LOG_ERROR("scale.hook",
                  "do=%s module=%u/%u zone=%s result=misconfigured program=%s "
                  "why=\"%s\" stderr=\"%s\": correct the configuration of the program; "
                  "it is run again by itself",
                  verb_of(p), p->id.modid, p->id.cmdid, p->zone, h->cfg.program, why,
                  text);
    else
        LOG_WARN("scale.hook",
                 "do=%s module=%u/%u zone=%s result=%s program=%s why=\"%s\" "
                 "stderr=\"%s\"",
                 verb_of(p), p->id.modid, p->id.cmdid, p->zone, hook_run_result_name(r),
                 h->cfg.program, why, text);
}

/* A result is logged when it differs from the last one of its kind. */
static void note_end(struct hook *h, struct place *p, enum hook_result r, const char *why,
                     const char *text)
{
    enum hook_result *last = &p->last[p->run_is_list];

    h->stat.n_failed += r != HOOK_ACCEPTED;
    if (r != *last)
        log_end(h, p, r, why, text);
    *last = r;
}

static void start(struct hook *h, struct place *p, bool list, uint64_t now_ms)
{
    char module[32], n[16], fence[24];
    char *argv[] = {(char *)(uintptr_t)h->cfg.program,
                    (char *)(uintptr_t)(list ? "list" : "scale"),
                    module,
                    p->zone,
                    list ? NULL : n,
                    fence,
                    NULL};
    int rc;

    snprintf(module, sizeof(module), "%u/%u", p->id.modid, p->id.cmdid);
    snprintf(n, sizeof(n), "%u", p->n);
    snprintf(fence, sizeof(fence), "%llu", (unsigned long long)p->fence);
    p->run_is_list = list;
    p->asked_ms = now_ms;
    if (list)
        p->list_ms = now_ms + h->cfg.list_ms;
    else
        p->scale_ms = now_ms + h->cfg.again_ms;
    rc = hook_run_start(&p->run, argv, now_ms, h->cfg.timeout_ms);
    if (rc < 0)
        note_end(h, p, HOOK_MISCONFIGURED, "it cannot be started", err_str(rc));
    else
        h->n_running++;
}

static enum hook_result take_list(struct hook *h, struct place *p, char *why)
{
    if (hook_list_parse(hook_run_output(p->run), &h->parsed, why) < 0)
        return HOOK_FAILED;
    p->view.list = h->parsed;
    p->view.known = true;
    p->viewed_ms = p->asked_ms;
    return HOOK_ACCEPTED;
}

static void finish(struct hook *h, struct place *p, enum hook_result r)
{
    char why[HOOK_LIST_WHY];

    snprintf(why, sizeof(why), "%s", hook_run_why(p->run));
    if (r == HOOK_ACCEPTED && p->run_is_list)
        r = take_list(h, p, why);
    note_end(h, p, r, why, hook_run_error(p->run));
    hook_run_destroy(p->run);
    p->run = NULL;
    h->n_running--;
}

/* --- a place ------------------------------------------------------------------------ */

static bool differs(const struct place *p)
{
    const struct hook_list *l = &p->view.list;

    return !p->view.known ||
           l->n_in[HOOK_NODE_READY] + l->n_in[HOOK_NODE_STARTING] != p->n;
}

/* Nodes that start do not count as being there after a minute. */
static void note_stuck(struct place *p, uint64_t now_ms)
{
    bool right = p->view.known && p->view.list.n_in[HOOK_NODE_READY] == p->n &&
                 now_ms < p->viewed_ms + STUCK_MS;

    if (!p->ordered || right) {
        if (p->stuck)
            LOG_INFO("scale.unstuck", "module=%u/%u zone=%s wanted=%u", p->id.modid,
                     p->id.cmdid, p->zone, p->n);
        p->stuck = false;
        p->differs_ms = 0;
    } else if (p->differs_ms == 0) {
        p->differs_ms = now_ms;
    } else if (!p->stuck && now_ms >= p->differs_ms + STUCK_MS) {
        p->stuck = true;
        LOG_ERROR("scale.stuck",
                  "module=%u/%u zone=%s wanted=%u ready=%u for 60 s: look at what "
                  "[hook] exec does, its last lines are in scale.hook",
                  p->id.modid, p->id.cmdid, p->zone, p->n,
                  p->view.list.n_in[HOOK_NODE_READY]);
    }
}

static void look_at(struct hook *h, struct place *p, uint64_t now_ms)
{
    enum hook_result r = p->run ? hook_run_look(p->run, now_ms) : HOOK_RUNS;

    if (r != HOOK_RUNS)
        finish(h, p, r);
    p->ordered &= now_ms < p->lapse_ms;
    note_stuck(p, now_ms);
    if (p->run || h->n_running == RUNNING_MAX)
        return;
    /* in turn when both are due: a `scale` that fails does not keep the list away */
    if (now_ms >= p->list_ms && (!p->view.known || !p->run_is_list))
        start(h, p, true, now_ms);
    else if (p->ordered && now_ms >= p->scale_ms && differs(p))
        start(h, p, false, now_ms);
    else if (now_ms >= p->list_ms)
        start(h, p, true, now_ms);
}

static void drop(struct hook *h, size_t i)
{
    hook_run_destroy(h->place[i]->run);
    free(h->place[i]);
    h->place[i] = h->place[--h->n_place];
}

static void look_at_all(struct hook *h, uint64_t now_ms)
{
    size_t i = 0;

    h->stat.n_stuck = 0;
    while (i < h->n_place)
        if (!h->place[i]->run && now_ms >= h->place[i]->looked_ms + UNUSED_MS)
            drop(h, i);
        else
            i++;
    h->next++; /* so that no place is always the last to find a program's turn */
    for (i = 0; i < h->n_place; i++) {
        struct place *p = h->place[(h->next + i) % h->n_place];

        look_at(h, p, now_ms);
        h->stat.n_stuck += p->stuck;
    }
}

static void hook_main(void *arg)
{
    struct hook *h = arg;

    do {
        worker_lock(h->worker);
        look_at_all(h, mono_ms());
        worker_unlock(h->worker);
    } while (worker_pause(h->worker, LOOK_MS));
}

/* --- other threads ------------------------------------------------------------------ */

int hook_start(struct hook **out, const struct hook_config *cfg)
{
    struct hook *h = calloc(1, sizeof(*h));
    int rc = h ? worker_create(&h->worker) : -ENOMEM;

    if (rc == 0) {
        h->cfg = *cfg;
        rc = worker_start(h->worker, hook_main, h);
    }
    if (rc < 0)
        hook_stop(h);
    else
        *out = h;
    return rc;
}

void hook_stop(struct hook *h)
{
    if (!h)
        return;
    worker_destroy(h->worker); /* stops it */
    while (h->n_place > 0)
        drop(h, h->n_place - 1);
    free(h);
}

/* The caller holds the lock.  NULL: there is no room. */
static struct place *place_of(struct hook *h, struct module_id id, const char *zone)
{
    struct place *p = NULL;
    size_t i;

    for (i = 0; i < h->n_place; i++)
        if (h->place[i]->id.modid == id.modid && h->place[i]->id.cmdid == id.cmdid &&
            strcmp(h->place[i]->zone, zone) == 0)
            return h->place[i];
    if (h->n_place < HOOK_PLACES_MAX)
        p = calloc(1, sizeof(*p));
    if (!p && !h->full)
        LOG_ERROR("scale.hook",
                  "module=%u/%u zone=%s is left out: at most %d pairs of a module and a "
                  "zone can be run by a program",
                  id.modid, id.cmdid, zone, HOOK_PLACES_MAX);
    h->full = !p;
    if (!p)
        return NULL;
    p->id = id;
    p->last[0] = p->last[1] = HOOK_ACCEPTED;
    snprintf(p->zone, sizeof(p->zone), "%s", zone);
    h->place[h->n_place++] = p;
    return p;
}

void hook_look(struct hook *h, struct module_id id, const char *zone,
               struct hook_view *out)
{
    uint64_t now_ms = mono_ms();
    struct place *p;

    worker_lock(h->worker);
    p = place_of(h, id, zone);
    if (p) {
        p->looked_ms = now_ms;
        *out = p->view;
        out->age_ms = now_ms - p->viewed_ms;
        out->refused = p->last[0] != HOOK_ACCEPTED;
    } else {
        *out = (struct hook_view){0};
    }
    worker_unlock(h->worker);
}

void hook_order(struct hook *h, struct module_id id, const char *zone, unsigned n,
                uint64_t fence)
{
    struct place *p;

    worker_lock(h->worker);
    p = place_of(h, id, zone);
    if (p && (!p->ordered || p->n != n || p->fence != fence)) {
        p->ordered = true;
        p->n = n;
        p->fence = fence;
        p->scale_ms = p->differs_ms = 0;
    }
    if (p) {
        p->looked_ms = mono_ms();
        p->lapse_ms = p->looked_ms + h->cfg.order_ms;
    }
    worker_unlock(h->worker);
}

void hook_forget(struct hook *h)
{
    size_t i;

    worker_lock(h->worker);
    for (i = 0; i < h->n_place; i++)
        h->place[i]->ordered = false;
    worker_unlock(h->worker);
}

void hook_stat(struct hook *h, struct hook_stat *out)
{
    worker_lock(h->worker);
    *out = h->stat;
    worker_unlock(h->worker);
}
