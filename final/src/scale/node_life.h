/* node_life -- the next steps of the nodes that run in slots:
 *     no order -> ordered (starting) -> warm (ready, without a route)
 *     -> up (in the route) -> drained (no new calls) -> no order
 * Pure: a snapshot and what is wanted go in, steps come out; the state of the nodes is in
 * the tables.  Only failed starts, and since when a route is in force, are remembered.
 *
 * Rules.  A node is taken out of the route only while as many healthy nodes as are wanted
 * stay in the zone.  What a lars-slotd reported more than 5 s ago starts, stops nothing
 * on its host: its nodes count as present when nodes are added, and as absent when nodes
 * are removed; after a minute they count as absent.  A drained node is stopped when each
 * agent has had the route without it for 2 s.  Rows of the route that belong to no slot
 * are never touched.  Thread: one at a time. */
#ifndef LARS_SCALE_NODE_LIFE_H
#define LARS_SCALE_NODE_LIFE_H

#include "scale/snapshot.h"

#define NODE_LIFE_FRESH_MS 5000 /* an older state starts and stops nothing */
#define NODE_LIFE_LOST_MS 60000 /* a host that is silent for so long is lost */
#define NODE_LIFE_SICK_MS 5000 /* a node that is sick for so long is replaced */
#define NODE_LIFE_IN_FORCE_MS 2000 /* for calls that were given out before */
#define NODE_LIFE_STARTING_MAX 8 /* nodes that start at once in a zone */
#define NODE_LIFE_FAILED_MAX 3 /* failed starts of a module on a host ... */
#define NODE_LIFE_REST_MS 600000 /* ... within so long rest it for so long */
#define NODE_LIFE_RETRY_MS 60000 /* between two starts on a host that rests */
#define NODE_LIFE_STEPS_MAX 256 /* of one round; the rest waits for the next */

struct node_life;
int node_life_create(struct node_life **out); /* 0 or -ENOMEM */
void node_life_destroy(struct node_life *l); /* NULL is fine */

struct node_want { /* of a module in a zone */
    struct module_id id;
    const char *zone;
    unsigned n; /* nodes in the route */
    unsigned warm; /* nodes that run besides */
};

struct node_counts { /* of a module in a zone; without lost hosts */
    unsigned up; /* in the route and healthy, as last heard */
    unsigned up_now; /* of these, heard in the last 5 s */
    unsigned warm; /* ready, without a route */
    unsigned starting;
    unsigned drained;
    unsigned bad; /* sick for 5 s, or failed */
    unsigned leaving; /* on hosts that are to be empty; in the route */
};

/* Returns 0 or -ENOMEM. */
int node_life_count(const struct snapshot *s, struct module_id id, const char *zone,
                    struct node_counts *out);

enum node_step_kind {
    NODE_ORDER, /* the slot is to run the module */
    NODE_ROUTE, /* a row in the route, state up */
    NODE_DRAIN, /* the row gets the state drained */
    NODE_REMOVE, /* the row is deleted */
    NODE_CANCEL, /* the slot is to be empty */
};

struct node_step {
    enum node_step_kind kind;
    struct module_id id;
    uint32_t host; /* index into the snapshot's hosts */
    uint32_t slot;
    uint32_t ip, port; /* 0 when the node has no port yet */
};

struct node_steps {
    struct node_step at[NODE_LIFE_STEPS_MAX];
    size_t n;
};

/* The steps of this round for <want>, of which each module and zone is there once.  What
 * is not in it stays as it is.  <missing>[i]: nodes of want[i], without warm ones, for
 * which there is no slot.  Returns 0 or -ENOMEM. */
int node_life_round(struct node_life *l, const struct snapshot *s,
                    const struct node_want *want, size_t n_want, uint64_t now_ms,
                    struct node_steps *out, unsigned *missing);

/* Which hosts fail to start which modules (start_failures.h).  Borrowed. */
struct start_failures;
const struct start_failures *node_life_failures(const struct node_life *l);

#endif
