/* gatecache.h -- a gateway with its cache before a node that counts its requests.  The
 * node is a part of the test: it holds an answer until the test releases it, so that
 * nothing depends on how fast the machine is.  What a path asks for is in gatecache.c.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_GATECACHE_H
#define LARS_TEST_LIB_GATECACHE_H

#include <pthread.h>
#include <stdatomic.h>

#include "../peer.h"
#include "httppeer.h"
#include "system.h"

struct gatecache {
    int lfd, port; /* of the node */
    pthread_t thread[64];
    unsigned n_threads;
    atomic_int fd[64]; /* its connections; -1 = closed */
    atomic_uint n_requests, n_answered;
    atomic_bool released, stopped, failing; /* failing: 502 to all */
    atomic_bool changed; /* no condition of "/old/..." holds */
    atomic_uint n_304;
    char condition[140]; /* of the last request of "/old/...": tag and date; read by the
                          * test after its answer */
    struct proc gateway;
    int http; /* the port of /metrics */
    struct httpreply reply; /* of gatecache_get() */
};

extern struct gatecache gatecache;

int gatecache_setup(void **state); /* with the node, and no gateway */
int gatecache_teardown(void **state);

/* Start the gateway with these sections; all requests go to the node. */
void gatecache_start(const char *sections);

/* The node refuses connections from now on, and those that it had are closed. */
void gatecache_node_stop(void);

/* Send a request with these lines of fields.  Returns the connection. */
int gatecache_ask(const char *method, const char *path, const char *fields);

/* The whole exchange; the answer is in gatecache.reply.  Returns its status. */
int gatecache_get(const char *path, const char *fields);

double gatecache_metric(const char *name);

#define GATECACHE_TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, gatecache_setup, gatecache_teardown)

#endif
