/* Several listeners of one port: each connection goes to one of them, and a port of
 * another program is refused. */
#include "t.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "net/portgroup.h"
#include "net/sock.h"

static void t_listeners_of_one_port_share_its_connections(void **state)
{
    struct net_addr at;
    int lfd[2], c[40], i, n = 0;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd[0] = portgroup_listen(&at, 64);
    assert_true(lfd[0] >= 0);
    sock_local_addr(lfd[0], &at);
    lfd[1] = portgroup_listen(&at, 64);
    assert_true(lfd[1] >= 0);
    for (i = 0; i < 2; i++) {
        assert_int_equal(fcntl(lfd[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(lfd[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        assert_int_equal(sock_accept(lfd[i], 0, NULL), -EAGAIN);
    }
    for (i = 0; i < 40; i++)
        assert_true((c[i] = sock_connect(&at, 5000)) >= 0);
    for (i = 0; i < 2; i++) {
        int fd;

        while ((fd = sock_accept(lfd[i], 0, NULL)) >= 0) {
            close(fd);
            n++;
        }
    }
    assert_int_equal(n, 40);
    for (i = 0; i < 40; i++)
        close(c[i]);
    close(lfd[0]);
    close(lfd[1]);
}

static void t_port_of_another_program_is_eaddrinuse(void **state)
{
    struct net_addr at;
    int fd;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    fd = sock_listen(&at, 1, 0); /* without SO_REUSEPORT */
    sock_local_addr(fd, &at);
    assert_int_equal(portgroup_listen(&at, 1), -EADDRINUSE);
    close(fd);
    fd = portgroup_listen(&at, 1);
    assert_true(fd >= 0);
    assert_int_equal(sock_listen(&at, 1, 0), -EADDRINUSE);
    close(fd);
}

static void t_address_of_another_host_is_eaddrnotavail(void **state)
{
    struct net_addr at;

    (void)state;
    assert_int_equal(net_addr_set(&at, "192.0.2.1", 0), 0);
    assert_int_equal(portgroup_listen(&at, 1), -EADDRNOTAVAIL);
}

static void t_ipv6_listens_as_well(void **state)
{
    struct net_addr at;
    int fd, c;

    (void)state;
    assert_int_equal(net_addr_set(&at, "::1", 0), 0);
    fd = portgroup_listen(&at, 1);
    if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT)
        skip(); /* this machine has no IPv6 */
    assert_true(fd >= 0);
    sock_local_addr(fd, &at);
    c = sock_connect(&at, 5000);
    assert_true(c >= 0);
    close(c);
    close(fd);
}

T_MAIN(T(t_listeners_of_one_port_share_its_connections),
       T(t_port_of_another_program_is_eaddrinuse),
       T(t_address_of_another_host_is_eaddrnotavail), T(t_ipv6_listens_as_well))
