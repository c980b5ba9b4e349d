/* Each thread has a picker, and with it a call log that no other thread writes, so calls
 * take no lock.  A thread finds its own by a thread-local pointer, or, when it uses
 * several clients, by a thread-specific key.  The record of a thread that has ended is
 * given to the next new thread, call log included: there are not more logs in use than
 * threads were alive at once.
 *
 * A report may come from another thread than the call.  <by_index> has the pickers of
 * this process by the index of their log; the token of the call names the index.  Such a
 * log is finished with atomics only (call_log.c), so it may belong to a thread that is in
 * a call meanwhile.
 *
 * When another segment comes into force, the picker is retired (retired_pickers.h): calls
 * that are open in the old segment end there, under the lock.  A retired picker is freed
 * when no thread is ending a call of another thread, because that one may be using its
 * log: each thread says so in <is_using>.
 *
 * fork(): the child must not write the logs of its parent.  A page with MADV_WIPEONFORK
 * is zero in the child, so one load tells; shm_client_after_fork() forgets all pickers.
 *
 * Rejected: pthread_atfork(), which would run a handler of a library that the program may
 * have unloaded, and does not see clone(). */
#include "api/shm_client.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/fallback.h"
#include "api/fork_detector.h"
#include "api/retired_pickers.h"
#include "base/mono.h"
#include "shmem/picker.h"

#define AGAIN_MS 1000                 /* between two attempts to attach, and two checks */

struct thread {
    struct picker *picker;            /* NULL = none now; written under the lock */
    uint32_t index;                   /* of the picker's call log */
    atomic_bool is_using;             /* the call log of another thread, without a lock */
    uint64_t attach_ms, check_ms;     /* monotonic; when to do it next */
    struct counts n;                  /* of this record's threads, one after another */
    int error;                        /* of the last attempt to attach; 0 = it worked */
    bool is_free;                     /* its thread has ended; guarded by lock */
    struct shm_client *c;
    struct thread *next;              /* guarded by lock */
};

struct shm_client {
    char dir[PATH_MAX];
    uint64_t id;                      /* unique among the clients of this process */
    pthread_key_t key;
    pthread_mutex_t lock;
    struct thread *threads;           /* guarded by lock */
    struct retired_pickers retired;   /* guarded by lock */
    struct picker *_Atomic by_index[SEGMENT_CLIENT_LOGS];
    uint32_t n_forks;                 /* from the process of lars_open() to this one */
    struct fork_detector fork;
};

static _Atomic uint64_t next_id = 1;

/* The record that this thread used last: most threads use one client. */
static _Thread_local struct {
    uint64_t id;                      /* of its client; 0 = none */
    struct thread *thread;
} mine;

_Static_assert(sizeof(struct lars_addr) == sizeof(struct net_addr), "the same struct");

/* --- threads ------------------------------------------------------------------------ */

static void on_thread_end(void *arg)
{
    struct thread *t = arg;

    pthread_mutex_lock(&t->c->lock);
    t->is_free = true;
    pthread_mutex_unlock(&t->c->lock);
}

static struct thread *new_thread(struct shm_client *c)
{
    struct thread *t;

    pthread_mutex_lock(&c->lock);
    for (t = c->threads; t && !t->is_free; t = t->next)
        continue;
    if (!t) {
        t = calloc(1, sizeof(*t));
        if (t) {
            t->c = c;
            t->next = c->threads;
            c->threads = t;
        }
    }
    if (t)
        t->is_free = false;
    pthread_mutex_unlock(&c->lock);
    return t;
}

static struct thread *thread_of(struct shm_client *c)
{
    struct thread *t;

    if (mine.id == c->id)
        return mine.thread;
    t = pthread_getspecific(c->key);
    if (!t) {
        t = new_thread(c);
        if (!t)
            return NULL;
        pthread_setspecific(c->key, t);
    }
    mine.id = c->id;
    mine.thread = t;
    return t;
}

/* --- pickers ------------------------------------------------------------------------ */

/* Only under the lock.  Without memory the picker stays, and a later call tries again. */
static void retire_locked(struct shm_client *c, struct thread *t)
{
    struct picker *was = t->picker;

    if (retired_pickers_add(&c->retired, t->picker, mono_ms()) < 0)
        return;
    /* A thread that attached since may have a log of the same index in a new segment. */
    atomic_compare_exchange_strong(&c->by_index[t->index], &was, NULL);
    t->picker = NULL;
}

/* Only under the lock.  The pickers of threads that have ended retire here.  A thread
 * that begins to use a log later does not find a retired one. */
static void prune_locked(struct shm_client *c)
{
    bool is_using = false, is_left = true;
    struct thread *t;

    for (t = c->threads; t; t = t->next) {
        bool is_old = t->picker && segment_has_moved(picker_segment(t->picker));

        if (is_old && t->is_free)
            retire_locked(c, t);
        is_left &= !is_old || !t->picker;
        is_using |= atomic_load(&t->is_using);
    }
    if (!is_using)
        retired_pickers_prune(&c->retired, is_left, mono_ms());
}

/* <t>: the thread whose picker retires; NULL = none. */
static void retire(struct shm_client *c, struct thread *t)
{
    pthread_mutex_lock(&c->lock);
    if (t)
        retire_locked(c, t);
    prune_locked(c);
    pthread_mutex_unlock(&c->lock);
}

static struct picker *attach(struct shm_client *c, struct thread *t)
{
    uint64_t now_ms = mono_ms();
    struct picker *new;

    if (t->picker)                    /* the agent took its log: the lock was lost */
        retire(c, t);
    if (t->picker || now_ms < t->attach_ms)
        return NULL;
    t->attach_ms = now_ms + AGAIN_MS;
    t->error = picker_create(&new, c->dir, PICKER_CLAIM);
    if (t->error < 0)
        return NULL;
    pthread_mutex_lock(&c->lock);
    t->picker = new;
    t->index = call_log_index(picker_log(new));
    atomic_store(&c->by_index[t->index], new);
    pthread_mutex_unlock(&c->lock);
    return new;
}

/* This thread's picker; NULL = not now. */
static inline struct picker *picker_of(struct shm_client *c, struct thread *t)
{
    if (!t)
        return NULL;
    if (t->picker && picker_owns_log(t->picker))
        return t->picker;
    return attach(c, t);
}

/* When the agent has been silent for a while, another one may have made another folder:
 * then the segment that is mapped would never move. */
static void check_folder(struct shm_client *c, struct thread *t, uint64_t now_ms)
{
    const struct segment *s = picker_segment(t->picker);
    bool is_gone = !segment_agent_is_alive(s, now_ms) && segment_was_replaced(s, c->dir);

    t->check_ms = now_ms + AGAIN_MS;
    retire(c, is_gone ? t : NULL);
}

/* --- calls -------------------------------------------------------------------------- */

/* Another segment is in force: the next call attaches to it at once. */
static void leave(struct shm_client *c, struct thread *t)
{
    retire(c, t);
    t->attach_ms = 0;
}

/* This thread's picker, for a function that begins no call; NULL = not now. */
static struct picker *picker_to_read(struct shm_client *c, struct thread *t)
{
    struct picker *picker = picker_of(c, t);
    uint64_t now_ms = mono_ms();

    if (picker && segment_has_moved(picker_segment(picker)))
        leave(c, t);
    else if (picker && now_ms >= t->check_ms)
        check_folder(c, t, now_ms);
    else
        return picker;
    return picker_of(c, t);
}

static int get_again(struct shm_client *c, struct thread *t, uint32_t modid,
                     uint32_t cmdid, uint64_t key, struct picker_pick *p)
{
    leave(c, t);
    return picker_of(c, t) ? picker_get(t->picker, modid, cmdid, key, p) : -ENOTCONN;
}

int shm_client_get(struct shm_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                   const struct lars_addr *avoid, unsigned n_avoid, struct lars_host *out)
{
    struct picker_pick p = {.avoid = (const struct net_addr *)(const void *)avoid,
                            .n_avoid = n_avoid};
    struct thread *t = thread_of(c);
    struct picker *picker = picker_of(c, t);
    int rc = picker ? picker_get(picker, modid, cmdid, key, &p) : -ENOTCONN;

    if (rc == -ESTALE)
        rc = get_again(c, t, modid, cmdid, key, &p);
    if (rc < 0)
        return rc;
    /* opaque: token; module, node; segment, 0 = not from here; process, enum pick_why */
    *out = (struct lars_host){.addr = *(const struct lars_addr *)(const void *)&p.addr,
                              .modid = modid,
                              .cmdid = cmdid,
                              .start_us = p.start_us,
                              .opaque = {p.token, (uint64_t)p.mid << 32 | p.nid,
                                         p.segment, (uint64_t)c->n_forks << 32 | p.why}};
    counts_add(&t->n.begun[LARS_PATH_SHM]);
    if (p.start_us / 1000 >= t->check_ms)
        check_folder(c, t, p.start_us / 1000);
    return 0;
}

static enum picker_outcome outcome_of(enum lars_outcome outcome)
{
    static const enum picker_outcome of[] = {[LARS_WELL] = PICKER_WELL,
                                             [LARS_FAILED] = PICKER_FAILED,
                                             [LARS_REJECTED] = PICKER_REJECTED,
                                             [LARS_CANCELLED] = PICKER_CANCELLED};

    return of[outcome];
}

/* In the segment of <picker>, which is this thread's. */
static int end_here(struct shm_client *c, struct thread *t, struct picker *picker,
                    const struct picker_pick *p, enum picker_outcome how,
                    uint64_t *took_us)
{
    uint32_t index = call_log_opener(p->token);
    struct picker *opener;
    int rc = -EPERM;

    if (!p->token || index == t->index)
        return picker_end(picker, NULL, p, how, took_us);
    if (index >= SEGMENT_CLIENT_LOGS)
        return -EINVAL;
    atomic_store(&t->is_using, true);
    opener = atomic_load(&c->by_index[index]);
    if (opener && picker_segment_id(opener) == p->segment)
        rc = picker_end(picker, picker_log(opener), p, how, took_us);
    atomic_store(&t->is_using, false);
    return rc;
}

/* The picker that began <p>, when its thread has not left the segment.  Only under the
 * lock. */
static struct picker *find_opener(const struct shm_client *c, const struct picker_pick *p)
{
    const struct thread *t;

    for (t = c->threads; t && p->token; t = t->next)
        if (t->picker && t->index == call_log_opener(p->token) &&
            picker_segment_id(t->picker) == p->segment)
            return t->picker;
    return NULL;
}

/* In a segment that this thread does not use, or uses no more. */
static int end_elsewhere(struct shm_client *c, const struct picker_pick *p,
                         enum picker_outcome how, uint64_t *took_us)
{
    struct picker *opener;
    int rc;

    pthread_mutex_lock(&c->lock);
    prune_locked(c);
    opener = find_opener(c, p);
    if (opener && !segment_has_moved(picker_segment(opener)))
        rc = -EUSERS;
    else
        rc = retired_pickers_end(&c->retired, opener ? picker_log(opener) : NULL, p, how,
                                 took_us);
    prune_locked(c);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int shm_client_end(struct shm_client *c, const struct lars_host *h,
                   enum lars_outcome outcome, uint64_t *took_us)
{
    struct picker_pick p = {.nid = (uint32_t)h->opaque[1],
                            .mid = (uint32_t)(h->opaque[1] >> 32),
                            .segment = h->opaque[2],
                            .token = h->opaque[0],
                            .start_us = h->start_us,
                            .why = (uint32_t)h->opaque[3]};
    struct thread *t = thread_of(c);
    struct picker *picker = picker_of(c, t);
    int rc;

    if (!t)
        return -ENOMEM;
    if (h->opaque[3] >> 32 != c->n_forks)
        return -EPERM;
    if (picker && segment_has_moved(picker_segment(picker))) {
        leave(c, t);                  /* what is counted there may not be collected */
        picker = NULL;
    }
    if (picker && p.segment == picker_segment_id(picker))
        rc = end_here(c, t, picker, &p, outcome_of(outcome), took_us);
    else
        rc = end_elsewhere(c, &p, outcome_of(outcome), took_us);
    if (rc == 0)
        counts_ended(&t->n, outcome, *took_us);
    return rc;
}

int shm_client_route(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                     struct lars_addr *out, unsigned max)
{
    struct picker *picker = picker_to_read(c, thread_of(c));

    if (!picker)
        return -ENOTCONN;
    return picker_route(picker, modid, cmdid, (struct net_addr *)(void *)out, max);
}

int shm_client_module(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                      struct module_capacity *out)
{
    struct picker *picker = picker_to_read(c, thread_of(c));

    if (!picker)
        return -ENOTCONN;
    return module_capacity_read(picker_segment(picker), modid, cmdid, mono_ms(), out);
}

/* --- status ------------------------------------------------------------------------- */

int shm_client_try(struct shm_client *c)
{
    struct thread *t = thread_of(c);

    if (!t)
        return -ENOMEM;
    t->attach_ms = 0;
    return picker_of(c, t) ? 0 : t->error;
}

int shm_client_error(struct shm_client *c)
{
    struct thread *t = thread_of(c);

    return !t ? -ENOMEM : t->picker ? 0 : t->error;
}

struct counts *shm_client_counts(struct shm_client *c)
{
    struct thread *t = thread_of(c);

    return t ? &t->n : NULL;
}

void shm_client_sum(struct shm_client *c, struct lars_status *out)
{
    struct thread *t;

    pthread_mutex_lock(&c->lock);
    for (t = c->threads; t; t = t->next)
        counts_sum(&t->n, out);
    pthread_mutex_unlock(&c->lock);
}

/* --- fork --------------------------------------------------------------------------- */

bool shm_client_has_forked(const struct shm_client *c)
{
    return fork_detector_has_forked(&c->fork);
}

bool shm_client_begin_renewal(struct shm_client *c)
{
    return fork_detector_begin(&c->fork);
}

void shm_client_end_renewal(struct shm_client *c)
{
    fork_detector_end(&c->fork);
}

void shm_client_after_fork(struct shm_client *c)
{
    struct thread *t;
    uint32_t i;

    pthread_mutex_init(&c->lock, NULL); /* a thread of the parent may have held it */
    c->n_forks++;
    for (t = c->threads; t; t = t->next) {
        if (t->picker)
            picker_forget(t->picker);
        t->picker = NULL;
        t->attach_ms = 0;
        t->is_using = false;
        t->is_free = t != pthread_getspecific(c->key);
    }
    retired_pickers_clear(&c->retired, picker_forget);
    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++)
        atomic_store(&c->by_index[i], NULL);
}

/* --- create and destroy ------------------------------------------------------------- */

int shm_client_create(struct shm_client **out, const char *dir)
{
    struct shm_client *c = calloc(1, sizeof(*c));
    int rc = c ? 0 : -ENOMEM;

    if (rc == 0 &&
        snprintf(c->dir, sizeof(c->dir), "%s/" FALLBACK_SHM, dir) >= (int)sizeof(c->dir))
        rc = -ENAMETOOLONG;
    if (rc == 0)
        rc = fork_detector_init(&c->fork);
    if (rc == 0 && pthread_key_create(&c->key, on_thread_end) != 0) {
        fork_detector_fini(&c->fork);
        rc = -EAGAIN;
    }
    if (rc < 0) {
        free(c);
        return rc;
    }
    c->id = next_id++;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return 0;
}

void shm_client_destroy(struct shm_client *c)
{
    struct thread *t;

    if (!c)
        return;
    if (shm_client_has_forked(c))
        shm_client_after_fork(c);
    pthread_key_delete(c->key);
    while ((t = c->threads)) {
        c->threads = t->next;
        picker_destroy(t->picker);
        free(t);
    }
    retired_pickers_clear(&c->retired, picker_destroy);
    pthread_mutex_destroy(&c->lock);
    fork_detector_fini(&c->fork);
    free(c);
}
