/* lars-slotd has one thread, because it forks, so the file is read in parts with a pause
 * after each 256 KiB: checks and orders come in between.  That takes about one ms while
 * the file is in memory, as that of a process that runs is for the most part.
 *
 * One file is read at a time, which bounds descriptors and load; nodes of one module run
 * the same file, so the others find their answer when it is read.
 *
 * Invariant: a build is kept under what fstat(2) says of the descriptor that was read,
 * before the first and after the last byte alike.  So a file that is written meanwhile
 * gives no build, and not that of a mixture.
 * Rejected: the file that [module] run names.  It can be replaced before or after exec,
 * and what an earlier lars-slotd started cannot be found by it at all. */
#include "slot/program_build.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART (64u << 10) /* bytes of a read(2) */
#define PARTS 4 /* then the loop handles other events */
#define REST_MS 2

struct file_id {
    uint64_t dev, ino, size;
    int64_t mtime, mtime_ns, ctime, ctime_ns;
};

struct kept {
    struct file_id file;
    int rc; /* of the build: 0 or -errno */
    char build[PROGRAM_BUILD];
    uint64_t used; /* the one with the lowest number is replaced; 0 = none */
};

struct program_build {
    struct evloop *loop;
    evloop_fn *fn;
    void *arg;
    struct evtimer timer; /* of the next part */
    int fd; /* that is being read; -1 = none */
    struct file_id file; /* of it */
    uint64_t n_bytes; /* of it, so far */
    struct crypto_hash_sha256_state hash;
    uint64_t n_uses;
    unsigned long long n_read;
    struct kept kept[PROGRAM_BUILD_FILES];
    unsigned char part[PART];
};

static struct file_id id_of(const struct stat *st)
{
    return (struct file_id){
        .dev = (uint64_t)st->st_dev,
        .ino = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime = st->st_mtim.tv_sec,
        .mtime_ns = st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec,
        .ctime_ns = st->st_ctim.tv_nsec,
    };
}

static bool is_same(const struct file_id *a, const struct file_id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static struct kept *find(struct program_build *b, const struct file_id *file)
{
    unsigned i;

    for (i = 0; i < PROGRAM_BUILD_FILES; i++)
        if (b->kept[i].used != 0 && is_same(&b->kept[i].file, file))
            return &b->kept[i];
    return NULL;
}

static struct kept *keep(struct program_build *b, const struct file_id *file, int rc)
{
    struct kept *k = &b->kept[0];
    unsigned i;

    for (i = 1; i < PROGRAM_BUILD_FILES; i++)
        if (b->kept[i].used < k->used)
            k = &b->kept[i];
    *k = (struct kept){*file, rc, "", ++b->n_uses};
    return k;
}

/* --- reading ------------------------------------------------------------------------ */

/* Returns 1: a part was read; 0: that was all; -errno. */
static int read_part(struct program_build *b)
{
    ssize_t n;

    do {
        n = read(b->fd, b->part, sizeof(b->part));
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        return -errno;
    b->n_bytes += (uint64_t)n;
    if (b->n_bytes > b->file.size)
        return -ESTALE; /* it has become longer */
    crypto_hash_sha256_update(&b->hash, b->part, (unsigned long long)n);
    return n > 0;
}

static int check_same(const struct program_build *b)
{
    struct stat st;
    struct file_id now;

    if (fstat(b->fd, &st) == -1)
        return -errno;
    now = id_of(&st);
    return b->n_bytes == b->file.size && is_same(&now, &b->file) ? 0 : -ESTALE;
}

static void end_reading(struct program_build *b, int rc)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    struct kept *k;

    if (rc == 0)
        rc = check_same(b);
    close(b->fd);
    b->fd = -1;
    k = keep(b, &b->file, rc);
    crypto_hash_sha256_final(&b->hash, sum);
    if (rc == 0)
        sodium_bin2hex(k->build, PROGRAM_BUILD, sum, (PROGRAM_BUILD - 1) / 2);
    b->n_read += rc == 0;
    b->fn(b->arg);
}

static void on_timer(void *arg)
{
    struct program_build *b = arg;
    int i, rc = 1;

    for (i = 0; i < PARTS && rc > 0; i++)
        rc = read_part(b);
    if (rc > 0)
        rc = evloop_set_timer(b->loop, &b->timer, REST_MS, on_timer, b) < 0 ? -ENOMEM : 1;
    if (rc <= 0)
        end_reading(b, rc);
}

/* Takes <fd>.  Returns -EAGAIN, or why it is not read. */
static int begin_reading(struct program_build *b, int fd, const struct file_id *file)
{
    int rc = evloop_set_timer(b->loop, &b->timer, REST_MS, on_timer, b);

    if (rc < 0) {
        close(fd);
        return rc;
    }
    b->fd = fd;
    b->file = *file;
    b->n_bytes = 0;
    crypto_hash_sha256_init(&b->hash);
    return -EAGAIN;
}

/* --- what is asked ------------------------------------------------------------------ */

static int open_program(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;

    if (fd == -1)
        return -errno;
    rc = fstat(fd, st) == -1 ? -errno : S_ISREG(st->st_mode) ? 0 : -EINVAL;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

static int read_program(struct program_build *b, const char *path)
{
    struct file_id file;
    struct stat st;
    int fd;

    if (b->fd != -1)
        return -EAGAIN;
    fd = open_program(path, &st);
    if (fd < 0)
        return fd;
    file = id_of(&st);
    if (file.size <= PROGRAM_BUILD_SIZE_MAX)
        return begin_reading(b, fd, &file);
    close(fd);
    return -EFBIG;
}

int program_build_of(struct program_build *b, pid_t pid, char out[PROGRAM_BUILD])
{
    struct file_id file;
    struct kept *k;
    struct stat st;
    char path[40];

    out[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    if (stat(path, &st) == -1)
        return -errno;
    file = id_of(&st);
    k = find(b, &file);
    if (!k)
        return read_program(b, path);
    k->used = ++b->n_uses;
    memcpy(out, k->build, PROGRAM_BUILD);
    return k->rc;
}

unsigned long long program_build_n_read(const struct program_build *b)
{
    return b->n_read;
}

int program_build_create(struct program_build **out, struct evloop *l, evloop_fn *fn,
                         void *arg)
{
    struct program_build *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    b->loop = l;
    b->fn = fn;
    b->arg = arg;
    b->fd = -1;
    *out = b;
    return 0;
}

void program_build_destroy(struct program_build *b)
{
    if (!b)
        return;
    evloop_clear_timer(b->loop, &b->timer);
    if (b->fd != -1)
        close(b->fd);
    free(b);
}
