/* verdict -- turns what all clients of this host counted into what they choose by: costs,
 * who is out, how many failures in a row are no chance, what stays in our zone.  The
 * numbers go into shared memory.  Thread: loop. */
#ifndef LARS_AGENT_DATA_EJECTOR_H
#define LARS_AGENT_DATA_EJECTOR_H

#include "agent_data/module_policy.h"
#include "agent_data/client_logs.h"
#include "base/net_addr.h"
#include "lb/health.h"
#include "net/evloop.h"

struct ejector;

struct ejector_hooks {
    /* A node was taken out or is back: for people. */
    void (*changed)(uint32_t mid, uint32_t nid, bool out, const char *why, void *arg);
    void *arg;
};

int ejector_create(struct ejector **out, struct evloop *l, struct segment *s,
                   struct client_logs *b, const struct module_policy *advice,
                   const struct health_config *h, const struct ejector_hooks *hooks);
void ejector_destroy(struct ejector *v); /* NULL is fine */

/* Module <mid> has other nodes than before: those that are new begin slowly, unless all
 * of them are. */
void ejector_set_nodes(struct ejector *v, uint32_t mid);

/* Other hosts have taken this node out: a probe decides at once, and if it is well, the
 * next failed call. */
void ejector_suspect(struct ejector *v, uint32_t mid, const struct net_addr *addr);

/* For each node that is out. */
void ejector_each_out(struct ejector *v,
                      void (*fn)(uint32_t mid, uint32_t nid, void *arg), void *arg);

/* Look at the modules whose clients did something.  True when any did. */
bool ejector_tick(struct ejector *v, uint64_t now_ms);
void ejector_second(struct ejector *v, uint64_t now_ms); /* probes; what time changes */

struct ejector_stat {
    uint64_t n_ejected, n_returned, n_vetoed, n_out;
};

void ejector_stat(const struct ejector *v, struct ejector_stat *out); /* Thread: any */

#endif
