/* echo_bare -- the raw limit: a framed echo written for nothing but this benchmark.  One
 * thread, epoll, one read and one write per event, one static buffer, no timers, no
 * limits, no close path, no counters.  Half a frame or a full socket would break it; the
 * load generator never sends the first and never causes the second.  Prints "listening
 * on". */
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
                at += 8 + body;           /* look at each head, as a server must */
            if (write(ev[i].data.fd, buf, (size_t)at) != at)
                abort();
        }
    }
}
