/* The file: head, rows, the batch under way.  Every change leaves it true at each single
 * store, because the process may be killed between any two:
 *     a new row      its key first, then n_rows
 *     a row reused   only its key: it has nothing to settle, so it counts for nobody
 *     a new batch    its lines first, then flight_seq = settled_seq + 1
 *     settled        the rows of the batch (absolute values: twice is harmless), then
 *                    settled_seq = flight_seq */
#include "agent_report/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#include "base/log.h"

#define MAGIC 0x31676465736c6c61u
#define BOOT_ID 36                    /* characters */

struct row {
    uint32_t key[4];                  /* modid, cmdid, ip, port */
    uint64_t succ, err;               /* counted */
    uint64_t settled_succ, settled_err; /* of these, acknowledged */
};

struct line {                         /* of the batch under way */
    uint32_t row, zero;
    uint64_t succ, err;               /* the row's counts that it covers */
};

struct head {
    uint64_t magic;
    uint32_t max_rows;
    _Atomic uint32_t n_rows;
    uint8_t stream[MSG_STREAM];
    char boot[40];
    _Atomic uint64_t settled_seq, flight_seq; /* under way when it is one more */
    uint32_t n_lines, zero;
    struct line line[MSG_BATCH_ROWS];
};

_Static_assert(sizeof(struct row) == 48 && sizeof(struct line) == 24, "in the file");

struct entry {                        /* finds a row by its key */
    uint32_t key[4];
    uint32_t row;
    bool overload;                    /* not in the file */
    bool say;                         /* in the next batch, without counts too */
    UT_hash_handle hh;
};

struct outbox {
    int fd;                           /* locked */
    size_t size;
    struct head *head;
    struct row *row;
    struct entry *entries;
    uint32_t next;                    /* where the next batch begins to look: in turn */
    uint32_t reuse;                   /* where a row for reuse is looked for */
    uint32_t n_say;                   /* entries with <say> */
    bool is_new;
};

static void read_boot(char boot[40])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    memset(boot, 0, 40);
    if (fd == -1)
        return;
    if (read(fd, boot, BOOT_ID) != BOOT_ID)
        memset(boot, 0, 40);
    close(fd);
}

static size_t size_of(uint32_t max_rows)
{
    return sizeof(struct head) + (size_t)max_rows * sizeof(struct row);
}

/* A batch covers no more than was counted, and what was settled before it. */
static bool is_between(const struct line *at, const struct row *r)
{
    return at->succ <= r->succ && at->err <= r->err && at->succ >= r->settled_succ &&
           at->err >= r->settled_err;
}

/* Could everything in it be used as it stands?  A file can be anybody's. */
static bool is_whole(const struct outbox *l, uint32_t max_rows)
{
    const struct head *h = l->head;
    char boot[40];
    uint32_t i;

    read_boot(boot);
    if (h->magic != MAGIC || h->max_rows != max_rows || h->n_rows > max_rows ||
        memcmp(h->boot, boot, sizeof(boot)) != 0 || h->n_lines > MSG_BATCH_ROWS ||
        h->flight_seq < h->settled_seq || h->flight_seq > h->settled_seq + 1)
        return false;
    for (i = 0; i < h->n_lines && h->flight_seq != h->settled_seq; i++)
        if (h->line[i].row >= h->n_rows ||
            !is_between(&h->line[i], &l->row[h->line[i].row]))
            return false;
    for (i = 0; i < h->n_rows; i++)
        if (l->row[i].settled_succ > l->row[i].succ ||
            l->row[i].settled_err > l->row[i].err || l->row[i].key[3] == 0)
            return false;
    return true;
}

static int begin(struct outbox *l, uint32_t max_rows)
{
    struct head *h = l->head;

    h->magic = 0;                     /* until it is complete */
    h->n_rows = h->n_lines = 0;
    h->settled_seq = h->flight_seq = 0;
    h->max_rows = max_rows;
    read_boot(h->boot);
    if (getrandom(h->stream, sizeof(h->stream), 0) != (ssize_t)sizeof(h->stream))
        return -EIO;
    h->magic = MAGIC;
    l->is_new = true;
    return 0;
}

static int index_row(struct outbox *l, uint32_t i)
{
    const struct row *r = &l->row[i];
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        return -ENOMEM;
    *e = (struct entry){.row = i};
    memcpy(e->key, r->key, sizeof(e->key));
    HASH_ADD(hh, l->entries, key, sizeof(e->key), e);
    if (e->hh.tbl)
        return 0;
    free(e);
    return -ENOMEM;
}

static void drop_index(struct outbox *l)
{
    struct entry *e, *next;

    HASH_ITER(hh, l->entries, e, next)
    {
        HASH_DEL(l->entries, e);
        free(e);
    }
}

static int rebuild_index(struct outbox *l)
{
    uint32_t i;
    int rc = 0;

    drop_index(l);
    for (i = 0; i < l->head->n_rows && rc == 0; i++)
        rc = index_row(l, i);
    return rc;
}

static int map(struct outbox *l, const char *path, uint32_t max_rows)
{
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->fd == -1)
        return -errno;
    if (flock(l->fd, LOCK_EX | LOCK_NB) == -1)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    l->size = size_of(max_rows);
    if (posix_fallocate(l->fd, 0, (off_t)l->size) != 0)
        return -ENOSPC;               /* now, and not as SIGBUS at the first call */
    l->head = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd, 0);
    if (l->head == MAP_FAILED) {
        l->head = NULL;
        return -errno;
    }
    l->row = (struct row *)(void *)(l->head + 1);
    return 0;
}

int outbox_open(struct outbox **out, const char *path, uint32_t max_rows)
{
    struct outbox *l = calloc(1, sizeof(*l));
    int rc;

    if (!l)
        return -ENOMEM;
    rc = map(l, path, max_rows);
    if (rc == 0 && !is_whole(l, max_rows)) {
        if (l->head->magic != 0)
            LOG_WARN("ledger.new", "path=%s: of another boot or size, or damaged", path);
        rc = begin(l, max_rows);
    }
    if (rc == 0)
        rc = rebuild_index(l);
    if (rc < 0)
        outbox_close(l);
    else
        *out = l;
    return rc;
}

void outbox_close(struct outbox *l)
{
    if (!l)
        return;
    drop_index(l);
    if (l->head)
        munmap(l->head, l->size);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

static struct entry *find(const struct outbox *l, const uint32_t key[4])
{
    struct entry *e;

    HASH_FIND(hh, l->entries, key, 16, e);
    return e;
}

static bool is_settled(const struct row *r)
{
    return r->succ == r->settled_succ && r->err == r->settled_err;
}

/* A row that may be another node's from now on; n_rows when there is none.  Not while a
 * batch is under way: its lines name rows. */
static uint32_t reusable(struct outbox *l)
{
    struct head *h = l->head;
    uint32_t i;

    for (i = 0; i < h->n_rows && h->flight_seq == h->settled_seq; i++) {
        uint32_t at = l->reuse++ % h->n_rows;

        if (is_settled(&l->row[at]))
            return at;
    }
    return h->n_rows;
}

static struct entry *add(struct outbox *l, const uint32_t key[4])
{
    struct head *h = l->head;
    struct entry *old;
    uint32_t i = h->n_rows;

    if (i == h->max_rows) {
        i = reusable(l);
        if (i == h->max_rows)
            return NULL;
        old = find(l, l->row[i].key);
        if (old) {
            l->n_say -= old->say;
            HASH_DEL(l->entries, old);
            free(old);
        }
    } else {
        l->row[i] = (struct row){0};
    }
    memcpy(l->row[i].key, key, sizeof(l->row[i].key));
    if (index_row(l, i) < 0)
        return NULL;
    if (i == h->n_rows)
        h->n_rows = i + 1;
    return find(l, key);
}

int64_t outbox_row(struct outbox *l, const struct module_id *m, uint32_t ip,
                   uint32_t port)
{
    const uint32_t key[4] = {m->modid, m->cmdid, ip, port};
    struct entry *e = find(l, key);

    if (!e)
        e = add(l, key);
    return e ? (int64_t)e->row : -ENOBUFS;
}

int outbox_count(struct outbox *l, const struct module_id *m, uint32_t ip, uint32_t port,
                 bool ok)
{
    int64_t row = outbox_row(l, m, ip, port);

    if (row < 0)
        return (int)row;
    if (ok)
        l->row[row].succ++;
    else
        l->row[row].err++;
    return 0;
}

void outbox_get(const struct outbox *l, uint32_t row, uint64_t *succ, uint64_t *err)
{
    *succ = l->row[row].succ;
    *err = l->row[row].err;
}

void outbox_set(struct outbox *l, uint32_t row, uint64_t succ, uint64_t err)
{
    if (row >= l->head->n_rows || succ < l->row[row].succ || err < l->row[row].err)
        return;
    l->row[row].succ = succ;
    l->row[row].err = err;
}

void outbox_each_unsettled(const struct outbox *l,
                           void (*fn)(const struct module_id *m,
                                      const struct msg_result *res, void *arg),
                           void *arg)
{
    uint32_t i;

    for (i = 0; i < l->head->n_rows; i++) {
        const struct row *r = &l->row[i];
        const struct entry *e = find(l, r->key);
        struct module_id m = {r->key[0], r->key[1]};
        struct msg_result res = {.ip = r->key[2],
                                 .port = r->key[3],
                                 .succ = (uint32_t)r->succ,
                                 .err = (uint32_t)r->err,
                                 .overload = e && e->overload};

        if (!is_settled(r) && r->key[2] != MSG_LATENCY_IP)
            fn(&m, &res, arg);
    }
}

bool outbox_is_full(const struct outbox *l)
{
    return l->head->n_rows == l->head->max_rows;
}

static void say(struct outbox *l, struct entry *e, bool overload)
{
    e->overload = overload;
    l->n_say += !e->say;
    e->say = true;
}

void outbox_note(struct outbox *l, const struct module_id *m, uint32_t ip, uint32_t port,
                 bool overload)
{
    const uint32_t key[4] = {m->modid, m->cmdid, ip, port};
    struct entry *e = find(l, key);

    if (e && e->overload != overload)
        say(l, e, overload);
}

void outbox_say(struct outbox *l, const struct module_id *m, uint32_t ip, uint32_t port,
                bool overload)
{
    int64_t row = outbox_row(l, m, ip, port);

    if (row >= 0)
        say(l, find(l, l->row[row].key), overload);
}

static bool take_say(struct outbox *l, const struct row *r)
{
    struct entry *e = l->n_say > 0 ? find(l, r->key) : NULL;

    if (!e || !e->say)
        return false;
    e->say = false;
    l->n_say--;
    return true;
}

/* Write down a batch of what is not settled.  Returns how many lines. */
static uint32_t make_batch(struct outbox *l)
{
    struct head *h = l->head;
    uint32_t i, n = 0, rows = h->n_rows;

    for (i = 0; i < rows && n < MSG_BATCH_ROWS; i++) {
        uint32_t at = (l->next + i) % rows;
        const struct row *r = &l->row[at];

        if (take_say(l, r) || !is_settled(r))
            h->line[n++] = (struct line){at, 0, r->succ, r->err};
    }
    l->next = rows > 0 ? (l->next + i) % rows : 0;
    h->n_lines = n;
    if (n > 0)
        h->flight_seq = h->settled_seq + 1;
    return n;
}

int outbox_batch(struct outbox *l, struct msg_batch *b)
{
    const struct head *h = l->head;
    uint32_t i;

    if (h->flight_seq == h->settled_seq && make_batch(l) == 0)
        return 0;
    memcpy(b->stream, h->stream, MSG_STREAM);
    b->seq = h->flight_seq;
    b->n = h->n_lines;
    for (i = 0; i < h->n_lines; i++) {
        const struct row *r = &l->row[h->line[i].row];
        const struct entry *e = find(l, r->key);

        b->row[i] = (struct msg_count){.mod = {r->key[0], r->key[1]},
                                       .ip = r->key[2],
                                       .port = r->key[3],
                                       .succ = h->line[i].succ - r->settled_succ,
                                       .err = h->line[i].err - r->settled_err,
                                       .overload = e && e->overload};
    }
    return 1;
}

void outbox_acked(struct outbox *l, uint64_t seq)
{
    struct head *h = l->head;
    uint32_t i;

    if (h->flight_seq == h->settled_seq || seq != h->flight_seq)
        return;
    for (i = 0; i < h->n_lines; i++) {
        l->row[h->line[i].row].settled_succ = h->line[i].succ;
        l->row[h->line[i].row].settled_err = h->line[i].err;
    }
    h->settled_seq = seq;
}

void outbox_settle(struct outbox *l)
{
    uint32_t i;

    if (l->head->flight_seq != l->head->settled_seq)
        return;
    for (i = 0; i < l->head->n_rows; i++) {
        l->row[i].settled_succ = l->row[i].succ;
        l->row[i].settled_err = l->row[i].err;
    }
}

const uint8_t *outbox_stream(const struct outbox *l)
{
    return l->head->stream;
}

bool outbox_is_new(const struct outbox *l)
{
    return l->is_new;
}
