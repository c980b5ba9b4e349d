/* A client's call log is a file that the client can truncate while the agent reads it,
 * and the kernel then raises SIGBUS in the agent.  So every access to the contents of a
 * client's log is made by call_guarded(), which survives the signal; a log that raised it
 * is dropped: closed, and never opened again while this agent runs.
 *
 * A log has an owner as long as a client holds its lock (shmem/log_owner).  When the
 * owner has died, the agent takes the lock, completes the store that was interrupted,
 * counts the calls that were open as abandoned in its own log, and frees the log for the
 * next client.  What was counted stays in the file; a sum shrinks only when a damaged log
 * is dropped.
 *
 * The handler of SIGBUS belongs to the program lars-agentd: liblars installs none.
 * Rejected: read(2) instead of a mapping, which cannot fault.  It costs a system call and
 * a copy for each look, a hundred times a second for each client. */
#include "agent_data/client_logs.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "shmem/log_owner.h"
#include "shmem/log_recovery.h"

#define N_LOGS SEGMENT_LOGS
#define OWN SEGMENT_CLIENT_LOGS       /* index of the agent's log that this module uses */

struct client_logs {
    struct segment *s;
    struct client_logs_hooks hooks;
    struct call_log *log[N_LOGS];     /* NULL = not open */
    bool dropped[N_LOGS];             /* was damaged; stays closed */
    uint64_t op[N_LOGS];              /* its operation counter when it was last read */
    uint64_t now_us;                  /* of the pass in progress */
    bool died;                        /* why on_ended() is called: the owner died */
    uint32_t opened[N_LOGS], n_opened; /* indexes of logs that were ever opened */
    uint32_t n_used;                  /* all client logs below this index were opened */
    _Atomic uint64_t n_client, n_died, n_abandoned, n_timeout, n_dropped;
};

static _Thread_local sigjmp_buf guard;
static _Thread_local volatile sig_atomic_t is_guarded;

static void on_sigbus(int signo)
{
    if (is_guarded)
        siglongjmp(guard, 1);
    signal(signo, SIG_DFL);           /* not from a client's log: end with a core file */
    raise(signo);
}

static void drop_log(struct client_logs *l, uint32_t i)
{
    LOG_WARN("call_log.dropped", "log=%u: a client damaged its file; not read any more",
             i);
    l->dropped[i] = true;
    l->n_dropped++;
    call_log_close(l->log[i]);
    l->log[i] = NULL;
}

/* Calls <fn> for log <i>, whose file may be truncated at any moment. */
static void call_guarded(struct client_logs *l, uint32_t i, client_logs_fn *fn, void *arg)
{
    if (sigsetjmp(guard, 0) == 0) {
        is_guarded = 1;
        fn(l->log[i], arg);
    } else {
        drop_log(l, i);
    }
    is_guarded = 0;
}

static void on_ended(const struct call_log_end *e, void *arg)
{
    struct client_logs *l = arg;

    if (l->died)
        l->n_abandoned++;
    else
        l->n_timeout++;
    l->hooks.ended(e, l->died, l->hooks.arg);
}

static void recover_log(struct call_log *log, void *arg)
{
    struct client_logs *l = arg;

    l->died = true;
    log_recovery_run(l->log[OWN], log, l->log, N_LOGS, l->now_us, on_ended, l);
}

static uint32_t timeout_ms_of(uint32_t mid, void *arg)
{
    struct client_logs *l = arg;

    return l->hooks.timeout(mid, l->hooks.arg);
}

static void expire_calls(struct call_log *log, void *arg)
{
    struct client_logs *l = arg;

    l->died = false;
    call_log_expire(l->log[OWN], log, l->now_us, timeout_ms_of, on_ended, l);
}

/* --- which logs are in use ---------------------------------------------------------- */

/* True when log <i> has an owner, or has had one: its file has contents. */
static bool was_used(const struct client_logs *l, uint32_t i)
{
    return (i < SEGMENT_CLIENT_LOGS && log_owner_is_taken(l->s, i)) ||
           call_log_was_used(l->s, i);
}

static void open_log(struct client_logs *l, uint32_t i)
{
    if (l->log[i] || l->dropped[i] || call_log_open(&l->log[i], l->s, i) < 0)
        return;
    call_log_close_fd(l->log[i]);     /* the map is enough, and descriptors are few */
    l->opened[l->n_opened++] = i;     /* once for each: a log is closed only to drop it */
}

static void reap_log(struct client_logs *l, uint32_t i)
{
    if (log_owner_is_taken(l->s, i))
        open_log(l, i);
    if (!l->log[i])
        return;
    if (log_owner_seize_dead(l->s, l->log[i])) {
        l->n_died++;
        LOG_DEBUG("client.died", "log=%u", i);
        call_guarded(l, i, recover_log, l);
        if (l->log[i])
            log_owner_release(l->s, l->log[i]);
    }
    if (l->log[i])
        call_guarded(l, i, expire_calls, l);
}

/* A client takes the free log of the lowest index, so the logs that were ever used have
 * no gap.  That is how the log of a client is found that began and ended between two
 * looks: it is the next one behind those that were opened. */
static void open_next_used(struct client_logs *l)
{
    while (l->n_used < SEGMENT_CLIENT_LOGS && was_used(l, l->n_used)) {
        open_log(l, l->n_used);
        if (!l->log[l->n_used] && !l->dropped[l->n_used])
            return;                   /* could not be opened now: tried again next time */
        l->n_used++;
    }
}

void client_logs_open_new(struct client_logs *l)
{
    uint32_t i;

    open_next_used(l);
    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++)
        if (!l->log[i] && log_owner_is_taken(l->s, i))
            open_log(l, i);
}

void client_logs_reap(struct client_logs *l, uint64_t now_us)
{
    uint64_t n = 0;
    uint32_t i;

    l->now_us = now_us;
    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++) {
        reap_log(l, i);
        n += log_owner_is_taken(l->s, i);
    }
    for (i = SEGMENT_CLIENT_LOGS; i < N_LOGS; i++)
        open_log(l, i);               /* a shard of this agent may have begun to count */
    l->n_client = n;
}

bool client_logs_any_claimed(const struct client_logs *l)
{
    uint32_t i;

    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++)
        if (log_owner_is_taken(l->s, i))
            return true;
    return false;
}

/* --- reading the counts ------------------------------------------------------------- */

struct sum_task {
    uint32_t nid;
    struct call_log_sum *sum;
};

static void add_to_sum(struct call_log *log, void *arg)
{
    struct sum_task *t = arg;

    call_log_sum(log, t->nid, t->sum);
}

void client_logs_sum(struct client_logs *l, uint32_t nid, struct call_log_sum *out)
{
    struct sum_task t = {nid, out};

    *out = (struct call_log_sum){0};
    client_logs_each(l, false, add_to_sum, &t);
}

static void read_op(struct call_log *log, void *arg)
{
    *(uint64_t *)arg = call_log_n_changes(log);
}

void client_logs_each(struct client_logs *l, bool changed, client_logs_fn *fn, void *arg)
{
    uint64_t op;
    uint32_t i, k;

    for (k = 0; k < l->n_opened; k++) {
        i = l->opened[k];
        if (!l->log[i])
            continue;
        op = l->op[i];
        if (changed)
            call_guarded(l, i, read_op, &op);
        if (!l->log[i] || (changed && op == l->op[i]))
            continue;
        l->op[i] = op;
        call_guarded(l, i, fn, arg);
    }
}

void client_logs_stat(const struct client_logs *l, struct client_logs_stat *out)
{
    *out = (struct client_logs_stat){l->n_client, l->n_died, l->n_abandoned, l->n_timeout,
                                     l->n_dropped};
}

/* --- create and destroy ------------------------------------------------------------- */

int client_logs_create(struct client_logs **out, struct segment *s,
                       const struct client_logs_hooks *hooks, uint64_t now_us)
{
    struct client_logs *l = calloc(1, sizeof(*l));
    struct sigaction sa = {.sa_handler = on_sigbus, .sa_flags = SA_NODEFER};
    uint32_t i;
    int rc;

    if (!l)
        return -ENOMEM;
    l->s = s;
    l->hooks = *hooks;
    l->now_us = now_us;
    rc = call_log_open(&l->log[OWN], s, OWN);
    if (rc < 0) {
        free(l);
        return rc;
    }
    l->opened[l->n_opened++] = OWN;
    sigaction(SIGBUS, &sa, NULL);
    for (i = 0; i < N_LOGS; i++)
        if (i != OWN && was_used(l, i))
            open_log(l, i);
    recover_log(l->log[OWN], l);      /* first: recovering others counts in this one */
    for (i = OWN + 1; i < N_LOGS; i++)
        if (l->log[i])
            call_guarded(l, i, recover_log, l);
    *out = l;
    return 0;
}

void client_logs_destroy(struct client_logs *l)
{
    uint32_t i;

    if (!l)
        return;
    for (i = 0; i < N_LOGS; i++)
        call_log_close(l->log[i]);
    free(l);
}
