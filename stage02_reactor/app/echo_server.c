/* echo_server -- sends each frame with message id 1 back to its client, for any number of
 * clients at a time.
 *     build/echo_server -p 7777        prints "listening on ADDR:PORT"
 * With port 0 the kernel chooses a free port.  Ctrl-C and SIGTERM end the server, which
 * first closes all connections. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sig.h"
#include "net/acceptor.h"
#include "net/conn_group.h"
#include "net/evsig.h"
#include "net/sock.h"

#define BACKLOG 1024
#define MSG_ECHO 1
#define IDLE_MS 60000

static void on_echo(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    if (f->len > 0)                       /* an empty body may arrive, not be sent */
        conn_send(c, f->msgid, f->body, f->len);
}

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    int rc = conn_group_start(arg, fd, peer);

    if (rc < 0)
        LOG_EVERY(1000, LOG_LEVEL_WARN, "conn.start", "err=%s", err_str(rc));
}

static void on_signal(int signo, void *arg)
{
    LOG_INFO("server.stop", "signal=%d", signo);
    evloop_stop(arg);
}

/* Serve until SIGINT or SIGTERM.  Takes <lfd>.  Returns 0 or -errno. */
static int serve(int lfd)
{
    struct conn_config cfg = {.idle_ms = IDLE_MS};
    struct dispatch *d = NULL;
    struct evloop *l = NULL;
    struct evsig *sig = NULL;
    struct conn_group *g = NULL;
    struct acceptor *a = NULL;
    int rc;

    rc = dispatch_create(&d);
    if (rc == 0)
        rc = dispatch_set(d, MSG_ECHO, on_echo, NULL);
    cfg.dispatch = d;
    if (rc == 0)
        rc = evloop_create(&l);
    if (rc == 0)
        rc = evsig_create(&sig, l, on_signal, l);
    if (rc == 0)
        rc = conn_group_create(&g, l, &cfg);
    if (rc < 0)
        close(lfd);
    else
        rc = acceptor_create(&a, l, lfd, on_accept, g);
    if (rc == 0)
        rc = evloop_run(l);
    acceptor_destroy(a);
    conn_group_destroy(g);
    evsig_destroy(sig);
    evloop_destroy(l);
    dispatch_destroy(d);
    return rc;
}

static int usage(const char *why)
{
    fprintf(stderr, "echo_server: %s\nusage: echo_server -p PORT [-a ADDRESS]\n", why);
    return 2;
}

int main(int argc, char **argv)
{
    struct net_addr at;
    const char *ip = "127.0.0.1";
    char text[NET_ADDR_STRLEN];
    int port = -1, opt, lfd, rc;

    while ((opt = getopt(argc, argv, "p:a:")) != -1) {
        if (opt == 'p')
            port = net_addr_parse_port(optarg);
        else if (opt == 'a')
            ip = optarg;
        else
            return usage("unknown option");
    }
    if (port < 0)
        return usage("-p needs a port from 0 to 65535");
    if (net_addr_set(&at, ip, (uint16_t)port) < 0)
        return usage("-a needs an address such as 127.0.0.1 or ::1");
    rc = sig_ignore_pipe_and_hup();
    lfd = rc < 0 ? rc : sock_listen(&at, BACKLOG, SOCK_NONBLOCK);
    if (lfd < 0) {
        fprintf(stderr, "echo_server: cannot listen on %s: %s (%s); see `ss -ltnp`\n",
                net_addr_str(&at, text), err_text(lfd), err_str(lfd));
        return EXIT_FAILURE;
    }
    sock_local_addr(lfd, &at);
    printf("listening on %s\n", net_addr_str(&at, text));
    fflush(stdout);
    rc = serve(lfd);
    if (rc < 0)
        fprintf(stderr, "echo_server: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
