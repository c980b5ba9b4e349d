/* agent_private -- what agent.c (start and stop) and agent_tasks.c (what the threads send
 * to each other) share.  Only these two include it. */
#ifndef LARS_AGENT_AGENT_PRIVATE_H
#define LARS_AGENT_AGENT_PRIVATE_H

#include <semaphore.h>
#include <stdbool.h>

#include "agent/agent.h"
#include "agent/agent_state.h"
#include "agent/dnscli.h"
#include "agent/failover.h"
#include "agent/repcli.h"
#include "agent/route_sync.h"
#include "agent/shard.h"
#include "agent_data/udp_calls.h"
#include "agent_report/batch_sender.h"
#include "net/looppool.h"

/* Threads of the pool.  The first SHARD_N are the shards; they and the data plane count
 * calls, and are the sides of the batch sender under the same numbers. */
enum agent_thread {
    AGENT_DATAPLANE = SHARD_N,
    AGENT_DNS,                        /* the connection to DNSService */
    AGENT_REPORT,                     /* the connection to the Report Service */
    AGENT_THREADS,
    AGENT_SIDES = AGENT_DATAPLANE + 1,
};

struct agent {
    struct looppool *pool;
    struct shard *shard[SHARD_N];     /* each in the thread of its index */
    struct dataplane *dataplane;      /* AGENT_DATAPLANE's; NULL = no shared memory */
    struct udp_calls *udp_calls;      /* the shards'; NULL = no shared memory */
    struct dnscli *dns;               /* AGENT_DNS's */
    struct route_sync *route_sync;    /* AGENT_DNS's */
    struct repcli *rep;               /* AGENT_REPORT's */
    struct batch_sender *batches;     /* has functions for each thread */
    struct agent_state *state; /* AGENT_REPORT's */
    struct failover *failover;        /* AGENT_DNS's and AGENT_REPORT's */
    uint16_t port;
    bool started;                     /* set before the threads run, constant then */
    unsigned n_flushed;               /* AGENT_REPORT: threads that sent all they had */
    sem_t drained;                    /* posted when the last report was sent */
    _Atomic uint64_t n_report_up;
    struct evtimer dns_check, report_check; /* AGENT_DNS's, AGENT_REPORT's */
    uint64_t start_ms;                /* monotonic, as the next two */
    _Atomic uint64_t dns_seen_ms;     /* last check that found a connection; 0 = none */
    _Atomic uint64_t report_seen_ms;  /* the same */
    _Atomic bool has_route;           /* a route with nodes has come */
};

/* --- hooks of the parts; <arg> is the struct agent; each runs in its part's thread -- */

/* Of a shard: see struct shard_config. */
void agent_tasks_want(const struct module_id *m, void *arg);
void agent_tasks_forget(const struct module_id *m, void *arg);
int agent_tasks_report(const struct module_id *m, const struct msg_result *res, size_t n,
                       void *arg);
int agent_tasks_pick(unsigned index, const struct module_id *m, struct route_node *out,
                     void *arg);
void agent_tasks_count(unsigned index, const struct msg_call *q, void *arg);
void agent_tasks_forward(unsigned index, struct udp_batch *u, const struct frame *f,
                         const struct net_addr *from, void *arg);

/* Of the data plane: totals of one node, for a legacy Report Service. */
void agent_tasks_totals(const struct module_id *m, const struct msg_result *res,
                        void *arg);

/* Of the client of DNSService: a route, or what else the database has on a module. */
void agent_tasks_route(const struct module_id *m, const struct dnscli_nodes *r,
                       void *arg);
void agent_tasks_version(const struct module_id *m, const struct dnscli_nodes *r,
                         void *arg);
void agent_tasks_meta(const struct msg_module_meta *m, void *arg);

/* Of the client of the Report Service, and of the batch sender. */
void agent_tasks_report_up(void *arg);
void agent_tasks_report_down(void *arg);
void agent_tasks_drained(void *arg);
void agent_tasks_report_all(void *arg);
void agent_tasks_send(int32_t msgid, const void *body, size_t len, void *arg);

/* Lets every thread send what it has, then ends the connection to the Report Service;
 * agent.drained is posted when that is done.  Thread: the one of agent_stop(). */
void agent_tasks_drain(struct agent *a);

#endif
