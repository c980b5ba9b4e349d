/* pulse -- notices a server that is connected but says nothing: its process is stopped,
 * or its host gone without a word.  Each period it is asked something; when for <misses>
 * periods in a row nothing at all has come, the client goes on to its next server.
 * Thread: loop. */
#ifndef LARS_NET_LIVENESS_H
#define LARS_NET_LIVENESS_H

#include "net/tcpcli.h"

struct liveness;

struct liveness_config {
    uint32_t period_ms;
    unsigned misses;                  /* 1 and more */
    /* Ask for something that is always answered.  0: an answer is owed; below 0: there is
     * nobody to ask, or nothing. */
    int (*ask)(void *arg);
    void *arg;                        /* borrowed */
};

/* Borrows <l> and <c>; copies <cfg>.  Returns 0; -ENOMEM.  Thread: init. */
int liveness_create(struct liveness **out, struct evloop *l, struct tcpcli *c,
                 const struct liveness_config *cfg);
void liveness_destroy(struct liveness *p);  /* before the client.  NULL is fine */

#endif
