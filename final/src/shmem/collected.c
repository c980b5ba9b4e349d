/* One file for each call log, opened when it is first needed.  The values are plain
 * memory, for the agent is the only process that maps the file.  The file survives the
 * agent because it is in the same tmpfs folder as the logs: both are lost together, when
 * the host restarts.
 *
 * Invariant: a page is allocated before it is touched; a full file system is -ENOSPC.
 *
 * Rejected: zeroing the call log when it was collected, because two processes would then
 * write it, and a crash between reading and zeroing would lose or double calls. */
#include "shmem/collected.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmem/segment_files.h"
#include "shmem/segment_private.h"
#include "shmem/shared_file.h"

struct file {
    struct layout_collected *node;    /* max_nodes */
    uint64_t *hist;                   /* behind them: [max_modules][SEGMENT_BUCKETS] */
    /* Bits: the pages of a group of nodes, of a module's histogram, are allocated. */
    uint64_t ready[SEGMENT_MAX_NODES / LAYOUT_GROUP / 64];
    uint64_t ready_mod[SEGMENT_MAX_MODULES / 64];
};

struct collected {
    const struct segment *s;
    struct file *file[SEGMENT_LOGS];  /* NULL = not open */
};

static size_t file_size(const struct segment *s)
{
    return s->max_nodes * sizeof(struct layout_collected) +
           (size_t)s->max_modules * SEGMENT_BUCKETS * sizeof(uint64_t);
}

static int open_file(const struct segment *s, uint32_t log, struct file **out)
{
    struct file *f = calloc(1, sizeof(*f));
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc;

    if (!f)
        return -ENOMEM;
    segment_file_name(s, 'A', log, name);
    rc = segment_files_are_mine(s) ? shared_file_make(s->dir, name, 0600, file_size(s))
                              : -ENOENT;
    if (rc == 0)
        rc = shared_file_map(s->dir, name, true, file_size(s), &p, NULL);
    if (rc < 0) {
        free(f);
        return rc;
    }
    f->node = p;
    f->hist = (uint64_t *)(void *)(f->node + s->max_nodes);
    *out = f;
    return 0;
}

static int file_of(struct collected *c, uint32_t log, struct file **out)
{
    int rc = log < SEGMENT_LOGS ? 0 : -EINVAL;

    if (rc == 0 && !c->file[log])
        rc = open_file(c->s, log, &c->file[log]);
    if (rc == 0)
        *out = c->file[log];
    return rc;
}

/* Allocates pages of the file of <log>, once for each.  That is seldom, so the descriptor
 * is opened for it only. */
static int make_ready(const struct segment *s, uint32_t log, struct file *f,
                      uint64_t *ready, uint32_t bit, const void *p, size_t len)
{
    char name[SEGMENT_NAME_MAX];
    int rc, fd;

    if (ready[bit / 64] >> bit % 64 & 1)
        return 0;
    fd = openat(s->dir, segment_file_name(s, 'A', log, name),
                O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno != ENOENT)
        return -errno;
    if (fd != -1 && !segment_files_are_mine(s)) {
        close(fd);
        fd = -1;
    }
    /* Without a name, the folder was emptied while this agent collects: the file is
     * mapped still. */
    rc = fd == -1 ? shared_file_populate(p, len)
                  : shared_file_reserve(fd, f->node, p, len);
    if (fd != -1)
        close(fd);
    if (rc == 0)
        ready[bit / 64] |= 1ull << bit % 64;
    return rc;
}

static int node_of(struct collected *c, uint32_t log, uint32_t nid,
                   struct layout_collected **out)
{
    uint32_t g = nid / LAYOUT_GROUP;
    struct file *f = NULL;
    int rc = nid < c->s->max_nodes ? file_of(c, log, &f) : -EINVAL;

    if (rc < 0)
        return rc;
    rc = make_ready(c->s, log, f, f->ready, g, &f->node[g * LAYOUT_GROUP],
                    LAYOUT_GROUP * sizeof(struct layout_collected));
    if (rc == 0)
        *out = &f->node[nid];
    return rc;
}

static int bucket_of(struct collected *c, uint32_t log, uint32_t mid, uint32_t bucket,
                     uint64_t **out)
{
    bool valid = mid < c->s->max_modules && bucket < SEGMENT_BUCKETS;
    struct file *f = NULL;
    int rc = valid ? file_of(c, log, &f) : -EINVAL;
    uint64_t *hist;

    if (rc < 0)
        return rc;
    hist = &f->hist[(size_t)mid * SEGMENT_BUCKETS];
    rc = make_ready(c->s, log, f, f->ready_mod, mid, hist,
                    SEGMENT_BUCKETS * sizeof(*hist));
    if (rc == 0)
        *out = &hist[bucket];
    return rc;
}

int collected_get(struct collected *c, uint32_t log, uint32_t nid,
                  struct collected_totals *out)
{
    struct layout_collected *n;
    int rc = node_of(c, log, nid, &n);

    if (rc == 0)
        *out = (struct collected_totals){n->done, n->err};
    return rc;
}

int collected_set(struct collected *c, uint32_t log, uint32_t nid,
                  const struct collected_totals *in)
{
    struct layout_collected *n;
    int rc = node_of(c, log, nid, &n);

    if (rc == 0)
        *n = (struct layout_collected){in->done, in->err};
    return rc;
}

int collected_get_bucket(struct collected *c, uint32_t log, uint32_t mid, uint32_t bucket,
                         uint64_t *out)
{
    uint64_t *n;
    int rc = bucket_of(c, log, mid, bucket, &n);

    if (rc == 0)
        *out = *n;
    return rc;
}

int collected_set_bucket(struct collected *c, uint32_t log, uint32_t mid, uint32_t bucket,
                         uint64_t n)
{
    uint64_t *at;
    int rc = bucket_of(c, log, mid, bucket, &at);

    if (rc == 0)
        *at = n;
    return rc;
}

int collected_create(struct collected **out, const struct segment *s)
{
    struct collected *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->s = s;
    *out = c;
    return 0;
}

void collected_destroy(struct collected *c)
{
    uint32_t i;

    if (!c)
        return;
    for (i = 0; i < SEGMENT_LOGS; i++) {
        if (!c->file[i])
            continue;
        munmap(c->file[i]->node, file_size(c->s));
        free(c->file[i]);
    }
    free(c);
}
