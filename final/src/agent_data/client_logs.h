/* client_logs -- all call logs of this host as the agent has them open: one for each
 * thread of a client, and the agent's own.  Finds logs of new clients, reaps those of
 * clients that died, and ends calls whose time-out is over.  A client that damages its
 * file loses only its own log.
 * Thread: one, unless said otherwise. */
#ifndef LARS_AGENT_DATA_CLIENT_LOGS_H
#define LARS_AGENT_DATA_CLIENT_LOGS_H

#include "shmem/call_log.h"

struct client_logs;

struct client_logs_hooks {
    call_log_timeout_fn *timeout;     /* the time-out of a module's calls, in ms */
    /* A call was ended for its owner.  <died>: because the owner died; else because its
     * time-out is over. */
    void (*ended)(const struct call_log_end *e, bool died, void *arg);
    void *arg;                        /* borrowed; for both */
};

/* Opens all logs that are in use and completes what a killed agent was doing in them,
 * for which hooks->ended may be called.  Installs a handler for SIGBUS in this process.
 * Borrows <s>; copies <hooks>.  <now_us>: monotonic.  Returns 0; -ENOMEM; as
 * call_log_open() for the agent's own log. */
int client_logs_create(struct client_logs **out, struct segment *s,
                       const struct client_logs_hooks *hooks, uint64_t now_us);
void client_logs_destroy(struct client_logs *l); /* the files stay.  NULL is fine */

/* Opens the logs of clients that are new since the last call.  Cheap enough for every
 * 10 ms: SEGMENT_CLIENT_LOGS loads and one fstatat(2). */
void client_logs_open_new(struct client_logs *l);

/* To be called once a second: opens new logs, reaps the logs of dead clients (their open
 * calls are counted as abandoned), and ends calls whose time-out is over.  <now_us>:
 * monotonic. */
void client_logs_reap(struct client_logs *l, uint64_t now_us);

/* The sum over all logs of what was counted of node <nid>, written to <out>. */
void client_logs_sum(struct client_logs *l, uint32_t nid, struct call_log_sum *out);

/* Calls <fn> for each open log; with <changed> only for those whose clients counted
 * something since the last call with <changed>.  The log is borrowed for the call. */
typedef void client_logs_fn(struct call_log *log, void *arg);
void client_logs_each(struct client_logs *l, bool changed, client_logs_fn *fn, void *arg);

/* True while at least one client thread owns a log. */
bool client_logs_any_claimed(const struct client_logs *l);

struct client_logs_stat {
    uint64_t n_client;                /* client threads that own a log now */
    uint64_t n_died;                  /* client threads that died with a log, so far */
    uint64_t n_abandoned;             /* calls that these had open, so far */
    uint64_t n_timeout;               /* calls ended by their time-out, so far */
    uint64_t n_dropped;               /* damaged logs that are not read any more */
};

/* Thread: any. */
void client_logs_stat(const struct client_logs *l, struct client_logs_stat *out);

#endif
