/* An outbox is a file that is mapped into memory.  Its head holds the batch that was sent
 * last, with the counts that this batch covers.  Behind the head are the rows, one for
 * each node: what was counted, and what of it is settled.
 *
 * Invariant: the process may be killed between any two stores, and what is in the file
 * then is valid.  Hence the order of the stores:
 *     a new row       its key first, then n_rows
 *     a reused row    only its key; all its totals are settled, so none of them is
 *                     reported for the new node
 *     a new batch     its lines first, then flight_seq = settled_seq + 1
 *     an acknowledgement   the rows of the batch (absolute values: writing them twice
 *                     changes nothing), then settled_seq = flight_seq
 * A kill leaves the page cache intact, so no msync(2) is needed.  A reboot does not, so
 * the file names the boot that it is from and is not used in another one.
 *
 * It names device and inode, too: a copy is not used, because two agents would number
 * their batches alike.
 *
 * Rejected: a log of records that is appended to.  It would grow with calls instead of
 * nodes, and it costs a write(2) for each call. */
#include "agent_report/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1           /* else uthash ends the process without memory */
#include <uthash.h>

#include "agent_report/file_identity.h"
#include "base/log.h"

#define MAGIC 0x31676465736c6c61u

struct row {
    uint32_t key[4];                  /* modid, cmdid, ip, port */
    uint64_t succ, err;               /* calls counted since the row was made */
    uint64_t settled_succ, settled_err; /* how many of them are settled */
};

struct batch_line {                   /* one row in the batch that was sent last */
    uint32_t row, zero;               /* row: index in outbox.row */
    uint64_t succ, err;               /* the row's counts that it covers */
};

struct head {
    uint64_t magic;
    uint32_t max_rows;
    _Atomic uint32_t n_rows;
    uint8_t stream[MSG_STREAM];
    char boot[FILE_IDENTITY_BOOT];
    /* flight_seq is the batch sent last; it is not acknowledged yet while it is
     * settled_seq + 1, and equals settled_seq afterwards */
    _Atomic uint64_t settled_seq, flight_seq;
    uint32_t n_lines;                 /* of that batch */
    uint32_t file;                    /* file_identity_mark(); 0: of an older release */
    struct batch_line line[MSG_BATCH_ROWS];
};

_Static_assert(sizeof(struct row) == 48, "the layout of the file");
_Static_assert(sizeof(struct batch_line) == 24, "the layout of the file");

struct entry {                        /* finds a row by its key */
    uint32_t key[4];
    uint32_t row;
    bool overload;                    /* not in the file */
    bool announce;                    /* the next batch has this row in any case */
    UT_hash_handle hh;
};

struct outbox {
    int fd;                           /* holds the lock on the file */
    size_t size;                      /* bytes mapped */
    struct head *head;
    struct row *row;
    struct entry *entries;
    uint32_t next;                    /* row at which the next batch begins: in turn */
    uint32_t reuse;                   /* row at which the next search for reuse begins */
    uint32_t n_announce;              /* entries with announce set */
    bool is_new;
};

size_t outbox_file_size(uint32_t max_rows)
{
    return sizeof(struct head) + (size_t)max_rows * sizeof(struct row);
}

/* A batch covers at most what was counted, and at least what was settled before it. */
static bool is_between(const struct batch_line *at, const struct row *r)
{
    return at->succ <= r->succ && at->err <= r->err && at->succ >= r->settled_succ &&
           at->err >= r->settled_err;
}

/* Any process of this user may have written to the file, so nothing in it is used before
 * all of it was checked. */
static bool is_file_valid(const struct outbox *o, uint32_t max_rows)
{
    const struct head *h = o->head;
    char boot[FILE_IDENTITY_BOOT];
    uint32_t i;

    file_identity_boot(boot);
    if (h->magic != MAGIC || h->max_rows != max_rows || h->n_rows > max_rows ||
        memcmp(h->boot, boot, sizeof(boot)) != 0 || h->n_lines > MSG_BATCH_ROWS ||
        h->flight_seq < h->settled_seq || h->flight_seq > h->settled_seq + 1)
        return false;
    for (i = 0; i < h->n_lines && h->flight_seq != h->settled_seq; i++)
        if (h->line[i].row >= h->n_rows ||
            !is_between(&h->line[i], &o->row[h->line[i].row]))
            return false;
    for (i = 0; i < h->n_rows; i++)
        if (o->row[i].settled_succ > o->row[i].succ ||
            o->row[i].settled_err > o->row[i].err || o->row[i].key[3] == 0)
            return false;
    return true;
}

static int begin_stream(struct outbox *o, uint32_t max_rows)
{
    struct head *h = o->head;

    h->magic = 0;                     /* not valid until it is complete */
    h->n_rows = h->n_lines = 0;
    h->settled_seq = h->flight_seq = 0;
    h->max_rows = max_rows;
    file_identity_boot(h->boot);
    h->file = file_identity_mark(o->fd);
    if (getrandom(h->stream, sizeof(h->stream), 0) != (ssize_t)sizeof(h->stream))
        return -EIO;
    h->magic = MAGIC;
    o->is_new = true;
    return 0;
}

static int index_row(struct outbox *o, uint32_t i)
{
    const struct row *r = &o->row[i];
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        return -ENOMEM;
    *e = (struct entry){.row = i};
    memcpy(e->key, r->key, sizeof(e->key));
    HASH_ADD(hh, o->entries, key, sizeof(e->key), e);
    if (e->hh.tbl)
        return 0;
    free(e);
    return -ENOMEM;
}

static void free_index(struct outbox *o)
{
    struct entry *e, *next;

    HASH_ITER(hh, o->entries, e, next)
    {
        HASH_DEL(o->entries, e);
        free(e);
    }
}

static int rebuild_index(struct outbox *o)
{
    uint32_t i;
    int rc = 0;

    free_index(o);
    for (i = 0; i < o->head->n_rows && rc == 0; i++)
        rc = index_row(o, i);
    return rc;
}

static int map_file(struct outbox *o, const char *path, uint32_t max_rows)
{
    o->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (o->fd == -1)
        return -errno;
    if (flock(o->fd, LOCK_EX | LOCK_NB) == -1)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    o->size = outbox_file_size(max_rows);
    if (posix_fallocate(o->fd, 0, (off_t)o->size) != 0)
        return -ENOSPC; /* else a full disk is a SIGBUS at some later call */
    o->head = mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
    if (o->head == MAP_FAILED) {
        o->head = NULL;
        return -errno;
    }
    o->row = (struct row *)(void *)(o->head + 1);
    return 0;
}

static void log_copy(const struct outbox *o, const char *path)
{
    uint64_t calls = 0;

    for (uint32_t i = 0; i < o->head->n_rows; i++)
        if (o->row[i].key[2] != MSG_LATENCY_IP)
            calls += o->row[i].succ - o->row[i].settled_succ + o->row[i].err -
                     o->row[i].settled_err;
    LOG_WARN("outbox.copied",
             "path=%s dropped_calls=%llu: a copy begins a new stream; the agent of the "
             "original reports these calls",
             path, (unsigned long long)calls);
}

/* Continue the stream in the file, or begin a new one.  Returns 0 or -EIO. */
static int adopt_file(struct outbox *o, const char *path, uint32_t max_rows)
{
    uint32_t mark = file_identity_mark(o->fd);
    bool is_valid = is_file_valid(o, max_rows);

    if (is_valid && (o->head->file == 0 || o->head->file == mark)) {
        o->head->file = mark;
        return 0;
    }
    if (is_valid)
        log_copy(o, path);
    else if (o->head->magic != 0)
        LOG_WARN("outbox.new",
                 "path=%s: begun anew (other boot, other size, or damaged)", path);
    return begin_stream(o, max_rows);
}

int outbox_open(struct outbox **out, const char *path, uint32_t max_rows)
{
    struct outbox *o = calloc(1, sizeof(*o));
    int rc;

    if (!o)
        return -ENOMEM;
    rc = map_file(o, path, max_rows);
    if (rc == 0)
        rc = adopt_file(o, path, max_rows);
    if (rc == 0)
        rc = rebuild_index(o);
    if (rc < 0)
        outbox_close(o);
    else
        *out = o;
    return rc;
}

void outbox_close(struct outbox *o)
{
    if (!o)
        return;
    free_index(o);
    if (o->head)
        munmap(o->head, o->size);
    if (o->fd >= 0)
        close(o->fd);
    free(o);
}

static struct entry *find_entry(const struct outbox *o, const uint32_t key[4])
{
    struct entry *e;

    HASH_FIND(hh, o->entries, key, 16, e);
    return e;
}

static bool is_settled(const struct row *r)
{
    return r->succ == r->settled_succ && r->err == r->settled_err;
}

/* A settled row, which another node may take over; n_rows when there is none.  While a
 * batch is out no row is reused, because the lines of the batch name rows. */
static uint32_t find_reusable_row(struct outbox *o)
{
    struct head *h = o->head;
    uint32_t i;

    for (i = 0; i < h->n_rows && h->flight_seq == h->settled_seq; i++) {
        uint32_t at = o->reuse++ % h->n_rows;

        if (is_settled(&o->row[at]))
            return at;
    }
    return h->n_rows;
}

static struct entry *add_row(struct outbox *o, const uint32_t key[4])
{
    struct head *h = o->head;
    struct entry *old;
    uint32_t i = h->n_rows;

    if (i == h->max_rows) {
        i = find_reusable_row(o);
        if (i == h->max_rows)
            return NULL;
        old = find_entry(o, o->row[i].key);
        if (old) {
            o->n_announce -= old->announce;
            HASH_DEL(o->entries, old);
            free(old);
        }
    } else {
        o->row[i] = (struct row){0};
    }
    memcpy(o->row[i].key, key, sizeof(o->row[i].key));
    if (index_row(o, i) < 0)
        return NULL;
    if (i == h->n_rows)
        h->n_rows = i + 1;
    return find_entry(o, key);
}

int64_t outbox_row(struct outbox *o, const struct module_id *m, uint32_t ip,
                   uint32_t port)
{
    const uint32_t key[4] = {m->modid, m->cmdid, ip, port};
    struct entry *e = find_entry(o, key);

    if (!e)
        e = add_row(o, key);
    return e ? (int64_t)e->row : -ENOBUFS;
}

int outbox_count(struct outbox *o, const struct module_id *m, uint32_t ip, uint32_t port,
                 bool ok)
{
    int64_t row = outbox_row(o, m, ip, port);

    if (row < 0)
        return (int)row;
    if (ok)
        o->row[row].succ++;
    else
        o->row[row].err++;
    return 0;
}

void outbox_get(const struct outbox *o, uint32_t row, uint64_t *succ, uint64_t *err)
{
    *succ = o->row[row].succ;
    *err = o->row[row].err;
}

void outbox_set(struct outbox *o, uint32_t row, uint64_t succ, uint64_t err)
{
    if (row >= o->head->n_rows || succ < o->row[row].succ || err < o->row[row].err)
        return;
    o->row[row].succ = succ;
    o->row[row].err = err;
}

void outbox_each_unsettled(const struct outbox *o,
                           void (*fn)(const struct module_id *m,
                                      const struct msg_result *res, void *arg),
                           void *arg)
{
    uint32_t i;

    for (i = 0; i < o->head->n_rows; i++) {
        const struct row *r = &o->row[i];
        const struct entry *e = find_entry(o, r->key);
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

bool outbox_is_full(const struct outbox *o)
{
    return o->head->n_rows == o->head->max_rows;
}

static void mark_overload(struct outbox *o, struct entry *e, bool overload)
{
    e->overload = overload;
    o->n_announce += !e->announce;
    e->announce = true;
}

void outbox_set_overload(struct outbox *o, const struct module_id *m, uint32_t ip,
                         uint32_t port, bool overload)
{
    const uint32_t key[4] = {m->modid, m->cmdid, ip, port};
    struct entry *e = find_entry(o, key);

    if (e && e->overload != overload)
        mark_overload(o, e, overload);
}

void outbox_announce_overload(struct outbox *o, const struct module_id *m, uint32_t ip,
                              uint32_t port, bool overload)
{
    int64_t row = outbox_row(o, m, ip, port);

    if (row >= 0)
        mark_overload(o, find_entry(o, o->row[row].key), overload);
}

/* True when the row is to be in this batch in any case; then that is done with. */
static bool take_announcement(struct outbox *o, const struct row *r)
{
    struct entry *e = o->n_announce > 0 ? find_entry(o, r->key) : NULL;

    if (!e || !e->announce)
        return false;
    e->announce = false;
    o->n_announce--;
    return true;
}

/* Writes a new batch into the file.  Returns its number of lines; 0: nothing to send. */
static uint32_t make_batch(struct outbox *o)
{
    struct head *h = o->head;
    uint32_t i, n = 0, rows = h->n_rows;

    for (i = 0; i < rows && n < MSG_BATCH_ROWS; i++) {
        uint32_t at = (o->next + i) % rows;
        const struct row *r = &o->row[at];

        if (take_announcement(o, r) || !is_settled(r))
            h->line[n++] = (struct batch_line){at, 0, r->succ, r->err};
    }
    o->next = rows > 0 ? (o->next + i) % rows : 0;
    h->n_lines = n;
    if (n > 0)
        h->flight_seq = h->settled_seq + 1;
    return n;
}

int outbox_batch(struct outbox *o, struct msg_batch *b)
{
    const struct head *h = o->head;
    uint32_t i;

    if (h->flight_seq == h->settled_seq && make_batch(o) == 0)
        return 0;
    memcpy(b->stream, h->stream, MSG_STREAM);
    b->seq = h->flight_seq;
    b->n = h->n_lines;
    for (i = 0; i < h->n_lines; i++) {
        const struct row *r = &o->row[h->line[i].row];
        const struct entry *e = find_entry(o, r->key);

        b->row[i] = (struct msg_count){.mod = {r->key[0], r->key[1]},
                                       .ip = r->key[2],
                                       .port = r->key[3],
                                       .succ = h->line[i].succ - r->settled_succ,
                                       .err = h->line[i].err - r->settled_err,
                                       .overload = e && e->overload};
    }
    return 1;
}

void outbox_acked(struct outbox *o, uint64_t seq)
{
    struct head *h = o->head;
    uint32_t i;

    if (h->flight_seq == h->settled_seq || seq != h->flight_seq)
        return;
    for (i = 0; i < h->n_lines; i++) {
        o->row[h->line[i].row].settled_succ = h->line[i].succ;
        o->row[h->line[i].row].settled_err = h->line[i].err;
    }
    h->settled_seq = seq;
}

void outbox_settle_all(struct outbox *o)
{
    uint32_t i;

    if (o->head->flight_seq != o->head->settled_seq)
        return;
    for (i = 0; i < o->head->n_rows; i++) {
        o->row[i].settled_succ = o->row[i].succ;
        o->row[i].settled_err = o->row[i].err;
    }
}

const uint8_t *outbox_stream(const struct outbox *o)
{
    return o->head->stream;
}

bool outbox_is_new(const struct outbox *o)
{
    return o->is_new;
}
