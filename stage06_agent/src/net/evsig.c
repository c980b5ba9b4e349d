/* A signalfd turns signals into a readable descriptor of the loop.
 * Invariant: both signals stay blocked while an evsig exists, so they arrive only
 * through the descriptor; evsig_destroy() restores the previous mask.
 * Rejected: a handler that sets a flag, because a signal that arrives just before
 * epoll_wait() would not end the wait; a handler that writes to a pipe, because signalfd
 * does the same without a handler. */
#include "net/evsig.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct evsig {
    struct evloop *loop;
    evsig_fn *fn;
    void *arg;
    int fd;
    sigset_t before;                      /* the mask to restore */
};

static void on_signal(int fd, uint32_t events, void *arg)
{
    struct evsig *s = arg;
    struct signalfd_siginfo si;

    (void)events;
    if (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
        s->fn((int)si.ssi_signo, s->arg);
}

int evsig_create(struct evsig **out, struct evloop *l, evsig_fn *fn, void *arg)
{
    struct evsig *s = calloc(1, sizeof(*s));
    sigset_t set;
    int rc;

    if (!s)
        return -ENOMEM;
    *s = (struct evsig){.loop = l, .fn = fn, .arg = arg};
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    /* Blocked before signalfd(): until then a signal still ends the process. */
    pthread_sigmask(SIG_BLOCK, &set, &s->before);
    s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    rc = s->fd == -1 ? -errno : evloop_add_fd(l, s->fd, EPOLLIN, on_signal, s);
    if (rc == 0) {
        *out = s;
        return 0;
    }
    if (s->fd != -1)
        close(s->fd);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    free(s);
    return rc;
}

void evsig_destroy(struct evsig *s)
{
    if (!s)
        return;
    evloop_del_fd(s->loop, s->fd);
    close(s->fd);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    free(s);
}
