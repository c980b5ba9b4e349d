/* What the agent's threads send to each other.  Each arrow is a task that is posted into
 * the queue of the other thread:
 *
 *     shard      --- want, forget ------------> dnscli  --- route -----------> shard
 *     shard      --- totals, batches ---------> repcli  --- report all ------> shards
 *     data plane --- totals, batches ---------> repcli
 *     dnscli     --- route, module meta ------> data plane
 *     shard      --- a frame for a module of another shard ------------------> shard
 *
 * Invariant: no thread touches an object that another thread owns, so nothing here needs
 * a lock.  A task owns a copy of its data and frees it.
 * A task that cannot be posted, because a queue is full or there is no memory, is
 * dropped.  Each kind is sent again by itself: a shard asks again for a route, the
 * refresh brings routes, and reports are totals or are resent until acknowledged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "base/log.h"
#include "route/routedelta.h"

/* Takes <arg>, on failure as well.  Returns as looppool_post(). */
static int post_task(struct agent *a, unsigned thread, msgq_run_fn *run, void *arg)
{
    struct msgq_task t = {run, free, arg};
    int rc = looppool_post(a->pool, thread, &t);

    if (rc < 0)
        free(arg);
    return rc;
}

/* --- shard -> dnscli ---------------------------------------------------------------- */

static void run_want(void *arg, void *user)
{
    dnscli_want(user, arg);
    free(arg);
}

static void run_forget(void *arg, void *user)
{
    dnscli_forget(user, arg);
    free(arg);
}

static void post_module(struct agent *a, msgq_run_fn *run, const struct module_id *m)
{
    struct module_id *copy = malloc(sizeof(*copy));

    if (!copy)
        return;
    *copy = *m;
    post_task(a, AGENT_DNS, run, copy);
}

void agent_tasks_want(const struct module_id *m, void *arg)
{
    post_module(arg, run_want, m);
}

void agent_tasks_forget(const struct module_id *m, void *arg)
{
    struct agent *a = arg;

    agent_state_set_route(a->state, m, 0, 0);
    post_module(arg, run_forget, m);
}

/* --- dnscli -> shard, data plane ---------------------------------------------------- */

struct route_task {
    struct module_id mod;
    size_t n;
    struct route_node node[];
};

static void run_shard_route(void *arg, void *user)
{
    struct route_task *t = arg;

    shard_set_route(user, &t->mod, t->node, t->n);
    free(t);
}

static void run_dataplane_route(void *arg, void *user)
{
    struct route_task *t = arg;

    dataplane_set_route(user, &t->mod, t->node, t->n);
    free(t);
}

static void post_route(struct agent *a, unsigned thread, msgq_run_fn *run,
                       const struct module_id *m, const struct dnscli_nodes *r)
{
    struct route_task *t = malloc(sizeof(*t) + r->n * sizeof(*r->node));

    if (!t)
        return;
    t->mod = *m;
    t->n = r->n;
    if (r->n > 0)
        memcpy(t->node, r->node, r->n * sizeof(*r->node));
    post_task(a, thread, run, t);
}

/* What is in force now is in the next message 38. */
void agent_tasks_version(const struct module_id *m, const struct dnscli_nodes *r,
                         void *arg)
{
    struct agent *a = arg;

    if (a->state)
        agent_state_set_route(a->state, m, r->version, routedelta_sum(r->node, r->n));
}

void agent_tasks_route(const struct module_id *m, const struct dnscli_nodes *r,
                       void *arg)
{
    struct agent *a = arg;
    unsigned index = module_id_shard(*m, SHARD_N);

    if (r->n > 0)
        a->has_route = true;
    agent_tasks_version(m, r, arg);
    LOG_DEBUG("route.received", "modid=%u cmdid=%u nodes=%zu", m->modid, m->cmdid, r->n);
    if (!a->started) {                /* from the file, before any thread runs */
        if (a->dataplane)
            dataplane_set_route(a->dataplane, m, r->node, r->n);
        shard_set_route(a->shard[index], m, r->node, r->n);
        return;
    }
    if (a->dataplane)
        post_route(a, AGENT_DATAPLANE, run_dataplane_route, m, r);
    post_route(a, index, run_shard_route, m, r);
}

static void run_meta(void *arg, void *user)
{
    dataplane_set_meta(user, arg);
    free(arg);
}

void agent_tasks_meta(const struct msg_module_meta *m, void *arg)
{
    struct agent *a = arg;
    struct msg_module_meta *copy = a->dataplane ? malloc(sizeof(*copy)) : NULL;

    if (a->state)
        agent_state_set_policy(a->state, &m->mod, msg_module_meta_policy_sum(m));
    if (!copy)
        return;
    *copy = *m;
    post_task(a, AGENT_DATAPLANE, run_meta, copy);
}

/* --- shard, data plane -> repcli ---------------------------------------------------- */

struct totals_task {
    struct module_id mod;
    size_t n;
    struct msg_result res[];
};

/* Without a connection they are lost; all totals are sent when there is one again. */
static void run_totals(void *arg, void *user)
{
    struct totals_task *t = arg;

    repcli_send(user, &t->mod, t->res, t->n);
    free(t);
}

static int post_totals(struct agent *a, const struct module_id *m,
                       const struct msg_result *res, size_t n)
{
    struct totals_task *t = malloc(sizeof(*t) + n * sizeof(*res));

    if (!t)
        return -ENOMEM;
    t->mod = *m;
    t->n = n;
    memcpy(t->res, res, n * sizeof(*res));
    return post_task(a, AGENT_REPORT, run_totals, t);
}

void agent_tasks_totals(const struct module_id *m, const struct msg_result *res,
                        void *arg)
{
    post_totals(arg, m, res, 1);
}

/* With shared memory the data plane reports the calls of UDP clients too, because
 * agent_tasks_count() counts them there. */
int agent_tasks_report(const struct module_id *m, const struct msg_result *res, size_t n,
                       void *arg)
{
    struct agent *a = arg;
    unsigned side = module_id_shard(*m, SHARD_N);

    if (batch_sender_ship_module(a->batches, side, m, res, n) || a->dataplane)
        return 0;
    return post_totals(a, m, res, n);
}

void agent_tasks_send(int32_t msgid, const void *body, size_t len, void *arg)
{
    struct agent *a = arg;

    repcli_send_frame(a->rep, msgid, body, len);
}

/* --- repcli -> shards --------------------------------------------------------------- */

static void run_report_all(void *arg, void *user)
{
    (void)arg;
    shard_report_all(user);
}

void agent_tasks_report_all(void *arg)
{
    struct agent *a = arg;
    unsigned i;

    for (i = 0; i < SHARD_N; i++)
        post_task(a, i, run_report_all, NULL);
}

void agent_tasks_report_up(void *arg)
{
    struct agent *a = arg;

    a->n_report_up++;
    batch_sender_on_up(a->batches, repcli_caller(a->rep));
    agent_state_on_up(a->state);
    agent_tasks_report_all(a);
}

void agent_tasks_report_down(void *arg)
{
    struct agent *a = arg;

    batch_sender_on_down(a->batches);
}

/* --- a shard's UDP clients ---------------------------------------------------------- */

int agent_tasks_pick(unsigned index, const struct module_id *m, struct route_node *out,
                     void *arg)
{
    struct agent *a = arg;

    return a->udp_calls ? udp_calls_pick(a->udp_calls, index, m, out) : -ESRCH;
}

void agent_tasks_count(unsigned index, const struct msg_call *q, void *arg)
{
    struct agent *a = arg;

    if (!a->udp_calls || !udp_calls_count(a->udp_calls, index, q))
        batch_sender_count(a->batches, index, q);
}

struct frame_task {
    struct udp_batch *u;              /* the reply leaves by the port of the question */
    struct net_addr from;
    int32_t msgid;
    uint32_t len;
    char body[];
};

static void run_frame(void *arg, void *user)
{
    struct frame_task *t = arg;
    struct frame f = {t->msgid, t->len, t->body};

    shard_handle(user, t->u, &f, &t->from);
    free(t);
}

void agent_tasks_forward(unsigned index, struct udp_batch *u, const struct frame *f,
                         const struct net_addr *from, void *arg)
{
    struct frame_task *t = malloc(sizeof(*t) + f->len);

    if (!t)
        return;                       /* lost, as any datagram may be */
    *t = (struct frame_task){.u = u, .from = *from, .msgid = f->msgid, .len = f->len};
    memcpy(t->body, f->body, f->len);
    post_task(arg, index, run_frame, t);
}

/* --- the end ------------------------------------------------------------------------ */

/* Runs in AGENT_REPORT, once for each thread that counts.  A thread's reports came before
 * in the same queue, so after the last one everything is on its way. */
static void run_flushed(void *arg, void *user)
{
    struct agent *a = arg;

    if (++a->n_flushed == AGENT_SIDES)
        repcli_finish(user);
}

static void post_flushed(struct agent *a)
{
    struct msgq_task t = {run_flushed, NULL, a};

    looppool_post(a->pool, AGENT_REPORT, &t);
}

static void run_flush_shard(void *arg, void *user)
{
    shard_flush(user);
    post_flushed(arg);
}

static void run_flush_dataplane(void *arg, void *user)
{
    if (user)                         /* NULL without shared memory */
        dataplane_flush(user);
    post_flushed(arg);
}

void agent_tasks_drain(struct agent *a)
{
    struct msgq_task t = {run_flush_dataplane, NULL, a};
    unsigned i;

    looppool_post(a->pool, AGENT_DATAPLANE, &t);
    t.run = run_flush_shard;
    for (i = 0; i < SHARD_N; i++)
        looppool_post(a->pool, i, &t);
}

void agent_tasks_drained(void *arg)
{
    struct agent *a = arg;

    sem_post(&a->drained);
}
