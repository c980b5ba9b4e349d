#include "api/shm_client.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mono.h"

#define AGAIN_MS 1000                 /* between two attempts, and two looks */
#define PAGE 4096

struct thread {
    struct picker *chooser;          /* NULL = none now */
    uint64_t again_ms, look_ms;       /* monotonic */
    bool is_free;                     /* its thread has ended; guarded by lock */
    struct shm_client *c;
    struct thread *next;              /* guarded by lock */
};

struct old {                          /* of files that are not in force: until the end */
    struct picker *chooser;
    struct old *next;
};

struct shm_client {
    char dir[PATH_MAX];
    uint64_t id;                      /* another for each client of this process */
    pthread_key_t key;
    pthread_mutex_t lock;
    struct thread *threads;           /* guarded by lock */
    struct old *old;                  /* guarded by lock */
    struct call_log *_Atomic ledger[SEGMENT_CLIENT_LOGS]; /* of this process, by index */
    _Atomic uint64_t *same;           /* 0 after fork(), by MADV_WIPEONFORK */
};

static _Atomic uint64_t next_id = 1;
static _Thread_local struct {
    uint64_t id;                      /* whose; 0 = nobody's */
    struct thread *thread;
} mine;

static void on_thread_end(void *arg)
{
    struct thread *t = arg;

    pthread_mutex_lock(&t->c->lock);
    t->is_free = true;                /* the next thread goes on with its ledger */
    pthread_mutex_unlock(&t->c->lock);
}

/* --- threads ------------------------------------------------------------------------ */

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

/* Other files are in force.  Another thread may be using the old ledger at this moment:
 * it stays until the end. */
static void retire(struct shm_client *c, struct thread *t)
{
    struct old *o = malloc(sizeof(*o));

    if (!o)
        return;                       /* the next call tries again */
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->ledger[call_log_index(picker_log(t->chooser))], NULL);
    *o = (struct old){t->chooser, c->old};
    c->old = o;
    t->chooser = NULL;
    pthread_mutex_unlock(&c->lock);
}

/* This thread's chooser; NULL = not now. */
static struct picker *chooser_of(struct shm_client *c, struct thread *t)
{
    uint64_t now_ms;

    if (t->chooser)
        return t->chooser;
    now_ms = mono_ms();
    if (now_ms < t->again_ms)
        return NULL;
    t->again_ms = now_ms + AGAIN_MS;
    if (picker_create(&t->chooser, c->dir, PICKER_CLAIM) < 0) {
        t->chooser = NULL;
        return NULL;
    }
    atomic_store(&c->ledger[call_log_index(picker_log(t->chooser))],
                 picker_log(t->chooser));
    return t->chooser;
}

/* The agent has been silent for a while: has another one made another folder? */
static void look(struct shm_client *c, struct thread *t, uint64_t now_ms)
{
    const struct segment *s = picker_segment(t->chooser);

    t->look_ms = now_ms + AGAIN_MS;
    if (!segment_agent_is_alive(s, now_ms) && segment_was_replaced(s, c->dir))
        retire(c, t);
}

/* --- calls -------------------------------------------------------------------------- */

int shm_client_get(struct shm_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct picker_pick *out)
{
    struct thread *t = thread_of(c);
    struct picker *ch = t ? chooser_of(c, t) : NULL;
    int rc = ch ? picker_get(ch, modid, cmdid, key, out) : -ENOENT;

    if (!ch)
        return -EAGAIN;
    if (rc == -ESTALE) {
        retire(c, t);
        t->again_ms = 0;
        ch = chooser_of(c, t);
        rc = ch ? picker_get(ch, modid, cmdid, key, out) : -EAGAIN;
    }
    if (rc == 0 && out->start_us / 1000 >= t->look_ms)
        look(c, t, out->start_us / 1000);
    return rc;
}

int shm_client_report(struct shm_client *c, const struct picker_pick *p, bool ok)
{
    struct thread *t = thread_of(c);
    struct picker *ch = t ? chooser_of(c, t) : NULL;
    struct call_log *opener = NULL;

    if (!ch)
        return -EUSERS;
    if (p->token && call_log_opener(p->token) != call_log_index(picker_log(ch))) {
        if (call_log_opener(p->token) >= SEGMENT_CLIENT_LOGS)
            return -EINVAL;
        opener = atomic_load(&c->ledger[call_log_opener(p->token)]);
        if (!opener)
            return -EPERM;
    }
    return picker_report(ch, opener, p, ok);
}

int shm_client_route(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                     struct net_addr *out, unsigned max)
{
    struct thread *t = thread_of(c);
    struct picker *ch = t ? chooser_of(c, t) : NULL;

    return ch ? picker_route(ch, modid, cmdid, out, max) : -EAGAIN;
}

/* --- life --------------------------------------------------------------------------- */

bool shm_client_has_forked(const struct shm_client *c)
{
    return atomic_load_explicit(c->same, memory_order_relaxed) == 0;
}

void shm_client_after_fork(struct shm_client *c)
{
    struct thread *t;
    uint32_t i;

    pthread_mutex_init(&c->lock, NULL); /* whoever held it is not here */
    for (t = c->threads; t; t = t->next) {
        if (t->chooser)
            picker_forget(t->chooser);
        t->chooser = NULL;
        t->again_ms = 0;
        t->is_free = t != pthread_getspecific(c->key);
    }
    while (c->old) {
        struct old *o = c->old;

        c->old = o->next;
        picker_forget(o->chooser);
        free(o);
    }
    for (i = 0; i < SEGMENT_CLIENT_LOGS; i++)
        atomic_store(&c->ledger[i], NULL);
    atomic_store(c->same, 1);
}

int shm_client_create(struct shm_client **out, const char *dir)
{
    struct shm_client *c = calloc(1, sizeof(*c));
    void *page;

    if (!c || snprintf(c->dir, sizeof(c->dir), "%s", dir) >= (int)sizeof(c->dir)) {
        free(c);
        return c ? -ENAMETOOLONG : -ENOMEM;
    }
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || pthread_key_create(&c->key, on_thread_end) != 0) {
        if (page != MAP_FAILED)
            munmap(page, PAGE);
        free(c);
        return -EAGAIN;
    }
    madvise(page, PAGE, MADV_WIPEONFORK);
    c->same = page;
    atomic_store(c->same, 1);
    c->id = next_id++;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return 0;
}

void shm_client_destroy(struct shm_client *c)
{
    struct thread *t;
    struct old *o;

    if (!c)
        return;
    if (shm_client_has_forked(c))
        shm_client_after_fork(c);
    pthread_key_delete(c->key);
    while ((t = c->threads)) {
        c->threads = t->next;
        picker_destroy(t->chooser);
        free(t);
    }
    while ((o = c->old)) {
        c->old = o->next;
        picker_destroy(o->chooser);
        free(o);
    }
    pthread_mutex_destroy(&c->lock);
    munmap(c->same, PAGE);
    free(c);
}
