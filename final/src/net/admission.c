/* Two lists, each with the oldest connection first: those that have sent no valid frame,
 * by the time of their connect, and those that have sent one but no hello, by the time
 * of the last.  Connections with a hello are in neither, so they cannot be chosen.  The
 * lists belong to all threads, under one lock, because the oldest connection may be one
 * of another thread; the connections themselves belong to their threads, and a task
 * closes the chosen one in its own.
 *
 * Invariant: n is the number of peers that are open and not chosen to end.  A peer that
 * is chosen is freed by its task, and any other by admission_leave(), both in its thread.
 * Rejected: shutdown() of the descriptor of the chosen connection from here, because its
 * thread may have closed it already, and the number may be that of another one. */
#include "net/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mono.h"

#define LOG_GAP_MS 60000
#define TICK_MS 500
#define MOVE_MS 1000                      /* a frame within this time does not move */

enum peer_kind { PEER_MUTE, PEER_REPORTS, PEER_STAYS, N_LISTS = PEER_STAYS };

struct peer {
    struct admission *a;
    struct conn *c;                       /* its thread's; NULL = it is closed */
    unsigned thread;
    enum peer_kind kind;                  /* only its thread writes, under the lock */
    uint64_t last_ms;                     /* of its connect or last frame; as kind */
    bool is_chosen, is_displaced;         /* under the lock: a task closes it */
    struct peer *next, *prev;             /* in list[kind]; under the lock */
};

struct peers {                            /* of one thread */
    _Atomic(struct conn_group *) group;   /* identifies the thread */
};

struct peer_list {
    struct peer *first, *last;
};

struct admission {
    struct admission_config cfg;
    struct evloop *loop;
    struct evtimer timer;
    struct mtsrv *srv;
    struct peers *thread;                 /* cfg.n_threads */
    pthread_mutex_t lock;                 /* guards what follows */
    struct peer_list list[N_LISTS];
    unsigned n;
    struct admission_stat stat;
};

static void list_add(struct peer_list *l, struct peer *p)
{
    p->next = NULL;
    p->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = p;
    l->last = p;
}

static void list_remove(struct peer_list *l, struct peer *p)
{
    *(p->prev ? &p->prev->next : &l->first) = p->next;
    *(p->next ? &p->next->prev : &l->last) = p->prev;
}

/* --- in the thread of the connection ------------------------------------------------ */

static struct peers *thread_of(struct admission *a, const struct conn *c)
{
    struct conn_group *g = conn_owner(c);
    unsigned i = 0;

    while (i + 1 < a->cfg.n_threads && a->thread[i].group != g)
        i++;
    return &a->thread[i];
}

static void log_end(const struct peer *p)
{
    char peer[NET_ADDR_STRLEN];

    net_addr_str(conn_peer(p->c), peer);
    if (p->is_displaced)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "conn.displaced",
                  "peer=%s max_connections=%u: every connection is in use, so this one, "
                  "which sends nothing, is closed for a new one; find out what connects "
                  "from this address, or raise max_connections",
                  peer, p->a->cfg.max);
    else
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "conn.silent",
                  "peer=%s first_frame_ms=%u: this peer has not sent a valid message in "
                  "this time, so it is closed; find out what connects from this address",
                  peer, p->a->cfg.first_frame_ms);
}

static void run_end(void *arg, void *user)
{
    struct peer *p = arg;

    (void)user;
    pthread_mutex_lock(&p->a->lock);      /* until end_peer() has finished with it */
    pthread_mutex_unlock(&p->a->lock);
    if (p->c) {
        conn_set_peer_entry(p->c, NULL);
        log_end(p);
        conn_close(p->c);
    }
    free(p);
}

/* --- choosing, under the lock ------------------------------------------------------- */

/* Returns 0, or -errno when the thread of <p> takes no task; <p> then stays. */
static int end_peer(struct admission *a, struct peer *p, bool displaced)
{
    struct msgq_task t = {run_end, free, p};
    int rc;

    p->is_displaced = displaced;
    p->is_chosen = true;
    rc = mtsrv_post(a->srv, p->thread, &t);
    p->is_chosen = rc == 0;
    if (rc < 0)
        return rc;
    list_remove(&a->list[p->kind], p);
    a->n--;
    return 0;
}

/* Is a place free, or does a connection end for a new one? */
static bool make_place(struct admission *a, uint64_t now_ms)
{
    static const uint32_t least_ms[N_LISTS] = {ADMISSION_MUTE_MS, ADMISSION_SILENT_MS};
    int i;

    if (a->cfg.max == 0 || a->n < a->cfg.max)
        return true;
    for (i = 0; i < N_LISTS; i++) {
        struct peer *p = a->list[i].first;

        if (p && now_ms >= p->last_ms + least_ms[i] && end_peer(a, p, true) == 0) {
            a->stat.n_displaced++;
            return true;
        }
    }
    a->stat.n_refused++;
    return false;
}

static void on_tick(void *arg)
{
    struct admission *a = arg;
    uint64_t now = mono_ms();
    struct peer *p;

    pthread_mutex_lock(&a->lock);
    while ((p = a->list[PEER_MUTE].first) &&
           now >= p->last_ms + a->cfg.first_frame_ms && end_peer(a, p, false) == 0)
        a->stat.n_silent++;
    pthread_mutex_unlock(&a->lock);
    evloop_set_timer(a->loop, &a->timer, TICK_MS, on_tick, a);
}

/* --- for the server ----------------------------------------------------------------- */

static struct peer *add_peer(struct admission *a, struct conn *c)
{
    struct peers *t = thread_of(a, c);
    struct peer *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    *p = (struct peer){.a = a, .c = c, .thread = (unsigned)(t - a->thread)};
    conn_set_peer_entry(c, p);
    return p;
}

bool admission_enter(struct admission *a, struct conn *c)
{
    struct peer *p = add_peer(a, c);
    bool room;

    if (!p) {
        conn_close(c);
        return false;
    }
    p->last_ms = mono_ms();
    pthread_mutex_lock(&a->lock);
    room = make_place(a, p->last_ms);
    if (room) {
        list_add(&a->list[PEER_MUTE], p);
        a->n++;
    }
    pthread_mutex_unlock(&a->lock);
    if (room)
        return true;
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.over",
              "max_connections=%u: as many connections are open, and none can be closed "
              "for a new one, which was refused; raise max_connections if this lasts",
              a->cfg.max);
    conn_set_peer_entry(c, NULL);
    free(p);
    conn_close(c);
    return false;
}

void admission_leave(struct admission *a, struct conn *c)
{
    struct peer *p = conn_peer_entry(c);
    bool is_chosen;

    if (!p)
        return;                           /* refused, or ended by run_end() */
    conn_set_peer_entry(c, NULL);
    pthread_mutex_lock(&a->lock);
    is_chosen = p->is_chosen;
    if (!is_chosen) {
        if (p->kind < N_LISTS)
            list_remove(&a->list[p->kind], p);
        a->n--;
    }
    pthread_mutex_unlock(&a->lock);
    if (is_chosen)
        p->c = NULL;                      /* its task frees it */
    else
        free(p);
}

static void promote(struct admission *a, struct peer *p, enum peer_kind kind)
{
    pthread_mutex_lock(&a->lock);
    if (!p->is_chosen) {                  /* else it is too late */
        list_remove(&a->list[p->kind], p);
        p->kind = kind;
        p->last_ms = mono_ms();
        if (kind < N_LISTS)
            list_add(&a->list[kind], p);
    }
    pthread_mutex_unlock(&a->lock);
}

void admission_frame(struct admission *a, struct conn *c)
{
    struct peer *p = conn_peer_entry(c);

    if (p && (p->kind == PEER_MUTE ||
              (p->kind == PEER_REPORTS && mono_ms() >= p->last_ms + MOVE_MS)))
        promote(a, p, PEER_REPORTS);
}

void admission_subscribe(struct admission *a, struct conn *c)
{
    struct peer *p = conn_peer_entry(c);

    if (p && p->kind != PEER_STAYS)
        promote(a, p, PEER_STAYS);
}

void admission_stat(struct admission *a, struct admission_stat *out)
{
    pthread_mutex_lock(&a->lock);
    *out = a->stat;
    pthread_mutex_unlock(&a->lock);
}

/* --- create and destroy ------------------------------------------------------------- */

unsigned admission_max_conns(const struct admission *a)
{
    return a->cfg.max > 0 ? a->cfg.max + ADMISSION_SPARE : 0;
}

/* The first task of each thread, so it runs before the thread gets a connection. */
static void set_group(void *arg, void *user)
{
    struct peers *t = arg;

    t->group = user;
}

int admission_create(struct admission **out, struct evloop *main_loop,
                     const struct admission_config *cfg)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->thread = calloc(cfg->n_threads, sizeof(*a->thread));
    if (!a->thread) {
        free(a);
        return -ENOMEM;
    }
    a->cfg = *cfg;
    if (a->cfg.first_frame_ms == 0)
        a->cfg.first_frame_ms = ADMISSION_FIRST_FRAME_MS;
    a->loop = main_loop;
    pthread_mutex_init(&a->lock, NULL);   /* cannot fail with default attributes */
    *out = a;
    return 0;
}

int admission_serve(struct admission *a, struct mtsrv *srv)
{
    unsigned i;
    int rc = 0;

    a->srv = srv;
    for (i = 0; i < a->cfg.n_threads && rc == 0; i++)
        rc = mtsrv_post(srv, i, &(struct msgq_task){set_group, NULL, &a->thread[i]});
    return rc < 0 ? rc : evloop_set_timer(a->loop, &a->timer, TICK_MS, on_tick, a);
}

void admission_destroy(struct admission *a)
{
    if (!a)
        return;
    evloop_clear_timer(a->loop, &a->timer);
    pthread_mutex_destroy(&a->lock);
    free(a->thread);
    free(a);
}
