/* Every number that a killed writer could leave half changed is written as its absolute
 * new value, in the intent, before anything is changed.  A finish is
 *     1  the intent's values, then its token         (armed)
 *     2  the slot: open -> closed by me              (one compare-and-swap: it is mine)
 *     3  the counts get the intent's values          (twice is harmless)
 *     4  the intent's token = 0
 *     5  another's slot: closed by me -> free        (my own I use again as it is)
 * A successor finds an armed intent and looks at the slot: closed by the dead one means
 * that 2 has happened, and does 3 again.  A begin is the slot with the new count in it,
 * then the count: the greater of both is true.
 *
 * State of a slot: kind, who closed it, the number of its call.  A number is never used
 * twice in a ledger, so nothing that comes late can close another call. */
#include "shmem/call_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/latency.h"

#define SEQ_BITS 40
#define SEQ_MASK ((1ull << SEQ_BITS) - 1)
#define WHO_MASK 0xfffull
#define KIND_OPEN (1ull << 62)
#define KIND_CLOSED (2ull << 62)
#define KIND_MASK (3ull << 62)
#define UNTRACKED UINT64_MAX          /* a token: no slot to look at */

struct call_log {
    struct layout_call_log *l;
    _Atomic uint64_t *hist;           /* [mid][LAYOUT_BUCKETS] */
    size_t size;
    int fd;
    uint32_t index, max_nodes, max_modules;
    uint32_t n_free;
    uint16_t free[LAYOUT_SLOTS];      /* slots that this thread may use */
    uint64_t ready[LAYOUT_MAX_NODES / LAYOUT_GROUP / 64]; /* groups whose page is there */
    uint64_t ready_mod[LAYOUT_MAX_MODULES / 64];
};

#define LOAD(p) atomic_load_explicit(p, memory_order_relaxed)
#define STORE(p, v) atomic_store_explicit(p, v, memory_order_relaxed)
#define PUBLISH(p, v) atomic_store_explicit(p, v, memory_order_release)

static uint64_t closed_by(uint32_t index, uint64_t seq)
{
    return KIND_CLOSED | (uint64_t)index << SEQ_BITS | seq;
}

static struct layout_slot *slot_of(const struct call_log *c, uint64_t token)
{
    return &c->l->slot[token >> SEQ_BITS & WHO_MASK];
}

uint32_t call_log_opener(uint64_t token)
{
    return (uint32_t)(token >> 52) - 1;
}

static uint64_t token_of(const struct call_log *c, uint32_t slot, uint64_t seq)
{
    return (uint64_t)(c->index + 1) << 52 | (uint64_t)slot << SEQ_BITS | seq;
}

/* --- pages -------------------------------------------------------------------------- */

static bool reserve(struct call_log *c, const void *p, size_t len)
{
    off_t from = (const char *)p - (const char *)c->l;
    int rc;

    do
        rc = posix_fallocate(c->fd, from, (off_t)len);
    while (rc == EINTR);
    return rc == 0;
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
    if (!reserve(c, (const void *)&c->hist[(size_t)mid * LAYOUT_BUCKETS],
                 LAYOUT_BUCKETS * sizeof(uint64_t)))
        return false;
    c->ready_mod[mid / 64] |= 1ull << mid % 64;
    atomic_fetch_or(&c->l->used_mod[mid / 64], 1ull << mid % 64);
    return true;
}

/* Can a call of this node be counted?  Its pages are there, or no full disk lets it die
 * of SIGBUS. */
static inline bool is_ready(struct call_log *c, uint32_t nid, uint32_t mid)
{
    uint32_t g = nid / LAYOUT_GROUP;

    if (nid >= c->max_nodes || mid >= c->max_modules)
        return false;
    return (c->ready[g / 64] >> g % 64 & 1 || reserve_group(c, nid)) &&
           (c->ready_mod[mid / 64] >> mid % 64 & 1 || reserve_module(c, mid));
}

/* --- begin -------------------------------------------------------------------------- */

/* The stack is empty: what did others give back?  Adds what was never used, too. */
static void find_free(struct call_log *c)
{
    uint32_t i, top = LOAD(&c->l->slot_top);
    uint64_t state;

    for (i = 0; i < top; i++) {
        state = atomic_load_explicit(&c->l->slot[i].state, memory_order_acquire);
        if ((state & KIND_MASK) == 0 ||
            (state & ~SEQ_MASK) == (closed_by(c->index, 0) & ~SEQ_MASK))
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
    *token = token_of(c, i, seq);
    return 0;
}

/* --- finish ------------------------------------------------------------------------- */

struct change {                       /* what a finish adds */
    uint32_t nid, mid;
    uint64_t begun, done, err, abandoned, lat_us;
};

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
    STORE(&it->hist, LOAD(&c->hist[(size_t)ch->mid * LAYOUT_BUCKETS + bucket]) + 1);
    PUBLISH(&it->token, token);
}

static void apply(struct call_log *c)
{
    const struct layout_intent *it = &c->l->intent;
    struct layout_count *n = &c->l->count[LOAD(&it->nid)];
    uint32_t bucket = LOAD(&it->bucket);

    STORE(&n->begun, LOAD(&it->begun));
    STORE(&n->lat_us, LOAD(&it->lat_us));
    STORE(&n->err, LOAD(&it->err));
    STORE(&n->abandoned, LOAD(&it->abandoned));
    STORE(&n->done, LOAD(&it->done));
    if (bucket > 0)
        STORE(&c->hist[(size_t)LOAD(&it->mid) * LAYOUT_BUCKETS + bucket],
              LOAD(&it->hist));
    PUBLISH(&c->l->op, LOAD(&c->l->op) + 1);
}

static void disarm(struct call_log *c)
{
    PUBLISH(&c->l->intent.token, 0);
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
    ch.lat_us = ch.err && e->lat_us < penalty_us ? penalty_us : e->lat_us;
    return ch;
}

int call_log_finish(struct call_log *mine, struct call_log *opener, uint64_t token,
                 enum call_log_how how, uint64_t now_us, uint64_t penalty_us,
                 struct call_log_end *out)
{
    struct layout_slot *s = slot_of(opener, token);
    uint64_t seq = token & SEQ_MASK, open = KIND_OPEN | seq, start = LOAD(&s->start_us);
    struct call_log_end e = {LOAD(&s->nid), LOAD(&s->mid),
                          now_us > start ? now_us - start : 0};
    struct change ch = change_of(&e, how, penalty_us);

    if (atomic_load_explicit(&s->state, memory_order_acquire) != open)
        return -EALREADY;
    if (!is_ready(mine, e.nid, e.mid))
        return -ENOSPC;
    arm(mine, &ch, token);
    if (!atomic_compare_exchange_strong(&s->state, &open, closed_by(mine->index, seq))) {
        disarm(mine);
        return -EALREADY;
    }
    apply(mine);
    disarm(mine);
    if (opener == mine)
        mine->free[mine->n_free++] = (uint16_t)(token >> SEQ_BITS & WHO_MASK);
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
    apply(c);
    disarm(c);
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
        if (call_log_finish(mine, opener, token_of(opener, i, state & SEQ_MASK),
                         CALL_LOG_FAILED, now_us, 0, &e) == 0)
            ended(&e, arg);
    }
}

/* --- after a death ------------------------------------------------------------------ */

static bool has_happened(const struct call_log *dead, struct call_log *const *all,
                         uint32_t n, uint64_t token)
{
    uint32_t opener = call_log_opener(token);

    if (token == UNTRACKED)
        return true;
    return opener < n && all[opener] &&
           LOAD(&slot_of(all[opener], token)->state) ==
               closed_by(dead->index, token & SEQ_MASK);
}

static void finish_intent(struct call_log *dead, struct call_log *const *all, uint32_t n)
{
    const struct layout_intent *it = &dead->l->intent;
    uint64_t token = LOAD(&it->token);

    if (token == 0)
        return;
    if (LOAD(&it->nid) < dead->max_nodes && LOAD(&it->mid) < dead->max_modules &&
        LOAD(&it->bucket) < LAYOUT_BUCKETS && has_happened(dead, all, n, token))
        apply(dead);
    disarm(dead);
}

/* Slots of others that it had closed and not given back. */
static void free_closed(const struct call_log *dead, struct call_log *const *all,
                        uint32_t n)
{
    uint64_t theirs = closed_by(dead->index, 0), state;
    uint32_t k, i;

    for (k = 0; k < n; k++)
        for (i = 0; all[k] && i < LAYOUT_SLOTS && i < LOAD(&all[k]->l->slot_top); i++) {
            state = LOAD(&all[k]->l->slot[i].state);
            if ((state & ~SEQ_MASK) == theirs)
                atomic_compare_exchange_strong(&all[k]->l->slot[i].state, &state,
                                               state & SEQ_MASK);
        }
}

/* Its last call may be in its slot only. */
static void finish_begin(struct call_log *dead, const struct layout_slot *s)
{
    uint32_t nid = LOAD(&s->nid);
    uint64_t state = LOAD(&s->state);

    if ((state & KIND_MASK) != KIND_OPEN && (state & SEQ_MASK) != LOAD(&dead->l->seq))
        return;
    if (nid < dead->max_nodes && LOAD(&s->begun) > LOAD(&dead->l->count[nid].begun))
        STORE(&dead->l->count[nid].begun, LOAD(&s->begun));
}

void call_log_recover(struct call_log *mine, struct call_log *dead,
                      struct call_log *const *all, uint32_t n, uint64_t now_us,
                      call_log_ended_fn *ended, void *arg)
{
    uint32_t i, top = LOAD(&dead->l->slot_top);
    struct call_log_end e;
    uint64_t state;

    finish_intent(dead, all, n);
    for (i = 0; i < top && i < LAYOUT_SLOTS; i++) {
        finish_begin(dead, &dead->l->slot[i]);
        state = LOAD(&dead->l->slot[i].state);
        if ((state & KIND_MASK) == KIND_OPEN &&
            call_log_finish(mine, dead, token_of(dead, i, state & SEQ_MASK),
                            CALL_LOG_ABANDONED, now_us, 0, &e) == 0)
            ended(&e, arg);
    }
    free_closed(dead, all, n);
    STORE(&dead->l->op, LOAD(&dead->l->op) + 1);
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
    out->begun += LOAD(&n->begun);    /* last: never less than what has ended */
}

uint32_t call_log_n_open(const struct call_log *c)
{
    uint32_t i, n = 0;

    for (i = 0; i < LAYOUT_SLOTS && i < LOAD(&c->l->slot_top); i++)
        n += (LOAD(&c->l->slot[i].state) & KIND_MASK) == KIND_OPEN;
    return n;
}

static void each_of_group(const struct call_log *c, uint32_t g, call_log_node_fn *fn,
                          void *arg)
{
    uint32_t nid = g * LAYOUT_GROUP, end = nid + LAYOUT_GROUP;

    for (; nid < end && nid < c->max_nodes; nid++)
        if (LOAD(&c->l->count[nid].begun) > 0 || LOAD(&c->l->count[nid].done) > 0 ||
            LOAD(&c->l->count[nid].abandoned) > 0)
            fn(nid, arg);
}

void call_log_each_node(const struct call_log *c, call_log_node_fn *fn, void *arg)
{
    uint32_t w, n_words = c->max_nodes / LAYOUT_GROUP / 64 + 1;
    uint64_t bits;

    for (w = 0; w < n_words && w < sizeof(c->ready) / 8; w++)
        for (bits = LOAD(&c->l->used[w]); bits; bits &= bits - 1)
            each_of_group(c, w * 64 + (uint32_t)__builtin_ctzll(bits), fn, arg);
}

void call_log_each_module(const struct call_log *c, call_log_node_fn *fn, void *arg)
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
    return LOAD(&c->hist[(size_t)mid * LAYOUT_BUCKETS + bucket]);
}

/* --- life --------------------------------------------------------------------------- */

int call_log_open(struct call_log **out, const struct segment *s, uint32_t index)
{
    size_t counts = sizeof(struct layout_count) * s->max_nodes;
    struct call_log *c = calloc(1, sizeof(*c));
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc;

    if (!c)
        return -ENOMEM;
    c->fd = -1;
    c->index = index;
    c->max_nodes = s->max_nodes;
    c->max_modules = s->max_modules;
    c->size = offsetof(struct layout_call_log, count) + counts +
              (size_t)s->max_modules * LAYOUT_BUCKETS * sizeof(uint64_t);
    rc = segment_map(s, segment_name(s, 'L', index, name), true, c->size, &p, &c->fd);
    if (rc == 0) {
        c->l = p;
        c->hist = (_Atomic uint64_t *)(void *)((char *)c->l->count + counts);
        madvise(c->l, c->size, MADV_DONTFORK);
        if (!reserve(c, c->l, offsetof(struct layout_call_log, count)))
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
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

void call_log_forget(struct call_log *c)
{
    c->l = NULL;                      /* MADV_DONTFORK: something else may be there now */
    call_log_close(c);
}

uint32_t call_log_index(const struct call_log *c)
{
    return c->index;
}

int call_log_fd(const struct call_log *c)
{
    return c->fd;
}

struct layout_call_log *call_log_ledger(const struct call_log *c)
{
    return c->l;
}
