/* dns_bare -- a server that does as little as possible, to compare with: one thread
 * with epoll answers each question by one read and one write.  The reply is packed before
 * the first question, and the content of a question is ignored.
 *     build/dns_bare [-e] NODES   prints "listening on 127.0.0.1:PORT"
 * Without -e it is the simplest such server: read(), write(), level-triggered epoll.
 * With -e it makes exactly the system calls of lars-dnsd, which are recv() and send() on
 * descriptors that are watched edge-triggered.
 * With -c it does not serve: it measures the processor time of unpacking a question and
 * packing a reply with NODES nodes, and prints "codec_ns=N". */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/frame.h"
#include "proto/msg.h"

#define QUESTION 12                   /* bytes of a question of dns_bench */

static struct msg_host host[MSG_MAX_HOSTS];
static uint8_t reply[FRAME_HEAD + FRAME_MAX_BODY];
static size_t reply_len;
static bool same_calls;               /* -e */

static int pack(size_t nodes)
{
    struct module_id m = {(uint32_t)nodes, 1};
    ssize_t n =
        msg_pack_route(&m, host, nodes, reply + FRAME_HEAD, sizeof(reply) - FRAME_HEAD);

    if (n < 0)
        return -1;
    frame_put_head(reply, MSG_ROUTE, (uint32_t)n);
    reply_len = FRAME_HEAD + (size_t)n;
    return 0;
}

static void codec(size_t nodes)
{
    struct timespec a, b;
    struct module_id m;
    int i, rounds = 200000;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (i = 0; i < rounds; i++)
        if (msg_unpack_get_route(&m, "\x08\x0a\x10\x01", 4) < 0 || pack(nodes) < 0)
            exit(EXIT_FAILURE);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    printf("nodes=%zu codec_ns=%.0f\n", nodes,
           ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
               rounds);
}

static void watch(int ep, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};

    if (fd == -1 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1)
        exit(EXIT_FAILURE);
}

static ssize_t receive(int fd, void *in, size_t len)
{
    return same_calls ? recv(fd, in, len, 0) : read(fd, in, len);
}

static ssize_t put(int fd, const void *out, size_t len)
{
    return same_calls ? send(fd, out, len, MSG_NOSIGNAL) : write(fd, out, len);
}

/* Read once, and write one reply for each whole question that was read. */
static void answer(int fd)
{
    static uint8_t out[64 * 2048];
    char in[QUESTION * 64];
    ssize_t n = receive(fd, in, sizeof(in));
    size_t len = 0;

    if (n <= 0) {
        close(fd);
        return;
    }
    for (; n >= QUESTION && len + reply_len <= sizeof(out); n -= QUESTION) {
        memcpy(out + len, reply, reply_len);
        len += reply_len;
    }
    if (put(fd, out, len) != (ssize_t)len)
        close(fd);                    /* the load has ended */
}

static int serve(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    const uint32_t on = EPOLLIN | (same_calls ? EPOLLRDHUP | EPOLLET : 0);
    struct epoll_event ev[256];
    int lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ep = epoll_create1(0), i, n;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (lfd == -1 || bind(lfd, (struct sockaddr *)&at, len) == -1 ||
        listen(lfd, 1024) == -1 || getsockname(lfd, (struct sockaddr *)&at, &len) == -1)
        return EXIT_FAILURE;
    printf("listening on 127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    watch(ep, lfd, EPOLLIN);
    for (;;) {
        n = epoll_wait(ep, ev, 256, -1);
        for (i = 0; i < n; i++) {
            if (ev[i].data.fd == lfd)
                watch(ep, accept4(lfd, NULL, NULL, SOCK_CLOEXEC), on);
            else
                answer(ev[i].data.fd);
        }
    }
}

int main(int argc, char **argv)
{
    bool only_codec = argc > 1 && strcmp(argv[1], "-c") == 0;
    size_t nodes = argc > 1 ? strtoul(argv[argc - 1], NULL, 10) : 0, i;

    same_calls = argc > 1 && strcmp(argv[1], "-e") == 0;
    if (nodes < 1 || nodes > 100) {
        fprintf(stderr, "usage: dns_bare [-c | -e] NODES, 1 to 100\n");
        return 2;
    }
    for (i = 0; i < nodes; i++)
        host[i] = (struct msg_host){0xc0a80001 + (uint32_t)i, 80};
    if (pack(nodes) < 0)
        return EXIT_FAILURE;
    if (!only_codec)
        return serve();
    codec(nodes);
    return EXIT_SUCCESS;
}
