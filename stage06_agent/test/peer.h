/* peer.h -- a TCP client made of plain system calls; it shares no code with the programs
 * under test.  Every wait has a deadline, and every failure fails the running test. */
#ifndef LARS_TEST_PEER_H
#define LARS_TEST_PEER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "t.h"

/* Connect to 127.0.0.1:<port>.  Returns the fd, or -1 when the connection fails. */
static inline int peer_try_connect(int port)
{
    struct sockaddr_in a;
    struct timeval tv = {.tv_sec = t_deadline_ms() / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    memset(&a, 0, sizeof(a));
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline int peer_connect(int port)
{
    int fd = peer_try_connect(port);

    if (fd < 0)
        fail_msg("connect to port %d: %s", port, strerror(errno));
    return fd;
}

static inline void peer_send(int fd, const void *buf, size_t len)
{
    const char *p = buf;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            fail_msg("send: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
}

/* Read exactly <len> bytes.  The end of the stream or the deadline fails the test. */
static inline void peer_recv(int fd, void *buf, size_t len)
{
    char *p = buf;
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(fd, p + got, len - got, 0);

        if (n <= 0)
            fail_msg("expected %zu bytes, got %zu, then %s", len, got,
                     n == 0 ? "end of stream" : strerror(errno));
        got += (size_t)n;
    }
}

static inline void peer_expect(int fd, const char *text)
{
    char buf[4096];
    size_t len = strlen(text);

    assert_true(len < sizeof(buf));
    peer_recv(fd, buf, len);
    buf[len] = '\0';
    assert_string_equal(buf, text);
}

/* Wait until the server has closed, by FIN or RST; discard data that arrives before. */
static inline void peer_expect_close(int fd)
{
    char buf[65536];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        continue;
    if (n < 0 && errno != ECONNRESET)
        fail_msg("expected the connection to close: %s", strerror(errno));
}

/* Fail the test when anything arrives within <ms>. */
static inline void peer_expect_silence(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&p, 1, ms), 0);
}

/* Close the connection with RST instead of FIN. */
static inline void peer_reset(int fd)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    close(fd);
}

#endif
