/* chaos.h -- two of each service, an agent, and callers that compare every answer with
 * the nodes that are in the table; one line of figures for each fault.
 *   LARS_CHAOS=N   every fault N times (make chaos); without it once, and shorter */
#ifndef LARS_TEST_LIB_CHAOS_H
#define LARS_TEST_LIB_CHAOS_H

#include "../dnspeer.h"
#include "faultproxy.h"
#include "system.h"

struct chaos {
    struct proc dnsd2, reportd2;      /* the second ones; sys has the first ones */
    char dnsd2_port[16], reportd2_port[16]; /* "0" before the start */
    struct faultproxy dnsd_proxy, reportd_proxy, udp_proxy;
    /* Set before chaos_start(): */
    bool through_proxies;             /* the agent uses the proxies of the first ones */
    bool no_others;                   /* the agent does not know the second ones */
};

/* What the callers have seen since chaos_load_start().  Thread: any. */
struct chaos_load {
    _Atomic unsigned long long n, failed, reported; /* answers, of them errors; reports */
    _Atomic unsigned long long wrong; /* nodes that had been removed for over 6 s */
    _Atomic unsigned long long from_file; /* answers from the agent's file of routes */
    _Atomic uint64_t first_fail_ms, last_fail_ms; /* monotonic; 0 = none */
};

extern struct chaos chaos;
extern struct chaos_load load;

int chaos_setup(void **state);
int chaos_teardown(void **state);

/* Starts everything and waits until the agent has module 1/1. */
void chaos_start(void);
void chaos_start_others(void); /* all but the first lars-dnsd, which runs */

/* Start one program, again on the port that it had before.  <name> is the name of its
 * folder and configuration. */
void chaos_start_dnsd(struct proc *p, char port[16], const char *name);
void chaos_start_reportd(struct proc *p, char port[16]);
void chaos_start_agentd(void);

/* Callers ask the agent at UDP ports <port> to <port> + 2 until chaos_load_stop(). */
void chaos_load_start(int port);
void chaos_load_stop(void);

/* Adds the node 127.0.3.<i> to module 1/1, or removes it. */
void chaos_add_node(int i);
void chaos_remove_node(int i);

/* Waits until the agent has <n> nodes.  Returns how many ms have passed since
 * <since_ms>. */
uint64_t chaos_wait_nodes(int n, uint64_t since_ms);

/* Stops the callers, waits until all their reports are in the database and checks that
 * each is there once.  Returns how many ms that took. */
uint64_t chaos_check_totals(void);

/* Prints the figures of one fault and fails when an answer was wrong. */
void chaos_print(const char *what, uint64_t recovered_ms);

int chaos_rounds(void);               /* N of LARS_CHAOS, or 1 */

#define CHAOS_TEST(fn) cmocka_unit_test_setup_teardown(fn, chaos_setup, chaos_teardown)

#endif
