/* udp_bare -- a UDP server that does as little as possible, to compare the agent with:
 * one thread calls recvfrom and sendto with a constant reply, which has the length of a
 * reply of the agent.
 *     build/udp_bare         prints "listening on 127.0.0.1:PORT" */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* GetHostResponse: seq 1, module 1/1, retcode 0 (not sent), host 127.0.1.1:8001. */
static const char reply[] = {5,          0,    0,          0,          17,
                             0,          0,    0,          0x08,       1,
                             0x10,       1,    0x18,       1,          0x2a,
                             9,          0x08, (char)0x81, (char)0x82, (char)0x80,
                             (char)0xf8, 0x07, 0x10,       (char)0xc1, 0x3e};

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET}, from;
    socklen_t len = sizeof(at);
    char in[2048];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || bind(fd, (struct sockaddr *)&at, len) == -1 ||
        getsockname(fd, (struct sockaddr *)&at, &len) == -1) {
        perror("udp_bare");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        len = sizeof(from);
        if (recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len) < 0)
            return EXIT_FAILURE;
        sendto(fd, reply, sizeof(reply), 0, (struct sockaddr *)&from, len);
    }
}
