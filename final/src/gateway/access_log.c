/* Lines are copied into a ring under a lock that is held for a copy only; the writer
 * takes all of it at a time and writes without the lock.  The last eighth of the
 * ring is for errors: a flood of requests does not push out the lines that explain it.
 * What a full disk does not take stays in the ring and is tried again, so that lines are
 * lost only as a whole, where they enter the ring, and are counted there.
 * Rejected: a ring for each loop without a lock.  A lock that is free costs 20 ns a
 * request, and the lines of one file stay in order. */
#include "gateway/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/worker.h"

#define RING (8u << 20)
#define RESERVE (RING / 8)
#define STAMP_LEN 25 /* "2026-11-26T08:00:00.123Z " */
#define PAUSE_MS 100

struct access_log {
    struct worker *writer; /* its lock guards what follows */
    char *ring;
    size_t head, len; /* where the oldest byte is; bytes that wait */
    bool reopen;
    bool stuck; /* the file did not take all that was written */
    char path[512];
    int fd; /* the writer's */
    uint32_t sample;
    _Atomic uint32_t n_seen;
    _Atomic uint64_t n_dropped;
};

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

    return fd == -1 ? -errno : fd;
}

/* One call, so that the lines of two processes that append to one file stay whole, as at
 * an upgrade.  Returns how many bytes were written: all, unless the disk takes no more.
 */
static size_t write_once(int fd, const struct iovec part[2])
{
    ssize_t n;

    do {
        n = writev(fd, part, 2);
    } while (n == -1 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

static void reopen_file(struct access_log *a)
{
    int fd = open_file(a->path);

    a->reopen = false;
    if (fd < 0)
        return; /* the old file is written further */
    close(a->fd);
    a->fd = fd;
}

/* Write what waits.  The caller holds the lock, which is released meanwhile. */
static void write_all(struct access_log *a)
{
    size_t n = a->len, first = n < RING - a->head ? n : RING - a->head, written;
    struct iovec part[] = {{a->ring + a->head, first}, {a->ring, n - first}};

    worker_unlock(a->writer);
    written = write_once(a->fd, part);
    worker_lock(a->writer);
    a->head = (a->head + written) % RING;
    a->len -= written;
    a->stuck = written < n;
    if (a->stuck)
        LOG_EVERY(10000, LOG_LEVEL_WARN, "access_log.write",
                  "path=%s: the disk takes no more; lines wait, then they are dropped",
                  a->path);
}

/* Wait for the first line, then a moment for more, which are written together. */
static bool await_lines(struct access_log *a)
{
    worker_lock(a->writer);
    while (a->len == 0 && !a->reopen && !worker_is_stopping(a->writer))
        worker_wait(a->writer);
    worker_unlock(a->writer);
    return worker_pause(a->writer, PAUSE_MS);
}

static void run_writer(void *arg)
{
    struct access_log *a = arg;
    bool more;

    do {
        more = await_lines(a);
        worker_lock(a->writer);
        if (a->reopen)
            reopen_file(a);
        do
            write_all(a);
        while (a->len > 0 && !a->stuck);
        worker_unlock(a->writer);
    } while (more);
}

int access_log_create(struct access_log **out, const char *path, uint32_t sample)
{
    struct access_log *a = calloc(1, sizeof(*a));
    int rc = -ENOMEM;

    if (!a || strlen(path) >= sizeof(a->path))
        goto free_log;
    memcpy(a->path, path, strlen(path) + 1);
    a->sample = sample ? sample : 1;
    a->ring = malloc(RING);
    rc = a->ring ? open_file(path) : -ENOMEM;
    if (rc < 0)
        goto free_ring;
    a->fd = rc;
    rc = worker_create(&a->writer);
    if (rc == 0)
        rc = worker_start(a->writer, run_writer, a);
    if (rc == 0) {
        *out = a;
        return 0;
    }
    worker_destroy(a->writer);
    close(a->fd);
free_ring:
    free(a->ring);
free_log:
    free(a);
    return rc;
}

void access_log_destroy(struct access_log *a)
{
    if (!a)
        return;
    worker_destroy(a->writer);
    close(a->fd);
    free(a->ring);
    free(a);
}

/* The second of the stamp changes rarely, so it is made once for each thread. */
static void stamp(char out[STAMP_LEN + 1])
{
    static _Thread_local time_t last;
    static _Thread_local char text[24];
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != last) {
        last = now.tv_sec;
        gmtime_r(&last, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    }
    snprintf(out, STAMP_LEN + 1, "%.19s.%03uZ ", text,
             (unsigned)(now.tv_nsec / 1000000) % 1000);
}

static void put(struct access_log *a, const char *p, size_t len)
{
    size_t tail = (a->head + a->len) % RING, first = RING - tail;

    if (first > len)
        first = len;
    memcpy(a->ring + tail, p, first);
    memcpy(a->ring, p + first, len - first);
    a->len += len;
}

void access_log_line(struct access_log *a, const char *line, size_t len, int is_error)
{
    char at[STAMP_LEN + 1];
    size_t room = is_error ? RING : RING - RESERVE;
    bool fits;

    stamp(at);
    worker_lock(a->writer);
    fits = a->len + STAMP_LEN + len + 1 <= room;
    if (fits) {
        if (a->len == 0)
            worker_wake(a->writer);
        put(a, at, STAMP_LEN);
        put(a, line, len);
        put(a, "\n", 1);
    }
    worker_unlock(a->writer);
    if (!fits)
        a->n_dropped++;
}

void access_log_word(char *out, size_t size, const char *text)
{
    size_t i;

    snprintf(out, size, "%s", text[0] ? text : "-");
    for (i = 0; out[i]; i++)
        if ((unsigned char)out[i] <= ' ' || out[i] == 127)
            out[i] = '_';
}

int access_log_wants(struct access_log *a)
{
    return a->sample == 1 ||
           atomic_fetch_add_explicit(&a->n_seen, 1, memory_order_relaxed) % a->sample ==
               0;
}

void access_log_reopen(struct access_log *a)
{
    worker_lock(a->writer);
    a->reopen = true;
    worker_wake(a->writer);
    worker_unlock(a->writer);
}

uint64_t access_log_dropped(const struct access_log *a)
{
    return a->n_dropped;
}
