/* echo_server -- sends each frame with message id 1 back to its client; several threads
 * with one loop each.
 *     build/echo_server -c conf/echo_server.ini        -p PORT and -t THREADS override it
 * Prints "listening on ADDR:PORT"; with port 0 the kernel chooses a free port.  Ctrl-C
 * and SIGTERM end the server, which first closes all connections. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/sig.h"
#include "net/evsig.h"
#include "net/mtsrv.h"
#include "net/sock.h"

#define BACKLOG 1024
#define MSG_ECHO 1

static struct settings {
    char address[48];
    uint32_t port, threads, max_connections, idle_ms, max_out_kib;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"server", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "IPv4 or IPv6 address to listen on"},
    {"server", "port", CONF_U32, AT(port), 0, 65535, "7777",
     "TCP port; 0 = the kernel chooses a free port"},
    {"server", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "2",
     "threads that serve connections; each runs one loop"},
    {"server", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "20000",
     "connections open at a time in all threads; 0 = limited by descriptors only"},
    {"server", "idle_ms", CONF_U32, AT(idle_ms), 0, 86400000, "60000",
     "milliseconds without a message after which a connection is closed; 0 = never"},
    {"server", "max_out_kib", CONF_U32, AT(max_out_kib), 64, 1048576, "4096",
     "KiB that may wait for a client; a client for which more waits is closed"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static void on_echo(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    if (f->len > 0)                       /* an empty body may arrive, not be sent */
        conn_send(c, f->msgid, f->body, f->len);
}

static void on_signal(int signo, void *arg)
{
    LOG_INFO("server.stop", "signal=%d", signo);
    evloop_stop(arg);
}

/* Serve until SIGINT or SIGTERM.  Takes <lfd>.  Returns 0 or -errno. */
static int serve(int lfd)
{
    struct mtsrv_config cfg = {.n_threads = set.threads,
                               .max_conns = set.max_connections};
    struct dispatch *d = NULL;
    struct evloop *l = NULL;
    struct evsig *sig = NULL;
    struct mtsrv *s = NULL;
    int rc;

    rc = dispatch_create(&d);
    if (rc == 0)
        rc = dispatch_set(d, MSG_ECHO, on_echo, NULL);
    cfg.conn.dispatch = d;
    cfg.conn.idle_ms = set.idle_ms;
    cfg.conn.max_out = (size_t)set.max_out_kib * 1024;
    if (rc == 0)
        rc = evloop_create(&l);
    if (rc == 0)
        rc = evsig_create(&sig, l, on_signal, l);
    if (rc < 0)
        close(lfd);
    else
        rc = mtsrv_create(&s, l, lfd, &cfg);
    if (rc == 0)
        rc = evloop_run(l);
    mtsrv_destroy(s);
    evsig_destroy(sig);
    evloop_destroy(l);
    dispatch_destroy(d);
    return rc;
}

static const struct opts_flag flags[] = {{'p', "server", "port", NULL},
                                         {'t', "server", "threads", NULL},
                                         {'a', "server", "address", NULL},
                                         {0}};

static int usage(const char *why)
{
    fprintf(stderr, "echo_server: %s\nusage: echo_server [-c FILE] [-p PORT] [-t THREADS]"
                    " [-a ADDRESS] [--check-config] [--print-config]\n", why);
    return 2;
}

int main(int argc, char **argv)
{
    struct net_addr at;
    char text[NET_ADDR_STRLEN], err[CONF_ERR_MAX];
    int lfd, rc = opts_read(argc, argv, flags, keys, &set, err);

    if (rc != 0)
        return rc < 0 ? usage(err) : EXIT_SUCCESS;
    if (net_addr_set(&at, set.address, (uint16_t)set.port) < 0)
        return usage("address needs an address such as 127.0.0.1 or ::1");
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
