/* mtsrv -- a server for framed connections with several threads.  The thread that runs
 * <main_loop> accepts; each connection is handed over to one thread of the pool, round
 * robin, and stays in that thread until it ends.
 * Thread: the one that runs <main_loop>, except where a function names another. */
#ifndef LARS_NET_MTSRV_H
#define LARS_NET_MTSRV_H

#include <stdint.h>

#include "net/acceptor.h"
#include "net/conn_group.h"
#include "net/looppool.h"

struct mtsrv;

struct mtsrv_config {
    unsigned n_threads;                   /* 1 to LOOPPOOL_MAX */
    unsigned max_conns;                   /* over all threads; 0 = no limit of its own */
    struct conn_config conn;              /* its hooks run in the threads of the pool */
};

/* Takes <lfd> (listening, non-blocking), on failure as well.  Borrows <main_loop>; copies
 * <cfg>.  Clients are served once <main_loop> runs.  Returns 0 or -errno. */
int mtsrv_create(struct mtsrv **out, struct evloop *main_loop, int lfd,
                 const struct mtsrv_config *cfg);

/* Stop in this order: stop accepting; let each thread finish its turn; join the threads;
 * close every connection, with on_close in the calling thread; free.  NULL is fine. */
void mtsrv_destroy(struct mtsrv *s);

unsigned mtsrv_n_conns(const struct mtsrv *s); /* open or in hand-over.  Thread: any */
uint64_t mtsrv_n_over(const struct mtsrv *s); /* closed because of max_conns */
const struct acceptor_stat *mtsrv_accept_stat(const struct mtsrv *s); /* borrowed */

/* Post a task to thread <i>; run() gets the struct conn_group of that thread as <user>.
 * A task posted right after mtsrv_create() runs before the first connection of its
 * thread.  Returns as looppool_post(). */
int mtsrv_post(struct mtsrv *s, unsigned i, const struct msgq_task *t);

/* Post a task to every thread; run() gets the struct conn_group of its thread as <user>.
 * Returns as looppool_post_all().  Thread: any. */
unsigned mtsrv_post_all(struct mtsrv *s, const struct msgq_task *t);

#endif
