#include "agent_report/batch_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent_report/batch_sender.h"
#include "agent_report/outbox.h"
#include "agent/repcli.h"

#define TICK_MS 1000

struct batch_link {
    struct looppool *pool;
    unsigned rep;
    struct batch_sender *exact;
    struct dispatch *dispatch;
    struct evtimer tick;              /* <rep>'s */
};

/* Takes <arg>. */
static void post(struct batch_link *x, unsigned thread, msgq_run_fn *run, void *arg)
{
    struct msgq_task t = {run, free, arg};

    if (looppool_post(x->pool, thread, &t) < 0)
        free(arg);                    /* the tick asks for all of it again */
}

struct settle_task {
    struct batch_link *x;
    unsigned index;
    uint64_t seq;                     /* 0 = only ship */
};

static void run_settle(void *arg, void *user)
{
    struct settle_task *t = arg;

    (void)user;
    if (t->seq > 0)
        batch_sender_settle(t->x->exact, t->index, t->seq);
    else
        batch_sender_ship(t->x->exact, t->index);
    free(t);
}

static void post_acked(unsigned index, uint64_t seq, void *arg)
{
    struct settle_task *t = malloc(sizeof(*t));

    if (!t)
        return;
    *t = (struct settle_task){arg, index, seq};
    post(arg, index, run_settle, t);
}

static void post_ship(unsigned index, void *arg)
{
    post_acked(index, 0, arg);
}

struct send_task {
    int32_t msgid;
    size_t len;
    char body[];
};

static void run_send(void *arg, void *user)
{
    struct send_task *t = arg;

    repcli_send_frame(user, t->msgid, t->body, t->len); /* lost: it is sent again */
    free(t);
}

static void send_frame(int32_t msgid, const void *body, size_t len, void *arg)
{
    struct batch_link *x = arg;
    struct send_task *t = malloc(sizeof(*t) + len);

    if (!t)
        return;
    t->msgid = msgid;
    t->len = len;
    memcpy(t->body, body, len);
    post(x, x->rep, run_send, t);
}

static void on_tick(void *arg)
{
    struct batch_link *x = arg;
    struct evloop *l = looppool_loop(x->pool, x->rep);

    batch_sender_on_tick(x->exact, evloop_now_ms(l));
    evloop_set_timer(l, &x->tick, TICK_MS, on_tick, x);
}

int batch_link_create(struct batch_link **out, struct looppool *pool, unsigned rep,
                     const char *path, uint32_t zone, void (*on_base)(void *arg),
                     void *arg)
{
    struct batch_link *x = calloc(1, sizeof(*x));
    struct batch_sender_config cfg = {.path = path,
                               .zone = zone,
                               .post_ship = post_ship,
                               .post_acked = post_acked,
                               .send = send_frame,
                               .arg = x,
                               .on_base = on_base,
                               .base_arg = arg};
    int rc = x ? batch_sender_create(&x->exact, &cfg) : -ENOMEM;

    if (rc < 0) {
        free(x);
        return rc;
    }
    x->pool = pool;
    x->rep = rep;
    rc = dispatch_create(&x->dispatch);
    if (rc == 0)
        rc = batch_sender_add_handlers(x->exact, x->dispatch);
    if (rc == 0)
        rc = evloop_set_timer(looppool_loop(pool, rep), &x->tick, TICK_MS, on_tick, x);
    if (rc < 0)
        batch_link_destroy(x);
    else
        *out = x;
    return rc;
}

void batch_link_destroy(struct batch_link *x)
{
    if (!x)
        return;
    evloop_clear_timer(looppool_loop(x->pool, x->rep), &x->tick);
    batch_sender_destroy(x->exact);
    dispatch_destroy(x->dispatch);
    free(x);
}

const struct dispatch *batch_link_dispatch(const struct batch_link *x)
{
    return x->dispatch;
}

void batch_link_on_up(struct batch_link *x, uint32_t caller)
{
    batch_sender_on_up(x->exact, caller);
}

void batch_link_on_call(struct batch_link *x, unsigned index, const struct msg_call *q)
{
    batch_sender_count(x->exact, index, q);
}

bool batch_link_is_on(const struct batch_link *x)
{
    return batch_sender_is_on(x->exact);
}

struct outbox *batch_link_ledger(struct batch_link *x, unsigned index)
{
    return batch_sender_ledger(x->exact, index);
}

bool batch_link_ship(struct batch_link *x, unsigned index)
{
    if (!batch_sender_is_on(x->exact))
        return false;
    batch_sender_ship(x->exact, index);
    return true;
}

void batch_link_tell(struct batch_link *x, unsigned index, batch_link_row_fn *fn,
                     void *arg)
{
    outbox_each_unsettled(batch_sender_ledger(x->exact, index), fn, arg);
    batch_sender_told(x->exact, index);
}

bool batch_link_report(struct batch_link *x, const struct module_id *m,
                      const struct msg_result *res, size_t n)
{
    unsigned index = module_id_shard(*m, SHARD_N);

    if (!batch_sender_is_on(x->exact)) {
        batch_sender_told(x->exact, index);
        return false;
    }
    batch_sender_note(x->exact, index, m, res, n);
    batch_sender_ship(x->exact, index);
    return true;
}
