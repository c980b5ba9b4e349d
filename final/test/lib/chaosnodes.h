/* chaosnodes.h -- the complete system with up to ten lars-nodes of module 1/1, and calls
 * that use them and count what fails.
 * Thread: that of the test; chaosnodes_call() any. */
#ifndef LARS_TEST_LIB_CHAOSNODES_H
#define LARS_TEST_LIB_CHAOSNODES_H

#include <stdatomic.h>

#include "system.h"

#define CHAOSNODES_MAX 10

struct chaosnodes {
    struct proc node[CHAOSNODES_MAX]; /* 127.0.3.1 and so on; pid 0: not running */
    const char *delay[CHAOSNODES_MAX]; /* ms of each answer; set it before the start */
    uint64_t n_first; /* calls that chaosnodes_up() made and reported */
    int call_ms; /* a node that has not answered for so long has failed; 300 */
};

/* What the calls have seen; a test sets it to 0. */
struct chaosnodes_seen {
    atomic_int ok, failed, no_host, to[CHAOSNODES_MAX];
};

extern struct chaosnodes chaosnodes;
extern struct chaosnodes_seen seen;

/* system_setup_shm() with an agent in zone A, and module 1/1 without nodes. */
int chaosnodes_setup(void **state);
int chaosnodes_teardown(void **state);

/* Starts node <i>, again on the port that it had. */
void chaosnodes_start(int i);

/* Starts <n> nodes, and adds them to module 1/1.  The first half of the nodes is in zone
 * A, that of the agent; with <zones> the others are in zone B, else in A as well. */
void chaosnodes_start_all(int n, bool zones);

/* The same, and then starts the system. */
void chaosnodes_up(int n, bool zones);

/* Sends one request to a lars-node.  Returns true when it answers within call_ms. */
bool chaosnodes_ask(const struct lars_addr *a);

/* One call, counted in <seen>: gets a node, asks it and reports the result. */
void chaosnodes_call(void);

/* Resets <seen> and makes <n> calls.  Returns how many failed. */
int chaosnodes_calls(int n);

/* The cost of node <i> in shared memory; 0 = it is not there. */
uint32_t chaosnodes_cost(int i);
bool chaosnodes_is_ejected(int i);

/* Waits until node <i> is called again: an ejection lasts up to a minute when the node
 * had been down for long.  Under valgrind the nodes differ so much in speed that a
 * readmitted one is hardly ever chosen, so readmission is enough there. */
void chaosnodes_wait_called_again(int i);

#define CHAOSNODES_TEST(fn)                                                              \
    cmocka_unit_test_setup_teardown(fn, chaosnodes_setup, chaosnodes_teardown)

#endif
