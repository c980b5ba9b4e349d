/* A fixed table of probes, each a non-blocking socket and a timer in the loop.  A probe
 * ends in one of four ways: the connection fails, the node closes it, the whole answer
 * has arrived, or its time is over.  Every way goes through finish_probe(), so the
 * callback is called exactly once.  When nothing is asked, a connection that was accepted
 * is good in any case, and the end only tells how much it shows.
 *
 * Rejected: an HTTP client library.  It would bring name resolution, TLS, redirects and
 * sockets of its own, for a single line that is read here. */
#include "net/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/frame.h"
#include "net/sock.h"

#define MAX_PROBES 256
#define REQUEST_MAX 160
#define STATUS_LEN 12                 /* "HTTP/1.1 200" */
#define ECHO_REQUEST 100
#define ECHO_REPLY 101
#define ECHO_BODY "lars check"
#define ECHO_LEN (sizeof(ECHO_BODY) - 1)
#define ANSWER_MAX (FRAME_HEAD + 1 + ECHO_LEN) /* head, a byte for the result, the body */

struct slot {
    struct probe *p;
    uint64_t id;
    int fd;                           /* -1 = the slot is free */
    struct evtimer timer;
    char request[REQUEST_MAX];
    size_t n_request;                 /* bytes of it; 0 = the connection suffices */
    bool asked;                       /* the request was sent */
    char answer[ANSWER_MAX];
    size_t got, want;                 /* bytes of answer */
};

struct probe {
    struct evloop *loop;
    uint32_t timeout_ms;
    probe_fn *fn;
    void *arg;
    struct slot slot[MAX_PROBES];
};

static void close_slot(struct slot *s)
{
    evloop_clear_timer(s->p->loop, &s->timer);
    if (s->fd >= 0) {
        evloop_del_fd(s->p->loop, s->fd);
        close(s->fd);
    }
    s->fd = -1;
}

static void finish_probe(struct slot *s, bool ok, enum probe_shows shows)
{
    close_slot(s);
    s->p->fn(s->id, ok, shows, s->p->arg);
}

static bool is_status_good(const char *status)
{
    return memcmp(status, "HTTP/1.", 7) == 0 && status[8] == ' ' &&
           (status[9] == '2' || status[9] == '3');
}

/* The body comes back behind a byte that says how the request went; a node that reports
 * failures answers, and whether it is ejected for them is up to statistics. */
static bool is_echo(const char *answer)
{
    struct frame f;

    return frame_parse(answer, ANSWER_MAX, ANSWER_MAX, &f) == (ssize_t)ANSWER_MAX &&
           f.msgid == ECHO_REPLY && memcmp(f.body + 1, ECHO_BODY, ECHO_LEN) == 0;
}

static bool is_good(const struct slot *s)
{
    return s->want == STATUS_LEN ? is_status_good(s->answer) : is_echo(s->answer);
}

static void on_answer(struct slot *s, int fd)
{
    ssize_t n = sock_read(fd, s->answer + s->got, s->want > 0 ? s->want - s->got : 1);

    if (n == -EAGAIN)
        return;
    if (s->want == 0) {               /* its end, or bytes by which it greets */
        finish_probe(s, true, PROBE_SHOWS_PROCESS);
        return;
    }
    s->got += n > 0 ? (size_t)n : 0;
    if (n <= 0 || s->got == s->want)
        finish_probe(s, s->got == s->want && is_good(s), PROBE_SHOWS_SERVICE);
}

static void on_connect(struct slot *s, int fd)
{
    bool ok = sock_connect_result(fd) == 0;

    if (ok && s->n_request > 0)       /* a new connection takes a few bytes at once */
        ok = sock_write(fd, s->request, s->n_request) == (ssize_t)s->n_request;
    else if (ok)
        ok = shutdown(fd, SHUT_WR) == 0;
    s->asked = ok && evloop_mod_fd(s->p->loop, fd, EPOLLIN) == 0;
    if (!s->asked)
        finish_probe(s, false, PROBE_SHOWS_PORT);
}

static void on_ready(int fd, uint32_t events, void *arg)
{
    struct slot *s = arg;

    (void)events;
    if (s->asked)
        on_answer(s, fd);
    else
        on_connect(s, fd);
}

static void on_timeout(void *arg)
{
    struct slot *s = arg;

    finish_probe(s, s->want == 0 && s->asked, PROBE_SHOWS_PORT);
}

int probe_create(struct probe **out, struct evloop *l, uint32_t timeout_ms, probe_fn *fn,
                 void *arg)
{
    struct probe *p = calloc(1, sizeof(*p));
    int i;

    if (!p)
        return -ENOMEM;
    p->loop = l;
    p->timeout_ms = timeout_ms;
    p->fn = fn;
    p->arg = arg;
    for (i = 0; i < MAX_PROBES; i++) {
        p->slot[i].p = p;
        p->slot[i].fd = -1;
    }
    *out = p;
    return 0;
}

void probe_destroy(struct probe *p)
{
    int i;

    for (i = 0; p && i < MAX_PROBES; i++)
        close_slot(&p->slot[i]);
    free(p);
}

/* Writes into <s> what is to be asked.  Returns 0; -E2BIG; -EINVAL. */
static int set_request(struct slot *s, const struct net_addr *to, const char *what)
{
    char text[NET_ADDR_STRLEN];
    int n = 0;

    s->want = 0;
    if (what[0] == '/') {
        s->want = STATUS_LEN;
        n = snprintf(s->request, REQUEST_MAX,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", what,
                     net_addr_str(to, text));
    } else if (strcmp(what, PROBE_ECHO) == 0) {
        s->want = ANSWER_MAX;
        frame_put_head((uint8_t *)s->request, ECHO_REQUEST, ECHO_LEN);
        memcpy(s->request + FRAME_HEAD, ECHO_BODY, ECHO_LEN);
        n = FRAME_HEAD + ECHO_LEN;
    } else if (what[0] != '\0') {
        return -EINVAL;
    }
    s->n_request = (size_t)n;
    return n < REQUEST_MAX ? 0 : -E2BIG;
}

/* Is <rc> an error of this host, which says nothing about the node?  (Descriptors, memory
 * or local ports are used up.)  If it counted against nodes, all of them would be down
 * at once. */
static bool is_own_fault(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -ENOBUFS ||
           rc == -ENOSPC || rc == -EADDRNOTAVAIL;
}

int probe_start(struct probe *p, uint64_t id, const struct net_addr *to, const char *what)
{
    struct slot *s = NULL;
    int i, rc;

    for (i = 0; i < MAX_PROBES; i++) {
        if (p->slot[i].fd >= 0 && p->slot[i].id == id)
            return -EBUSY;
        if (p->slot[i].fd < 0)
            s = &p->slot[i];
    }
    if (!s)
        return -ENOBUFS;
    rc = set_request(s, to, what);
    if (rc < 0)
        return rc;
    s->id = id;
    s->got = 0;
    s->asked = false;
    s->fd = sock_connect_start(to);
    rc = s->fd < 0 ? s->fd : evloop_add_fd(p->loop, s->fd, EPOLLOUT, on_ready, s);
    if (rc == 0)
        rc = evloop_set_timer(p->loop, &s->timer, p->timeout_ms * (s->want > 0 ? 2 : 1),
                              on_timeout, s);
    if (rc == 0)
        return 0;
    if (is_own_fault(rc)) {
        close_slot(s);
        return rc;
    }
    finish_probe(s, false, PROBE_SHOWS_PORT); /* a connect that fails at once fails the
                                              * probe */
    return 0;
}
