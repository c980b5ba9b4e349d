/* A socket of its own for each loop: bind(2) accepts the same address again when every
 * socket of it has SO_REUSEPORT and belongs to one user. */
#include "net/portgroup.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ss)
{
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)ss;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)ss;

    memset(ss, 0, sizeof(*ss));
    if (a->family == AF_INET) {
        four->sin_family = AF_INET;
        four->sin_port = htons(a->port);
        memcpy(&four->sin_addr, a->ip, 4);
        return sizeof(*four);
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(a->port);
    memcpy(&six->sin6_addr, a->ip, 16);
    return sizeof(*six);
}

int portgroup_listen(const struct net_addr *at, int backlog)
{
    int fd = socket(at->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(at, &ss);
    int one = 1, rc;

    if (fd == -1)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == -1 ||
        bind(fd, (struct sockaddr *)&ss, len) == -1 || listen(fd, backlog) == -1) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}
