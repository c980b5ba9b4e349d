/* books -- all ledgers of calls of this host, as the agent has them open: its own and
 * those of clients, whose dead it cleans up after.  A client that spoils its file is
 * dropped, and nobody else notices.  Thread: one. */
#ifndef LARS_AGENT_BOOKS_H
#define LARS_AGENT_BOOKS_H

#include "shmtab/calls.h"

struct books;

struct books_hooks {
    calls_timeout_fn *timeout;        /* of a module, in ms */
    /* A call of <nid> was closed for its owner: it died, or it was too late. */
    void (*ended)(const struct calls_end *e, bool died, void *arg);
    void *arg;
};

/* Opens what is in use, finishes what a predecessor was doing.  Borrows <s>. */
int books_create(struct books **out, struct segment *s, const struct books_hooks *hooks,
                 uint64_t now_us);
void books_destroy(struct books *b);  /* NULL is fine */

void books_welcome(struct books *b);  /* who is new, or was?  1,024 loads and a stat */

/* Once a second: who is new, who has died, which calls are too old? */
void books_look(struct books *b, uint64_t now_us);

/* What all of them counted of a node. */
void books_sum(struct books *b, uint32_t nid, struct calls_sum *out);

/* For each open ledger; with <dirty> only for those that moved since the last time. */
typedef void books_fn(struct calls *c, void *arg);
void books_each(struct books *b, bool dirty, books_fn *fn, void *arg);

bool books_any_claimed(const struct books *b);

struct books_stat {
    uint64_t n_ledger, n_died, n_abandoned, n_timeout, n_dropped;
};

void books_stat(const struct books *b, struct books_stat *out); /* Thread: any */

#endif
