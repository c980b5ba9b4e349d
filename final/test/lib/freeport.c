#include "freeport.h"

#include <unistd.h>

#include "../t.h"
#include "net/sock.h"

int freeport_take(void)
{
    struct net_addr at;
    int fd;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    fd = sock_listen(&at, 1, 0);
    assert_true(fd >= 0);
    sock_local_addr(fd, &at);
    close(fd);
    return at.port;
}
