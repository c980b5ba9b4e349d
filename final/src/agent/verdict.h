/* verdict -- turns what all clients of this host counted into what they choose by: costs,
 * who is out, how many failures in a row are no chance, what stays in our zone.  The
 * numbers go into shared memory.  Thread: loop. */
#ifndef LARS_AGENT_VERDICT_H
#define LARS_AGENT_VERDICT_H

#include "agent/advice.h"
#include "agent/books.h"
#include "base/net_addr.h"
#include "lb/health.h"
#include "net/evloop.h"

struct verdict;

struct verdict_hooks {
    /* A node was taken out or is back: for people. */
    void (*changed)(uint32_t mid, uint32_t nid, bool out, const char *why, void *arg);
    void *arg;
};

int verdict_create(struct verdict **out, struct evloop *l, struct segment *s,
                   struct books *b, const struct advice *advice,
                   const struct health_config *h, const struct verdict_hooks *hooks);
void verdict_destroy(struct verdict *v); /* NULL is fine */

/* Module <mid> has other nodes than before: those that are new begin slowly, unless all
 * of them are. */
void verdict_set_nodes(struct verdict *v, uint32_t mid);

/* Other hosts have taken this node out: a probe decides at once, and if it is well, the
 * next failed call. */
void verdict_suspect(struct verdict *v, uint32_t mid, const struct net_addr *addr);

/* For each node that is out. */
void verdict_each_out(struct verdict *v,
                      void (*fn)(uint32_t mid, uint32_t nid, void *arg), void *arg);

/* Look at the modules whose clients did something.  True when any did. */
bool verdict_tick(struct verdict *v, uint64_t now_ms);
void verdict_second(struct verdict *v, uint64_t now_ms); /* probes; what time changes */

struct verdict_stat {
    uint64_t n_ejected, n_returned, n_vetoed, n_out;
};

void verdict_stat(const struct verdict *v, struct verdict_stat *out); /* Thread: any */

#endif
