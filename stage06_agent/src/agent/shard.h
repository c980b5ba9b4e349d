/* shard -- one port of the agent and the modules that belong to it: answers the API by
 * UDP, chooses nodes and receives call results.  Only the thread of the shard uses its
 * modules, so there is no lock.  module_id_shard() gives the shard of a module.
 * Thread: that of its loop, except where a function names another. */
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
    uint32_t report_ms;               /* time between two reports of a module */
    uint32_t max_modules;             /* for more the answer is MSG_RET_NONE */
    /* Hooks, called in the thread of the shard. */
    void (*want)(const struct module_id *m, void *arg); /* a new module: get its route */
    void (*forget)(const struct module_id *m, void *arg); /* it is no longer used */
    /* Send these totals, which are borrowed for the call.  When the result is not 0, the
     * shard reports them again later. */
    int (*report)(const struct module_id *m, const struct msg_result *res, size_t n,
                  void *arg);
    /* The frame concerns shard <index>: pass it to shard_handle() of that shard. */
    void (*elsewhere)(unsigned index, struct udp *u, const struct frame *f,
                      const struct net_addr *from, void *arg);
    /* A call result was counted; <q> is the message.  May be NULL. */
    void (*on_call)(unsigned index, const struct msg_call *q, void *arg);
    void *arg;                        /* borrowed */
};

/* Bind to <at> and start answering.  Copies <cfg>.  Returns as udp_open().  Thread:
 * init. */
int shard_create(struct shard **out, struct evloop *l, const struct net_addr *at,
                 const struct shard_config *cfg);
void shard_destroy(struct shard *s);  /* NULL is fine */

int shard_local_addr(const struct shard *s, struct net_addr *out); /* Thread: init */

/* Set the nodes of a module.  A module that was not asked for yet is added, because its
 * route may come from the file. */
void shard_set_route(struct shard *s, const struct module_id *m,
                     const struct route_node *node, size_t n);

/* Handle a frame as if it had arrived at the port of this shard; reply through <u>. */
void shard_handle(struct shard *s, struct udp *u, const struct frame *f,
                  const struct net_addr *from);

void shard_report_all(struct shard *s); /* report all modules at the next report */
void shard_flush(struct shard *s);    /* report changed modules now */

struct shard_stat {
    uint64_t n_get_host, n_get_route, n_report; /* messages 4, 7 and 6 of this shard */
    uint64_t n_bad;                   /* frames refused: malformed or unknown */
    uint64_t n_module;                /* modules in this shard now */
};

void shard_stat(const struct shard *s, struct shard_stat *out); /* Thread: any */

#endif
