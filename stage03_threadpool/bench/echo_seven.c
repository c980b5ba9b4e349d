/* echo_seven -- makes the system calls that the public Lars makes, about seven for each
 * reply: it asks FIONREAD before it reads, then arms EPOLLOUT, waits for that event,
 * writes the reply and disarms EPOLLOUT. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "raw.h"

static char pending[16384][8192];         /* by fd: bytes to be written */
static size_t n_pending[16384];

static void arm(int ep, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};

    epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
}

static void on_readable(int ep, int fd)
{
    ssize_t got;
    int waiting = 0;

    if (fd >= 16384 || ioctl(fd, FIONREAD, &waiting) == -1 || waiting > 8192)
        abort();
    got = read(fd, pending[fd], sizeof(pending[fd]));
    if (got <= 0) {
        close(fd);
        return;
    }
    n_pending[fd] = (size_t)got;
    arm(ep, fd, EPOLLIN | EPOLLOUT);
}

static void on_writable(int ep, int fd)
{
    if (write(fd, pending[fd], n_pending[fd]) != (ssize_t)n_pending[fd])
        abort();
    n_pending[fd] = 0;
    arm(ep, fd, EPOLLIN);
}

int main(void)
{
    struct epoll_event ev[10];            /* the batch size of the public Lars */
    int ep = epoll_create1(EPOLL_CLOEXEC), lfd = raw_listen();

    raw_watch(ep, lfd);
    for (;;) {
        int i, n = epoll_wait(ep, ev, 10, 10);

        for (i = 0; i < n; i++) {
            int fd = ev[i].data.fd;

            if (fd == lfd)
                raw_watch(ep, raw_accept(lfd));
            else if (ev[i].events & EPOLLOUT)
                on_writable(ep, fd);
            else
                on_readable(ep, fd);
        }
    }
}
