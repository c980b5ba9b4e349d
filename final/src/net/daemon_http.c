/* One request is so small that it is written here: larsctl then needs no HTTP library.
 * The daemon closes a connection after its answer, so the answer ends where reading ends.
 * The whole answer has a limit in bytes and in time, because another program may have the
 * port.
 *
 * Rejected: libcurl, a large library for three lines of text. */
#include "net/daemon_http.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "net/sock.h"

#define WAIT_MS 1000
#define ANSWER_MS 3000

/* Read until the end.  Returns 0; -EMSGSIZE, -ETIMEDOUT or another -errno. */
static int read_answer(int fd, char *text, size_t size)
{
    uint64_t end_ms = mono_ms() + ANSWER_MS;
    size_t n = 0;
    ssize_t got = 1;

    while (got > 0) {
        if (n + 1 == size)
            return -EMSGSIZE;
        if (mono_ms() >= end_ms)
            return -ETIMEDOUT;
        got = sock_read(fd, text + n, size - n - 1);
        n += got > 0 ? (size_t)got : 0;
    }
    text[n] = '\0';
    return got == -EAGAIN ? -ETIMEDOUT : got < 0 ? (int)got : 0;
}

int daemon_http_ask(const struct net_addr *at, const char *method, const char *path,
                    const char *body, struct daemon_answer *out)
{
    int n, rc, fd = sock_connect(at, WAIT_MS);

    if (fd < 0)
        return fd;
    n = snprintf(out->text, sizeof(out->text),
                 "%s %s HTTP/1.1\r\n"
                 "Host: localhost\r\n"
                 "Connection: close\r\n"
                 "Content-Length: %zu\r\n"
                 "\r\n"
                 "%s",
                 method, path, strlen(body), body);
    rc =
        n < (int)sizeof(out->text) ? sock_write_all(fd, out->text, (size_t)n) : -EMSGSIZE;
    if (rc == 0)
        rc = read_answer(fd, out->text, sizeof(out->text));
    close(fd);
    if (rc < 0)
        return rc;
    out->body = strstr(out->text, "\r\n\r\n");
    if (!out->body || sscanf(out->text, "HTTP/1.%*1[01] %d", &out->status) != 1)
        return -EPROTO;
    out->body += 4;
    return 0;
}
