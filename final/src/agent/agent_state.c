/* A module is pending until a message that had its newest values is acknowledged.  One
 * message is out at a time; the next one leaves with its acknowledgement, or after
 * RESEND_MS.  Other threads put in values under a lock, which no call of a client takes.
 *
 * Invariant: the Report Service has, or will be sent, the newest value of each module;
 * values in between may be left out.
 *
 * Rejected: sending with the report batches.  They are counts that must each arrive once,
 * in order and from several threads; this is a state of which only the newest counts. */
#include "agent/agent_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#include "agent_data/dataplane.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rnd.h"
#include "base/version.h"

#define TICK_MS 100
#define RESEND_MS 3000
#define MODULES_MAX 100000            /* further ones are not reported */
#define LOG_GAP_MS 60000

struct in_force {
    struct module_id mod;
    struct msg_state_module now, sent; /* <sent>: in the message that is out */
    bool pending;                     /* <now> is not acknowledged */
    UT_hash_handle hh;
};

struct node_list {
    size_t n;
    struct msg_state_node node[MSG_STATE_NODES];
};

struct agent_state {
    struct agent_state_config cfg;
    struct evtimer tick;              /* in the report thread */
    struct evtimer look;              /* in the data plane's thread ... */
    struct node_list looked;          /* ... with what it finds */
    pthread_mutex_t lock;             /* guards what follows */
    struct in_force *modules;
    struct node_list out;             /* nodes without calls */
    bool changed;                     /* since the last message was sent */
    uint64_t seq;                     /* of the last message */
    bool waits;                       /* for its acknowledgement */
    uint64_t sent_ms;                 /* when it was sent; 0 = send at once */
    struct msg_state msg;
};

/* --- what is in force --------------------------------------------------------------- */

static struct in_force *find_or_add(struct agent_state *s, const struct module_id *m)
{
    struct in_force *f;

    HASH_FIND(hh, s->modules, m, sizeof(*m), f);
    if (f || HASH_COUNT(s->modules) >= MODULES_MAX)
        return f;
    f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->mod = *m;
    HASH_ADD(hh, s->modules, mod, sizeof(f->mod), f);
    if (f->hh.tbl)
        return f;
    free(f);
    return NULL;
}

static bool is_same(const struct msg_state_module *a, const struct msg_state_module *b)
{
    return a->version == b->version && a->sum == b->sum && a->policy == b->policy;
}

static void set_now(struct agent_state *s, struct in_force *f,
                    const struct msg_state_module *now)
{
    if (is_same(&f->now, now))
        return;
    f->now = *now;
    f->pending = s->changed = true;
}

void agent_state_set_route(struct agent_state *s, const struct module_id *m,
                           uint64_t version, uint64_t sum)
{
    struct msg_state_module now = {.mod = *m, .version = version, .sum = sum};
    struct in_force *f;

    pthread_mutex_lock(&s->lock);
    f = find_or_add(s, m);
    if (f) {
        now.policy = sum ? f->now.policy : 0;
        set_now(s, f, &now);
    }
    pthread_mutex_unlock(&s->lock);
}

void agent_state_set_policy(struct agent_state *s, const struct module_id *m,
                            uint64_t policy)
{
    struct msg_state_module now;
    struct in_force *f;

    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->modules, m, sizeof(*m), f);
    if (f && f->now.sum) {
        now = f->now;
        now.policy = policy;
        set_now(s, f, &now);
    }
    pthread_mutex_unlock(&s->lock);
}

static bool same_list(const struct node_list *a, const struct node_list *b)
{
    return a->n == b->n && memcmp(a->node, b->node, a->n * sizeof(a->node[0])) == 0;
}

static void on_look(void *arg)
{
    struct agent_state *s = arg;

    memset(&s->looked, 0, sizeof(s->looked)); /* padding, too: lists are compared */
    s->looked.n = dataplane_out_nodes(s->cfg.dataplane, s->looked.node, MSG_STATE_NODES);
    pthread_mutex_lock(&s->lock);
    if (!same_list(&s->looked, &s->out)) {
        s->out = s->looked;
        s->changed = true;
    }
    pthread_mutex_unlock(&s->lock);
    evloop_set_timer(looppool_loop(s->cfg.pool, s->cfg.data_thread), &s->look, TICK_MS,
                     on_look, s);
}

/* --- messages ----------------------------------------------------------------------- */

static void fill_message(struct agent_state *s)
{
    struct in_force *f, *next;
    struct msg_state *m = &s->msg;

    m->n_module = 0;
    HASH_ITER(hh, s->modules, f, next)
    {
        if (!f->pending || m->n_module == MSG_STATE_MODULES)
            continue;
        f->sent = f->now;
        m->module[m->n_module++] = f->now;
    }
    m->n_node = s->out.n;
    memcpy(m->node, s->out.node, s->out.n * sizeof(m->node[0]));
    m->caller = repcli_caller(s->cfg.rep);
    m->seq = ++s->seq;
}

static void send_message(struct agent_state *s, uint64_t now_ms)
{
    static _Thread_local char body[FRAME_MAX_BODY];
    ssize_t n;

    fill_message(s);
    n = msg_state_pack(&s->msg, body, sizeof(body));
    if (n < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "agent_state.pack", "err=%s",
                  err_str((int)n));
        return;
    }
    s->changed = false;
    s->waits = true;
    s->sent_ms = now_ms;
    repcli_send_frame(s->cfg.rep, MSG_AGENT_STATE, body, (size_t)n);
}

static void send_when_due(struct agent_state *s)
{
    uint64_t now = evloop_now_ms(looppool_loop(s->cfg.pool, s->cfg.report_thread));
    uint64_t age = s->sent_ms ? now - s->sent_ms : UINT64_MAX;

    if (!batch_sender_knows_hello(s->cfg.batches))
        return;
    pthread_mutex_lock(&s->lock);
    if (s->waits ? age >= RESEND_MS : s->changed || age >= AGENT_STATE_BEAT_MS)
        send_message(s, now);
    pthread_mutex_unlock(&s->lock);
}

static void on_tick(void *arg)
{
    struct agent_state *s = arg;

    send_when_due(s);
    evloop_set_timer(looppool_loop(s->cfg.pool, s->cfg.report_thread), &s->tick, TICK_MS,
                     on_tick, s);
}

/* What the acknowledged message had is in the database. */
static void settle_message(struct agent_state *s)
{
    struct in_force *f;
    size_t i;

    for (i = 0; i < s->msg.n_module; i++) {
        HASH_FIND(hh, s->modules, &s->msg.module[i].mod, sizeof(struct module_id), f);
        if (!f || !is_same(&f->now, &f->sent))
            continue;
        f->pending = false;
        if (f->now.sum == 0) {
            HASH_DEL(s->modules, f);
            free(f);
        }
    }
}

static bool has_pending(const struct agent_state *s)
{
    struct in_force *f, *next;

    HASH_ITER(hh, s->modules, f, next)
    if (f->pending)
        return true;
    return false;
}

static void on_ack(struct conn *c, const struct frame *f, void *arg)
{
    struct agent_state *s = arg;
    struct msg_ack a;

    (void)c;
    if (msg_batch_unpack_ack(&a, f->body, f->len) < 0 || !s->waits || a.seq != s->seq ||
        memcmp(a.stream, s->msg.stream, MSG_STREAM) != 0)
        return;
    pthread_mutex_lock(&s->lock);
    s->waits = false;
    settle_message(s);
    s->changed = s->changed || (s->msg.n_module == MSG_STATE_MODULES && has_pending(s));
    pthread_mutex_unlock(&s->lock);
    send_when_due(s);
}

void agent_state_on_up(struct agent_state *s)
{
    struct in_force *f, *next;

    pthread_mutex_lock(&s->lock);
    HASH_ITER(hh, s->modules, f, next)
    f->pending = true;
    s->changed = true;
    s->waits = false;
    pthread_mutex_unlock(&s->lock);
}

/* --- create and destroy ------------------------------------------------------------- */

static int start_timers(struct agent_state *s)
{
    int rc = evloop_set_timer(looppool_loop(s->cfg.pool, s->cfg.report_thread), &s->tick,
                              TICK_MS, on_tick, s);

    if (rc == 0 && s->cfg.dataplane)
        rc = evloop_set_timer(looppool_loop(s->cfg.pool, s->cfg.data_thread), &s->look,
                              TICK_MS, on_look, s);
    return rc;
}

int agent_state_create(struct agent_state **out, const struct agent_state_config *cfg)
{
    struct agent_state *s = calloc(1, sizeof(*s));
    struct rnd any;
    uint32_t word;
    size_t i;
    int rc;

    if (!s)
        return -ENOMEM;
    pthread_mutex_init(&s->lock, NULL);
    s->cfg = *cfg;
    snprintf(s->msg.name, sizeof(s->msg.name), "%s", cfg->name);
    snprintf(s->msg.zone, sizeof(s->msg.zone), "%s", cfg->zone);
    snprintf(s->msg.program, sizeof(s->msg.program), "%s", LARS_VERSION);
    s->cfg.name = s->cfg.zone = NULL; /* the caller's; not used any more */
    s->msg.has_report = true;
    memcpy(s->msg.report, outbox_stream(batch_sender_outbox(cfg->batches, 0)),
           MSG_STREAM);
    rnd_init_any(&any);
    for (i = 0; i < MSG_STREAM; i += sizeof(word)) {
        word = rnd_u32(&any);
        memcpy(s->msg.stream + i, &word, sizeof(word));
    }
    rc = batch_sender_handle(cfg->batches, MSG_AGENT_STATE_ACK, on_ack, s);
    if (rc == 0)
        rc = start_timers(s);
    if (rc < 0)
        agent_state_destroy(s);
    else
        *out = s;
    return rc;
}

void agent_state_destroy(struct agent_state *s)
{
    struct in_force *f, *next;

    if (!s)
        return;
    evloop_clear_timer(looppool_loop(s->cfg.pool, s->cfg.report_thread), &s->tick);
    evloop_clear_timer(looppool_loop(s->cfg.pool, s->cfg.data_thread), &s->look);
    HASH_ITER(hh, s->modules, f, next)
    {
        HASH_DEL(s->modules, f);
        free(f);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}
