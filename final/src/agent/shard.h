/* shard -- one port of the agent and the modules that belong to it: answers the API by
 * UDP, chooses nodes, takes call results.  Its modules are nobody else's: nothing to
 * lock.
 * The shard of a module is ((uint32_t)modid + (uint32_t)cmdid) % SHARD_N.
 * Thread: the one of its loop, unless said otherwise. */
#ifndef LARS_AGENT_SHARD_H
#define LARS_AGENT_SHARD_H

#include <stddef.h>
#include <stdint.h>

#include "lb/classic.h"
#include "net/udp.h"
#include "proto/msg_host.h"
#include "proto/msg_report.h"

#define SHARD_N 3                     /* ports 8888, 8889, 8890 */

struct shard;

struct shard_config {
    unsigned index;                   /* 0 to SHARD_N - 1 */
    const struct classic_config *classic; /* borrowed for the call of shard_create() */
    uint32_t report_ms;               /* between two reports of a module */
    uint32_t max_modules;             /* more are answered "none" and not asked for */
    /* Hooks, called in the shard's thread. */
    void (*want)(const struct module_id *m, void *arg); /* its route is not known */
    void (*forget)(const struct module_id *m, void *arg); /* nobody asks for it */
    /* Totals to ship; borrowed for the call.  Returns 0, or the same is tried again. */
    int (*report)(const struct module_id *m, const struct msg_result *res, size_t n,
                  void *arg);
    /* A frame for a module of another shard: bring it to shard_handle() there. */
    void (*elsewhere)(unsigned index, struct udp *u, const struct frame *f,
                      const struct net_addr *from, void *arg);
    /* A better choice than ours: 0, or -ESRCH.  May be NULL. */
    int (*pick)(unsigned index, const struct module_id *m, struct route_node *out,
                void *arg);
    /* A call was counted: <q> as it came.  May be NULL. */
    void (*on_call)(unsigned index, const struct msg_call *q, void *arg);
    void *arg;                        /* borrowed */
};

/* Binds to <at>.  Copies <cfg>.  Returns 0; -EADDRINUSE ...; -ENOMEM.  Thread: init. */
int shard_create(struct shard **out, struct evloop *l, const struct net_addr *at,
                 const struct shard_config *cfg);
void shard_destroy(struct shard *s);  /* NULL is fine */

int shard_local_addr(const struct shard *s, struct net_addr *out); /* init */

/* A module's nodes are these.  A module that nobody asked for is taken too: it comes from
 * the file. */
void shard_set_route(struct shard *s, const struct module_id *m,
                     const struct route_node *node, size_t n);

/* As if it had come to our own port; the reply goes by <u>. */
void shard_handle(struct shard *s, struct udp *u, const struct frame *f,
                  const struct net_addr *from);

void shard_report_all(struct shard *s); /* the receiver is new: tell everything again */
void shard_flush(struct shard *s);    /* report now what has not been reported */

struct shard_stat {
    uint64_t n_get_host, n_get_route, n_report;
    uint64_t n_bad;                   /* of these: malformed or unknown */
    uint64_t n_module;                /* known or asked for, now */
};

void shard_stat(const struct shard *s, struct shard_stat *out); /* Thread: any */

#endif
