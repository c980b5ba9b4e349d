/* system.h -- the complete system for a test: a database, lars-dnsd, lars-reportd and
 * lars-agentd as processes, a client of the agent, and the agent's shared memory as any
 * client maps it.
 *
 * Every function that starts something waits until it is ready.  When a step fails, the
 * test fails with the step, the reason and, for a program, the end of its log.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_SYSTEM_H
#define LARS_TEST_LIB_SYSTEM_H

#include "../proc.h"
#include "../udppeer.h"
#include "api/lars.h"
#include "shmem/segment.h"
#include "testdb.h"

struct system {
    struct proc dnsd, reportd, agentd; /* pid 0: not running */
    struct lars_client *client;        /* NULL: not open */
    struct segment *seg;               /* NULL: not open */
    char dir[80], shm[120];            /* folders of the agent and of its shared memory */
    char dnsd_port[16], reportd_port[16], agentd_port[16]; /* "0" before the start */
    char agentd_conf[1000];            /* end of agentd.ini; begins in [reporter] */
};

extern struct system sys;

/* Before each test: the schema is loaded again, the tables that the services write are
 * emptied, and module 1/1 has the nodes 127.0.1.1:80, 127.0.1.2:80 and 224.1.2.3:80.  No
 * program runs yet. */
int system_setup(void **state);

/* The same with shared memory for 4,096 nodes; without it the agent has none. */
int system_setup_shm(void **state);

/* After each test: ends what still runs, deletes both folders, and fails when a file
 * descriptor was left open. */
int system_teardown(void **state);

/* Deletes both folders, between two agents of one test. */
void system_wipe(void);

/* Appends to the configuration with which the agent will be started. */
void system_agentd_conf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Start one program, again on the port that it had before. */
void system_start_dnsd(void);
void system_start_reportd(void);
void system_start_agentd(void);

/* Opens sys.client, with a time-out of 5 s. */
void system_open_client(void);

/* Starts the three programs, opens the client and registers module 1/1. */
void system_start(void);

/* system_start(), then opens sys.seg and makes calls of module 1/1 until one of them goes
 * through shared memory.  Returns how many of these calls were reported as a success; all
 * of them are in the database when there was more than one, because a report by UDP is
 * lost when the agent is killed before it has read it. */
uint64_t system_start_shm(void);

/* Another client of the same agent.  The caller closes it. */
struct lars_client *system_another_client(void);

/* Was this node chosen in shared memory, and not by the agent? */
bool system_is_by_shm(const struct lars_host *h);

/* How many nodes the agent has for module 1/1; the error of lars_get_route() below 0. */
int system_n_nodes(void);

/* <n> calls of module 1/1, each with a node and reported as a success.  Returns <n>. */
int system_make_calls(int n);

/* The sum of <expression> over ServerCallStatus, such as "succ_cnt". */
unsigned long long system_total(const char *expression);

/* <n> calls of <c> through shared memory; each <failed_each>th is reported as a failure
 * (0: none is). */
void system_make_calls_shm(struct lars_client *c, int n, int failed_each);

/* Waits until the database has <succ> + <err> calls or more, and checks both numbers. */
void system_check_totals(uint64_t succ, uint64_t err);

/* Is the in-flight counter of every node in sys.seg 0? */
bool system_none_in_flight(void);

/* Writes <testdb_dir>/<name> and returns its path, valid until the next call. */
const char *system_write_file(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits until <p>, started as <name>, has printed the port it listens on.  When it ends
 * before, the test fails with the end of its log. */
void system_wait_port(struct proc *p, const char *name);

/* Reads the log of <p> up to the next line http.listen and returns the port in it.  Of a
 * gateway the first one is that of [http], the second one that of [admin]. */
int system_http_port(struct proc *p);

/* Deletes <path> and everything in it. */
void system_remove(const char *path);

#endif
