/* Every number that a killed writer could leave half changed is first written as its new
 * absolute value into the intent, before anything is changed.  A finish has these steps:
 *
 *     1  write the values of the intent, then its token          (armed)
 *     2  slot: open -> closed by me, by compare-and-swap         (the finish is mine)
 *     3  the counts become the values of the intent              (twice is harmless)
 *     4  the intent's token = 0
 *     5  the slot of another log: closed by me -> free           (my own I use again)
 *
 * A successor that finds an armed intent looks at the slot: closed by the dead process
 * means that step 2 was done, and step 3 is done once more.  A begin writes the slot,
 * with the node's new count in it, and then the count; after a crash the greater one is
 * right. log_recovery.c does all this.
 *
 * The state of a slot is its kind (free, open, closed), the index of the log that closed
 * it, and the number of its call.  A number is used once in a log, so a finish that comes
 * too late never closes another call.  A token is the index of the log + 1, the slot and
 * the number.
 *
 * Invariant: a page is allocated before the first store to it, so a full file system is
 * -ENOSPC and never a SIGBUS in the caller's process.
 *
 * Rejected: one shared table of calls for all threads, because all of them would contend
 * for its cache lines, and the calls of a dead process could not be found among those of
 * others. */
#include "shmem/call_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/latency.h"
#include "shmem/call_log_private.h"
#include "shmem/segment_files.h"
#include "shmem/shared_file.h"

/* --- pages -------------------------------------------------------------------------- */

static bool reserve(struct call_log *c, const void *p, size_t len)
{
    return own_fd_is_mine(&c->fd) && shared_file_reserve(c->fd.fd, c->l, p, len) == 0;
}

static bool reserve_group(struct call_log *c, uint32_t nid)
{
    uint32_t g = nid / LAYOUT_GROUP;

    if (!reserve(c, &c->l->count[g * LAYOUT_GROUP],
                 LAYOUT_GROUP * sizeof(struct layout_count)))
        return false;
    c->ready[g / 64] |= 1ull << g % 64;
    atomic_fetch_or(&c->l->used[g / 64], 1ull << g % 64);
    return true;
}

static bool reserve_module(struct call_log *c, uint32_t mid)
{
    if (!reserve(c, (const void *)&c->hist[(size_t)mid * SEGMENT_BUCKETS],
                 SEGMENT_BUCKETS * sizeof(uint64_t)))
        return false;
    c->ready_mod[mid / 64] |= 1ull << mid % 64;
    atomic_fetch_or(&c->l->used_mod[mid / 64], 1ull << mid % 64);
    return true;
}

/* Can a call of this node be counted?  Allocates its pages when it is the first one. */
static inline bool is_ready(struct call_log *c, uint32_t nid, uint32_t mid)
{
    uint32_t g = nid / LAYOUT_GROUP;

    if (nid >= c->max_nodes || mid >= c->max_modules)
        return false;
    return (c->ready[g / 64] >> g % 64 & 1 || reserve_group(c, nid)) &&
           (c->ready_mod[mid / 64] >> mid % 64 & 1 || reserve_module(c, mid));
}

/* --- begin -------------------------------------------------------------------------- */

/* The stack of free slots is empty: collect the slots that other threads have given back,
 * or take one that was never used. */
static void find_free(struct call_log *c)
{
    uint32_t i, top = LOAD(&c->l->slot_top);
    uint64_t state;

    for (i = 0; i < top; i++) {
        state = atomic_load_explicit(&c->l->slot[i].state, memory_order_acquire);
        if ((state & KIND_MASK) == 0 ||
            (state & ~SEQ_MASK) == (call_log_closed_by(c->index, 0) & ~SEQ_MASK))
            c->free[c->n_free++] = (uint16_t)i;
    }
    if (c->n_free == 0 && top < LAYOUT_SLOTS) {
        STORE(&c->l->slot_top, top + 1);
        c->free[c->n_free++] = (uint16_t)top;
    }
}

int call_log_begin(struct call_log *c, uint32_t nid, uint32_t mid, uint64_t now_us,
                   uint64_t *token)
{
    struct layout_call_log *l = c->l;
    struct layout_slot *s;
    uint64_t seq, begun;
    uint32_t i;

    if (!is_ready(c, nid, mid))
        return -ENOSPC;
    if (c->n_free == 0)
        find_free(c);
    *token = 0;
    if (c->n_free == 0)
        return 0;
    i = c->free[--c->n_free];
    s = &l->slot[i];
    seq = (LOAD(&l->seq) + 1) & SEQ_MASK;
    begun = LOAD(&l->count[nid].begun) + 1;
    PUBLISH(&l->seq, seq);
    PUBLISH(&s->nid, nid);
    STORE(&s->mid, mid);
    STORE(&s->start_us, now_us);
    STORE(&s->begun, begun);
    PUBLISH(&s->state, KIND_OPEN | seq);
    PUBLISH(&l->count[nid].begun, begun);
    PUBLISH(&l->op, LOAD(&l->op) + 1);
    *token = call_log_token(c, i, seq);
    return 0;
}

/* --- finish ------------------------------------------------------------------------- */

struct change {                       /* what a finish adds to the counts */
    uint32_t nid, mid;
    uint64_t begun, done, err, abandoned, lat_us;
};

/* Step 1 of a finish. */
static void arm(struct call_log *c, const struct change *ch, uint64_t token)
{
    const struct layout_count *n = &c->l->count[ch->nid];
    struct layout_intent *it = &c->l->intent;
    uint32_t bucket = 0;

    if (ch->done && !ch->err)
        bucket =
            latency_bucket(ch->lat_us > UINT32_MAX ? UINT32_MAX : (uint32_t)ch->lat_us);
    STORE(&it->nid, ch->nid);
    STORE(&it->mid, ch->mid);
    STORE(&it->bucket, bucket);
    STORE(&it->begun, LOAD(&n->begun) + ch->begun);
    STORE(&it->done, LOAD(&n->done) + ch->done);
    STORE(&it->err, LOAD(&n->err) + ch->err);
    STORE(&it->abandoned, LOAD(&n->abandoned) + ch->abandoned);
    STORE(&it->lat_us, LOAD(&n->lat_us) + ch->lat_us);
    STORE(&it->hist, LOAD(&c->hist[(size_t)ch->mid * SEGMENT_BUCKETS + bucket]) + 1);
    PUBLISH(&it->token, token);
}

static struct change change_of(const struct call_log_end *e, enum call_log_how how,
                               uint64_t penalty_us)
{
    struct change ch = {.nid = e->nid, .mid = e->mid};

    if (how == CALL_LOG_ABANDONED) {
        ch.abandoned = 1;
        return ch;
    }
    ch.done = 1;
    ch.err = how == CALL_LOG_FAILED;
    ch.lat_us = e->lat_us < penalty_us ? penalty_us : e->lat_us;
    return ch;
}

int call_log_finish(struct call_log *mine, struct call_log *opener, uint64_t token,
                    enum call_log_how how, uint64_t now_us, uint64_t penalty_us,
                    struct call_log_end *out)
{
    struct layout_slot *s = call_log_slot(opener, token);
    uint64_t seq = token & SEQ_MASK, open = KIND_OPEN | seq, start = LOAD(&s->start_us);
    struct call_log_end e = {LOAD(&s->nid), LOAD(&s->mid),
                             now_us > start ? now_us - start : 0};
    struct change ch = change_of(&e, how, penalty_us);

    if (atomic_load_explicit(&s->state, memory_order_acquire) != open)
        return -EALREADY;
    if (!is_ready(mine, e.nid, e.mid))
        return -ENOSPC;
    arm(mine, &ch, token);
    if (!atomic_compare_exchange_strong(&s->state, &open,
                                        call_log_closed_by(mine->index, seq))) {
        call_log_disarm(mine);
        return -EALREADY;
    }
    call_log_apply(mine);
    call_log_disarm(mine);
    if (opener == mine)
        mine->free[mine->n_free++] = (uint16_t)(token >> SEQ_BITS & SLOT_MASK);
    else
        PUBLISH(&s->state, seq);
    *out = e;
    return 0;
}

int call_log_count(struct call_log *c, uint32_t nid, uint32_t mid, bool ok,
                   uint64_t lat_us)
{
    struct change ch = {nid, mid, 1, 1, !ok, 0, lat_us};

    if (!is_ready(c, nid, mid))
        return -ENOSPC;
    arm(c, &ch, UNTRACKED);
    call_log_apply(c);
    call_log_disarm(c);
    return 0;
}

void call_log_expire(struct call_log *mine, struct call_log *opener, uint64_t now_us,
                     call_log_timeout_fn *timeout, call_log_ended_fn *ended, void *arg)
{
    uint32_t i, top = LOAD(&opener->l->slot_top);
    struct call_log_end e;

    for (i = 0; i < top && i < LAYOUT_SLOTS; i++) {
        struct layout_slot *s = &opener->l->slot[i];
        uint64_t state = atomic_load_explicit(&s->state, memory_order_acquire);
        uint64_t start = LOAD(&s->start_us);
        uint32_t mid = LOAD(&s->mid);

        if ((state & KIND_MASK) != KIND_OPEN || mid >= mine->max_modules ||
            now_us < start + 1000ull * timeout(mid, arg))
            continue;
        if (call_log_finish(mine, opener, call_log_token(opener, i, state & SEQ_MASK),
                            CALL_LOG_FAILED, now_us, 0, &e) == 0)
            ended(&e, arg);
    }
}

/* --- reading ------------------------------------------------------------------------ */

void call_log_sum(const struct call_log *c, uint32_t nid, struct call_log_sum *out)
{
    uint32_t g = nid / LAYOUT_GROUP;
    const struct layout_count *n = &c->l->count[nid];

    if (nid >= c->max_nodes || !(LOAD(&c->l->used[g / 64]) >> g % 64 & 1))
        return;
    out->done += atomic_load_explicit(&n->done, memory_order_acquire);
    out->abandoned += LOAD(&n->abandoned);
    out->err += LOAD(&n->err);
    out->lat_us += LOAD(&n->lat_us);
    out->begun += LOAD(&n->begun);    /* last, so that it is never less than <done> */
}

uint32_t call_log_n_open(const struct call_log *c)
{
    uint32_t i, n = 0;

    for (i = 0; i < LAYOUT_SLOTS && i < LOAD(&c->l->slot_top); i++)
        n += (LOAD(&c->l->slot[i].state) & KIND_MASK) == KIND_OPEN;
    return n;
}

uint64_t call_log_n_changes(const struct call_log *c)
{
    return atomic_load(&c->l->op);
}

static void each_of_group(const struct call_log *c, uint32_t g, call_log_each_fn *fn,
                          void *arg)
{
    uint32_t nid = g * LAYOUT_GROUP, end = nid + LAYOUT_GROUP;

    for (; nid < end && nid < c->max_nodes; nid++)
        if (LOAD(&c->l->count[nid].begun) > 0 || LOAD(&c->l->count[nid].done) > 0 ||
            LOAD(&c->l->count[nid].abandoned) > 0)
            fn(nid, arg);
}

void call_log_each_node(const struct call_log *c, call_log_each_fn *fn, void *arg)
{
    uint32_t w, n_words = c->max_nodes / LAYOUT_GROUP / 64 + 1;
    uint64_t bits;

    for (w = 0; w < n_words && w < sizeof(c->ready) / 8; w++)
        for (bits = LOAD(&c->l->used[w]); bits; bits &= bits - 1)
            each_of_group(c, w * 64 + (uint32_t)__builtin_ctzll(bits), fn, arg);
}

void call_log_each_module(const struct call_log *c, call_log_each_fn *fn, void *arg)
{
    uint32_t w;
    uint64_t bits;

    for (w = 0; w < (c->max_modules + 63) / 64; w++)
        for (bits = LOAD(&c->l->used_mod[w]); bits; bits &= bits - 1)
            if (w * 64 + (uint32_t)__builtin_ctzll(bits) < c->max_modules)
                fn(w * 64 + (uint32_t)__builtin_ctzll(bits), arg);
}

uint64_t call_log_bucket(const struct call_log *c, uint32_t mid, uint32_t bucket)
{
    return LOAD(&c->hist[(size_t)mid * SEGMENT_BUCKETS + bucket]);
}

/* --- open and close ----------------------------------------------------------------- */

bool call_log_was_used(const struct segment *s, uint32_t index)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;

    return fstatat(s->dir, segment_file_name(s, 'L', index, name), &st, 0) == 0 &&
           st.st_blocks > 0 && segment_files_are_mine(s);
}

int call_log_open(struct call_log **out, const struct segment *s, uint32_t index)
{
    size_t counts = sizeof(struct layout_count) * s->max_nodes;
    struct call_log *c = calloc(1, sizeof(*c));
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc, fd = -1;

    if (!c)
        return -ENOMEM;
    c->fd.fd = -1;
    c->index = index;
    c->max_nodes = s->max_nodes;
    c->max_modules = s->max_modules;
    c->size = offsetof(struct layout_call_log, count) + counts +
              (size_t)s->max_modules * SEGMENT_BUCKETS * sizeof(uint64_t);
    rc = shared_file_map(s->dir, segment_file_name(s, 'L', index, name), true, c->size,
                         &p, &fd);
    if (rc == 0) {
        c->fd = own_fd_take(fd);
        c->l = p;
        c->hist = (_Atomic uint64_t *)(void *)((char *)c->l->count + counts);
        madvise(c->l, c->size, MADV_DONTFORK);
        if (!segment_files_are_mine(s)) /* asked after the open, so the file is known */
            rc = -ENOENT;
        else if (!reserve(c, c->l, offsetof(struct layout_call_log, count)))
            rc = -ENOSPC;
    }
    if (rc < 0)
        call_log_close(c);
    else
        *out = c;
    return rc;
}

void call_log_close(struct call_log *c)
{
    if (!c)
        return;
    if (c->l)
        munmap(c->l, c->size);
    own_fd_close(&c->fd);
    free(c);
}

void call_log_forget(struct call_log *c)
{
    c->l = NULL; /* MADV_DONTFORK: the child may have mapped something else there */
    call_log_close(c);
}

uint32_t call_log_index(const struct call_log *c)
{
    return c->index;
}

int call_log_fd(const struct call_log *c)
{
    return c->fd.fd;
}

bool call_log_has_name(const struct call_log *c)
{
    struct stat st;

    return own_fd_is_mine(&c->fd) && fstat(c->fd.fd, &st) == 0 && st.st_nlink > 0;
}

void call_log_close_fd(struct call_log *c)
{
    own_fd_close(&c->fd);
}

int call_log_reopen_fd(struct call_log *c, const struct segment *s)
{
    char name[SEGMENT_NAME_MAX];
    int fd;

    if (c->fd.fd >= 0)
        return 0;
    fd = openat(s->dir, segment_file_name(s, 'L', c->index, name),
                O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return -errno;
    if (!segment_files_are_mine(s)) {
        close(fd);
        return -ENOENT;
    }
    c->fd = own_fd_take(fd);
    return 0;
}
