/* A client may cut its own file off while we look at it: that is a SIGBUS here.  So
 * everything that touches a client's ledger runs inside guarded(), and a ledger that
 * raised it is never touched again.  The handler belongs to the agent's program: liblars
 * installs none. */
#include "agent/books.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "shmtab/claims.h"

#define N (LAYOUT_LEDGERS + LAYOUT_OWN)
#define OWN LAYOUT_LEDGERS            /* the one that this module counts in */

struct books {
    struct segment *s;
    struct books_hooks hooks;
    struct calls *at[N];              /* NULL = not open */
    bool bad[N];                      /* spoilt: never again */
    uint64_t op[N];                   /* as it was seen last */
    uint64_t now_us;
    bool died;                        /* what ended() is called for */
    uint32_t listed[N], n_listed;     /* that were opened, once each */
    uint32_t n_used;                  /* all before this one were opened */
    _Atomic uint64_t n_ledger, n_died, n_abandoned, n_timeout, n_dropped;
};

static _Thread_local sigjmp_buf back;
static _Thread_local volatile sig_atomic_t is_guarded;

static void on_sigbus(int signo)
{
    if (is_guarded)
        siglongjmp(back, 1);
    signal(signo, SIG_DFL);           /* ours: die of it, with a core */
    raise(signo);
}

static void drop(struct books *b, uint32_t i)
{
    LOG_WARN("ledger.spoilt", "ledger=%u: dropped", i);
    b->bad[i] = true;
    b->n_dropped++;
    calls_close(b->at[i]);
    b->at[i] = NULL;
}

/* Call <fn> for ledger <i>; it may be anything. */
static void guarded(struct books *b, uint32_t i, books_fn *fn, void *arg)
{
    if (sigsetjmp(back, 0) == 0) {
        is_guarded = 1;
        fn(b->at[i], arg);
    } else {
        drop(b, i);
    }
    is_guarded = 0;
}

static void on_ended(const struct calls_end *e, void *arg)
{
    struct books *b = arg;

    if (b->died)
        b->n_abandoned++;
    else
        b->n_timeout++;
    b->hooks.ended(e, b->died, b->hooks.arg);
}

static void recover(struct calls *c, void *arg)
{
    struct books *b = arg;

    b->died = true;
    calls_recover(b->at[OWN], c, b->at, N, b->now_us, on_ended, b);
}

static uint32_t timeout_of(uint32_t mid, void *arg)
{
    struct books *b = arg;

    return b->hooks.timeout(mid, b->hooks.arg);
}

static void expire(struct calls *c, void *arg)
{
    struct books *b = arg;

    b->died = false;
    calls_expire(b->at[OWN], c, b->now_us, timeout_of, on_ended, b);
}

/* --- who is there ------------------------------------------------------------------- */

static bool was_used(const struct books *b, uint32_t i)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;

    if (i < LAYOUT_LEDGERS && claims_is_taken(b->s, i))
        return true;
    return fstatat(b->s->dir, segment_name(b->s, 'L', i, name), &st, 0) == 0 &&
           st.st_blocks > 0;
}

static void open_one(struct books *b, uint32_t i)
{
    if (b->at[i] || b->bad[i] || calls_open(&b->at[i], b->s, i) < 0)
        return;
    b->listed[b->n_listed++] = i;     /* what is dropped is bad, and not opened again */
}

static void look_at(struct books *b, uint32_t i)
{
    if (claims_is_taken(b->s, i))
        open_one(b, i);
    if (!b->at[i])
        return;
    if (claims_seize_dead(b->s, b->at[i])) {
        b->n_died++;
        guarded(b, i, recover, b);
        if (b->at[i])
            claims_release(b->s, b->at[i]);
    }
    if (b->at[i])
        guarded(b, i, expire, b);
}

/* The lowest free ledger is taken first, so those that were ever used have no gap: who
 * came and went between two looks is found behind the last one. */
static void open_used(struct books *b)
{
    while (b->n_used < LAYOUT_LEDGERS && was_used(b, b->n_used)) {
        open_one(b, b->n_used);
        if (!b->at[b->n_used] && !b->bad[b->n_used])
            return;                   /* not now */
        b->n_used++;
    }
}

void books_welcome(struct books *b)
{
    uint32_t i;

    open_used(b);
    for (i = 0; i < LAYOUT_LEDGERS; i++)
        if (!b->at[i] && claims_is_taken(b->s, i))
            open_one(b, i);
}

void books_look(struct books *b, uint64_t now_us)
{
    uint64_t n = 0;
    uint32_t i;

    b->now_us = now_us;
    for (i = 0; i < LAYOUT_LEDGERS; i++) {
        look_at(b, i);
        n += claims_is_taken(b->s, i);
    }
    for (i = LAYOUT_LEDGERS; i < N; i++)
        open_one(b, i);               /* threads of ours may have begun to count */
    b->n_ledger = n;
}

bool books_any_claimed(const struct books *b)
{
    uint32_t i;

    for (i = 0; i < LAYOUT_LEDGERS; i++)
        if (claims_is_taken(b->s, i))
            return true;
    return false;
}

/* --- reading ------------------------------------------------------------------------ */

struct sum_of {
    uint32_t nid;
    struct calls_sum *sum;
};

static void add_sum(struct calls *c, void *arg)
{
    struct sum_of *s = arg;

    calls_sum(c, s->nid, s->sum);
}

void books_sum(struct books *b, uint32_t nid, struct calls_sum *out)
{
    struct sum_of s = {nid, out};

    *out = (struct calls_sum){0};
    books_each(b, false, add_sum, &s);
}

static void read_op(struct calls *c, void *arg)
{
    *(uint64_t *)arg = atomic_load(&calls_ledger(c)->op);
}

void books_each(struct books *b, bool dirty, books_fn *fn, void *arg)
{
    uint64_t op;
    uint32_t i, k;

    for (k = 0; k < b->n_listed; k++) {
        i = b->listed[k];
        if (!b->at[i])
            continue;
        op = b->op[i];
        if (dirty)
            guarded(b, i, read_op, &op);
        if (!b->at[i] || (dirty && op == b->op[i]))
            continue;
        b->op[i] = op;
        guarded(b, i, fn, arg);
    }
}

void books_stat(const struct books *b, struct books_stat *out)
{
    *out = (struct books_stat){b->n_ledger, b->n_died, b->n_abandoned, b->n_timeout,
                               b->n_dropped};
}

/* --- life --------------------------------------------------------------------------- */

int books_create(struct books **out, struct segment *s, const struct books_hooks *hooks,
                 uint64_t now_us)
{
    struct books *b = calloc(1, sizeof(*b));
    struct sigaction sa = {.sa_handler = on_sigbus, .sa_flags = SA_NODEFER};
    uint32_t i;
    int rc;

    if (!b)
        return -ENOMEM;
    b->s = s;
    b->hooks = *hooks;
    b->now_us = now_us;
    rc = calls_open(&b->at[OWN], s, OWN);
    if (rc < 0) {
        free(b);
        return rc;
    }
    b->listed[b->n_listed++] = OWN;
    sigaction(SIGBUS, &sa, NULL);
    for (i = 0; i < N; i++)
        if (i != OWN && was_used(b, i))
            open_one(b, i);
    recover(b->at[OWN], b);           /* first: the others' are counted in it */
    for (i = OWN + 1; i < N; i++)
        if (b->at[i])
            guarded(b, i, recover, b);
    *out = b;
    return 0;
}

void books_destroy(struct books *b)
{
    uint32_t i;

    if (!b)
        return;
    for (i = 0; i < N; i++)
        calls_close(b->at[i]);
    free(b);
}
