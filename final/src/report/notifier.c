/* One struct target for each target: a ring of messages, and a thread that takes as many
 * as the target takes at once (a robot: all that wait, because its service allows 20
 * messages a minute; others: one).
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
#include "base/worker.h"

#define QUEUE_MAX 256                 /* messages that wait for one target */
#define TRIES_MAX 8                   /* about two minutes */
#define RETRY_MAX_MS 60000
#define ROBOT_GAP_MS 6000             /* between two messages to a robot: 10 a minute */

struct target {
    enum notify_target kind;
    struct notify_config cfg;
    struct backoff backoff;
    struct rnd rnd;
    uint64_t next_ms;                 /* monotonic: not before, for a robot */
    struct worker *worker;            /* its lock guards what follows */
    struct notify_message queue[QUEUE_MAX];
    size_t first, n;
    struct notifier_stat stat;
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

/* The length of the character at <s>; 0: it is none. */
static size_t utf8_len(const unsigned char *s)
{
    size_t len = s[0] < 0x80   ? 1
                 : s[0] < 0xc2 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                               : 4,
           i;

    for (i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return s[0] < 0xf5 ? len : 0;
}

/* Texts are cut to a number of bytes, and JSON takes whole characters only. */
static void replace_broken(char *text)
{
    size_t i, len;

    for (i = 0; text[i]; i += len) {
        len = utf8_len((unsigned char *)text + i);
        if (len > 0)
            continue;
        text[i] = '?';
        len = 1;
    }
}

void notifier_put(struct notifier *n, const struct alarm *al, bool raised)
{
    struct notify_message m = {*al, raised};
    int i;

    replace_broken(m.alarm.subject);
    replace_broken(m.alarm.detail);
    for (i = 0; i < NOTIFY_TARGETS; i++)
        if (n->target[i])
            put_message(n->target[i], &m);
}

/* Waits for messages and moves those of one sending to <out>.  Returns how many; 0: it is
 * time to stop. */
static size_t take_messages(struct target *t, struct notify_message *out)
{
    size_t max = notify_send_is_robot(t->kind) ? NOTIFY_MESSAGES : 1, n = 0;

    worker_lock(t->worker);
    while (!worker_is_stopping(t->worker) && t->n == 0)
        worker_wait(t->worker);
    for (; !worker_is_stopping(t->worker) && n < max && t->n > 0; n++, t->n--) {
        out[n] = t->queue[t->first];
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

static void count_try(struct target *t, size_t n, int rc, bool given_up)
{
    worker_lock(t->worker);
    t->stat.n_sent += rc == 0 ? n : 0;
    t->stat.n_fail += rc != 0;
    t->stat.n_dropped += given_up ? n : 0;
    worker_unlock(t->worker);
}

/* False: it is time to stop. */
static bool send_messages(struct target *t, const struct notify_message *m, size_t n)
{
    int try, rc;

    for (try = 1; try <= TRIES_MAX; try++) {
        rc = notify_send_all(t->kind, &t->cfg, m, n, is_stopping, t);
        count_try(t, n, rc, rc != 0 && try == TRIES_MAX);
        if (rc == 0)
            break;
        if (!worker_pause(t->worker, backoff_next(&t->backoff, rnd_u32(&t->rnd))))
            return false;
    }
    backoff_reset(&t->backoff);
    if (rc != 0)
        LOG_ERROR("alarm.lost", "target=%s messages=%zu tries=%d: given up",
                  notify_send_name(t->kind), n, TRIES_MAX);
    return true;
}

static void target_main(void *arg)
{
    static _Thread_local struct notify_message m[NOTIFY_MESSAGES];
    struct target *t = arg;
    uint64_t now;
    size_t n;

    do {
        now = mono_ms();
        if (t->next_ms > now && !worker_pause(t->worker, (uint32_t)(t->next_ms - now)))
            return;
        n = take_messages(t, m);
        if (notify_send_is_robot(t->kind))
            t->next_ms = mono_ms() + ROBOT_GAP_MS;
    } while (n > 0 && send_messages(t, m, n));
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
