/* Peers that are waited for are in a list, the one that is waited for longest first, so
 * a timer has to look at its head only.  shutdown() makes the library see the end of the
 * connection.
 *
 * Rejected: the library's time-out, which begins anew with every byte, and its limit by
 * address: behind a proxy all users have one. */
#include "web/slow.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/mono.h"

#define ROUND_MS 1000

struct slow_peer {
    struct slow *slow;
    struct slow_peer *prev, *next;
    uint64_t since_ms;
    int fd;
    bool is_waiting;                  /* in the list */
};

struct slow {
    struct evloop *loop;
    struct evtimer timer;
    struct slow_peer *waiting;
    unsigned n;
};

static void leave(struct slow_peer *p)
{
    if (!p->is_waiting)
        return;
    p->is_waiting = false;
    DL_DELETE(p->slow->waiting, p);
    p->slow->n--;
}

static void cut(struct slow_peer *p)
{
    leave(p);
    shutdown(p->fd, SHUT_RDWR);
}

void slow_cut_late(struct slow *s, uint64_t now_ms)
{
    while (s->waiting && now_ms >= s->waiting->since_ms + SLOW_MS)
        cut(s->waiting);
}

static void look(void *arg)
{
    struct slow *s = arg;

    slow_cut_late(s, mono_ms());
    evloop_set_timer(s->loop, &s->timer, ROUND_MS, look, s);
}

int slow_create(struct slow **out, struct evloop *l)
{
    struct slow *s = calloc(1, sizeof(*s));
    int rc = s ? 0 : -ENOMEM;

    if (rc < 0)
        return rc;
    s->loop = l;
    rc = evloop_set_timer(l, &s->timer, ROUND_MS, look, s);
    if (rc < 0)
        free(s);
    else
        *out = s;
    return rc;
}

void slow_destroy(struct slow *s)
{
    if (!s)
        return;
    evloop_clear_timer(s->loop, &s->timer);
    free(s);
}

struct slow_peer *slow_open(struct slow *s, int fd)
{
    struct slow_peer *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->slow = s;
    p->fd = fd;
    slow_wait(p);
    return p;
}

void slow_has_request(struct slow_peer *p)
{
    if (p)
        leave(p);
}

void slow_wait(struct slow_peer *p)
{
    if (!p)
        return;
    leave(p);
    p->since_ms = mono_ms();
    p->is_waiting = true;
    DL_APPEND(p->slow->waiting, p);
    if (++p->slow->n > SLOW_WAITING)
        cut(p->slow->waiting);
}

void slow_close(struct slow_peer *p)
{
    if (p)
        leave(p);
    free(p);
}
