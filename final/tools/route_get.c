/* route_get -- asks the DNSService for a module and prints its nodes, then every push as
 * it arrives.  `route_get --help` explains the options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/opts.h"
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

/* Print <count> routes, 0 = all.  Returns 0 or -errno; -ECONNRESET: DNSService closed. */
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

static struct settings {
    char address[48];
    uint32_t port, count;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "the address of the DNSService"},
    {"", "port", CONF_U32, AT(port), 1, 65535, "7778", "the TCP port of the DNSService"},
    {"", "count", CONF_U32, AT(count), 0, 1000000000, "0", "how many routes to print"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'a', "address", "ADDRESS", "", "address", NULL, "The address of the DNSService."},
    {'p', "port", "PORT", "", "port", NULL, "The TCP port of the DNSService."},
    {'n', "count", "N", "", "count", NULL,
     "End after N routes, the answer included; 0 waits for pushes without end."},
    {0}};

static const struct opts_program program = {
    .name = "route_get",
    .summary = "asks the DNSService for the nodes of a module and prints them, and every "
               "change that it pushes",
    .operands = "MODID CMDID",
    .min = 2,
    .max = 2,
    .about = "It ends after N routes, or when the DNSService closes the connection.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

int main(int argc, char **argv)
{
    struct module_id m;
    struct net_addr to;
    int rc = opts_main(&program, argc, argv, &set), fd;

    if (rc != OPTS_RUN)
        return rc;
    rc = opts_operand_u32(&program, "MODID", argv[optind], UINT32_MAX, &m.modid);
    if (rc == 0)
        rc = opts_operand_u32(&program, "CMDID", argv[optind + 1], UINT32_MAX, &m.cmdid);
    if (rc != 0)
        return rc;
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = net_addr_set(&to, set.address, (uint16_t)set.port);
    fd = rc < 0 ? rc : sock_connect(&to, 5000);
    if (fd < 0) {
        fprintf(stderr,
                "route_get: cannot connect to %s port %u: %s (%s); start lars-dnsd, or "
                "give -a and -p\n",
                set.address, set.port, err_text(fd), err_str(fd));
        return EXIT_FAILURE;
    }
    sock_set_timeout(fd, 0);          /* a push may come at any time */
    rc = ask(fd, &m);
    if (rc == 0)
        rc = listen_to(fd, (long)set.count);
    close(fd);
    if (rc < 0)
        fprintf(stderr, "route_get: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
