/* shard -- one UDP port of the agent, with the modules that belong to it: answers the
 * API, chooses nodes, counts the results of calls.  A module belongs to one shard,
 * module_id_shard(m, SHARD_N), so a shard shares nothing and needs no lock.
 * Thread: the one of its loop, unless said otherwise. */
#ifndef LARS_AGENT_SHARD_H
#define LARS_AGENT_SHARD_H

#include <stddef.h>
#include <stdint.h>

#include "lb/classic.h"
#include "net/udp_batch.h"
#include "proto/msg_host.h"
#include "proto/msg_report.h"

#define SHARD_N 3                     /* ports 8888, 8889, 8890 */

struct shard;

struct shard_config {
    unsigned index;                   /* 0 to SHARD_N - 1 */
    const struct classic_config *classic; /* borrowed for the call of shard_create() */
    uint32_t report_ms;               /* between two reports of a module */
    uint32_t max_modules;             /* questions for more are answered "no node" */
    /* The hooks are called in the shard's thread; what they get is borrowed for the call.
     *
     * The module's route is not known: pass it, and its changes, to shard_set_route(). */
    void (*want)(const struct module_id *m, void *arg);
    /* The module has no nodes and no client asks for it: its route is not needed. */
    void (*forget)(const struct module_id *m, void *arg);
    /* Totals to report.  Returns 0; below 0: they are given again after report_ms. */
    int (*report)(const struct module_id *m, const struct msg_result *res, size_t n,
                  void *arg);
    /* The frame is for a module of shard <index>: pass it to shard_handle() there. */
    void (*forward)(unsigned index, struct udp_batch *u, const struct frame *f,
                    const struct net_addr *from, void *arg);
    /* Chooses a node by other means than lb/classic.  Returns 0; below 0: lb/classic
     * chooses.  May be NULL. */
    int (*pick)(unsigned index, const struct module_id *m, struct route_node *out,
                void *arg);
    /* The result of a call was accepted.  May be NULL. */
    void (*on_call)(unsigned index, const struct msg_call *q, void *arg);
    void *arg;                        /* borrowed */
};

/* Binds to <at>.  Borrows <l>; copies <cfg>.  Returns 0; -EADDRINUSE and the other errors
 * of udp_batch_open(); -ENOMEM.  Thread: init. */
int shard_create(struct shard **out, struct evloop *l, const struct net_addr *at,
                 const struct shard_config *cfg);
void shard_destroy(struct shard *s);  /* NULL is fine.  Thread: init */

/* The address that it is bound to.  Returns 0 or -errno.  Thread: init. */
int shard_local_addr(const struct shard *s, struct net_addr *out);

/* The module has these nodes.  A module without nodes that the shard does not have is
 * ignored; one with nodes is added, because it comes from the route file or was asked for
 * a moment ago. */
void shard_set_route(struct shard *s, const struct module_id *m,
                     const struct route_node *node, size_t n);

/* Handles <f> as if it had come to the shard's own port; the reply leaves by <u>, which
 * may be used by several threads at once. */
void shard_handle(struct shard *s, struct udp_batch *u, const struct frame *f,
                  const struct net_addr *from);

/* The receiver of reports may be another one: the next report has all modules again. */
void shard_report_all(struct shard *s);
void shard_flush(struct shard *s);    /* reports now what has not been reported */

struct shard_stat {
    uint64_t n_get_host, n_get_route, n_report; /* so far */
    uint64_t n_bad;                   /* of these, malformed or for an unknown node */
    uint64_t n_udp_in;                /* datagrams that held a frame */
    uint64_t n_udp_bad;               /* datagrams that did not, and were dropped */
    uint64_t n_module;                /* modules that the shard has now */
};

void shard_stat(const struct shard *s, struct shard_stat *out); /* Thread: any */

#endif
