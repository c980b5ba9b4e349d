/* The main thread accepts; a task hands each connection over to one thread of the pool,
 * which handles it until it ends.
 *
 * Invariant: n_conns is the number of connections that are open or being handed over.
 * The main thread increments it before it posts the hand-over; exactly one of three
 * functions decrements it: drop_handover(), take_over() on failure, or on_close().
 * Rejected: one epoll for all threads, because events of one connection could then reach
 * two threads at once; a listener for each thread with SO_REUSEPORT, because a limit over
 * all threads and the order of the stop become harder. */
#include "net/mtsrv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/acceptor.h"

#define LOG_GAP_MS 1000

struct mtsrv {
    struct mtsrv_config cfg;
    struct acceptor *acceptor;
    struct looppool *pool;
    struct conn_group **group;            /* one for each thread */
    unsigned next;                        /* next thread to choose; main thread only */
    uint64_t n_over;                      /* main thread only */
    atomic_uint n_conns;                  /* the main thread adds, the others subtract */
};

/* A connection that is being handed over from the main thread to its own thread. */
struct handover {
    struct mtsrv *s;
    int fd;
    struct net_addr peer;
};

/* A hand-over that never reaches its thread: close the descriptor, subtract the
 * connection from n_conns, free <arg>, which is a struct handover. */
static void drop_handover(void *arg)
{
    /* begin drop_handover */
    (void)arg;
    /* end drop_handover */
}

/* Runs in the thread that shall own the connection.  <arg> is a struct handover,
 * <user> is the conn_group of this thread.
 * 1. Start the connection in the group.
 * 2. On failure conn_group_start() has closed the descriptor already and calls no
 *    hook, so subtract the connection here, and log conn.start with LOG_EVERY.
 * 3. Free the hand-over in both cases. */
static void take_over(void *arg, void *user)
{
    /* begin take_over */
    (void)arg;
    (void)user;
    /* end take_over */
}

/* Wraps the hook of the caller, as on_start() does: call it when there is one, with
 * the arg of the caller's configuration; then subtract the connection. */
static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    /* begin on_close */
    (void)c;
    (void)why;
    (void)arg;
    /* end on_close */
}

static void on_start(struct conn *c, void *arg)
{
    struct mtsrv *s = arg;

    if (s->cfg.conn.on_start)
        s->cfg.conn.on_start(c, s->cfg.conn.arg);
}

static void on_drain(struct conn *c, void *arg)
{
    struct mtsrv *s = arg;

    if (s->cfg.conn.on_drain)
        s->cfg.conn.on_drain(c, s->cfg.conn.arg);
}

/* The number of the thread for the next connection: 0, 1, ... n_threads - 1, and then
 * again 0. */
static unsigned pick_thread(struct mtsrv *s)
{
    /* begin pick_thread */
    (void)s;
    return 0;
    /* end pick_thread */
}

/* 1. Allocate a struct handover.  Without memory close <fd>, log accept.handover with
 *    LOG_EVERY and return.
 * 2. Fill it in, and add the connection to n_conns.  Add before you post: the thread
 *    may subtract it at once.
 * 3. Post take_over(), with drop_handover() as its drop function, to the thread that
 *    pick_thread() names.
 * 4. When the post fails, log accept.handover and call drop_handover() yourself: a
 *    failed post calls neither function. */
static void hand_over(struct mtsrv *s, int fd, const struct net_addr *peer)
{
    /* begin hand_over */
    (void)s;
    (void)peer;
    (void)take_over;
    (void)drop_handover;
    (void)pick_thread;
    close(fd);
    /* end hand_over */
}

/* 1. When max_conns is not 0 and so many connections are open or in hand-over: close
 *    <fd>, count it in n_over, log accept.over with max_connections=N (LOG_EVERY,
 *    LOG_GAP_MS) and return.
 * 2. Otherwise hand the connection over. */
static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    /* begin on_accept */
    (void)peer;
    (void)arg;
    (void)hand_over;
    close(fd);
    /* end on_accept */
}

static int create_groups(struct mtsrv *s)
{
    struct conn_config cc = s->cfg.conn;
    unsigned i;
    int rc = 0;

    cc.on_start = on_start;
    cc.on_close = on_close;
    cc.on_drain = on_drain;
    cc.arg = s;
    s->group = calloc(s->cfg.n_threads, sizeof(struct conn_group *));
    if (!s->group)
        return -ENOMEM;
    for (i = 0; i < s->cfg.n_threads && rc == 0; i++) {
        rc = conn_group_create(&s->group[i], looppool_loop(s->pool, i), &cc);
        looppool_set_user(s->pool, i, s->group[i]);
    }
    return rc;
}

int mtsrv_create(struct mtsrv **out, struct evloop *main_loop, int lfd,
                 const struct mtsrv_config *cfg)
{
    struct mtsrv *s = calloc(1, sizeof(*s));
    int rc = -ENOMEM;

    if (!s)
        goto close_lfd;
    s->cfg = *cfg;
    rc = looppool_create(&s->pool, cfg->n_threads);
    if (rc == 0)
        rc = create_groups(s);
    if (rc == 0)
        rc = looppool_start(s->pool);
    if (rc < 0)
        goto close_lfd;
    rc = acceptor_create(&s->acceptor, main_loop, lfd, on_accept, s);
    if (rc == 0) {
        *out = s;
        return 0;
    }
    mtsrv_destroy(s);
    return rc;
close_lfd:
    close(lfd);
    mtsrv_destroy(s);
    return rc;
}

/* NULL is fine, and each field may be NULL when mtsrv_create() failed.  The order is
 * the point:
 * 1. Accept no more.
 * 2. Stop the threads; afterwards only this thread runs, and no lock is needed.
 * 3. Destroy the groups, which closes their connections.
 * 4. Destroy the pool, which drops the connections still in hand-over.
 * 5. Free the array of groups and <s>. */
void mtsrv_destroy(struct mtsrv *s)
{
    /* begin mtsrv_destroy */
    (void)s;
    /* end mtsrv_destroy */
}

unsigned mtsrv_n_conns(const struct mtsrv *s)
{
    return s->n_conns;
}

uint64_t mtsrv_n_over(const struct mtsrv *s)
{
    return s->n_over;
}

const struct acceptor_stat *mtsrv_accept_stat(const struct mtsrv *s)
{
    return acceptor_stat(s->acceptor);
}

int mtsrv_post(struct mtsrv *s, unsigned i, const struct msgq_task *t)
{
    return looppool_post(s->pool, i, t);
}

unsigned mtsrv_post_all(struct mtsrv *s, const struct msgq_task *t)
{
    return looppool_post_all(s->pool, t);
}
