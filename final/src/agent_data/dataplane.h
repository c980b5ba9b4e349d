/* dataplane -- the agent's side of the data plane.  It publishes routes in shared memory,
 * turns what clients count there into costs and ejections, and brings their counts into
 * an outbox that is reported from.  It works every 10 ms while clients make calls, else
 * every 40 ms.
 * Thread: loop, unless said otherwise. */
#ifndef LARS_AGENT_DATA_DATAPLANE_H
#define LARS_AGENT_DATA_DATAPLANE_H

#include "agent_data/module_policy.h"
#include "agent_report/batch_sender.h"
#include "lb/health.h"
#include "net/evloop.h"
#include "proto/msg_state.h"
#include "route/route.h"

struct dataplane;

struct dataplane_config {
    const char *dir;                  /* folder of the shared files; copied */
    uint32_t max_nodes, max_modules;  /* powers of two */
    struct module_policy_config policy;
    struct health_config health;
    struct batch_sender *batches;     /* borrowed; counts leave by it ... */
    unsigned side;                    /* ... from this side, whose thread is the loop's */
    /* For a legacy Report Service: sends these totals. */
    batch_sender_totals_fn *totals;
    void *arg;                        /* borrowed; for <totals> */
};

/* Adopts what a predecessor left in the folder; files that make no sense are replaced,
 * which is logged.  Borrows <l>; copies <cfg>.  Returns 0; -EBUSY when another agent uses
 * the folder; -ENAMETOOLONG for a folder of more than 255 bytes; -ENOSPC, -EACCES and the
 * other errors of segment_create(); -ENOMEM.  Thread: init. */
int dataplane_create(struct dataplane **out, struct evloop *l,
                     const struct dataplane_config *cfg);

/* The files stay while a client uses them, so that a successor can adopt them; else they
 * are removed.  Counts that dataplane_flush() has not brought in stay in the files.  NULL
 * is fine.  Thread: init. */
void dataplane_destroy(struct dataplane *p);

/* The module has these nodes now.  Without room in shared memory the module's old nodes
 * stay there, which is logged. */
void dataplane_set_route(struct dataplane *p, const struct module_id *m,
                         const struct route_node *node, size_t n);

/* Calls <fn> for each module that has nodes in shared memory, at the start those of the
 * predecessor.  Callers choose among them without a question, so no question would tell
 * that they are wanted.  Thread: init. */
void dataplane_each_module(const struct dataplane *p,
                           void (*fn)(const struct module_id *m, void *arg), void *arg);

/* What the database has on the module besides its nodes. */
void dataplane_set_meta(struct dataplane *p, const struct msg_module_meta *m);

/* The nodes that get no calls, or few, from this host: as out_nodes_list(). */
size_t dataplane_out_nodes(struct dataplane *p, struct msg_state_node *out, size_t max);

/* Brings all counts into the outbox and sends them, now. */
void dataplane_flush(struct dataplane *p);

/* The names of the shared files are gone, or belong to other files: clients leave the
 * segment at their next call and use UDP.  What they report until then is collected;
 * dataplane_stat.is_drained tells when all is. */
void dataplane_retire(struct dataplane *p);

struct dataplane_stat {
    uint64_t n_client;                /* threads of clients that count here now */
    uint64_t n_died;                  /* such threads that died, so far */
    uint64_t n_abandoned;             /* calls that were open when they died, so far */
    uint64_t n_timeout;               /* calls ended by their time-out, so far */
    uint64_t n_ejected, n_returned;   /* ejections and readmissions, so far */
    uint64_t n_vetoed;                /* ejections that would have left too few nodes */
    uint64_t n_corrected;             /* in-flight counters that were repaired, so far */
    uint64_t n_module, n_node;        /* in shared memory now */
    uint64_t n_out;                   /* nodes that are down or ejected now */
    uint64_t n_down;                  /* of these, nodes whose checks fail */
    uint64_t n_checks, n_check_failed; /* active checks, so far */
    uint64_t bytes;                   /* of shared memory that routes take */
    uint64_t n_reported;              /* calls that clients reported here, so far */
    bool is_drained;                  /* after dataplane_retire(): no call is open, and
                                       * none was reported for a second */
    int publish_err;                  /* of the last route that found no room, until it
                                       * finds room; 0 = none */
    int folder_err;                   /* 0; -errno: files cannot be made in the folder */
    int collect_err;                  /* of the last collection: 0; -ENOBUFS: the outbox
                                       * is full; other -errno: the files' disk is */
};

void dataplane_stat(const struct dataplane *p, struct dataplane_stat *out); /* any */

#endif
