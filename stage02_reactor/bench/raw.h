/* raw.h -- the code that the comparison servers share. */
#ifndef LARS_BENCH_RAW_H
#define LARS_BENCH_RAW_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static inline int raw_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || bind(fd, (struct sockaddr *)&at, len) == -1 || listen(fd, 1024) == -1 ||
        getsockname(fd, (struct sockaddr *)&at, &len) == -1)
        abort();
    printf("listening on 127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static inline int raw_accept(int lfd)
{
    int one = 1, fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd != -1)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static inline void raw_watch(int ep, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

    if (fd != -1 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1)
        abort();
}

static inline int32_t raw_body_len(const char *head)
{
    int32_t len;

    memcpy(&len, head + 4, sizeof(len));
    return len;
}

#endif
