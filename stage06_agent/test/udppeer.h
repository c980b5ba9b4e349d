/* udppeer.h -- the UDP peer of a test, with plain sockets. */
#ifndef LARS_TEST_UDPPEER_H
#define LARS_TEST_UDPPEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "t.h"

/* A socket connected to 127.0.0.1:<port>; with port 0 it is bound to a free port. */
static inline int udppeer_open(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)port);
    assert_true(fd >= 0);
    assert_int_equal((port ? connect : bind)(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* Frame <body> and send it. */
static inline void udppeer_send(int fd, int32_t msgid, const void *body, size_t len)
{
    uint8_t out[65536];
    int32_t head[2] = {msgid, (int32_t)len};

    memcpy(out, head, 8);
    memcpy(out + 8, body, len);
    assert_int_equal(send(fd, out, 8 + len, 0), 8 + len);
}

/* Receive a datagram, which must be a frame with <msgid>.  Returns the length of its
 * body. */
static inline size_t udppeer_recv(int fd, int32_t msgid, void *body, size_t room)
{
    static uint8_t in[65536];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int32_t head[2];
    ssize_t n;

    if (poll(&p, 1, t_deadline_ms()) != 1)
        fail_msg("no datagram within %d ms", t_deadline_ms());
    n = recv(fd, in, sizeof(in), 0);
    assert_true(n >= 8);
    memcpy(head, in, 8);
    assert_int_equal(head[0], msgid);
    assert_int_equal(head[1], n - 8);
    assert_true((size_t)n - 8 <= room);
    memcpy(body, in + 8, (size_t)n - 8);
    return (size_t)n - 8;
}

static inline bool udppeer_is_quiet(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == -1;
}

#endif
