#include "agent_data/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "shmem/route_reader.h"

#define LINES 1024
#define N_LEDGERS (LAYOUT_CALL_LOGS + LAYOUT_OWN)
#define BITS (LAYOUT_MAX_NODES / LAYOUT_GROUP / 64)
#define DURATION 0x80000000u          /* a line's what: a module's bucket, else a node */

struct line {
    uint32_t ledger, what, bucket, row;
    uint64_t done, err;               /* taken, after it */
    uint64_t row_succ, row_err;       /* the row's, after it */
};

struct journal {
    _Atomic uint64_t n_armed;         /* lines to be written; 0 = none */
    uint64_t g;                       /* of which segment */
    uint8_t stream[MSG_STREAM];       /* of which ledger */
    struct line line[LINES];
};

struct taken {                        /* the file A of a ledger */
    int fd;
    struct layout_taken *node;        /* max_nodes; then [max_modules][BUCKETS] u64 */
    uint64_t *hist;
    uint64_t ready[BITS], ready_mod[LAYOUT_MAX_MODULES / 64];
};

struct collector {
    const struct segment *s;
    struct outbox *l;
    struct journal *j;
    struct taken *taken[N_LEDGERS];
    const struct call_log *c;            /* of the round */
    uint32_t n;                       /* lines of it */
    int rc;
};

static size_t taken_size(const struct segment *s)
{
    return s->max_nodes * sizeof(struct layout_taken) +
           (size_t)s->max_modules * LAYOUT_BUCKETS * sizeof(uint64_t);
}

static int map_file(int dir, const char *name, size_t size, void **out, int *fd_out)
{
    int rc = 0, fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return -errno;
    if (ftruncate(fd, (off_t)size) == -1)
        rc = -errno;
    *out =
        rc < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rc == 0 && *out == MAP_FAILED)
        rc = -errno;
    if (rc < 0)
        close(fd);
    else
        *fd_out = fd;
    return rc;
}

static int taken_of(struct collector *h, uint32_t i, struct taken **out)
{
    struct taken *t = h->taken[i];
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc;

    if (!t) {
        t = calloc(1, sizeof(*t));
        if (!t)
            return -ENOMEM;
        rc = map_file(h->s->dir, segment_name(h->s, 'A', i, name), taken_size(h->s), &p,
                      &t->fd);
        if (rc < 0) {
            free(t);
            return rc;
        }
        t->node = p;
        t->hist = (uint64_t *)(void *)(t->node + h->s->max_nodes);
        h->taken[i] = t;
    }
    *out = t;
    return 0;
}

/* The page behind <p> is there: a full disk is an error here, not a SIGBUS. */
static bool is_ready(struct taken *t, uint64_t *ready, uint32_t bit, const void *p,
                     size_t len)
{
    int rc;

    if (ready[bit / 64] >> bit % 64 & 1)
        return true;
    do
        rc = posix_fallocate(t->fd, (const char *)p - (const char *)t->node, (off_t)len);
    while (rc == EINTR);
    if (rc == 0)
        ready[bit / 64] |= 1ull << bit % 64;
    return rc == 0;
}

static bool node_ready(struct taken *t, uint32_t nid)
{
    uint32_t g = nid / LAYOUT_GROUP;

    return is_ready(t, t->ready, g, &t->node[g * LAYOUT_GROUP],
                    LAYOUT_GROUP * sizeof(struct layout_taken));
}

static bool module_ready(struct taken *t, uint32_t mid)
{
    return is_ready(t, t->ready_mod, mid, &t->hist[(size_t)mid * LAYOUT_BUCKETS],
                    LAYOUT_BUCKETS * sizeof(uint64_t));
}

/* --- a round ------------------------------------------------------------------------ */

static void write_line(struct collector *h, const struct line *at)
{
    struct taken *t;

    if (memcmp(h->j->stream, outbox_stream(h->l), MSG_STREAM) == 0)
        outbox_set(h->l, at->row, at->row_succ, at->row_err);
    if (h->j->g != h->s->g || at->ledger >= N_LEDGERS || taken_of(h, at->ledger, &t) < 0)
        return;
    if (at->what & DURATION) {
        if ((at->what & ~DURATION) < h->s->max_modules && at->bucket < LAYOUT_BUCKETS &&
            module_ready(t, at->what & ~DURATION))
            t->hist[(size_t)(at->what & ~DURATION) * LAYOUT_BUCKETS + at->bucket] =
                at->done;
    } else if (at->what < h->s->max_nodes && node_ready(t, at->what)) {
        t->node[at->what] = (struct layout_taken){at->done, at->err};
    }
}

static void write_all(struct collector *h)
{
    uint64_t i, n = h->j->n_armed;

    for (i = 0; i < n && i < LINES; i++)
        write_line(h, &h->j->line[i]);
    atomic_store(&h->j->n_armed, 0);
}

static void commit(struct collector *h)
{
    h->j->g = h->s->g;
    memcpy(h->j->stream, outbox_stream(h->l), MSG_STREAM);
    atomic_store_explicit(&h->j->n_armed, h->n, memory_order_release);
    write_all(h);
    h->n = 0;
}

/* <succ> and <err> more for a row.  A row is in one line of a round at most, or its
 * second line would not know of the first: the rest of a node is for the next round. */
static void add_line(struct collector *h, struct line at, const uint32_t key[4],
                     uint64_t succ, uint64_t err)
{
    struct module_id m = {key[0], key[1]};
    int64_t row = outbox_row(h->l, &m, key[2], key[3]);
    uint64_t was_succ, was_err;

    if (row < 0) {
        h->rc = (int)row;
        return;
    }
    outbox_get(h->l, (uint32_t)row, &was_succ, &was_err);
    at.ledger = call_log_index(h->c);
    at.row = (uint32_t)row;
    at.row_succ = was_succ + succ;
    at.row_err = was_err + err;
    h->j->line[h->n++] = at;
    if (h->n == LINES || outbox_is_full(h->l))
        commit(h);
}

static void take_node(uint32_t nid, void *arg)
{
    struct collector *h = arg;
    struct call_log_sum sum = {0};
    struct net_addr addr;
    struct taken *t;
    uint32_t mid = h->s->addr[nid].mid;
    const struct layout_module *m;

    call_log_sum(h->c, nid, &sum);
    if (taken_of(h, call_log_index(h->c), &t) < 0 || !node_ready(t, nid)) {
        h->rc = -ENOSPC;
        return;
    }
    route_reader_addr(h->s, nid, &addr);
    if (mid >= h->s->max_modules || addr.family == 0 || sum.err > sum.done ||
        sum.done < t->node[nid].done || sum.err < t->node[nid].err ||
        (sum.done == t->node[nid].done && sum.err == t->node[nid].err))
        return;
    m = &h->s->module[mid];
    add_line(h, (struct line){.what = nid, .done = sum.done, .err = sum.err},
             (const uint32_t[4]){m->modid, m->cmdid, ipv4_of(&addr), addr.port},
             sum.done - sum.err - (t->node[nid].done - t->node[nid].err),
             sum.err - t->node[nid].err);
}

static void take_durations(uint32_t mid, void *arg)
{
    struct collector *h = arg;
    const struct layout_module *m = &h->s->module[mid];
    struct taken *t;
    uint64_t now, was;
    uint32_t b;

    if (taken_of(h, call_log_index(h->c), &t) < 0 || !module_ready(t, mid)) {
        h->rc = -ENOSPC;
        return;
    }
    for (b = 1; b < LAYOUT_BUCKETS; b++) {
        now = call_log_bucket(h->c, mid, b);
        was = t->hist[(size_t)mid * LAYOUT_BUCKETS + b];
        if (now > was)
            add_line(h, (struct line){.what = mid | DURATION, .bucket = b, .done = now},
                     (const uint32_t[4]){m->modid, m->cmdid, MSG_LATENCY_IP, b},
                     now - was, 0);
    }
}

int collector_take(struct collector *h, const struct call_log *c)
{
    h->c = c;
    h->rc = 0;
    call_log_each_node(c, take_node, h);
    call_log_each_module(c, take_durations, h);
    if (h->n > 0)
        commit(h);
    return h->rc;
}

bool collector_is_taken(struct collector *h, const struct call_log *c, uint32_t nid)
{
    struct call_log_sum sum = {0};
    struct taken *t;

    call_log_sum(c, nid, &sum);
    if (sum.done == 0)
        return true;
    return taken_of(h, call_log_index(c), &t) == 0 && node_ready(t, nid) &&
           t->node[nid].done == sum.done && t->node[nid].err == sum.err;
}

/* --- life --------------------------------------------------------------------------- */

int collector_create(struct collector **out, const struct segment *s, struct outbox *l)
{
    struct collector *h = calloc(1, sizeof(*h));
    void *p;
    int rc, fd = -1;

    if (!h)
        return -ENOMEM;
    h->s = s;
    h->l = l;
    rc = map_file(s->dir, "journal", sizeof(*h->j), &p, &fd);
    if (rc == 0) {
        h->j = p;
        rc = -posix_fallocate(fd, 0, sizeof(*h->j));
        close(fd);
    }
    if (rc == 0 && h->j->n_armed > 0)
        write_all(h);
    if (rc < 0)
        collector_destroy(h);
    else
        *out = h;
    return rc;
}

void collector_destroy(struct collector *h)
{
    uint32_t i;

    if (!h)
        return;
    for (i = 0; i < N_LEDGERS; i++) {
        if (!h->taken[i])
            continue;
        munmap(h->taken[i]->node, taken_size(h->s));
        close(h->taken[i]->fd);
        free(h->taken[i]);
    }
    if (h->j)
        munmap(h->j, sizeof(*h->j));
    free(h);
}
