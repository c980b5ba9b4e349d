/* The file has a magic number and the time of the last heartbeat, which are written and
 * read through a shared mapping: a check costs one load from memory.
 *
 * Invariant: only the process that holds the lock (flock) of the file writes to it.  The
 * kernel releases the lock when the process ends, so a killed daemon leaves none behind.
 * Rejected: a file with the process id, because the id may belong to another process by
 * now, and a process that hangs has one too. */
#include "base/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x6c617273686231u       /* "larshb1" */

struct page {                         /* the content of the file */
    uint64_t magic;
    _Atomic uint64_t beat_ms;         /* 0 = dead */
};

_Static_assert(sizeof(struct page) == 16, "shared with other processes");

struct heartbeat {
    struct page *page;
    int fd;                           /* in the daemon: has the lock; otherwise -1 */
};

static int map(struct heartbeat **out, int fd, int prot)
{
    struct heartbeat *h = malloc(sizeof(*h));
    void *p;

    if (!h)
        return -ENOMEM;
    p = mmap(NULL, sizeof(struct page), prot, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        int rc = -errno;

        free(h);
        return rc;
    }
    *h = (struct heartbeat){.page = p, .fd = -1};
    *out = h;
    return 0;
}

int heartbeat_create(struct heartbeat **out, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644), rc = 0;

    if (fd == -1)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == -1)
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (rc == 0 && ftruncate(fd, sizeof(struct page)) == -1)
        rc = -errno;
    if (rc == 0)
        rc = map(out, fd, PROT_READ | PROT_WRITE);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    (*out)->fd = fd;                  /* keeps the lock */
    (*out)->page->magic = MAGIC;
    return 0;
}

void heartbeat_beat(struct heartbeat *h, uint64_t now_ms)
{
    atomic_store(&h->page->beat_ms, now_ms);
}

int heartbeat_open(struct heartbeat **out, const char *path)
{
    /* O_NONBLOCK: opening a FIFO without it waits for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
    struct stat st;

    if (fd == -1)
        return -errno;
    /* Reading a mapping that is longer than its file raises SIGBUS. */
    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
        st.st_size != (off_t)sizeof(struct page))
        rc = -EBADMSG;
    else
        rc = map(out, fd, PROT_READ);
    close(fd);
    if (rc == 0 && (*out)->page->magic != MAGIC) {
        heartbeat_close(*out);
        rc = -EBADMSG;
    }
    return rc;
}

bool heartbeat_is_alive(const struct heartbeat *h, uint64_t now_ms)
{
    uint64_t beat = atomic_load(&h->page->beat_ms);

    /* A beat may be slightly in the future: written after the caller read its clock. */
    return beat != 0 && beat <= now_ms + HEARTBEAT_DEAD_MS &&
           now_ms <= beat + HEARTBEAT_DEAD_MS;
}

void heartbeat_close(struct heartbeat *h)
{
    if (!h)
        return;
    if (h->fd >= 0) {
        heartbeat_beat(h, 0);
        close(h->fd);
    }
    munmap(h->page, sizeof(struct page));
    free(h);
}
