/* A client may cut its own file off while we look at it: that is a SIGBUS here.  So
 * everything that touches a client's ledger runs inside guarded(), and a ledger that
 * raised it is never touched again.  The handler belongs to the agent's program: liblars
 * installs none. */
#include "agent_data/client_logs.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "shmem/log_owner.h"

#define N (LAYOUT_CALL_LOGS + LAYOUT_OWN)
#define OWN LAYOUT_CALL_LOGS            /* the one that this module counts in */

struct client_logs {
    struct segment *s;
    struct client_logs_hooks hooks;
    struct call_log *at[N];              /* NULL = not open */
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

static void drop(struct client_logs *b, uint32_t i)
{
    LOG_WARN("ledger.spoilt", "ledger=%u: dropped", i);
    b->bad[i] = true;
    b->n_dropped++;
    call_log_close(b->at[i]);
    b->at[i] = NULL;
}

/* Call <fn> for ledger <i>; it may be anything. */
static void guarded(struct client_logs *b, uint32_t i, client_logs_fn *fn, void *arg)
{
    if (sigsetjmp(back, 0) == 0) {
        is_guarded = 1;
        fn(b->at[i], arg);
    } else {
        drop(b, i);
    }
    is_guarded = 0;
}

static void on_ended(const struct call_log_end *e, void *arg)
{
    struct client_logs *b = arg;

    if (b->died)
        b->n_abandoned++;
    else
        b->n_timeout++;
    b->hooks.ended(e, b->died, b->hooks.arg);
}

static void recover(struct call_log *c, void *arg)
{
    struct client_logs *b = arg;

    b->died = true;
    call_log_recover(b->at[OWN], c, b->at, N, b->now_us, on_ended, b);
}

static uint32_t timeout_of(uint32_t mid, void *arg)
{
    struct client_logs *b = arg;

    return b->hooks.timeout(mid, b->hooks.arg);
}

static void expire(struct call_log *c, void *arg)
{
    struct client_logs *b = arg;

    b->died = false;
    call_log_expire(b->at[OWN], c, b->now_us, timeout_of, on_ended, b);
}

/* --- who is there ------------------------------------------------------------------- */

static bool was_used(const struct client_logs *b, uint32_t i)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;

    if (i < LAYOUT_CALL_LOGS && log_owner_is_taken(b->s, i))
        return true;
    return fstatat(b->s->dir, segment_name(b->s, 'L', i, name), &st, 0) == 0 &&
           st.st_blocks > 0;
}

static void open_one(struct client_logs *b, uint32_t i)
{
    if (b->at[i] || b->bad[i] || call_log_open(&b->at[i], b->s, i) < 0)
        return;
    b->listed[b->n_listed++] = i;     /* what is dropped is bad, and not opened again */
}

static void look_at(struct client_logs *b, uint32_t i)
{
    if (log_owner_is_taken(b->s, i))
        open_one(b, i);
    if (!b->at[i])
        return;
    if (log_owner_seize_dead(b->s, b->at[i])) {
        b->n_died++;
        guarded(b, i, recover, b);
        if (b->at[i])
            log_owner_release(b->s, b->at[i]);
    }
    if (b->at[i])
        guarded(b, i, expire, b);
}

/* The lowest free ledger is taken first, so those that were ever used have no gap: who
 * came and went between two looks is found behind the last one. */
static void open_used(struct client_logs *b)
{
    while (b->n_used < LAYOUT_CALL_LOGS && was_used(b, b->n_used)) {
        open_one(b, b->n_used);
        if (!b->at[b->n_used] && !b->bad[b->n_used])
            return;                   /* not now */
        b->n_used++;
    }
}

void client_logs_welcome(struct client_logs *b)
{
    uint32_t i;

    open_used(b);
    for (i = 0; i < LAYOUT_CALL_LOGS; i++)
        if (!b->at[i] && log_owner_is_taken(b->s, i))
            open_one(b, i);
}

void client_logs_look(struct client_logs *b, uint64_t now_us)
{
    uint64_t n = 0;
    uint32_t i;

    b->now_us = now_us;
    for (i = 0; i < LAYOUT_CALL_LOGS; i++) {
        look_at(b, i);
        n += log_owner_is_taken(b->s, i);
    }
    for (i = LAYOUT_CALL_LOGS; i < N; i++)
        open_one(b, i);               /* threads of ours may have begun to count */
    b->n_ledger = n;
}

bool client_logs_any_claimed(const struct client_logs *b)
{
    uint32_t i;

    for (i = 0; i < LAYOUT_CALL_LOGS; i++)
        if (log_owner_is_taken(b->s, i))
            return true;
    return false;
}

/* --- reading ------------------------------------------------------------------------ */

struct sum_of {
    uint32_t nid;
    struct call_log_sum *sum;
};

static void add_sum(struct call_log *c, void *arg)
{
    struct sum_of *s = arg;

    call_log_sum(c, s->nid, s->sum);
}

void client_logs_sum(struct client_logs *b, uint32_t nid, struct call_log_sum *out)
{
    struct sum_of s = {nid, out};

    *out = (struct call_log_sum){0};
    client_logs_each(b, false, add_sum, &s);
}

static void read_op(struct call_log *c, void *arg)
{
    *(uint64_t *)arg = atomic_load(&call_log_ledger(c)->op);
}

void client_logs_each(struct client_logs *b, bool dirty, client_logs_fn *fn, void *arg)
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

void client_logs_stat(const struct client_logs *b, struct client_logs_stat *out)
{
    *out = (struct client_logs_stat){b->n_ledger, b->n_died, b->n_abandoned, b->n_timeout,
                               b->n_dropped};
}

/* --- life --------------------------------------------------------------------------- */

int client_logs_create(struct client_logs **out, struct segment *s,
                       const struct client_logs_hooks *hooks, uint64_t now_us)
{
    struct client_logs *b = calloc(1, sizeof(*b));
    struct sigaction sa = {.sa_handler = on_sigbus, .sa_flags = SA_NODEFER};
    uint32_t i;
    int rc;

    if (!b)
        return -ENOMEM;
    b->s = s;
    b->hooks = *hooks;
    b->now_us = now_us;
    rc = call_log_open(&b->at[OWN], s, OWN);
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

void client_logs_destroy(struct client_logs *b)
{
    uint32_t i;

    if (!b)
        return;
    for (i = 0; i < N; i++)
        call_log_close(b->at[i]);
    free(b);
}
