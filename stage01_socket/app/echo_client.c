/* echo_client -- prints the server's greeting, then sends standard input line by line
 * and prints the echo of each line before it sends the next one.  If the client only
 * wrote, it and the echoing server would fill the socket buffers of both directions, and
 * each side would then wait for the other for ever.
 *     build/echo_client -p 7777 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sig.h"
#include "net/sock.h"

#define TIMEOUT_MS 5000

static int die(const char *what, int rc)
{
    fprintf(stderr, "echo_client: %s: %s (%s)\n", what, err_text(rc), err_str(rc));
    return EXIT_FAILURE;
}

/* TCP is a byte stream: data sent in one piece may arrive in several.  Copies <want>
 * bytes to stdout, or everything up to the end of a line when <want> is 0.  Returns 0;
 * -ECONNRESET when the stream ends before that; another -errno. */
static int print_reply(int fd, size_t want)
{
    size_t got = 0;
    char c;

    while (want == 0 || got < want) {
        ssize_t n = sock_read(fd, &c, 1); /* one byte per call: simple, but slow */

        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        putchar(c);
        got++;
        if (want == 0 && c == '\n')
            break;
    }
    return fflush(stdout) == 0 ? 0 : -EIO;
}

int main(int argc, char **argv)
{
    struct net_addr to;
    const char *ip = "127.0.0.1";
    char line[4096];
    int port = -1, opt, fd, rc;

    while ((opt = getopt(argc, argv, "p:a:")) != -1) {
        if (opt == 'p')
            port = net_addr_parse_port(optarg);
        else if (opt == 'a')
            ip = optarg;
    }
    if (port <= 0 || net_addr_set(&to, ip, (uint16_t)port) < 0) {
        fprintf(stderr, "usage: echo_client -p PORT [-a ADDRESS]\n");
        return 2;
    }
    rc = sig_ignore_pipe_and_hup();
    fd = rc < 0 ? rc : sock_connect(&to, TIMEOUT_MS);
    if (fd < 0)
        return die("cannot connect", fd);
    rc = print_reply(fd, 0);
    while (rc == 0 && fgets(line, sizeof(line), stdin)) {
        rc = sock_write_all(fd, line, strlen(line));
        if (rc == 0)
            rc = print_reply(fd, strlen(line));
    }
    close(fd);
    return rc < 0 ? die("connection lost", rc) : EXIT_SUCCESS;
}
