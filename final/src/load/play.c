/* A timerfd wakes the loop at the time of the next request; everything that is due then
 * begins.  When the generator itself is late, the requests keep their scheduled times and
 * are counted as late, so that a slow generator is not taken for a slow server.
 *
 * Invariant: each request that was scheduled is counted in exactly one of status[] and
 * error[].
 * Rejected: a fixed number of visitors that wait for each response (a closed loop).  When
 * the server stops for 2 s, each of them sends less, and the pause is one slow request of
 * many thousands: the p99 does not show it (coordinated omission).
 * Rejected: the timers of the loop, which have milliseconds; at a p50 below one the
 * generator would measure itself. */
#include "load/play.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mono.h"
#include "base/version.h"
#include "load/cookie_jar.h"
#include "load/http_link.h"

#define BATCH 1000 /* requests that begin before responses are read again */
#define JARS 65536 /* visitors whose numbers are equal modulo this share a place */
#define HEAD_MAX (PATH_LIST_PATH + COOKIE_JAR + 512 + PLAY_FIELDS)

struct request {
    uint64_t at_us; /* scheduled, from the beginning */
    uint64_t queued_us; /* when it came into the queue */
    const char *path;
    uint32_t visitor;
    uint16_t status;
    bool again; /* it has met a stale connection */
    bool refused; /* its response has Retry-After */
    struct request *next; /* in the queue */
};

struct line { /* room for a connection */
    struct play *p;
    struct http_link *link; /* NULL = not connected */
    struct request *r; /* in progress */
    struct line *next, **prev; /* of <idle> or <closed>, while there is no request */
};

struct jar {
    uint32_t visitor;
    char text[COOKIE_JAR];
};

struct play {
    struct play_plan plan;
    struct evloop *loop;
    const struct play_owner *owner;
    void *arg;
    uint64_t begin_us;
    int timer; /* fd */
    struct evtimer second;
    struct evloop_call ending;
    unsigned k; /* the current second */
    struct figures now;
    struct line *lines, *idle, *closed;
    struct request *first, **last; /* the queue */
    unsigned n_queue, n_busy;
    struct jar *jars;
    bool stopping, ended;
};

static uint64_t now_us(const struct play *p)
{
    return mono_us() - p->begin_us;
}

/* --- the end of a request ----------------------------------------------------------- */

static void count_latency(struct play *p, const struct request *r)
{
    uint64_t now = now_us(p), us = now > r->at_us ? now - r->at_us : 0;

    if (us > UINT32_MAX)
        us = UINT32_MAX;
    p->now.latency[latency_bucket((uint32_t)us)]++;
    p->now.sum_us += us;
}

static void end_failed(struct play *p, struct request *r, enum figures_error e)
{
    p->now.error[e]++;
    if (e == FIGURES_TIMEOUT)
        count_latency(p, r);
    free(r);
}

static void end_answered(struct play *p, struct request *r)
{
    p->now.status[r->status < 600 ? r->status / 100 : 5]++;
    if (r->status >= 200 && r->status < 400) {
        p->now.ok++;
        count_latency(p, r);
    } else if (r->status == 503 && r->refused) {
        p->now.waiting++;
    }
    free(r);
}

static void end_play(void *arg)
{
    struct play *p = arg;

    p->owner->on_second(p->k, &p->now, 0, p->arg);
    p->owner->on_end(p->arg);
}

/* Nothing is to come and nothing is in progress: that is the end. */
static void end_if_done(struct play *p)
{
    if (!p->stopping && visits_next_us(p->plan.visits) < p->plan.duration_us)
        return;
    if (p->n_busy + p->n_queue > 0 || p->ended)
        return;
    p->ended = true;
    evloop_clear_timer(p->loop, &p->second);
    evloop_defer(p->loop, &p->ending, end_play, p);
}

/* --- lines -------------------------------------------------------------------------- */

static void put_line(struct line **list, struct line *l)
{
    l->next = *list;
    l->prev = list;
    if (l->next)
        l->next->prev = &l->next;
    *list = l;
}

static void take_line(struct line *l)
{
    *l->prev = l->next;
    if (l->next)
        l->next->prev = l->prev;
    l->prev = NULL;
}

static struct jar *jar_of(struct play *p, uint32_t visitor)
{
    struct jar *j = &p->jars[visitor % JARS];

    if (j->visitor != visitor)
        *j = (struct jar){.visitor = visitor};
    return j;
}

static int send_on(struct line *l)
{
    struct play *p = l->p;
    const char *cookie = l->r->visitor ? jar_of(p, l->r->visitor)->text : "";
    char head[HEAD_MAX];
    int n =
        snprintf(head, sizeof(head),
                 "GET %s HTTP/1.1\r\nHost: %.255s\r\nUser-Agent: lars-load/" LARS_VERSION
                 "\r\nAccept: */*\r\n%s%s%s%s\r\n",
                 l->r->path, p->plan.host, cookie[0] ? "Cookie: " : "", cookie,
                 cookie[0] ? "\r\n" : "", p->plan.fields ? p->plan.fields : "");

    return n > 0 && (size_t)n < sizeof(head) ? http_link_send(l->link, head, (size_t)n)
                                             : -EMSGSIZE;
}

static const struct http_link_owner link_owner;

static int open_link(struct line *l)
{
    return http_link_open(&l->link, l->p->loop, &l->p->plan.to, l->p->plan.timeout_ms,
                          &link_owner, l);
}

/* Send l->r, on a new connection when there is none or the old one cannot be written.
 * False: it has ended. */
static bool begin(struct line *l)
{
    int rc = l->link ? send_on(l) : -EPIPE;

    if (rc < 0) {
        rc = open_link(l);
        if (rc == 0)
            rc = send_on(l);
    }
    if (rc == 0)
        return true;
    l->link = NULL;
    end_failed(l->p, l->r, FIGURES_CONNECT);
    l->r = NULL;
    return false;
}

/* The oldest request of the queue, without those that have waited too long; or NULL. */
static struct request *pop(struct play *p)
{
    uint64_t now = now_us(p);
    struct request *r;

    while ((r = p->first) != NULL) {
        p->first = r->next;
        if (!p->first)
            p->last = &p->first;
        p->n_queue--;
        if (now - r->queued_us < (uint64_t)p->plan.timeout_ms * 1000)
            break;
        end_failed(p, r, FIGURES_TIMEOUT);
    }
    return r;
}

/* <l> has no request: it gets the next one, or waits. */
static void serve(struct play *p, struct line *l)
{
    while ((l->r = pop(p)) != NULL)
        if (begin(l)) {
            p->n_busy++;
            return;
        }
    put_line(l->link ? &p->idle : &p->closed, l);
    end_if_done(p);
}

static void on_head(struct http_link *link, const struct http_head *h, void *arg)
{
    struct line *l = arg;
    unsigned i;

    (void)link;
    l->r->status = h->status;
    for (i = 0; i < h->n_fields; i++) {
        if (h->field[i].id == HTTP_SET_COOKIE && l->r->visitor)
            cookie_jar_set(jar_of(l->p, l->r->visitor)->text, h->field[i].value);
        if (http_head_text_is(h->field[i].name, "Retry-After"))
            l->r->refused = true;
    }
}

/* A stale connection: once more on a new one.  False: the request has ended. */
static bool try_again(struct line *l)
{
    if (l->r->again)
        return false;
    l->r->again = true;
    return begin(l);
}

static void on_done(struct http_link *link, enum http_link_result result, bool open,
                    void *arg)
{
    static const enum figures_error errors[] = {
        [HTTP_LINK_CONNECT] = FIGURES_CONNECT, [HTTP_LINK_RESET] = FIGURES_RESET,
        [HTTP_LINK_STALE] = FIGURES_RESET,     [HTTP_LINK_BAD] = FIGURES_BAD,
        [HTTP_LINK_TIMEOUT] = FIGURES_TIMEOUT, [HTTP_LINK_IDLE] = FIGURES_RESET};
    struct line *l = arg;
    struct play *p = l->p;

    (void)link;
    if (!open)
        l->link = NULL;
    if (result == HTTP_LINK_IDLE) {
        take_line(l);
        put_line(&p->closed, l);
        return;
    }
    if (result == HTTP_LINK_STALE && try_again(l))
        return;
    p->n_busy--;
    if (result == HTTP_LINK_DONE)
        end_answered(p, l->r);
    else if (l->r)
        end_failed(p, l->r, errors[result]);
    l->r = NULL;
    serve(p, l);
}

static const struct http_link_owner link_owner = {on_head, on_done};

/* --- the schedule ------------------------------------------------------------------- */

/* On a line, or into the queue. */
static void dispatch(struct play *p, struct request *r)
{
    struct line *l = p->idle ? p->idle : p->closed;

    if (l) {
        take_line(l);
        l->r = r;
        if (begin(l))
            p->n_busy++;
        else
            serve(p, l);
    } else if (p->n_queue < p->plan.queue) {
        r->next = NULL;
        *p->last = r;
        p->last = &r->next;
        p->n_queue++;
    } else {
        end_failed(p, r, FIGURES_NO_ROOM);
    }
}

static void take_up(struct play *p)
{
    struct visits_request v;
    struct request *r;
    uint64_t now;

    visits_take(p->plan.visits, &v);
    now = now_us(p);
    p->now.scheduled++;
    if (now > v.at_us + FIGURES_LATE_US) {
        p->now.late++;
        if (now - v.at_us > p->now.late_max_us)
            p->now.late_max_us = now - v.at_us;
    }
    r = calloc(1, sizeof(*r));
    if (!r) {
        p->now.error[FIGURES_NO_ROOM]++;
        return;
    }
    r->at_us = v.at_us;
    r->queued_us = now;
    r->path = v.path;
    r->visitor = v.visitor;
    dispatch(p, r);
}

/* Wake at the next request, or at once when some are due already. */
static void arm(struct play *p, uint64_t next_us)
{
    uint64_t at = p->begin_us + next_us;
    const struct itimerspec when = {
        .it_value = {(time_t)(at / 1000000), (long)(at % 1000000) * 1000 + 1}};

    timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_due(int fd, uint32_t events, void *arg)
{
    struct play *p = arg;
    uint64_t next, n;
    unsigned i;

    (void)events;
    if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        return;
    for (i = 0; !p->stopping; i++) {
        next = visits_next_us(p->plan.visits);
        if (next >= p->plan.duration_us)
            break;
        if (next > now_us(p) || i == BATCH) {
            arm(p, next);
            return;
        }
        take_up(p);
    }
    end_if_done(p);
}

static void on_second(void *arg)
{
    struct play *p = arg;
    struct figures past = p->now;
    uint64_t next = (uint64_t)(p->k + 2) * 1000000, now = now_us(p);
    unsigned k = p->k++;

    p->now = (struct figures){0};
    evloop_set_timer(p->loop, &p->second,
                     next > now ? (uint32_t)((next - now) / 1000) : 0, on_second, p);
    p->owner->on_second(k, &past, p->n_busy + p->n_queue, p->arg);
}

/* --- the whole ---------------------------------------------------------------------- */

static int make_room(struct play *p)
{
    uint32_t i;

    p->lines = calloc(p->plan.connections, sizeof(*p->lines));
    p->jars = calloc(JARS, sizeof(*p->jars));
    if (!p->lines || !p->jars)
        return -ENOMEM;
    for (i = 0; i < p->plan.connections; i++) {
        p->lines[i].p = p;
        put_line(&p->closed, &p->lines[i]);
    }
    return 0;
}

static int begin_play(struct play *p)
{
    int rc;

    p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (p->timer == -1)
        return -errno;
    rc = evloop_add_fd(p->loop, p->timer, EPOLLIN, on_due, p);
    if (rc == 0)
        rc = evloop_set_timer(p->loop, &p->second, 1000, on_second, p);
    p->begin_us = mono_us();
    arm(p, 0);
    return rc;
}

int play_create(struct play **out, struct evloop *l, const struct play_plan *plan,
                const struct play_owner *owner, void *arg)
{
    struct play *p = calloc(1, sizeof(*p));
    int rc;

    if (!p)
        return -ENOMEM;
    p->plan = *plan;
    p->loop = l;
    p->owner = owner;
    p->arg = arg;
    p->timer = -1;
    p->last = &p->first;
    rc = make_room(p);
    if (rc == 0)
        rc = begin_play(p);
    if (rc < 0) {
        play_destroy(p);
        return rc;
    }
    *out = p;
    return 0;
}

void play_stop(struct play *p)
{
    p->stopping = true;
    end_if_done(p);
}

void play_destroy(struct play *p)
{
    struct request *r;
    uint32_t i;

    if (!p)
        return;
    evloop_clear_timer(p->loop, &p->second);
    evloop_undefer(p->loop, &p->ending);
    if (p->timer >= 0) {
        evloop_del_fd(p->loop, p->timer);
        close(p->timer);
    }
    for (i = 0; p->lines && i < p->plan.connections; i++) {
        if (p->lines[i].link)
            http_link_close(p->lines[i].link);
        free(p->lines[i].r);
    }
    while ((r = p->first) != NULL) {
        p->first = r->next;
        free(r);
    }
    free(p->lines);
    free(p->jars);
    free(p);
}
