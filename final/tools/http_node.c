/* http_node -- an HTTP node for tests and measurements: each GET has a body of --bytes
 * bytes as its answer, after --delay-ms.  It is as simple as a node can be, so that what
 * stands before it is measured.  With --workers its capacity is known: WORKERS requests
 * in each --delay-ms; the others wait in order, and --limit bounds how many there may be.
 * With --close-ms it closes connections that wait for a request at random times.
 * Each port is a node of its own.  `http_node --help` explains the options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/opts.h"
#include "base/sig.h"
#include "http/http_body.h"
#include "http/http_parse.h"
#include "http/http_write.h"
#include "net/acceptor.h"
#include "net/evsig.h"
#include "net/sock.h"
#include "net/stream.h"

#define PORTS_MAX 16

struct client;

struct port {
    struct acceptor *acceptor;
    unsigned n_busy, n_waiting; /* requests */
    struct client *first, **last; /* those that wait */
};

static struct {
    struct evloop *loop;
    struct evsig *sig;
    struct port port[PORTS_MAX];
    struct buf answer;
    char in[65536];
    unsigned long long n_served; /* requests that were answered, also refused ones */
} me;

static struct settings {
    uint32_t delay_ms, bytes, status, workers, limit, close_ms;
} set;

static const struct conf_key keys[] = {
    {"", "delay_ms", CONF_U32, offsetof(struct settings, delay_ms), 0, 3600000, "0",
     "ms before each answer"},
    {"", "bytes", CONF_U32, offsetof(struct settings, bytes), 0, 1u << 26, "1024",
     "bytes of each answer's body"},
    {"", "status", CONF_U32, offsetof(struct settings, status), 200, 599, "200",
     "status of each answer"},
    {"", "workers", CONF_U32, offsetof(struct settings, workers), 0, 1000000, "0",
     "requests that are served at once; 0 = any number"},
    {"", "limit", CONF_U32, offsetof(struct settings, limit), 0, 1000000, "0",
     "requests that may be there; further ones are refused; 0 = any number"},
    {"", "close_ms", CONF_U32, offsetof(struct settings, close_ms), 0, 3600000, "0",
     "most ms that a connection waits for its next request; 0 = any time"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'d', "delay-ms", "MS", "", "delay_ms", NULL,
     "Send each answer this many milliseconds after its request."},
    {'b', "bytes", "BYTES", "", "bytes", NULL, "Let each answer have this many bytes."},
    {'s', "status", "STATUS", "", "status", NULL, "Answer with this status."},
    {'w', "workers", "NUMBER", "", "workers", NULL,
     "Serve at most this many requests of a port at once; the others wait.", NULL},
    {'l', "limit", "NUMBER", "", "limit", NULL,
     "Answer 503 with Lars-Load when this many requests of a port are there.", NULL},
    {'k', "close-ms", "MS", "", "close_ms", NULL,
     "Close a connection at a random time up to so many ms after its answer.", NULL},
    {0}};

static const struct opts_program program = {
    .name = "http_node",
    .summary = "an HTTP node for tests and measurements",
    .operands = "ADDRESS:PORT...",
    .min = 1,
    .max = PORTS_MAX,
    .about = "The program prints \"listening on ADDRESS:PORT\" for each port.  SIGTERM "
             "and SIGINT (Ctrl-C) end it; it then prints how many requests it has "
             "answered.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS};

struct client {
    struct stream stream; /* first */
    struct http_parse parse;
    struct http_body body;
    bool in_body, keep_alive, busy;
    struct port *port;
    struct client *next, **prev; /* it waits for a worker; prev NULL = no */
    struct buf in;
    struct evtimer timer, idle;
    struct evloop_call later;
};

static void free_client(void *arg)
{
    free(arg);
}

/* --- workers ------------------------------------------------------------------------ */

static void answer(void *arg);

static void begin_work(struct client *c)
{
    c->busy = true;
    c->port->n_busy++;
    if (set.delay_ms)
        evloop_set_timer(me.loop, &c->timer, set.delay_ms, answer, c);
    else
        answer(c);
}

static void wait_for_worker(struct client *c)
{
    struct port *p = c->port;

    c->next = NULL;
    c->prev = p->first ? p->last : &p->first;
    *c->prev = c;
    p->last = &c->next;
    p->n_waiting++;
}

static void stop_waiting(struct client *c)
{
    struct port *p = c->port;

    if (!c->prev)
        return;
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        p->last = c->prev;
    c->prev = NULL;
    p->n_waiting--;
}

/* The worker of <c> takes the request that has waited longest. */
static void end_work(struct client *c)
{
    struct port *p = c->port;
    struct client *next = p->first;

    if (!c->busy)
        return;
    c->busy = false;
    p->n_busy--;
    if (next) {
        stop_waiting(next);
        begin_work(next);
    }
}

static void end_client(struct client *c)
{
    if (!stream_is_open(&c->stream))
        return;
    stream_close(&c->stream);
    stop_waiting(c);
    end_work(c);
    evloop_clear_timer(me.loop, &c->timer);
    evloop_clear_timer(me.loop, &c->idle);
    buf_free(&c->in);
    evloop_defer(me.loop, &c->later, free_client, c);
}

static void read_on(struct client *c);

static void on_idle(void *arg)
{
    end_client(arg);
}

/* The next request may come, or the connection is closed while it is on its way. */
static void await_request(struct client *c)
{
    if (set.close_ms)
        evloop_set_timer(me.loop, &c->idle, (uint32_t)rand() % (set.close_ms + 1),
                         on_idle, c);
    read_on(c);
}

static void answer(void *arg)
{
    struct client *c = arg;

    end_work(c);
    me.n_served++;
    if (stream_write(&c->stream, buf_bytes(&me.answer), me.answer.len) < 0 ||
        !c->keep_alive)
        end_client(c);
    else
        await_request(c);
}

/* Refuse the request, as a node over its own limit does. */
static void refuse(struct client *c, unsigned n)
{
    struct buf out = {0};
    char load[64];
    int rc;

    me.n_served++;
    snprintf(load, sizeof(load), "Lars-Load: %u/%u\r\n", n, set.limit);
    rc = http_write_own(&out, 503, "text/plain", "busy\n", 5, load, c->keep_alive, false);
    if (rc == 0)
        rc = stream_write(&c->stream, buf_bytes(&out), out.len);
    buf_free(&out);
    if (rc < 0 || !c->keep_alive)
        end_client(c);
    else
        read_on(c);
}

/* The request is complete: answer it, at once or later. */
static void on_request(struct client *c)
{
    unsigned n = c->port->n_busy + c->port->n_waiting;

    evloop_clear_timer(me.loop, &c->idle);
    c->in_body = false;
    if (set.limit && n >= set.limit)
        refuse(c, n);
    else if (set.workers && c->port->n_busy >= set.workers)
        wait_for_worker(c);
    else
        begin_work(c);
}

/* Read the head.  False: not complete, or the client has been closed. */
static bool read_head(struct client *c)
{
    struct http_head head;
    enum http_why why;
    ssize_t n = http_parse_request(&c->parse, buf_bytes(&c->in), c->in.len, &head, &why);

    if (n == -EAGAIN)
        return false;
    if (n < 0) {
        end_client(c);
        return false;
    }
    c->keep_alive = head.keep_alive;
    http_body_init(&c->body, head.framing, head.length);
    c->in_body = true;
    c->parse = (struct http_parse){0};
    buf_consume(&c->in, (size_t)n);
    return true;
}

/* Read requests until one has to wait for its answer. */
static void read_on(struct client *c)
{
    struct http_text data;
    ssize_t n;

    if (!c->in_body && !read_head(c))
        return;
    while (!c->body.done && c->in.len > 0) {
        n = http_body_read(&c->body, buf_bytes(&c->in), c->in.len, &data);
        if (n < 0) {
            end_client(c);
            return;
        }
        buf_consume(&c->in, (size_t)n);
    }
    if (c->body.done)
        on_request(c);
}

static void on_input(struct stream *s)
{
    struct client *c = (struct client *)(void *)s;
    ssize_t n = stream_read(s, me.in, sizeof(me.in));

    if (n == -EAGAIN)
        return;
    if (n <= 0 || buf_append(&c->in, me.in, (size_t)n) < 0)
        end_client(c);
    else if (!c->busy && !c->prev)
        read_on(c);
}

static void on_drain(struct stream *s)
{
    (void)s;
}

static void on_error(struct stream *s, int rc)
{
    (void)rc;
    end_client((struct client *)(void *)s);
}

static const struct stream_owner owner = {on_input, on_drain, on_error, on_error};

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    struct client *c = calloc(1, sizeof(*c));

    (void)peer;
    if (!c || stream_open(&c->stream, me.loop, fd, &owner) < 0)
        free(c);
    else
        c->port = arg;
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    evloop_stop(me.loop);
}

static int listen_on(unsigned i, const char *where)
{
    char text[NET_ADDR_STRLEN];
    struct net_addr at;
    int lfd;

    if (net_addr_parse(&at, where) < 0) {
        fprintf(stderr, "http_node: %s is not ADDRESS:PORT\n", where);
        return -EINVAL;
    }
    lfd = sock_listen(&at, 4096, SOCK_NONBLOCK);
    if (lfd < 0) {
        fprintf(stderr, "http_node: cannot listen on %s: %s\n", where, err_str(lfd));
        return lfd;
    }
    sock_local_addr(lfd, &at);
    printf("listening on %s\n", net_addr_str(&at, text));
    fflush(stdout);
    return acceptor_create(&me.port[i].acceptor, me.loop, lfd, on_accept, &me.port[i]);
}

static int make_answer(void)
{
    char *body = calloc(1, set.bytes + 1);
    int rc = -ENOMEM;

    if (body) {
        memset(body, 'x', set.bytes);
        rc = http_write_own(&me.answer, (uint16_t)set.status, "text/plain", body,
                            set.bytes, "", true, false);
    }
    free(body);
    return rc;
}

int main(int argc, char **argv)
{
    int i, rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = evloop_create(&me.loop);
    if (rc == 0)
        rc = evsig_create(&me.sig, me.loop, on_signal, NULL);
    if (rc == 0)
        rc = make_answer();
    for (i = optind; rc == 0 && i < argc; i++)
        rc = listen_on((unsigned)(i - optind), argv[i]);
    if (rc == 0)
        rc = evloop_run(me.loop);
    printf("served %llu\n", me.n_served);
    for (i = 0; i < PORTS_MAX; i++)
        acceptor_destroy(me.port[i].acceptor);
    buf_free(&me.answer);
    evsig_destroy(me.sig);
    evloop_destroy(me.loop);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
