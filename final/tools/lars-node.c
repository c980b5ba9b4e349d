/* lars-node -- a node of a service, for demonstrations and tests: it answers requests on
 * one or more ports.  `lars-node --help` explains the options.
 *
 * A request is message 100 with any body; the reply is message 101: one byte, 0 for
 * success, then the body.  A reply that waits for --delay-ms holds up its connection
 * only, because reading of that connection pauses meanwhile: so one timer for each
 * connection is enough. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/opts.h"
#include "base/rnd.h"
#include "base/sig.h"
#include "net/acceptor.h"
#include "net/conn_group.h"
#include "net/evsig.h"
#include "net/sock.h"

#define PORTS_MAX 16
#define REQUEST 100
#define REPLY 101
#define BODY_MAX 4096

static struct {
    struct evloop *loop;
    struct evsig *sig;
    struct dispatch *dispatch;
    struct conn_group *group;
    struct acceptor *acceptor[PORTS_MAX];
    struct rnd rnd;
} me;

static struct settings {
    uint32_t delay_ms, error_percent;
} set;

static const struct conf_key keys[] = {
    {"", "delay_ms", CONF_U32, offsetof(struct settings, delay_ms), 0, 3600000, "0",
     "ms before each reply"},
    {"", "error_percent", CONF_U32, offsetof(struct settings, error_percent), 0, 100, "0",
     "percentage of replies that report a failure"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'d', "delay-ms", "MS", "", "delay_ms", NULL,
     "Send each reply this many milliseconds after its request."},
    {'e', "error-percent", "PERCENT", "", "error_percent", NULL,
     "Let this percentage of the replies report a failure."},
    {0}};

static const struct opts_program program = {
    .name = "lars-node",
    .summary = "a node of a service, for demonstrations and tests: answers requests",
    .operands = "ADDRESS:PORT...",
    .min = 1,
    .max = PORTS_MAX,
    .about = "It listens on each ADDRESS:PORT (TCP, 16 at most), prints \"listening on "
             "ADDRESS:PORT\" for each, and answers message 100 with message 101: one "
             "byte, 0 for success or 1 for failure, and the body of the request. SIGTERM "
             "and SIGINT (Ctrl-C) end it.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

/* A reply that waits; its connection is not read meanwhile. */
struct later {
    struct evtimer timer;
    struct conn *c;
    size_t len;
    char body[BODY_MAX + 1];
};

static void reply(struct conn *c, const char *body, size_t len)
{
    conn_send(c, REPLY, body, len);
}

static void on_delay_over(void *arg)
{
    struct later *l = arg;

    reply(l->c, l->body, l->len);
    conn_resume_read(l->c);
}

static void on_request(struct conn *c, const struct frame *f, void *arg)
{
    struct later *l = conn_user(c);

    (void)arg;
    l->len = 1 + (f->len < BODY_MAX ? f->len : BODY_MAX);
    l->body[0] = rnd_u32(&me.rnd) % 100 < set.error_percent;
    memcpy(l->body + 1, f->body, l->len - 1);
    if (set.delay_ms == 0) {
        reply(c, l->body, l->len);
        return;
    }
    conn_pause_read(c);
    if (evloop_set_timer(me.loop, &l->timer, set.delay_ms, on_delay_over, l) < 0)
        conn_close(c);
}

static void on_start(struct conn *c, void *arg)
{
    struct later *l = calloc(1, sizeof(*l));

    (void)arg;
    conn_set_user(c, l);
    if (l)
        l->c = c;
    else
        conn_close(c);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct later *l = conn_user(c);

    (void)why;
    (void)arg;
    if (l)
        evloop_clear_timer(me.loop, &l->timer);
    free(l);
}

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    (void)arg;
    conn_group_start(me.group, fd, peer);
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    evloop_stop(arg);
}

static int listen_on(struct acceptor **out, const char *where)
{
    char text[NET_ADDR_STRLEN];
    struct net_addr at;
    int lfd, rc = net_addr_parse(&at, where);

    lfd = rc < 0 ? rc : sock_listen(&at, 1024, SOCK_NONBLOCK);
    if (lfd < 0) {
        fprintf(stderr,
                "lars-node: cannot listen on %s: %s (%s); give a free port of this host, "
                "such as 127.0.0.1:8001\n",
                where, err_text(lfd), err_str(lfd));
        return lfd;
    }
    sock_local_addr(lfd, &at);
    rc = acceptor_create(out, me.loop, lfd, on_accept, NULL);
    if (rc == 0)
        printf("listening on %s\n", net_addr_str(&at, text));
    fflush(stdout);
    return rc;
}

static int start(char **where, int n)
{
    struct conn_config cfg = {.on_start = on_start, .on_close = on_close};
    int i, rc = sig_ignore_pipe_and_hup();

    rnd_init_any(&me.rnd);
    if (rc == 0)
        rc = evloop_create(&me.loop);
    if (rc == 0)
        rc = evsig_create(&me.sig, me.loop, on_signal, me.loop);
    if (rc == 0)
        rc = dispatch_create(&me.dispatch);
    if (rc == 0)
        rc = dispatch_set(me.dispatch, REQUEST, on_request, NULL);
    cfg.dispatch = me.dispatch;
    if (rc == 0)
        rc = conn_group_create(&me.group, me.loop, &cfg);
    for (i = 0; i < n && rc == 0; i++)
        rc = listen_on(&me.acceptor[i], where[i]);
    return rc;
}

int main(int argc, char **argv)
{
    int i, rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    rc = start(argv + optind, argc - optind);
    if (rc == 0)
        rc = evloop_run(me.loop);
    for (i = 0; i < PORTS_MAX; i++)
        acceptor_destroy(me.acceptor[i]);
    conn_group_destroy(me.group);
    dispatch_destroy(me.dispatch);
    evsig_destroy(me.sig);
    evloop_destroy(me.loop);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
