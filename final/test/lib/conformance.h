/* conformance.h -- runs the conformance suite: one file of scenarios, a runner for each
 * language, and a real agent and database around them.  api/conformance/scenarios defines
 * what a runner does; conformance.c is the other side of its "do" lines.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_CONFORMANCE_H
#define LARS_TEST_LIB_CONFORMANCE_H

#include "system.h"

#define CONFORMANCE_SCENARIOS "api/conformance/scenarios"
#define CONFORMANCE_LEAST 31          /* scenarios that every runner must pass */

extern struct proc conformance_runner;

int conformance_setup(void **state);
int conformance_teardown(void **state);

/* Starts the services and the agent; a runner finds them by its environment. */
void conformance_start_system(void);

/* Brings agent and database into the state in which each scenario begins. */
void conformance_begin(void);

/* Serves the runner until it ends.  Fails when it reports a failed scenario, fewer than
 * <least> passed ones, or does not exit with 0. */
void conformance_talk(int least);

/* Prints what the runner has written to stderr, such as a traceback.  It must have
 * ended. */
void conformance_print_stderr(void);

/* All of it: the system, the runner build/<name> with its file of scenarios, the talk. */
void conformance_run(const char *name, const char *scenarios, int least);

/* Does the database count so many successes and failures? */
bool conformance_total_is(unsigned long long ok, unsigned long long failed);

#define CONFORMANCE_TEST(f)                                                              \
    cmocka_unit_test_setup_teardown(f, conformance_setup, conformance_teardown)

#endif
