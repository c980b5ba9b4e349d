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
    sigset_t before;                      /* the mask to give back */
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
    /* Blocked first: between signalfd() and blocking, the default would still end us. */
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
