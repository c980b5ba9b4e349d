/* measureworld -- slotworld with rows of ScaleMeasure: nodes that larsctl capacity
 * measure loads in slots.  node_life and measures decide, and the world obeys both.  A
 * step of node_life for a slot that is measured, or a slot that is given twice, fails
 * the test. */
#ifndef LARS_TEST_LIB_MEASUREWORLD_H
#define LARS_TEST_LIB_MEASUREWORLD_H

#include "scale/measures.h"

#include "slotworld.h"

#define ROWS 40

extern struct snapshot_measure row[ROWS];
extern unsigned n_row;
extern struct measures_changes changes; /* of the last round */
extern const char *actuator; /* of each module */
extern bool frozen, no_policy;

int measureworld_setup(void **state);
#define M(fn) cmocka_unit_test_setup_teardown(fn, measureworld_setup, slotworld_teardown)

/* Add a row, for a slot on a host of <class>; NULL: of any. */
struct snapshot_measure *add_measure(struct module_id id, const char *class);

/* The row of the node that is measured in the slot, or NULL. */
struct snapshot_measure *measured_in(unsigned host, unsigned slot);

void give_slot(struct snapshot_measure *x, unsigned host, unsigned slot);

struct snapshot *measureworld_look(void);
void decide_both(void); /* only decide: into <steps> and <changes> */
void rounds_both(unsigned n); /* decide, obey, pass a second */

/* Two hosts, a1 of zone a with <slots> slots and b1 of zone b without any; module m is
 * measured in slot 1 of a1, with a node that is ready. */
void measure_on(unsigned slots);

/* The only change of a round: the slot for row 0, or that row 0 is refused. */
void expect_given(unsigned host, unsigned slot);
void expect_refused(const char *text);

#endif
