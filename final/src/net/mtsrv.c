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

static void drop_handover(void *arg)
{
    struct handover *h = arg;

    close(h->fd);
    h->s->n_conns--;
    free(h);
}

static void take_over(void *arg, void *user)
{
    struct handover *h = arg;
    int rc = 0;

    rc = conn_group_start(user, h->fd, &h->peer);
    if (rc < 0) {                         /* fd is closed, on_close is not called */
        h->s->n_conns--;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "conn.start", "err=%s", err_str(rc));
    }
    free(h);
}

/* The hooks of the caller are wrapped, so that on_close() can count every end. */
static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct mtsrv *s = arg;

    if (s->cfg.conn.on_close)
        s->cfg.conn.on_close(c, why, s->cfg.conn.arg);
    s->n_conns--;
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

/* Round robin.  In the public Lars the index was not advanced, so one of its five threads
 * served all connections. */
static unsigned pick_thread(struct mtsrv *s)
{
    unsigned i = 0;

    i = s->next++ % s->cfg.n_threads;
    return i;
}

static void hand_over(struct mtsrv *s, int fd, const struct net_addr *peer)
{
    struct handover *h = malloc(sizeof(*h));
    struct msgq_task t = {take_over, drop_handover, h};
    int rc;

    if (!h) {
        close(fd);
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.handover", "err=ENOMEM");
        return;
    }
    *h = (struct handover){.s = s, .fd = fd, .peer = *peer};
    s->n_conns++;
    rc = looppool_post(s->pool, pick_thread(s), &t);
    if (rc < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.handover", "err=%s", err_str(rc));
        drop_handover(h);
    }
}

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    struct mtsrv *s = arg;

    if (s->cfg.max_conns > 0 && s->n_conns >= s->cfg.max_conns) {
        close(fd);
        s->n_over++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.over", "max_connections=%u",
                  s->cfg.max_conns);
        return;
    }
    hand_over(s, fd, peer);
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

void mtsrv_destroy(struct mtsrv *s)
{
    unsigned i;

    if (!s)
        return;
    acceptor_destroy(s->acceptor);
    if (s->pool)
        looppool_stop(s->pool);
    for (i = 0; s->group && i < s->cfg.n_threads; i++)
        conn_group_destroy(s->group[i]);
    looppool_destroy(s->pool);            /* drops connections in hand-over */
    free(s->group);
    free(s);
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
