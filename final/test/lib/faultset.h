/* faultset.h -- a system of two zones on one host, with real nodes and callers that use
 * them, and nine faults that come one by one or together:
 *
 *     node       a node is killed
 *     zone       zone A: its nodes, its DNSService and its Report Service are killed
 *     agent      killed; started again after a second, as a supervisor does
 *     dnsd       the DNSService that the agent uses is killed
 *     reportd    the Report Service that the agent uses is killed
 *     database   hangs: it accepts and does not answer
 *     clock      the wall clock of every program and of the database is an hour ahead
 *     disk       that of the agent's and the DNSServices' files is full
 *     link       from the agent to the services that it uses: nothing passes, without
 *                an error
 *
 * Agent and callers are in zone A.  Together with the loss of the zone, node, dnsd,
 * reportd and link are those of zone B, so that the agent is without that service.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_FAULTSET_H
#define LARS_TEST_LIB_FAULTSET_H

#include "chaosnodes.h"

enum faultset_id {
    FAULTSET_NODE,
    FAULTSET_ZONE,
    FAULTSET_AGENT,
    FAULTSET_DNSD,
    FAULTSET_REPORTD,
    FAULTSET_DATABASE,
    FAULTSET_CLOCK,
    FAULTSET_DISK,
    FAULTSET_LINK,
    FAULTSET_N
};

#define FAULTSET_BIT(id) (1u << (id))

extern const char *const faultset_name[FAULTSET_N];

/* Calls of two callers without a pause.  A test sets it to 0.  Thread: any. */
struct faultset_seen {
    _Atomic unsigned long long calls, failed, no_host;
    _Atomic uint64_t last_fail_ms; /* monotonic; 0 = none */
};

extern struct faultset_seen faultset_seen;

/* Of the program: the database, and the name space for the disk. */
int faultset_group_setup(void **state);
int faultset_group_teardown(void **state);

/* Of each test: everything runs and every node is called; no caller. */
int faultset_setup(void **state);
int faultset_teardown(void **state);

/* NULL, or why this machine cannot have the fault. */
const char *faultset_missing(enum faultset_id id);

void faultset_call(void); /* callers begin; from here on calls are counted */

/* The faults of the set begin at once.  Of a killed agent the caller of this function
 * calls faultset_supervise() until the end. */
void faultset_begin(unsigned set);
void faultset_supervise(void);

/* Ends them: a process that was stopped continues, one that was killed is started. */
void faultset_end(unsigned set);

/* Waits until every node is called again, a change of the routes has reached the agent,
 * and, with the callers stopped, every call that was reported by shared memory is in the
 * database once.  Returns how many ms that took. */
uint64_t faultset_wait_order(void);

/* A program of the system, for its memory and descriptors; NULL: no further one. */
struct faultset_program {
    const char *name;
    const struct proc *proc;
};
const struct faultset_program *faultset_programs(void);

#endif
