/* libmicrohttpd keeps its sockets in an epoll descriptor of its own.  That descriptor is
 * registered in the event loop: it is readable when there is work, and the library's next
 * time-out is a timer of the loop.  So values are read in the thread that owns them, and
 * no lock is needed.
 *
 * Rejected: the library's own threads, which would use the objects of the loop. */
#include "obs/mhdloop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define LONGEST_MS 10000

struct mhdloop {
    struct evloop *loop;
    struct evtimer timer;
    struct evloop_call soon;
    struct MHD_Daemon *mhd;
    int epfd;                         /* -1 = not in the loop */
};

static void run(void *arg)
{
    struct mhdloop *m = arg;
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(m->mhd);
    if (MHD_get_timeout(m->mhd, &ms) == MHD_YES)
        evloop_set_timer(m->loop, &m->timer, ms > LONGEST_MS ? LONGEST_MS : (uint32_t)ms,
                         run, m);
    else
        evloop_clear_timer(m->loop, &m->timer);
}

static void on_ready(int fd, uint32_t events, void *arg)
{
    (void)fd;
    (void)events;
    run(arg);
}

int mhdloop_create(struct mhdloop **out, struct evloop *l, struct MHD_Daemon *mhd)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
    struct mhdloop *m = calloc(1, sizeof(*m));
    int rc = !m ? -ENOMEM : !info ? -EIO : 0;

    if (rc == 0)
        rc = evloop_add_fd(l, info->epoll_fd, EPOLLIN, on_ready, m);
    if (rc < 0) {
        MHD_stop_daemon(mhd);
        free(m);
        return rc;
    }
    m->loop = l;
    m->mhd = mhd;
    m->epfd = info->epoll_fd;
    *out = m;
    return 0;
}

void mhdloop_wake(struct mhdloop *m)
{
    evloop_defer(m->loop, &m->soon, run, m);
}

void mhdloop_destroy(struct mhdloop *m)
{
    if (!m)
        return;
    evloop_undefer(m->loop, &m->soon);
    evloop_del_fd(m->loop, m->epfd);
    evloop_clear_timer(m->loop, &m->timer);
    MHD_stop_daemon(m->mhd);
    free(m);
}
