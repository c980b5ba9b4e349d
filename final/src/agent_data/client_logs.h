/* books -- all ledgers of calls of this host, as the agent has them open: its own and
 * those of clients, whose dead it cleans up after.  A client that spoils its file is
 * dropped, and nobody else notices.  Thread: one. */
#ifndef LARS_AGENT_DATA_CLIENT_LOGS_H
#define LARS_AGENT_DATA_CLIENT_LOGS_H

#include "shmem/call_log.h"

struct client_logs;

struct client_logs_hooks {
    call_log_timeout_fn *timeout;        /* of a module, in ms */
    /* A call of <nid> was closed for its owner: it died, or it was too late. */
    void (*ended)(const struct call_log_end *e, bool died, void *arg);
    void *arg;
};

/* Opens what is in use, finishes what a predecessor was doing.  Borrows <s>. */
int client_logs_create(struct client_logs **out, struct segment *s,
                       const struct client_logs_hooks *hooks, uint64_t now_us);
void client_logs_destroy(struct client_logs *b);  /* NULL is fine */

/* who is new, or was?  1,024 loads and a stat */
void client_logs_welcome(struct client_logs *b);

/* Once a second: who is new, who has died, which calls are too old? */
void client_logs_look(struct client_logs *b, uint64_t now_us);

/* What all of them counted of a node. */
void client_logs_sum(struct client_logs *b, uint32_t nid, struct call_log_sum *out);

/* For each open ledger; with <dirty> only for those that moved since the last time. */
typedef void client_logs_fn(struct call_log *c, void *arg);
void client_logs_each(struct client_logs *b, bool dirty, client_logs_fn *fn, void *arg);

bool client_logs_any_claimed(const struct client_logs *b);

struct client_logs_stat {
    uint64_t n_ledger, n_died, n_abandoned, n_timeout, n_dropped;
};

/* Thread: any */
void client_logs_stat(const struct client_logs *b, struct client_logs_stat *out);

#endif
