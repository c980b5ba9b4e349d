/* One connection at a time, one request for each: that is what the notifier does. */
#include "receiver.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sock.h"
#include "../t.h"

struct receiver receiver;

static void read_request(int fd)
{
    size_t n = 0, body = 0;
    const char *at;
    ssize_t got;

    memset(receiver.request, 0, sizeof(receiver.request));
    do {
        got = recv(fd, receiver.request + n, sizeof(receiver.request) - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
        at = strstr(receiver.request, "Content-Length: ");
        body = at ? strtoul(at + 16, NULL, 10) : 0;
        at = strstr(receiver.request, "\r\n\r\n");
    } while (got > 0 && (!at || strlen(at + 4) < body));
}

static void *serve(void *arg)
{
    int fd;

    while ((fd = accept(receiver.lfd, NULL, NULL)) >= 0) {
        const char *answer = receiver.answer;

        read_request(fd);
        receiver.n++;
        if (answer)
            dprintf(fd,
                    "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                    receiver.status, strlen(answer), answer);
        if (answer)
            close(fd);
    }
    return arg;
}

void receiver_start(void)
{
    struct net_addr at;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    receiver.lfd = sock_listen(&at, 16, 0);
    assert_true(receiver.lfd >= 0);
    sock_local_addr(receiver.lfd, &at);
    receiver.port = at.port;
    receiver.n = 0;
    receiver.answer = "{\"errcode\": 0, \"errmsg\": \"ok\"}";
    receiver.status = "200 OK";
    assert_int_equal(pthread_create(&receiver.thread, NULL, serve, NULL), 0);
}

void receiver_stop(void)
{
    shutdown(receiver.lfd, SHUT_RDWR);
    pthread_join(receiver.thread, NULL);
    close(receiver.lfd);
}
