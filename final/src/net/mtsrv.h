/* mtsrv -- a server of framed connections on many loops: the calling thread accepts, each
 * connection is handed to one thread of the pool, round robin, and stays there.
 * Thread: the one that runs <main_loop>, unless said otherwise. */
#ifndef LARS_NET_MTSRV_H
#define LARS_NET_MTSRV_H

#include <stdint.h>

#include "net/conn_group.h"
#include "net/looppool.h"

struct mtsrv;

struct mtsrv_config {
    unsigned n_threads;                   /* 1 to LOOPPOOL_MAX */
    unsigned max_conns;                   /* over all threads; 0 = no limit but the fds */
    struct conn_config conn;              /* its hooks are called in the pool's threads */
};

/* Takes <lfd> (listening, non-blocking), on failure as well.  Borrows <main_loop>; copies
 * <cfg>.  Clients are served once <main_loop> runs.  Returns 0 or -errno. */
int mtsrv_create(struct mtsrv **out, struct evloop *main_loop, int lfd,
                 const struct mtsrv_config *cfg);

/* In this order: accept no more, let each thread end its batch, join them, close every
 * connection (on_close runs in the calling thread), free.  NULL is fine. */
void mtsrv_destroy(struct mtsrv *s);

unsigned mtsrv_n_conns(const struct mtsrv *s); /* open or on their way.  Thread: any */
uint64_t mtsrv_n_over(const struct mtsrv *s); /* closed for max_conns */

/* A task for thread <i>; run() gets its struct conn_group as <user>.  What is posted
 * right after mtsrv_create() runs before the first connection.  As looppool_post(). */
int mtsrv_post(struct mtsrv *s, unsigned i, const struct msgq_task *t);

/* A task for every thread; run() gets its struct conn_group as <user>.  As
 * looppool_post_all().  Thread: any. */
unsigned mtsrv_post_all(struct mtsrv *s, const struct msgq_task *t);

#endif
