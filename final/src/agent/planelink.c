#include "agent/planelink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/exact.h"
#include "base/ipv4.h"
#include "shmtab/chooser.h"

struct planelink {
    struct looppool *pool;
    unsigned thread;
    struct exactlink *exact;
    planelink_totals_fn *totals;
    void *arg;
    struct plane *plane;
    char dir[256];
    struct chooser *chooser[SHARD_N]; /* the shard's thread only */
};

struct route_task {
    struct planelink *x;
    struct module_id mod;
    size_t n;
    struct route_node node[];
};

static void run_route(void *arg, void *user)
{
    struct route_task *t = arg;

    (void)user;
    plane_set_route(t->x->plane, &t->mod, t->node, t->n);
    free(t);
}

void planelink_route(struct planelink *x, const struct module_id *m,
                     const struct route_node *node, size_t n, bool running)
{
    struct msgq_task task = {run_route, free, NULL};
    struct route_task *t;

    if (!x)
        return;
    if (!running) {
        plane_set_route(x->plane, m, node, n);
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
    struct planelink *x;
    struct msg_info info;
};

static void run_info(void *arg, void *user)
{
    struct info_task *t = arg;

    (void)user;
    plane_set_info(t->x->plane, &t->info);
    free(t);
}

void planelink_info(struct planelink *x, const struct msg_info *m)
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

static struct chooser *chooser_of(struct planelink *x, unsigned index)
{
    if (!x->chooser[index] &&
        chooser_create(&x->chooser[index], x->dir, LAYOUT_LEDGERS + 1 + index) < 0)
        x->chooser[index] = NULL;
    return x->chooser[index];
}

int planelink_pick(struct planelink *x, unsigned index, const struct module_id *m,
                   struct route_node *out)
{
    struct chooser *c = x ? chooser_of(x, index) : NULL;
    struct net_addr a;
    int rc = c ? chooser_look(c, m->modid, m->cmdid, 0, &a) : -ESRCH;

    if (rc < 0 || a.family != AF_INET)
        return -ESRCH;
    *out = (struct route_node){.ip = ipv4_of(&a), .port = a.port};
    return 0;
}

bool planelink_call(struct planelink *x, unsigned index, const struct msg_call *q)
{
    struct chooser *c = x ? chooser_of(x, index) : NULL;
    struct net_addr a = ipv4_addr(q->host.ip, (uint16_t)q->host.port);

    return c && chooser_count(c, q->mod.modid, q->mod.cmdid, &a, q->retcode == 0,
                              q->cost_us) == 0;
}

/* --- reports ------------------------------------------------------------------------ */

static void tell_row(const struct module_id *m, const struct msg_result *res, void *arg)
{
    struct planelink *x = arg;

    x->totals(m, res, 1, x->arg);
}

static void ship(void *arg)
{
    struct planelink *x = arg;

    if (!exactlink_ship(x->exact, x->thread))
        exactlink_tell(x->exact, x->thread, tell_row, x);
}

static void run_flush(void *arg, void *user)
{
    struct planelink *x = arg;

    (void)user;
    plane_collect(x->plane);
    ship(x);
}

void planelink_flush(struct planelink *x)
{
    struct msgq_task t = {run_flush, NULL, x};

    if (x)
        looppool_post(x->pool, x->thread, &t);
}

void planelink_stat(const struct planelink *x, struct plane_stat *out)
{
    *out = (struct plane_stat){0};
    if (x)
        plane_stat(x->plane, out);
}

/* --- life --------------------------------------------------------------------------- */

int planelink_create(struct planelink **out, struct looppool *pool, unsigned thread,
                     struct exactlink *exact, const struct plane_config *cfg,
                     planelink_totals_fn *totals, void *arg)
{
    struct plane_config pc = *cfg;
    struct planelink *x;
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
    rc = plane_create(&x->plane, looppool_loop(pool, thread),
                      exactlink_ledger(exact, thread), &pc);
    if (rc < 0)
        free(x);
    else
        *out = x;
    return rc;
}

void planelink_destroy(struct planelink *x)
{
    unsigned i;

    if (!x)
        return;
    for (i = 0; i < SHARD_N; i++)
        chooser_destroy(x->chooser[i]);
    plane_destroy(x->plane);
    free(x);
}
