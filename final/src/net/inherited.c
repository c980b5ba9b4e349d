/* Sockets are found by the address they are bound to, so the two processes need no names
 * for them, and a socket whose address is no longer configured is left over and closed.
 * Port 0 finds none: it means a port that no one has yet.
 * Rejected: the protocol of systemd's socket activation (LISTEN_FDS).  It counts from
 * descriptor 3 and names the process id, which is not known before the start. */
#include "net/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"

static struct {
    unsigned n;
    struct {
        int fd; /* -1 = taken */
        struct net_addr at;
    } socket[INHERITED_MAX];
} list;

int inherited_add(int fd)
{
    struct net_addr at;
    int listens = 0, rc = sock_local_addr(fd, &at);
    socklen_t len = sizeof(listens);

    if (rc < 0)
        return rc;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1)
        return -errno;
    if (!listens || at.family == 0)
        return -EINVAL;
    if (list.n == INHERITED_MAX)
        return -ENOBUFS;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
        return -errno;
    list.socket[list.n].fd = fd;
    list.socket[list.n++].at = at;
    return 0;
}

unsigned inherited_n(const struct net_addr *at)
{
    unsigned i, n = 0;

    for (i = 0; i < list.n; i++)
        n += list.socket[i].fd != -1 && net_addr_equal(&list.socket[i].at, at);
    return n;
}

int inherited_take(const struct net_addr *at)
{
    unsigned i;
    int fd;

    for (i = 0; i < list.n; i++) {
        fd = list.socket[i].fd;
        if (fd == -1 || !net_addr_equal(&list.socket[i].at, at))
            continue;
        list.socket[i].fd = -1;
        return fd;
    }
    return -ENOENT;
}

void inherited_close(void)
{
    unsigned i;

    for (i = 0; i < list.n; i++)
        if (list.socket[i].fd != -1)
            close(list.socket[i].fd);
    list.n = 0;
}
