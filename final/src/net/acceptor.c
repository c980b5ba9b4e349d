/* Accepts the waiting clients of a listener, and keeps working without free descriptors.
 *
 * When accept() fails with EMFILE, the client stays in the accept queue, and epoll, which
 * is level-triggered, reports the listener again in every turn.  So the acceptor holds
 * one descriptor, of /dev/null, in reserve.  It closes the reserve, accepts the client,
 * closes the client and opens the reserve again.
 *
 * Invariant: an event accepts clients, sheds one, or stops watching the listener for
 * PAUSE_MS.  So no error makes the loop spin.
 * Rejected: pausing alone, because each client would then wait for its own timeout
 * instead of seeing at once that it is not served. */
#include "net/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"

/* Accepts for each event.  The bound keeps a burst of new clients from starving the open
 * connections; epoll reports the remaining clients again. */
#define ACCEPT_BUDGET 64
#define FINISH_MAX 65536 /* clients that may wait at the end */
#define PAUSE_MS 100
#define LOG_GAP_MS 1000

struct acceptor {
    struct evloop *loop;
    acceptor_fn *fn;
    acceptor_short_fn *on_short; /* NULL = none */
    void *arg;
    int lfd;
    int spare; /* reserved descriptor; -1 = it was lost */
    unsigned budget;
    struct evtimer timer; /* ends a pause */
    struct acceptor_stat stat;
};

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void go_on(void *arg)
{
    struct acceptor *a = arg;

    evloop_mod_fd(a->loop, a->lfd, EPOLLIN);
}

static void pause_a_while(struct acceptor *a)
{
    a->stat.n_pause++;
    if (evloop_set_timer(a->loop, &a->timer, PAUSE_MS, go_on, a) == 0)
        evloop_mod_fd(a->loop, a->lfd, 0);
}

/* Use the reserved descriptor to accept the next client and close it. */
static void shed_one(struct acceptor *a, int why)
{
    int fd = -1;

    if (a->spare != -1) {
        close(a->spare);
        fd = sock_accept(a->lfd, 0, NULL);
        if (fd >= 0) {
            close(fd);
            a->stat.n_shed++;
        }
        a->spare = open_spare();
    } else {
        a->spare = open_spare(); /* another descriptor may be free by now */
    }
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.shed", "err=%s shed=%llu", err_str(why),
              (unsigned long long)a->stat.n_shed);
    if (fd < 0)
        pause_a_while(a);
}

static void accept_some(struct acceptor *a, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        struct net_addr peer;
        int fd = sock_accept(a->lfd, SOCK_NONBLOCK, &peer);

        if (fd >= 0) {
            a->stat.n_accepted++;
            a->fn(fd, &peer, a->arg);
            continue;
        }
        if (fd == -EAGAIN)
            return;
        if (sock_accept_verdict(fd) == SOCK_RETRY) {
            a->stat.n_refused++;
            continue;
        }
        if (a->on_short)
            a->on_short(fd, a->arg);
        if (fd == -EMFILE || fd == -ENFILE) {
            shed_one(a, fd);
        } else {
            LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "accept.wait", "err=%s", err_str(fd));
            pause_a_while(a);
        }
        return;
    }
}

static void on_readable(int lfd, uint32_t events, void *arg)
{
    struct acceptor *a = arg;

    (void)lfd;
    (void)events;
    accept_some(a, a->budget);
}

int acceptor_create(struct acceptor **out, struct evloop *l, int lfd, acceptor_fn *fn,
                    void *arg)
{
    struct acceptor *a = calloc(1, sizeof(*a));
    int rc = -ENOMEM;

    if (!a)
        goto close_lfd;
    *a = (struct acceptor){
        .loop = l, .fn = fn, .arg = arg, .lfd = lfd, .budget = ACCEPT_BUDGET};
    a->spare = open_spare();
    rc = a->spare == -1 ? -errno : evloop_add_fd(l, lfd, EPOLLIN, on_readable, a);
    if (rc == 0) {
        *out = a;
        return 0;
    }
    if (a->spare != -1)
        close(a->spare);
    free(a);
close_lfd:
    close(lfd);
    return rc;
}

void acceptor_destroy(struct acceptor *a)
{
    if (!a)
        return;
    evloop_del_fd(a->loop, a->lfd);
    evloop_clear_timer(a->loop, &a->timer);
    close(a->lfd);
    if (a->spare != -1)
        close(a->spare);
    free(a);
}

void acceptor_finish(struct acceptor *a)
{
    accept_some(a, FINISH_MAX);
    acceptor_destroy(a);
}

void acceptor_set_budget(struct acceptor *a, unsigned n)
{
    a->budget = n;
}

void acceptor_on_short(struct acceptor *a, acceptor_short_fn *fn)
{
    a->on_short = fn;
}

const struct acceptor_stat *acceptor_stat(const struct acceptor *a)
{
    return &a->stat;
}
