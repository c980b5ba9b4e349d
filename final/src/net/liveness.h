/* liveness -- finds a server that is connected but does not answer, because its process
 * is stopped or its host vanished.  Each period the server is asked something; when no
 * frame has come for <misses> periods in a row, the client changes to its next server.
 * Thread: loop. */
#ifndef LARS_NET_LIVENESS_H
#define LARS_NET_LIVENESS_H

#include "net/tcpcli.h"

struct liveness;

struct liveness_config {
    uint32_t period_ms;
    unsigned misses;                  /* 1 and more */
    /* Ask for something that is always answered.  0: an answer must come; below 0: there
     * is no connection, or no question to ask. */
    int (*ask)(void *arg);
    void *arg;                        /* borrowed */
};

/* Borrows <l> and <c>; copies <cfg>.  Returns 0; -ENOMEM.  Thread: init. */
int liveness_create(struct liveness **out, struct evloop *l, struct tcpcli *c,
                    const struct liveness_config *cfg);
void liveness_destroy(struct liveness *p);  /* before the client.  NULL is fine */

#endif
