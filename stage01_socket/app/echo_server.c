/* echo_server -- sends each client a greeting and then every byte that the client sends.
 * It serves one client at a time; all others wait in the kernel's accept queue.
 *     build/echo_server -p 7777        prints "listening on ADDR:PORT"
 * With port 0 the kernel chooses a free port. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sig.h"
#include "net/itersrv.h"
#include "net/sock.h"

#define BACKLOG 128
#define CLIENT_TIMEOUT_MS 60000          /* after this a silent client is closed */

static const char greeting[] = "hello Lars\n";

static int greet_and_echo(int fd)
{
    char buf[16384];
    int rc = 0;

    ssize_t n;

    rc = sock_write_all(fd, greeting, sizeof(greeting) - 1);
    while (rc == 0 && (n = sock_read(fd, buf, sizeof(buf))) != 0)
        rc = n < 0 ? (int)n : sock_write_all(fd, buf, (size_t)n);
    return rc;
}

static void serve(int fd, const struct net_addr *peer, void *arg)
{
    char text[NET_ADDR_STRLEN];
    int rc;

    (void)arg;
    rc = sock_set_timeout(fd, CLIENT_TIMEOUT_MS);
    if (rc == 0)
        rc = greet_and_echo(fd);
    if (rc < 0)
        LOG_EVERY(1000, LOG_LEVEL_INFO, "client.lost", "peer=%s err=%s",
                  net_addr_str(peer, text), err_str(rc));
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
    lfd = rc < 0 ? rc : sock_listen(&at, BACKLOG, 0);
    if (lfd < 0) {
        fprintf(stderr, "echo_server: cannot listen on %s: %s (%s); see `ss -ltnp`\n",
                net_addr_str(&at, text), err_text(lfd), err_str(lfd));
        return EXIT_FAILURE;
    }
    sock_local_addr(lfd, &at);
    setvbuf(stdout, NULL, _IONBF, 0);     /* a signal ends it: nothing to flush */
    printf("listening on %s\n", net_addr_str(&at, text));
    rc = itersrv_run(lfd, serve, NULL, NULL);
    LOG_ERROR("server.end", "err=%s", err_str(rc));
    close(lfd);
    return EXIT_FAILURE;
}
