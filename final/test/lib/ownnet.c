#include "ownnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool bring_up(int fd, const char *name)
{
    struct ifreq r = {0};

    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

static bool add_address(int fd, const char *name, const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct ifreq r = {0};

    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    inet_pton(AF_INET, address, &at.sin_addr);
    memcpy(&r.ifr_addr, &at, sizeof(at));
    return ioctl(fd, SIOCSIFADDR, &r) == 0;
}

bool ownnet_enter(void)
{
    bool ok = false;
    int fd = -1;

    if (unshare(CLONE_NEWNET) == 0)
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        ok = bring_up(fd, "lo") && add_address(fd, "lo:1", OWNNET_ADDRESS);
    if (!ok)
        printf("skipped: a network namespace is needed, because the addresses of this "
               "host are not for tests, and it cannot be made: %s; run it as root\n",
               strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}
