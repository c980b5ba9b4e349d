/* route_get -- asks DNSService for a module, prints its nodes, and then each push.
 *     build/route_get MODID CMDID [-p PORT] [-a ADDRESS] [-n PRINTS]
 * Ends after PRINTS answers and pushes, or when DNSService closes the connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/sig.h"
#include "net/frame.h"
#include "net/sock.h"
#include "proto/msg.h"

static int ask(int fd, const struct module_id *m)
{
    uint8_t out[FRAME_HEAD + 64];
    ssize_t n = msg_pack_get_route(m, out + FRAME_HEAD, 64);

    if (n < 0)
        return (int)n;
    frame_put_head(out, MSG_GET_ROUTE, (uint32_t)n);
    return sock_write_all(fd, out, FRAME_HEAD + (size_t)n);
}

static int print_route(const struct frame *f)
{
    static struct msg_host host[MSG_MAX_HOSTS];
    struct module_id m;
    size_t n, i;
    int rc = msg_unpack_route(&m, host, MSG_MAX_HOSTS, &n, f->body, f->len);

    if (rc < 0)
        return rc;
    printf("module %u/%u nodes %zu\n", m.modid, m.cmdid, n);
    for (i = 0; i < n; i++)
        printf("  %u.%u.%u.%u:%u\n", host[i].ip >> 24, host[i].ip >> 16 & 255,
               host[i].ip >> 8 & 255, host[i].ip & 255, host[i].port);
    return fflush(stdout) == 0 ? 0 : -EIO;
}

/* Print <count> routes, or all when 0.  Returns 0; -ECONNRESET when DNSService closed the
 * connection; another -errno. */
static int listen_to(int fd, long count)
{
    struct buf in = {0};
    struct frame f;
    long seen = 0;
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (count == 0 || seen < count)) {
        n = frame_parse(buf_bytes(&in), in.len, FRAME_MAX_BODY, &f);
        if (n > 0) {
            rc = f.msgid == MSG_ROUTE ? print_route(&f) : 0;
            seen += f.msgid == MSG_ROUTE;
            buf_consume(&in, (size_t)n);
            continue;
        }
        rc = n < 0 ? (int)n : buf_reserve(&in, 65536);
        if (rc < 0)
            break;
        n = sock_read(fd, buf_tail(&in), 65536);
        if (n > 0)
            buf_added(&in, (size_t)n);
        else
            rc = n == 0 ? -ECONNRESET : (int)n;
    }
    buf_free(&in);
    return rc;
}

int main(int argc, char **argv)
{
    struct module_id m;
    struct net_addr to;
    const char *ip = "127.0.0.1";
    long count = 0;
    int port = 7778, opt, fd, rc;

    while ((opt = getopt(argc, argv, "p:a:n:")) != -1) {
        if (opt == 'p')
            port = net_addr_parse_port(optarg);
        else if (opt == 'a')
            ip = optarg;
        else if (opt == 'n')
            count = strtol(optarg, NULL, 10);
    }
    if (argc - optind != 2 || port < 1 || net_addr_set(&to, ip, (uint16_t)port) < 0) {
        fprintf(stderr,
                "usage: route_get MODID CMDID [-p PORT] [-a ADDRESS] [-n PRINTS]\n");
        return 2;
    }
    m.modid = (uint32_t)strtol(argv[optind], NULL, 10);
    m.cmdid = (uint32_t)strtol(argv[optind + 1], NULL, 10);
    rc = sig_ignore_pipe_and_hup();
    fd = rc < 0 ? rc : sock_connect(&to, 5000);
    if (fd < 0) {
        fprintf(stderr, "route_get: cannot connect: %s (%s)\n", err_text(fd),
                err_str(fd));
        return EXIT_FAILURE;
    }
    sock_set_timeout(fd, 0);          /* the next push may come much later */
    rc = ask(fd, &m);
    if (rc == 0)
        rc = listen_to(fd, count);
    close(fd);
    if (rc < 0)
        fprintf(stderr, "route_get: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
