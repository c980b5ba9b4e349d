/* A socket of its own for each loop: bind(2) accepts the same address again when every
 * socket of it has SO_REUSEPORT and belongs to one user.
 *
 * The kernel selects the listener of a connection when its SYN arrives.  A program of
 * classic BPF, which needs no privilege, replaces the hash of the addresses while a
 * listener is about to be closed: it gets no further connection, and those that it has
 * can be accepted.  The program selects by chance, because it sees the packet's hash only
 * where the network card computes one. */
#include "net/portgroup.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/inherited.h"

/* As in net/sock.c, which is a file of the stages and keeps its own: sock_listen() has no
 * place for SO_REUSEPORT, which must be set before bind(2). */
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
    int fd = inherited_take(at);
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(at, &ss);
    int one = 1, rc;

    if (fd >= 0)
        return fd;
    fd = socket(at->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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

static int attach(int lfd, struct sock_filter *code, unsigned short n)
{
    struct sock_fprog program;

    memset(&program, 0, sizeof(program)); /* its padding as well: the kernel gets it */
    program.len = n;
    program.filter = code;
    return setsockopt(lfd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                      sizeof(program)) == -1
               ? -errno
               : 0;
}

int portgroup_select_among(int lfd, unsigned n)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };

    return attach(lfd, code, 3);
}

int portgroup_select_only(int lfd, unsigned i)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, i)};

    return attach(lfd, code, 1);
}

int portgroup_select_all(int lfd)
{
    int none = 0;

    if (setsockopt(lfd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none)) == 0)
        return 0;
    return errno == ENOENT ? 0 : -errno; /* there was no program */
}
