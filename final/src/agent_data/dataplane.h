/* plane -- the agent's side of the data plane: puts routes into shared memory, turns what
 * clients count there into costs and verdicts, and brings their counts into the ledger
 * that is reported from.  Every 10 ms while clients work, else every 100.
 * Thread: loop, unless said otherwise. */
#ifndef LARS_AGENT_DATA_DATAPLANE_H
#define LARS_AGENT_DATA_DATAPLANE_H

#include "agent_data/module_policy.h"
#include "agent_report/outbox.h"
#include "lb/health.h"
#include "net/evloop.h"
#include "proto/msg.h"
#include "route/route.h"

struct dataplane;

struct dataplane_config {
    const char *dir;                  /* of the shared files; copied */
    uint32_t max_nodes, max_modules;  /* powers of two */
    struct module_policy_config advice;
    struct health_config health;
    /* Counts were brought into the ledger: ship them. */
    void (*ship)(void *arg);
    void *arg;
};

/* Adopts what a predecessor left in the folder.  Borrows <l> and <ledger>.  Returns 0;
 * -EBUSY when another agent has the folder; -ENOSPC, -EACCES ...  Thread: init. */
int dataplane_create(struct dataplane **out, struct evloop *l, struct outbox *ledger,
                 const struct dataplane_config *cfg);

/* The files stay while a client uses them, for a successor.  NULL is fine. */
void dataplane_destroy(struct dataplane *p);

/* The module's nodes are these. */
void dataplane_set_route(struct dataplane *p, const struct module_id *m,
                     const struct route_node *node, size_t n);

/* What the database says of the module besides. */
void dataplane_set_info(struct dataplane *p, const struct msg_module_meta *m);

void dataplane_collect(struct dataplane *p);  /* bring all counts into the ledger, now */

struct dataplane_stat {
    uint64_t n_ledger;                /* threads of clients, now */
    uint64_t n_died;                  /* that ended without a word */
    uint64_t n_abandoned;             /* calls that were theirs */
    uint64_t n_timeout;               /* calls that nobody reported */
    uint64_t n_ejected, n_returned, n_vetoed;
    uint64_t n_corrected;             /* counters of calls under way, by the audit */
    uint64_t n_module, n_node, n_out; /* in shared memory; nodes that are out */
    uint64_t bytes;                   /* of shared memory for routes */
};

/* Thread: any */
void dataplane_stat(const struct dataplane *p, struct dataplane_stat *out);

#endif
