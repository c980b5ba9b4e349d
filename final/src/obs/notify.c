/* A datagram of its own socket each time: it is sent a few times in the life of a
 * process.  systemd accepts it from the main process of the unit (NotifyAccess=main). */
#include "obs/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

int notify_send(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    int fd, rc = 0;

    if (len == 0)
        return 0;
    if (len >= sizeof(to.sun_path))
        return -ENAMETOOLONG;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@') /* a name without a file */
        to.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1 ||
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == -1)
        rc = -errno;
    if (fd != -1)
        close(fd);
    if (rc < 0)
        LOG_EVERY(10000, LOG_LEVEL_WARN, "notify.send",
                  "NOTIFY_SOCKET=%s: %s; systemd does not learn of \"%s\"", path,
                  strerror(-rc), text);
    return rc;
}
