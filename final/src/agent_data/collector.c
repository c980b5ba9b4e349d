/* The counts of a client's call log only grow.  For each log the agent keeps a record of
 * how much of them it has collected (the file A of the log, shmem/layout.h).  The
 * difference is what a round adds to the outbox.
 *
 * A round changes two files, the outbox and the record, and the agent can be killed
 * between them.  So a round first writes into a journal the absolute values that both
 * files will have, then marks the journal as complete (n_lines), then writes the values
 * into both files, then clears the mark.  A successor that finds the mark writes the
 * values again; absolute values may be written any number of times.
 *
 * Invariant: while the journal is marked, no value in it is older than what it replaces;
 * therefore a row of the outbox occurs at most once in a round.
 *
 * Rejected: to let clients report to the agent.  It would cost them a message for each
 * call, and calls that a client made just before it was killed would be lost. */
#include "agent_data/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "shmem/route_reader.h"

#define JOURNAL_LINES 1024            /* of one round; more make another round */
#define N_LOGS (LAYOUT_CALL_LOGS + LAYOUT_OWN)
#define GROUP_WORDS (LAYOUT_MAX_NODES / LAYOUT_GROUP / 64)
#define MODULE_WORDS (LAYOUT_MAX_MODULES / 64)
#define DURATION 0x80000000u          /* flag in a line's what */

struct journal_line {
    uint32_t log;                     /* index of the call log */
    uint32_t what;                    /* a node's nid; or DURATION | a module's mid */
    uint32_t bucket;                  /* of durations */
    uint32_t row;                     /* of the outbox */
    uint64_t done, err;               /* what will have been collected of <what> */
    uint64_t row_succ, row_err;       /* what the row will have */
};

struct journal {
    _Atomic uint64_t n_lines;         /* lines to write; 0 = no round is in progress */
    uint64_t segment;                 /* number of the segment that the lines are about */
    uint8_t stream[MSG_STREAM];       /* of the outbox that they are about */
    struct journal_line line[JOURNAL_LINES];
};

struct taken {                        /* the file A of a call log */
    int fd;
    struct layout_taken *node;        /* the mapped file: [max_nodes], then ... */
    uint64_t *hist;                   /* ... [max_modules][LAYOUT_BUCKETS] */
    /* a bit for each page of <node> and <hist>: it was allocated */
    uint64_t ready[GROUP_WORDS], ready_mod[MODULE_WORDS];
};

struct collector {
    const struct segment *s;
    struct outbox *outbox;
    struct journal *journal;
    struct taken *taken[N_LOGS];      /* by index of the log; NULL = not open yet */
    const struct call_log *log;       /* the one that is being collected */
    uint32_t n;                       /* lines of the round that is being prepared */
    int rc;                           /* first error in it */
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

static int open_taken(struct collector *c, uint32_t i, struct taken **out)
{
    struct taken *t = c->taken[i];
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc;

    if (!t) {
        t = calloc(1, sizeof(*t));
        if (!t)
            return -ENOMEM;
        rc = map_file(c->s->dir, segment_name(c->s, 'A', i, name), taken_size(c->s), &p,
                      &t->fd);
        if (rc < 0) {
            free(t);
            return rc;
        }
        t->node = p;
        t->hist = (uint64_t *)(void *)(t->node + c->s->max_nodes);
        c->taken[i] = t;
    }
    *out = t;
    return 0;
}

/* Allocates the page behind <p>, so that a full file system is an error here and not a
 * SIGBUS at the store.  False: it is full. */
static bool is_page_ready(struct taken *t, uint64_t *ready, uint32_t bit, const void *p,
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

static bool is_node_ready(struct taken *t, uint32_t nid)
{
    uint32_t g = nid / LAYOUT_GROUP;

    return is_page_ready(t, t->ready, g, &t->node[g * LAYOUT_GROUP],
                         LAYOUT_GROUP * sizeof(struct layout_taken));
}

static bool is_module_ready(struct taken *t, uint32_t mid)
{
    return is_page_ready(t, t->ready_mod, mid, &t->hist[(size_t)mid * LAYOUT_BUCKETS],
                         LAYOUT_BUCKETS * sizeof(uint64_t));
}

/* --- a round ------------------------------------------------------------------------ */

/* Writes the values of one line.  The journal may be damaged, or about another segment or
 * outbox, so each index is checked. */
static void write_line(struct collector *c, const struct journal_line *at)
{
    struct taken *t;

    if (memcmp(c->journal->stream, outbox_stream(c->outbox), MSG_STREAM) == 0)
        outbox_set(c->outbox, at->row, at->row_succ, at->row_err);
    if (c->journal->segment != c->s->g || at->log >= N_LOGS ||
        open_taken(c, at->log, &t) < 0)
        return;
    if (at->what & DURATION) {
        if ((at->what & ~DURATION) < c->s->max_modules && at->bucket < LAYOUT_BUCKETS &&
            is_module_ready(t, at->what & ~DURATION))
            t->hist[(size_t)(at->what & ~DURATION) * LAYOUT_BUCKETS + at->bucket] =
                at->done;
    } else if (at->what < c->s->max_nodes && is_node_ready(t, at->what)) {
        t->node[at->what] = (struct layout_taken){at->done, at->err};
    }
}

static void write_journal(struct collector *c)
{
    uint64_t i, n = c->journal->n_lines;

    for (i = 0; i < n && i < JOURNAL_LINES; i++)
        write_line(c, &c->journal->line[i]);
    atomic_store(&c->journal->n_lines, 0);
}

static void commit_round(struct collector *c)
{
    c->journal->segment = c->s->g;
    memcpy(c->journal->stream, outbox_stream(c->outbox), MSG_STREAM);
    atomic_store_explicit(&c->journal->n_lines, c->n, memory_order_release);
    write_journal(c);
    c->n = 0;
}

/* Adds a line to the round: the row of <key> gets <succ> and <err> more.  A row occurs at
 * most once in a round, because a line holds the total that follows from what the outbox
 * has now: a second line for the row would undo the first.  When the outbox is full each
 * line is a round of its own: outbox_row() may give a row that is settled to another
 * node. */
static void add_line(struct collector *c, struct journal_line at, const uint32_t key[4],
                     uint64_t succ, uint64_t err)
{
    struct module_id m = {key[0], key[1]};
    int64_t row = outbox_row(c->outbox, &m, key[2], key[3]);
    uint64_t was_succ, was_err;

    if (row < 0) {
        c->rc = (int)row;
        return;
    }
    outbox_get(c->outbox, (uint32_t)row, &was_succ, &was_err);
    at.log = call_log_index(c->log);
    at.row = (uint32_t)row;
    at.row_succ = was_succ + succ;
    at.row_err = was_err + err;
    c->journal->line[c->n++] = at;
    if (c->n == JOURNAL_LINES || outbox_is_full(c->outbox))
        commit_round(c);
}

static void take_node(uint32_t nid, void *arg)
{
    struct collector *c = arg;
    struct call_log_sum sum = {0};
    struct net_addr addr;
    struct taken *t;
    uint32_t mid = c->s->addr[nid].mid;
    const struct layout_module *m;

    call_log_sum(c->log, nid, &sum);
    if (open_taken(c, call_log_index(c->log), &t) < 0 || !is_node_ready(t, nid)) {
        c->rc = -ENOSPC;
        return;
    }
    route_reader_addr(c->s, nid, &addr);
    if (mid >= c->s->max_modules || addr.family == 0 || sum.err > sum.done ||
        sum.done < t->node[nid].done || sum.err < t->node[nid].err ||
        (sum.done == t->node[nid].done && sum.err == t->node[nid].err))
        return;
    m = &c->s->module[mid];
    add_line(c, (struct journal_line){.what = nid, .done = sum.done, .err = sum.err},
             (const uint32_t[4]){m->modid, m->cmdid, ipv4_of(&addr), addr.port},
             sum.done - sum.err - (t->node[nid].done - t->node[nid].err),
             sum.err - t->node[nid].err);
}

static void take_durations(uint32_t mid, void *arg)
{
    struct collector *c = arg;
    const struct layout_module *m = &c->s->module[mid];
    struct taken *t;
    uint64_t now, was;
    uint32_t b;

    if (open_taken(c, call_log_index(c->log), &t) < 0 || !is_module_ready(t, mid)) {
        c->rc = -ENOSPC;
        return;
    }
    for (b = 1; b < LAYOUT_BUCKETS; b++) {
        now = call_log_bucket(c->log, mid, b);
        was = t->hist[(size_t)mid * LAYOUT_BUCKETS + b];
        if (now > was)
            add_line(
                c,
                (struct journal_line){.what = mid | DURATION, .bucket = b, .done = now},
                (const uint32_t[4]){m->modid, m->cmdid, MSG_LATENCY_IP, b}, now - was, 0);
    }
}

int collector_take(struct collector *c, const struct call_log *log)
{
    c->log = log;
    c->rc = 0;
    call_log_each_node(log, take_node, c);
    call_log_each_module(log, take_durations, c);
    if (c->n > 0)
        commit_round(c);
    return c->rc;
}

bool collector_has_all(struct collector *c, const struct call_log *log, uint32_t nid)
{
    struct call_log_sum sum = {0};
    struct taken *t;

    call_log_sum(log, nid, &sum);
    if (sum.done == 0)
        return true;
    return open_taken(c, call_log_index(log), &t) == 0 && is_node_ready(t, nid) &&
           t->node[nid].done == sum.done && t->node[nid].err == sum.err;
}

/* --- create and destroy ------------------------------------------------------------- */

int collector_create(struct collector **out, const struct segment *s,
                     struct outbox *outbox)
{
    struct collector *c = calloc(1, sizeof(*c));
    void *p;
    int rc, fd = -1;

    if (!c)
        return -ENOMEM;
    c->s = s;
    c->outbox = outbox;
    rc = map_file(s->dir, "journal", sizeof(*c->journal), &p, &fd);
    if (rc == 0) {
        c->journal = p;
        rc = -posix_fallocate(fd, 0, sizeof(*c->journal));
        close(fd);
    }
    if (rc == 0 && c->journal->n_lines > 0)
        write_journal(c);
    if (rc < 0)
        collector_destroy(c);
    else
        *out = c;
    return rc;
}

void collector_destroy(struct collector *c)
{
    uint32_t i;

    if (!c)
        return;
    for (i = 0; i < N_LOGS; i++) {
        if (!c->taken[i])
            continue;
        munmap(c->taken[i]->node, taken_size(c->s));
        close(c->taken[i]->fd);
        free(c->taken[i]);
    }
    if (c->journal)
        munmap(c->journal, sizeof(*c->journal));
    free(c);
}
