#include "agent_data/dataplane_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent_report/batch_sender.h"
#include "base/ipv4.h"
#include "shmem/picker.h"

struct dataplane_link {
    struct looppool *pool;
    unsigned thread;
    struct batch_link *exact;
    dataplane_link_totals_fn *totals;
    void *arg;
    struct dataplane *plane;
    char dir[256];
    struct picker *chooser[SHARD_N]; /* the shard's thread only */
};

struct route_task {
    struct dataplane_link *x;
    struct module_id mod;
    size_t n;
    struct route_node node[];
};

static void run_route(void *arg, void *user)
{
    struct route_task *t = arg;

    (void)user;
    dataplane_set_route(t->x->plane, &t->mod, t->node, t->n);
    free(t);
}

void dataplane_link_route(struct dataplane_link *x, const struct module_id *m,
                     const struct route_node *node, size_t n, bool running)
{
    struct msgq_task task = {run_route, free, NULL};
    struct route_task *t;

    if (!x)
        return;
    if (!running) {
        dataplane_set_route(x->plane, m, node, n);
        return;
    }
    t = malloc(sizeof(*t) + n * sizeof(*node));
    if (!t)
        return;                       /* the refresh brings it again */
    t->x = x;
    t->mod = *m;
    t->n = n;
    if (n > 0)
        memcpy(t->node, node, n * sizeof(*node));
    task.arg = t;
    if (looppool_post(x->pool, x->thread, &task) < 0)
        free(t);
}

struct info_task {
    struct dataplane_link *x;
    struct msg_module_meta info;
};

static void run_info(void *arg, void *user)
{
    struct info_task *t = arg;

    (void)user;
    dataplane_set_info(t->x->plane, &t->info);
    free(t);
}

void dataplane_link_info(struct dataplane_link *x, const struct msg_module_meta *m)
{
    struct msgq_task task = {run_info, free, NULL};
    struct info_task *t = x ? malloc(sizeof(*t)) : NULL;

    if (!t)
        return;                       /* the next news bring it */
    *t = (struct info_task){x, *m};
    task.arg = t;
    if (looppool_post(x->pool, x->thread, &task) < 0)
        free(t);
}

/* --- those who speak UDP ------------------------------------------------------------ */

static struct picker *chooser_of(struct dataplane_link *x, unsigned index)
{
    if (!x->chooser[index] &&
        picker_create(&x->chooser[index], x->dir, LAYOUT_CALL_LOGS + 1 + index) < 0)
        x->chooser[index] = NULL;
    return x->chooser[index];
}

int dataplane_link_pick(struct dataplane_link *x, unsigned index,
                        const struct module_id *m, struct route_node *out)
{
    struct picker *c = x ? chooser_of(x, index) : NULL;
    struct net_addr a;
    int rc = c ? picker_look(c, m->modid, m->cmdid, 0, &a) : -ESRCH;

    if (rc < 0 || a.family != AF_INET)
        return -ESRCH;
    *out = (struct route_node){.ip = ipv4_of(&a), .port = a.port};
    return 0;
}

bool dataplane_link_call(struct dataplane_link *x, unsigned index,
                         const struct msg_call *q)
{
    struct picker *c = x ? chooser_of(x, index) : NULL;
    struct net_addr a = ipv4_addr(q->host.ip, (uint16_t)q->host.port);

    return c && picker_count(c, q->mod.modid, q->mod.cmdid, &a, q->retcode == 0,
                              q->cost_us) == 0;
}

/* --- reports ------------------------------------------------------------------------ */

static void tell_row(const struct module_id *m, const struct msg_result *res, void *arg)
{
    struct dataplane_link *x = arg;

    x->totals(m, res, 1, x->arg);
}

static void ship(void *arg)
{
    struct dataplane_link *x = arg;

    if (!batch_link_ship(x->exact, x->thread))
        batch_link_tell(x->exact, x->thread, tell_row, x);
}

static void run_flush(void *arg, void *user)
{
    struct dataplane_link *x = arg;

    (void)user;
    dataplane_collect(x->plane);
    ship(x);
}

void dataplane_link_flush(struct dataplane_link *x)
{
    struct msgq_task t = {run_flush, NULL, x};

    if (x)
        looppool_post(x->pool, x->thread, &t);
}

void dataplane_link_stat(const struct dataplane_link *x, struct dataplane_stat *out)
{
    *out = (struct dataplane_stat){0};
    if (x)
        dataplane_stat(x->plane, out);
}

/* --- life --------------------------------------------------------------------------- */

int dataplane_link_create(struct dataplane_link **out, struct looppool *pool,
                          unsigned thread, struct batch_link *exact,
                          const struct dataplane_config *cfg,
                          dataplane_link_totals_fn *totals, void *arg)
{
    struct dataplane_config pc = *cfg;
    struct dataplane_link *x;
    int rc;

    *out = NULL;
    if (!cfg->dir || !cfg->dir[0])
        return 0;
    x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    if (snprintf(x->dir, sizeof(x->dir), "%s", cfg->dir) >= (int)sizeof(x->dir)) {
        free(x);
        return -ENAMETOOLONG;
    }
    x->pool = pool;
    x->thread = thread;
    x->exact = exact;
    x->totals = totals;
    x->arg = arg;
    pc.ship = ship;
    pc.arg = x;
    rc = dataplane_create(&x->plane, looppool_loop(pool, thread),
                      batch_link_ledger(exact, thread), &pc);
    if (rc < 0)
        free(x);
    else
        *out = x;
    return rc;
}

void dataplane_link_destroy(struct dataplane_link *x)
{
    unsigned i;

    if (!x)
        return;
    for (i = 0; i < SHARD_N; i++)
        picker_destroy(x->chooser[i]);
    dataplane_destroy(x->plane);
    free(x);
}
