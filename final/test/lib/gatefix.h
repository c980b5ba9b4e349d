/* gatefix.h -- lars-gateway in a whole system, and one node that records what reaches it.
 * The target of a request tells the node what to do:
 *     /big/N     N bytes: gatefix_byte(0), gatefix_byte(1) ...
 *     /drip/N    the same, in parts of 100 bytes, 2 ms apart
 *     /hold      no answer until the connection ends
 *     /early     a head and half of a body of 10 bytes at once, and nothing more
 *     /broken    a chunked head, a chunk "SECRET", and then no chunk
 *     /status/N  an answer with the status N
 *     /busy      503 with Lars-Load, as a node over its own limit
 *     /cut       a head and half of a body of 10 bytes, then the end of the connection
 *     /refuse    without reading the body, after gatefix_let_go(): 413 with the body
 *                "too much", then a reset
 *     /farewell  as others; after gatefix_let_go(): 408, and the end of the connection
 *     /linger    after gatefix_let_go(): as others
 *     others     the target as a body, after the request's body
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_GATEFIX_H
#define LARS_TEST_LIB_GATEFIX_H

#include "../peer.h"
#include "httppeer.h"
#include "system.h"

extern struct proc gateway;

int gatefix_setup(void **state);
int gatefix_teardown(void **state);

/* Starts the system, the node and lars-gateway with these lines of [gateway], one loop
 * unless they have "loops = ", and waits until a request is answered. */
void gatefix_start(const char *conf);

void gatefix_let_go(void); /* those that wait for it, now and later */
int gatefix_n_open(void); /* connections of the node */
int gatefix_n_conns(void); /* that it has had since the start */

/* How many bytes have reached the node, and whether <text> is one of them. */
size_t gatefix_n_recorded(void);
bool gatefix_has_recorded(const char *text);

/* The value of the metric, such as "lars_gateway_inflight", now. */
double gatefix_metric(const char *name);
int gatefix_n_fds(void); /* descriptors of the gateway */
long gatefix_rss_kib(void); /* its memory */

char gatefix_byte(size_t i);

/* Send <n> bytes on a new connection, <step> at a time, and read until the gateway closes
 * it.  Returns the status of the first response; 0: closed without one. */
int gatefix_raw(const char *text, size_t n, size_t step, struct httpreply *r);

/* Read a response's head byte by byte.  Returns its status. */
int gatefix_read_head(int fd, char *head, size_t size);

/* As many descriptors for this program as <n>.  False: the system does not allow it. */
bool gatefix_need_fds(unsigned n);

#define GATEFIX_TEST(f)                                                                  \
    cmocka_unit_test_setup_teardown(f, gatefix_setup, gatefix_teardown)

#endif
