#include "agent/exactlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/exact.h"
#include "agent/ledger.h"
#include "agent/repcli.h"

#define TICK_MS 1000

struct exactlink {
    struct looppool *pool;
    unsigned rep;
    struct exact *exact;
    struct dispatch *dispatch;
    struct evtimer tick;              /* <rep>'s */
};

/* Takes <arg>. */
static void post(struct exactlink *x, unsigned thread, msgq_run_fn *run, void *arg)
{
    struct msgq_task t = {run, free, arg};

    if (looppool_post(x->pool, thread, &t) < 0)
        free(arg);                    /* the tick asks for all of it again */
}

struct settle_task {
    struct exactlink *x;
    unsigned index;
    uint64_t seq;                     /* 0 = only ship */
};

static void run_settle(void *arg, void *user)
{
    struct settle_task *t = arg;

    (void)user;
    if (t->seq > 0)
        exact_settle(t->x->exact, t->index, t->seq);
    else
        exact_ship(t->x->exact, t->index);
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
    struct exactlink *x = arg;
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
    struct exactlink *x = arg;
    struct evloop *l = looppool_loop(x->pool, x->rep);

    exact_on_tick(x->exact, evloop_now_ms(l));
    evloop_set_timer(l, &x->tick, TICK_MS, on_tick, x);
}

int exactlink_create(struct exactlink **out, struct looppool *pool, unsigned rep,
                     const char *path, uint32_t zone, void (*on_base)(void *arg),
                     void *arg)
{
    struct exactlink *x = calloc(1, sizeof(*x));
    struct exact_config cfg = {.path = path,
                               .zone = zone,
                               .post_ship = post_ship,
                               .post_acked = post_acked,
                               .send = send_frame,
                               .arg = x,
                               .on_base = on_base,
                               .base_arg = arg};
    int rc = x ? exact_create(&x->exact, &cfg) : -ENOMEM;

    if (rc < 0) {
        free(x);
        return rc;
    }
    x->pool = pool;
    x->rep = rep;
    rc = dispatch_create(&x->dispatch);
    if (rc == 0)
        rc = exact_add_handlers(x->exact, x->dispatch);
    if (rc == 0)
        rc = evloop_set_timer(looppool_loop(pool, rep), &x->tick, TICK_MS, on_tick, x);
    if (rc < 0)
        exactlink_destroy(x);
    else
        *out = x;
    return rc;
}

void exactlink_destroy(struct exactlink *x)
{
    if (!x)
        return;
    evloop_clear_timer(looppool_loop(x->pool, x->rep), &x->tick);
    exact_destroy(x->exact);
    dispatch_destroy(x->dispatch);
    free(x);
}

const struct dispatch *exactlink_dispatch(const struct exactlink *x)
{
    return x->dispatch;
}

void exactlink_on_up(struct exactlink *x, uint32_t caller)
{
    exact_on_up(x->exact, caller);
}

void exactlink_on_call(struct exactlink *x, unsigned index, const struct msg_call *q)
{
    exact_count(x->exact, index, q);
}

bool exactlink_is_on(const struct exactlink *x)
{
    return exact_is_on(x->exact);
}

struct ledger *exactlink_ledger(struct exactlink *x, unsigned index)
{
    return exact_ledger(x->exact, index);
}

bool exactlink_ship(struct exactlink *x, unsigned index)
{
    if (!exact_is_on(x->exact))
        return false;
    exact_ship(x->exact, index);
    return true;
}

void exactlink_tell(struct exactlink *x, unsigned index, exactlink_row_fn *fn, void *arg)
{
    ledger_each_unsettled(exact_ledger(x->exact, index), fn, arg);
    exact_told(x->exact, index);
}

bool exactlink_report(struct exactlink *x, const struct module_id *m,
                      const struct msg_result *res, size_t n)
{
    unsigned index = module_id_shard(*m, SHARD_N);

    if (!exact_is_on(x->exact)) {
        exact_told(x->exact, index);
        return false;
    }
    exact_note(x->exact, index, m, res, n);
    exact_ship(x->exact, index);
    return true;
}
