/* plain_echo -- the calls of the specification, from socket() to write(), in one function
 * that uses no module of this project.  Read it first: the other files of this stage
 * divide this function into modules and handle every error.
 *     build/plain_echo 7777        serves three clients, one after another, then exits */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 3

static int fail(const char *what)
{
    perror(what);                      /* the failed call and the text for errno */
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const char hello[] = "hello Lars\n";
    struct sockaddr_in at, from;
    socklen_t len;
    int one = 1, served = 0;
    int lfd, fd;

    signal(SIGPIPE, SIG_IGN);             /* before the first socket: base/sig.h */
    lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (lfd == -1)
        return fail("socket");
    setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    memset(&at, 0, sizeof(at));
    at.sin_family = AF_INET;
    at.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(lfd, (struct sockaddr *)&at, sizeof(at)) == -1)
        return fail("bind");
    if (listen(lfd, 128) == -1)
        return fail("listen");
    len = sizeof(at);
    if (getsockname(lfd, (struct sockaddr *)&at, &len) == -1)
        return fail("getsockname");
    printf("listening on %s:%u\n", inet_ntoa(at.sin_addr), ntohs(at.sin_port));
    fflush(stdout);

    while (served < CLIENTS) {
        char buf[4096];
        ssize_t n, done, w;

        len = sizeof(from);            /* the specification forgets this assignment */
        fd = accept(lfd, (struct sockaddr *)&from, &len);
        if (fd == -1 && (errno == EINTR || errno == ECONNABORTED))
            continue;                     /* one client only: no reason to exit() */
        if (fd == -1)
            return fail("accept");
        if (write(fd, hello, sizeof(hello) - 1) != (ssize_t)sizeof(hello) - 1)
            perror("write");
        w = 0;
        while (w != -1 && (n = read(fd, buf, sizeof(buf))) > 0) {
            for (done = 0; done < n && w != -1; done += w)
                w = write(fd, buf + done, (size_t)(n - done));
        }                                 /* w is -1: the peer is gone, stop here */
        close(fd);                        /* the specification leaks this descriptor */
        served++;
    }
    close(lfd);
    return EXIT_SUCCESS;
}
