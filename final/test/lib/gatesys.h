/* gatesys.h -- the complete system with a gateway: two HTTP nodes of the module 10/1, and
 * visitors in threads that make requests and count those that fail.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_GATESYS_H
#define LARS_TEST_LIB_GATESYS_H

#include <pthread.h>

#include "system.h"

#define GATESYS_VISITORS 8

struct gatesys {
    struct proc node;
    char rules[140]; /* path of the file with the rules */
};

extern struct gatesys gatesys;

/* system_setup_shm(), the nodes, all programs except a gateway. */
int gatesys_setup(void **state);
int gatesys_teardown(void **state);

/* Write the rules: one for all requests to the module 10/<cmdid>. */
void gatesys_write_rules(const char *text);

/* Start a gateway at 127.0.0.1:<port>, 0 = any, with these lines in [gateway] and, in
 * <more>, whole sections; wait until /healthz says 200.  Returns the port of [http]. */
int gatesys_start(struct proc *p, int port, const char *keys, const char *more);

struct gateload {
    int port;
    unsigned per_connection; /* requests; 0 = as many as the gateway allows */
    pthread_t thread[GATESYS_VISITORS];
    unsigned length[2]; /* 0 = any; otherwise each answer has one of these lengths */
    _Atomic unsigned n_of[2]; /* answers with this length */
    _Atomic bool stop;
    _Atomic unsigned n_ok, n_failed;
    char failure[200]; /* the first one */
};

/* Start GATESYS_VISITORS visitors, which make requests until gateload_stop().  A request
 * fails when it has another answer than 200, or none, or one with another length than
 * l->length, which the caller has set. */
void gateload_start(struct gateload *l, int port, unsigned per_connection);
void gateload_stop(struct gateload *l);

/* gateload_stop(), and fail when a request has failed. */
void gateload_expect_no_failure(struct gateload *l);

#endif
