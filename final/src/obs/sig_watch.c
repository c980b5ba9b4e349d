/* A signalfd for each watch.  The signal is blocked before the descriptor is opened: in
 * between, its default action would end the program.  Linux keeps a blocked signal
 * pending even while it is ignored, so what base/sig sets for SIGHUP does not matter.
 * Rejected: a list of signals in net/evsig, which is the students' module for the end of
 * a program. */
#include "obs/sig_watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct sig_watch {
    struct evloop *loop;
    sig_watch_fn *fn;
    void *arg;
    int fd;
};

static void on_signal(int fd, uint32_t events, void *arg)
{
    struct sig_watch *w = arg;
    struct signalfd_siginfo si;

    (void)events;
    if (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
        w->fn((int)si.ssi_signo, w->arg);
}

int sig_watch_create(struct sig_watch **out, struct evloop *l, int signo,
                     sig_watch_fn *fn, void *arg)
{
    struct sig_watch *w = calloc(1, sizeof(*w));
    sigset_t set;
    int rc;

    if (!w)
        return -ENOMEM;
    *w = (struct sig_watch){.loop = l, .fn = fn, .arg = arg};
    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    w->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    rc = w->fd == -1 ? -errno : evloop_add_fd(l, w->fd, EPOLLIN, on_signal, w);
    if (rc == 0) {
        *out = w;
        return 0;
    }
    if (w->fd != -1)
        close(w->fd);
    free(w);
    return rc;
}

void sig_watch_destroy(struct sig_watch *w)
{
    if (!w)
        return;
    evloop_del_fd(w->loop, w->fd);
    close(w->fd);
    free(w);
}
