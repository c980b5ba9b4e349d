/* Two daemons that write the same files destroy them, and neither sees it.
 *
 * Invariant: the lock ends with its process, however it ends, because the kernel holds
 * it. Rejected: a file with the number of the process, which outlives a process that was
 * killed, while the number is given to another one. */
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

int folder_make(const char *dir)
{
    if (mkdir(dir, 0755) == -1)
        return errno == EEXIST ? 0 : -errno;
    LOG_INFO("folder.created", "path=%s", dir);
    return 0;
}

int folder_lock(const char *dir)
{
    char path[PATH_MAX];
    int fd, rc = 0;

    if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == -1)
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}
