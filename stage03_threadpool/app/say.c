/* say -- a client to type into: sends each line of standard input as the body of one
 * frame, and prints each frame that arrives.
 *     build/say -p 7777            Ctrl-D ends the input; the client then waits until the
 *                                  server has closed its side as well
 *     build/say -p 7777 -m 2       frames with message id 2 instead of 1
 *     build/say -p 7777 -f 3000    sends 3,000 KiB and never reads: the server's output
 *                                  waits in its socket (Send-Q of `ss -tn`), then in its
 *                                  memory; Ctrl-C ends it
 * It shares only the socket calls with the server, so it works before frame.c does. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sig.h"
#include "net/sock.h"

#define HEAD 8
#define MAX_FRAME 65535
#define TIMEOUT_MS 5000
#define FLOOD_BODY 1016                   /* with its header, a frame of 1 KiB */

struct say {
    int fd;
    int32_t msgid;
    size_t n_line, n_in;
    char line[4096];                      /* typed, and not sent yet */
    char in[MAX_FRAME];                   /* received, and not printed yet */
};

static void put_u32(char *p, uint32_t v)
{
    int i;

    for (i = 0; i < 4; i++)
        p[i] = (char)(v >> 8 * i);
}

static uint32_t get_u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int send_frame(const struct say *s, const char *body, size_t len)
{
    char frame[HEAD + sizeof(s->line)];

    put_u32(frame, (uint32_t)s->msgid);
    put_u32(frame + 4, (uint32_t)len);
    memcpy(frame + HEAD, body, len);
    return sock_write_all(s->fd, frame, HEAD + len);
}

/* Read what was typed and send its complete lines.  Returns 1; 0 at the end of the input;
 * -errno. */
static int on_typed(struct say *s)
{
    ssize_t n = sock_read(0, s->line + s->n_line, sizeof(s->line) - s->n_line);
    char *end, *p = s->line;
    int rc = 0;

    if (n <= 0)
        return (int)n;
    s->n_line += (size_t)n;
    while (rc == 0 && (end = memchr(p, '\n', s->n_line))) {
        rc = send_frame(s, p, (size_t)(end - p));
        s->n_line -= (size_t)(end - p) + 1;
        p = end + 1;
    }
    memmove(s->line, p, s->n_line);
    if (rc == 0 && s->n_line == sizeof(s->line)) {     /* no newline in 4,096 bytes */
        rc = send_frame(s, s->line, s->n_line);
        s->n_line = 0;
    }
    return rc < 0 ? rc : 1;
}

/* Print the complete frames.  Returns 1; 0 when the server has closed; -errno. */
static int on_received(struct say *s)
{
    ssize_t n = sock_read(s->fd, s->in + s->n_in, sizeof(s->in) - s->n_in);
    size_t at = 0;

    if (n <= 0)
        return (int)n;
    s->n_in += (size_t)n;
    while (s->n_in - at >= HEAD) {
        uint32_t len = get_u32(s->in + at + 4);

        if (len > MAX_FRAME - HEAD)
            return -EMSGSIZE;
        if (s->n_in - at - HEAD < len)
            break;
        printf("id=%d len=%u ", (int)get_u32(s->in + at), (unsigned)len);
        fwrite(s->in + at + HEAD, 1, len, stdout);
        putchar('\n');
        at += HEAD + len;
    }
    fflush(stdout);
    s->n_in -= at;
    memmove(s->in, s->in + at, s->n_in);
    return 1;
}

static int talk(struct say *s)
{
    struct pollfd p[] = {{.fd = s->fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    int rc = 1;

    while (rc > 0) {
        if (poll(p, 2, -1) == -1)
            return -errno;
        if (p[1].revents)
            rc = on_typed(s);
        if (p[1].revents && rc == 0) {    /* half close: the replies may still come */
            shutdown(s->fd, SHUT_WR);
            p[1] = (struct pollfd){.fd = -1};
            rc = 1;
        }
        if (rc > 0 && p[0].revents)
            rc = on_received(s);
    }
    return rc;
}

/* Send <kib> KiB, read nothing, and wait until the server closes the connection. */
static int flood(struct say *s, int kib)
{
    struct pollfd p = {.fd = s->fd};      /* POLLERR and POLLHUP need no registration */
    int i, rc = 0;

    memset(s->line, 'x', FLOOD_BODY);
    for (i = 0; i < kib && rc == 0; i++)
        rc = send_frame(s, s->line, FLOOD_BODY);
    printf("sent %d KiB, read nothing\n", rc == 0 ? i : i - 1);
    fflush(stdout);
    while (rc == 0 && p.revents == 0)
        rc = poll(&p, 1, -1) == -1 ? -errno : 0;
    return rc < 0 ? rc : -ECONNRESET;
}

int main(int argc, char **argv)
{
    static struct say s = {.msgid = 1};
    const char *ip = "127.0.0.1";
    int port = -1, kib = 0, opt, rc;
    struct net_addr to;

    while ((opt = getopt(argc, argv, "p:a:m:f:")) != -1) {
        if (opt == 'p')
            port = net_addr_parse_port(optarg);
        else if (opt == 'a')
            ip = optarg;
        else if (opt == 'm')
            s.msgid = (int32_t)strtol(optarg, NULL, 0);
        else if (opt == 'f')
            kib = (int)strtol(optarg, NULL, 10);
    }
    if (port <= 0 || net_addr_set(&to, ip, (uint16_t)port) < 0) {
        fprintf(stderr, "usage: say -p PORT [-a ADDRESS] [-m MESSAGE-ID] [-f KIB]\n");
        return 2;
    }
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = sock_connect(&to, TIMEOUT_MS);
    if (rc >= 0) {
        s.fd = rc;
        rc = kib > 0 ? flood(&s, kib) : talk(&s);
        close(s.fd);
    }
    if (rc < 0)
        fprintf(stderr, "say: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
