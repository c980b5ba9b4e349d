/* A table indexed by fd holds the handler of each watched descriptor.  The index stays
 * small, because the kernel always hands out the lowest free number.
 *
 * An event can be stale when its turn comes.  epoll_wait() returns a batch; the handler
 * of the first event closes fd 7 and accepts a connection, which the kernel numbers 7
 * again; the second event of the batch reports that 7 is readable, but it belongs to the
 * old connection.  So each slot has a generation, which evloop_del_fd() increments.  An
 * event carries the generation of its registration and is skipped when they differ.
 *
 * Invariant: after evloop_del_fd() its handler is not called any more.
 * Rejected: a pointer in the event, which dangles in exactly this case; a list of freed
 * pointers, which would have to be searched for every event. */
#include "net/evloop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mono.h"

#define EV_BATCH 256

struct slot {
    evloop_fd_fn *fn;                     /* NULL = not watched */
    void *arg;
    uint32_t gen;                         /* grows with each evloop_del_fd() */
};

struct evloop {
    int epfd;
    int tfd;                              /* timerfd: wakes epoll_wait() for the timers */
    uint64_t armed_us;                    /* when tfd fires; UINT64_MAX = not armed */
    bool stop;
    bool running;
    pthread_t owner;                      /* valid while running */
    struct slot *slot;
    size_t n_slot;
    struct evtimer_heap timers;
    struct evloop_call *first, **last;    /* deferred calls, in order */
    uint64_t now_us;                      /* monotonic; read once a turn */
    uint64_t n_turns;
};

/* Run the calls that are queued now; calls that these defer wait for the next turn.  Each
 * call is unlinked before it runs, because it may free its own object and undefer any
 * other call. */
static void run_deferred(struct evloop *l)
{
    struct evloop_call end = {0}, *c;

    if (!l->first)
        return;
    *l->last = &end;
    l->last = &end.next;
    while ((c = l->first) != &end) {
        evloop_fn *fn = c->fn;

        l->first = c->next;
        c->fn = NULL;                  /* no longer queued: it may be deferred again */
        fn(c->arg);
    }
    l->first = end.next;
    if (!l->first)
        l->last = &l->first;
}

void evloop_destroy(struct evloop *l)
{
    if (!l)
        return;
    while (l->first)
        run_deferred(l);
    evtimer_heap_fini(&l->timers);
    if (l->tfd != -1)
        close(l->tfd);
    if (l->epfd != -1)
        close(l->epfd);
    free(l->slot);
    free(l);
}

static int grow_slots(struct evloop *l, size_t want)
{
    size_t n = l->n_slot ? l->n_slot : 64;
    struct slot *s;

    while (n < want)
        n *= 2;
    s = realloc(l->slot, n * sizeof(*s));
    if (!s)
        return -ENOMEM;
    memset(s + l->n_slot, 0, (n - l->n_slot) * sizeof(*s));
    l->slot = s;
    l->n_slot = n;
    return 0;
}

static int ctl(struct evloop *l, int op, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events};

    ev.data.u64 = (uint64_t)l->slot[fd].gen << 32 | (uint32_t)fd;
    return epoll_ctl(l->epfd, op, fd, &ev) == -1 ? -errno : 0;
}

int evloop_add_fd(struct evloop *l, int fd, uint32_t events, evloop_fd_fn *fn, void *arg)
{
    int rc;

    evloop_assert_owner(l);
    assert(fn);
    if (fd < 0)
        return -EBADF;
    if ((size_t)fd >= l->n_slot && (rc = grow_slots(l, (size_t)fd + 1)) < 0)
        return rc;
    if (l->slot[fd].fn)
        return -EEXIST;
    rc = ctl(l, EPOLL_CTL_ADD, fd, events);
    if (rc < 0)
        return rc;
    l->slot[fd].fn = fn;
    l->slot[fd].arg = arg;
    return 0;
}

static bool is_watched(const struct evloop *l, int fd)
{
    return fd >= 0 && (size_t)fd < l->n_slot && l->slot[fd].fn;
}

int evloop_mod_fd(struct evloop *l, int fd, uint32_t events)
{
    evloop_assert_owner(l);
    return is_watched(l, fd) ? ctl(l, EPOLL_CTL_MOD, fd, events) : -ENOENT;
}

void evloop_del_fd(struct evloop *l, int fd)
{
    evloop_assert_owner(l);
    if (!is_watched(l, fd))
        return;
    ctl(l, EPOLL_CTL_DEL, fd, 0);
    l->slot[fd].fn = NULL;
    l->slot[fd].gen++;
}

int evloop_set_timer(struct evloop *l, struct evtimer *t, uint32_t after_ms,
                     evloop_fn *fn, void *arg)
{
    evloop_assert_owner(l);
    /* l->now_us is as old as this turn: a timer based on it would fire too early */
    return evtimer_heap_set(&l->timers, t, mono_us() + (uint64_t)after_ms * 1000, fn,
                            arg);
}

void evloop_clear_timer(struct evloop *l, struct evtimer *t)
{
    evloop_assert_owner(l);
    evtimer_heap_remove(&l->timers, t);
}

void evloop_defer(struct evloop *l, struct evloop_call *call, evloop_fn *fn, void *arg)
{
    evloop_assert_owner(l);
    if (call->fn)
        return;
    *call = (struct evloop_call){.fn = fn, .arg = arg};
    *l->last = call;
    l->last = &call->next;
}

void evloop_undefer(struct evloop *l, struct evloop_call *call)
{
    struct evloop_call **p = &l->first;

    evloop_assert_owner(l);
    while (*p && *p != call)
        p = &(*p)->next;
    if (*p) {
        *p = call->next;
        if (l->last == &call->next)
            l->last = p;
    }
    call->fn = NULL;
}

/* The timerfd stays armed over many turns and is changed only when a timer is due
 * earlier.  A timeout of epoll_wait() would make the kernel set up and remove a timer in
 * every turn, which cost a tenth of the time of an echoed message.  In return, the
 * timerfd may fire once for a timer that has been cleared. */
static int arm_timerfd(struct evloop *l)
{
    const struct evtimer *t = evtimer_heap_first(&l->timers);
    struct itimerspec at = {{0, 0}, {0, 0}};

    if (!t || t->due_us >= l->armed_us)
        return 0;
    l->armed_us = t->due_us;
    at.it_value.tv_sec = (time_t)(t->due_us / 1000000);
    at.it_value.tv_nsec = (long)(t->due_us % 1000000) * 1000;
    return timerfd_settime(l->tfd, TFD_TIMER_ABSTIME, &at, NULL) == -1 ? -errno : 0;
}

static void on_timerfd(int fd, uint32_t events, void *arg)
{
    struct evloop *l = arg;
    uint64_t n;

    (void)events;
    if (read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
        l->armed_us = UINT64_MAX;         /* run_timers() follows in the same turn */
}

int evloop_create(struct evloop **out)
{
    struct evloop *l = calloc(1, sizeof(*l));
    int rc = 0;

    if (!l)
        return -ENOMEM;
    l->last = &l->first;
    l->armed_us = UINT64_MAX;
    l->now_us = mono_us();
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    l->tfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->epfd == -1 || l->tfd == -1)
        rc = -errno;
    if (rc == 0)
        rc = evloop_add_fd(l, l->tfd, EPOLLIN, on_timerfd, l);
    if (rc < 0) {
        evloop_destroy(l);
        return rc;
    }
    *out = l;
    return 0;
}

/* Wait once, then call the handlers of the descriptors that are ready. */
static int run_fds(struct evloop *l)
{
    struct epoll_event ev[EV_BATCH];
    int i, n = arm_timerfd(l);

    if (n < 0)
        return n;

    do {
        n = epoll_wait(l->epfd, ev, EV_BATCH, l->first ? 0 : -1);
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        return -errno;
    l->now_us = mono_us();
    for (i = 0; i < n; i++) {
        const struct slot *s = &l->slot[(uint32_t)ev[i].data.u64];

        if (s->fn && s->gen == (uint32_t)(ev[i].data.u64 >> 32))
            s->fn((int)(uint32_t)ev[i].data.u64, ev[i].events, s->arg);
    }
    return 0;
}

/* Run the timers that are due, at most as many as are armed now: a timer that rearms
 * itself with 0 ms must not keep the loop here and starve the descriptors. */
static void run_timers(struct evloop *l)
{
    size_t budget = l->timers.n;
    struct evtimer *t;

    while (budget-- > 0) {
        t = evtimer_heap_first(&l->timers);
        if (!t || t->due_us > l->now_us)
            break;
        evtimer_heap_remove(&l->timers, t);
        t->fn(t->arg);
    }
}

int evloop_run(struct evloop *l)
{
    int rc = 0;

    l->owner = pthread_self();
    l->running = true;
    l->now_us = mono_us();
    while (!l->stop && rc == 0) {
        rc = run_fds(l);
        run_timers(l);
        run_deferred(l);
        l->n_turns++;
    }
    l->stop = false;                      /* evloop_run() may be called again */
    l->running = false;
    return rc;
}

void evloop_stop(struct evloop *l)
{
    evloop_assert_owner(l);
    l->stop = true;
}

uint64_t evloop_now_ms(const struct evloop *l)
{
    return l->now_us / 1000;
}

uint64_t evloop_n_turns(const struct evloop *l)
{
    return l->n_turns;
}

void evloop_assert_owner(const struct evloop *l)
{
    assert(!l->running || pthread_equal(l->owner, pthread_self()));
    (void)l;
}
