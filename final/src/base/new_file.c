/* The file is flushed before it is renamed: a name that reached the disk before its bytes
 * would show an empty file after a crash.  The folder is flushed after that, because a
 * rename changes the folder and not the file.
 *
 * Invariant: PATH has the complete old content or the complete new content.
 * Rejected: a name that no other file has, as of mkstemp(3).  Every crash would leave
 * another file in the folder. */
#include "base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_part(int fd, const struct new_file_part *part)
{
    const char *p = part->bytes;
    size_t len = part->len;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* O_EXCL: neither a link nor a FIFO, at which a program would wait, is opened. */
static int write_file(const char *path, unsigned mode, const struct new_file_part *part,
                      size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), rc = 0;
    size_t i;

    if (fd < 0)
        return -errno;
    for (i = 0; i < n && rc == 0; i++)
        rc = write_part(fd, &part[i]);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    if (rc < 0)
        unlink(path);
    return rc;
}

int new_file_write(char beside[PATH_MAX], const char *path, unsigned mode,
                   const struct new_file_part *part, size_t n)
{
    if (snprintf(beside, PATH_MAX, "%s.new", path) >= PATH_MAX)
        return -ENAMETOOLONG;
    unlink(beside); /* a crash has left it */
    return write_file(beside, mode, part, n);
}

/* An error is not reported, because the file is whole under its name in any case. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];
    int fd;

    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

int new_file_use(const char *beside, const char *path)
{
    int rc = rename(beside, path) < 0 ? -errno : 0;

    if (rc < 0)
        unlink(beside);
    else
        sync_folder(path);
    return rc;
}
