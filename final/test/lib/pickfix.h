/* pickfix.h -- one module of alike nodes as pick_node() sees it, on the heap of the test:
 * 8 nodes of the own zone, with an agent.  Thread: one. */
#ifndef LARS_TEST_LIB_PICKFIX_H
#define LARS_TEST_LIB_PICKFIX_H

#include <stdatomic.h>

#include "../t.h"
#include "lb/policies.h"

#define MAX 128
#define NOW 100000

extern _Atomic uint32_t cost[MAX];
extern struct node_counter counter[MAX];
extern struct node_member member[MAX];
extern struct pick_state st;
extern struct pick_view v;
extern int hits[MAX];

int pickfix_setup(void **state);

/* Chooses the policy of this name. */
void use(const char *policy);

/* The module has <n> nodes, the first <n_own> of them in the own zone. */
void nodes(uint32_t n, uint32_t n_own);

/* Node <i> is ejected by the agent. */
void eject(uint32_t i);

/* The number of nodes that are available at NOW. */
uint32_t available(void);

/* Chooses <n> times and counts in <hits>.  Returns the flags of all choices. */
unsigned picks_at(uint64_t now_ms, int n);
unsigned picks(int n); /* at NOW */

#define P(f) cmocka_unit_test_setup(f, pickfix_setup)

#endif
