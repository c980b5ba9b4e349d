/* A descriptor number is a name that the whole process shares.  When the program closes a
 * number that it does not own, the next open() of the program gets it, and a library that
 * closes it "again" closes a file of the program.  Device and inode, noted when the
 * descriptor is made, tell whether the number still names the same file; sockets and
 * pipes have an inode too.
 *
 * Invariant: own_fd_close() never closes a file of another owner.
 *
 * Limit: another thread may close the number between check and use.  No check can exclude
 * that; the check is for programs that close all numbers at one moment.
 *
 * Rejected: moving the descriptors to high numbers, which a loop over all numbers up to
 * the limit closes as well. */
#include "base/own_fd.h"

#include <sys/stat.h>
#include <unistd.h>

struct own_fd own_fd_take(int fd)
{
    struct own_fd f = {.fd = -1};
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        f = (struct own_fd){fd, st.st_dev, st.st_ino};
    return f;
}

bool own_fd_is_mine(const struct own_fd *f)
{
    struct stat st;

    return f->fd >= 0 && fstat(f->fd, &st) == 0 && st.st_dev == f->dev &&
           st.st_ino == f->ino;
}

void own_fd_close(struct own_fd *f)
{
    if (own_fd_is_mine(f))
        close(f->fd);
    f->fd = -1;
}
