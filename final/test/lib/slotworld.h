/* slotworld -- a small world of hosts with slots: a lars-slotd on each, which starts what
 * is ordered and stops the rest within a second, a route, and agents that have it in
 * force or not.  node_life decides, and the world obeys; a step that contradicts the
 * state of its slot fails the test. */
#ifndef LARS_TEST_LIB_SLOTWORLD_H
#define LARS_TEST_LIB_SLOTWORLD_H

#include "scale/node_life.h"

#include "../t.h"

#define ROUND_MS 1000
#define FIRST_PORT 7000
#define HOSTS 8
#define SLOTS 32

extern const struct module_id m, other;

enum seen { EMPTY, STARTING, READY, SICK, FAILED, STOPPING };

struct cell { /* a slot */
    bool ordered;
    struct module_id want, runs;
    enum seen seen;
    uint64_t since_ms;
    int row; /* in the route: 0 none, 1 up, 2 drained */
};

struct world {
    struct snapshot_host host[HOSTS];
    unsigned n_host;
    struct cell cell[HOSTS][SLOTS + 1];
    bool in_force, broken; /* broken: nothing starts */
    uint64_t sum, now_ms;
};

extern struct world w;
extern struct node_life *life;
extern struct node_steps steps; /* of the last round */
extern struct node_want want[4];
extern unsigned n_want, missing[4];

int slotworld_setup(void **state);
int slotworld_teardown(void **state);
#define N(fn) cmocka_unit_test_setup_teardown(fn, slotworld_setup, slotworld_teardown)

unsigned add_host(const char *name, const char *zone, unsigned slots);
void add_want(struct module_id id, const char *zone, unsigned n, unsigned warm);

/* The snapshot of the world now; valid until the next look. */
struct snapshot *slotworld_look(void);

void decide(void); /* only decide: into <steps> */
void apply_step(const struct node_step *t);
void set_seen(struct cell *c, enum seen seen);
void pass_second(void); /* each lars-slotd that is heard obeys */
void rounds(unsigned n); /* decide, apply, pass a second */

struct node_counts counts(const char *zone); /* of module m */
unsigned n_steps(enum node_step_kind kind);
unsigned n_ordered(unsigned host);
/* The nth slot of the host with a row 'up'. */
struct cell *up_cell(unsigned host, unsigned nth);

#endif
