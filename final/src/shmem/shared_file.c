#include "shmem/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, which libc may not have */

int shared_file_make(int dir, const char *name, mode_t mode, size_t len)
{
    int rc = 0, fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd == -1)
        return -errno;
    /* fchmod(), because the umask has changed the mode of a new file. */
    if (fchmod(fd, mode) == -1 || ftruncate(fd, (off_t)len) == -1)
        rc = -errno;
    close(fd);
    return rc;
}

static int map_fd(int fd, bool writable, size_t len, void **out)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) == -1)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size != (off_t)len)
        return -EBADMSG;
    p = mmap(NULL, len, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    *out = p;
    return 0;
}

int shared_file_map(int dir, const char *name, bool writable, size_t len, void **out,
                    int *fd)
{
    /* O_NONBLOCK: opening a FIFO without it waits for a writer. */
    int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int rc, f = openat(dir, name, flags);

    if (f == -1)
        return -errno;
    rc = map_fd(f, writable, len, out);
    if (rc < 0 || !fd)
        close(f);
    else
        *fd = f;
    return rc;
}

int shared_file_reserve(int fd, const void *base, const void *p, size_t len)
{
    off_t from = (const char *)p - (const char *)base;
    int rc;

    do
        rc = posix_fallocate(fd, from, (off_t)len);
    while (rc == EINTR);
    return -rc;
}

int shared_file_populate(const void *p, size_t len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)p / page * page;

    if (madvise((char *)at, (uintptr_t)p + len - at, POPULATE_WRITE) == 0)
        return 0;
    return errno == EINVAL ? -EINVAL : -ENOSPC;
}
