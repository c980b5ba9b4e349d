/* All connections start together and one poll() waits for them, so the time does not grow
 * with the number of nodes.
 *
 * Rejected: the probes of the agent.  They belong to an event loop and to the health of a
 * module; this is one question of a thread that may wait. */
#include "report/node_check.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/mono.h"
#include "net/sock.h"

static bool is_shortage(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

static void take_results(struct pollfd *p, bool *ok, size_t n, size_t *left)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (p[i].fd < 0 || p[i].revents == 0)
            continue;
        ok[i] = sock_connect_result(p[i].fd) == 0;
        close(p[i].fd);
        p[i].fd = -1;
        (*left)--;
    }
}

void node_check_all(const struct net_addr *at, bool *ok, size_t n, int ms)
{
    struct pollfd p[NODE_CHECK_MAX];
    uint64_t end = mono_ms() + (uint64_t)ms, now;
    size_t i, left = 0;

    for (i = 0; i < n; i++) {
        int fd = sock_connect_start(&at[i]);

        p[i] = (struct pollfd){.fd = fd < 0 ? -1 : fd, .events = POLLOUT};
        ok[i] = is_shortage(fd);
        left += fd >= 0;
    }
    while (left > 0 && (now = mono_ms()) < end)
        if (poll(p, n, (int)(end - now)) > 0)
            take_results(p, ok, n, &left);
    for (i = 0; i < n; i++)
        if (p[i].fd >= 0)
            close(p[i].fd);
}
