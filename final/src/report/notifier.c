/* One struct target for each target: a ring of messages, and a thread that takes as many
 * as the target takes at once (a robot: all that wait, as one summary, because its
 * service allows few messages a minute; others: one).
 *
 * Invariant: notifier_put() holds a lock only to copy a message, so the evaluation of
 * alarms never waits for a target.
 *
 * Rejected: one thread for all targets.  A program that hangs for its 10 s would delay
 * the robots. */
#include "report/notifier.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/utf8.h"
#include "base/worker.h"
#include "report/robot_pace.h"

#define QUEUE_MAX NOTIFY_MESSAGES /* that wait for one target */
#define TRIES_MAX 8 /* about two minutes */
#define RETRY_MAX_MS 60000

struct target {
    enum notify_target kind;
    struct notify_config cfg;
    struct backoff backoff;
    struct rnd rnd;
    struct robot_pace pace;
    struct notify_message out[NOTIFY_MESSAGES]; /* those that are being sent */
    struct worker *worker; /* its lock guards what follows */
    struct notify_message queue[QUEUE_MAX];
    size_t first, n;
    struct notifier_stat stat;
    struct notifier_result last;
};

struct notifier {
    struct target *target[NOTIFY_TARGETS]; /* NULL: not configured */
};

int notifier_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void notifier_fini(void)
{
    curl_global_cleanup();
}

static void put_message(struct target *t, const struct notify_message *m)
{
    worker_lock(t->worker);
    if (t->n == QUEUE_MAX) {
        t->first = (t->first + 1) % QUEUE_MAX;
        t->n--;
        t->stat.n_dropped++;
    }
    t->queue[(t->first + t->n++) % QUEUE_MAX] = *m;
    worker_wake(t->worker);
    worker_unlock(t->worker);
}

void notifier_put(struct notifier *n, const struct alarm *al, bool raised)
{
    struct notify_message m = {*al, raised ? NOTIFY_RAISED : NOTIFY_CLEARED};
    int i;

    utf8_replace_broken(m.alarm.subject);
    utf8_replace_broken(m.alarm.detail);
    for (i = 0; i < NOTIFY_TARGETS; i++)
        if (n->target[i])
            put_message(n->target[i], &m);
}

void notifier_test(struct notifier *n, enum notify_target target, const char *who)
{
    struct notify_message m = {{.kind = "test"}, NOTIFY_TEST};

    if (!n->target[target])
        return;
    snprintf(m.alarm.subject, sizeof(m.alarm.subject), "%s", notify_send_name(target));
    snprintf(m.alarm.detail, sizeof(m.alarm.detail),
             "this is a test that %.64s asked for, nothing is wrong", who);
    utf8_replace_broken(m.alarm.detail);
    put_message(n->target[target], &m);
}

bool notifier_result(struct notifier *n, enum notify_target target,
                     struct notifier_result *out)
{
    struct target *t = n->target[target];

    if (!t)
        return false;
    worker_lock(t->worker);
    *out = t->last;
    worker_unlock(t->worker);
    return true;
}

/* Waits until the target may be called.  False: it is time to stop. */
static bool wait_for_pace(struct target *t)
{
    uint32_t ms;

    if (!notify_send_is_robot(t->kind))
        return true;
    while ((ms = robot_pace_wait(&t->pace, mono_ms())) > 0)
        if (!worker_pause(t->worker, ms))
            return false;
    return true;
}

/* False: it is time to stop. */
static bool wait_for_message(struct target *t)
{
    bool any;

    worker_lock(t->worker);
    while (!worker_is_stopping(t->worker) && t->n == 0)
        worker_wait(t->worker);
    any = t->n > 0;
    worker_unlock(t->worker);
    return any;
}

/* Moves the messages of one sending to t->out.  Returns how many; 0: it is time to
 * stop. */
static size_t take_messages(struct target *t)
{
    size_t max = notify_send_is_robot(t->kind) ? NOTIFY_MESSAGES : 1, n = 0;

    worker_lock(t->worker);
    for (; !worker_is_stopping(t->worker) && n < max && t->n > 0; n++, t->n--) {
        t->out[n] = t->queue[t->first];
        t->first = (t->first + 1) % QUEUE_MAX;
    }
    worker_unlock(t->worker);
    return n;
}

static bool is_stopping(void *arg)
{
    struct target *t = arg;
    bool yes;

    worker_lock(t->worker);
    yes = worker_is_stopping(t->worker);
    worker_unlock(t->worker);
    return yes;
}

static void count_try(struct target *t, size_t n, int rc, bool given_up, const char *why)
{
    worker_lock(t->worker);
    t->last.n_try++;
    t->last.at_ms = mono_ms();
    snprintf(t->last.error, sizeof(t->last.error), "%s", rc == 0 ? "" : why);
    t->stat.n_sent += rc == 0 ? n : 0;
    t->stat.n_fail += rc != 0;
    t->stat.n_dropped += given_up ? n : 0;
    worker_unlock(t->worker);
}

/* False: it is time to stop. */
static bool send_messages(struct target *t, size_t n)
{
    char why[NOTIFY_WHY];
    int try, rc = 0;

    for (try = 1; try <= TRIES_MAX; try++) {
        if (!wait_for_pace(t))
            return false;
        robot_pace_add(&t->pace, mono_ms());
        rc = notify_send_all(t->kind, &t->cfg, t->out, n, is_stopping, t, why);
        count_try(t, n, rc, rc != 0 && try == TRIES_MAX, why);
        if (rc == 0)
            break;
        if (!worker_pause(t->worker, backoff_next(&t->backoff, rnd_u32(&t->rnd))))
            return false;
    }
    backoff_reset(&t->backoff);
    if (rc != 0)
        LOG_ERROR("alarm.lost", "target=%s messages=%zu tries=%d err=\"%s\": given up",
                  notify_send_name(t->kind), n, TRIES_MAX, why);
    return true;
}

static void target_main(void *arg)
{
    struct target *t = arg;
    size_t n;

    do {
        if (!wait_for_message(t) || !wait_for_pace(t))
            return;
        n = take_messages(t); /* with those that came during the wait */
    } while (n > 0 && send_messages(t, n));
}

static void destroy_target(struct target *t)
{
    if (!t)
        return;
    worker_destroy(t->worker);
    free(t);
}

static int start_target(struct target **out, enum notify_target kind,
                        const struct notify_config *cfg, uint32_t retry_ms)
{
    struct target *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return -ENOMEM;
    t->kind = kind;
    t->cfg = *cfg;
    t->backoff = (struct backoff){.min_ms = retry_ms, .max_ms = RETRY_MAX_MS};
    rnd_init_any(&t->rnd);
    rc = worker_create(&t->worker);
    if (rc == 0)
        rc = worker_start(t->worker, target_main, t);
    if (rc < 0)
        destroy_target(t);
    else
        *out = t;
    return rc;
}

int notifier_start(struct notifier **out, const struct notify_config *cfg,
                   uint32_t retry_ms)
{
    struct notifier *n = calloc(1, sizeof(*n));
    int i, rc = n ? 0 : -ENOMEM;

    for (i = 0; rc == 0 && i < NOTIFY_TARGETS; i++)
        if (notify_send_is_set((enum notify_target)i, cfg))
            rc = start_target(&n->target[i], (enum notify_target)i, cfg, retry_ms);
    if (rc < 0)
        notifier_stop(n);
    else
        *out = n;
    return rc;
}

void notifier_stop(struct notifier *n)
{
    int i;

    if (!n)
        return;
    for (i = 0; i < NOTIFY_TARGETS; i++)
        destroy_target(n->target[i]);
    free(n);
}

void notifier_stat(struct notifier *n, struct notifier_stat *out)
{
    int i;

    *out = (struct notifier_stat){0};
    for (i = 0; i < NOTIFY_TARGETS; i++) {
        struct target *t = n->target[i];

        if (!t)
            continue;
        worker_lock(t->worker);
        out->n_sent += t->stat.n_sent;
        out->n_fail += t->stat.n_fail;
        out->n_dropped += t->stat.n_dropped;
        out->n_waiting += t->n;
        worker_unlock(t->worker);
    }
}
