/* echo_bare -- the least that a framed echo server can cost, written for this benchmark
 * only.  One thread uses epoll, makes one read and one write per event into one static
 * buffer, and has no timers, limits, close path or counters.  Half a frame or a full
 * socket would break it; the load generator never sends the first and never causes the
 * second.  Prints "listening on ADDR:PORT". */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw.h"

int main(void)
{
    static char buf[65536];
    struct epoll_event ev[256];
    int ep = epoll_create1(EPOLL_CLOEXEC), lfd = raw_listen();

    raw_watch(ep, lfd);
    for (;;) {
        int i, n = epoll_wait(ep, ev, 256, -1);

        for (i = 0; i < n; i++) {
            ssize_t got, at = 0, body;

            if (ev[i].data.fd == lfd) {
                raw_watch(ep, raw_accept(lfd));
                continue;
            }
            got = read(ev[i].data.fd, buf, sizeof(buf));
            if (got <= 0) {
                close(ev[i].data.fd);
                continue;
            }
            while (got - at >= 8 && (body = raw_body_len(buf + at)) <= got - at - 8)
                at += 8 + body;           /* reads each header, as a server must */
            if (write(ev[i].data.fd, buf, (size_t)at) != at)
                abort();
        }
    }
}
