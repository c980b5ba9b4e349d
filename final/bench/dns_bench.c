/* dns_bench -- a closed-loop load for DNSService: each connection asks for one module
 * again as soon as the answer has arrived.  Prints answers per second, percentiles of the
 * response time and, with -P PID, the processor time of the server per answer.
 *     build/dns_bench -p PORT [-c CONNS] [-n ANSWERS] [-t SECONDS] [-m MODID] [-P PID] */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HIST 100000                   /* one slot per microsecond */

struct client {
    int fd;
    uint64_t asked_us;
    size_t got;                       /* bytes of the answer received so far */
    uint32_t want;                    /* size of the answer; 0 = head not complete */
    char head[8];
};

static int port, conns = 1, seconds = 2, modid = 1, pid;
static uint64_t limit;
static uint32_t hist[HIST];

static void die(const char *what)
{
    fprintf(stderr, "dns_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t cpu_ns(void)
{
    char path[320];
    struct dirent *e;
    uint64_t sum = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        unsigned long long ns = 0;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, e->d_name);
        f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

static void ask(struct client *c)
{
    const char q[12] = {1, 0, 0, 0, 4, 0, 0, 0, 0x08, (char)modid, 0x10, 1};

    c->got = 0;
    c->want = 0;
    c->asked_us = now_us();
    if (send(c->fd, q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q))
        die("send");
}

/* Read what has arrived.  Returns 1 when the answer is complete, otherwise 0. */
static int receive(struct client *c)
{
    static char in[70000];
    ssize_t n = recv(c->fd, in, sizeof(in), MSG_DONTWAIT);
    size_t k;

    if (n == -1 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        die("recv");
    for (k = 0; c->got + k < 8 && k < (size_t)n; k++)
        c->head[c->got + k] = in[k];
    c->got += (size_t)n;
    if (c->want == 0 && c->got >= 8) {
        memcpy(&c->want, c->head + 4, 4);
        c->want += 8;
    }
    return c->want > 0 && c->got >= c->want;
}

static void start(struct client *c, int ep, uint32_t i)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
    int one = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) == -1)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == -1)
        die("epoll_ctl");
}

static uint64_t load(struct client *c, int ep)
{
    uint64_t n = 0, end = now_us() + (uint64_t)seconds * 1000000;
    struct epoll_event ev[256];
    int i, k;

    for (i = 0; i < conns; i++)
        ask(&c[i]);
    while (now_us() < end && (limit == 0 || n < limit)) {
        k = epoll_wait(ep, ev, 256, 1000);
        for (i = 0; i < k; i++) {
            struct client *cl = &c[ev[i].data.u32];
            uint64_t us;

            if (!receive(cl))
                continue;
            us = now_us() - cl->asked_us;
            hist[us < HIST ? us : HIST - 1]++;
            n++;
            ask(cl);
        }
    }
    return n;
}

static unsigned long long percentile(uint64_t total, double q)
{
    uint64_t want = (uint64_t)((double)total * q), sum = 0, us;

    for (us = 0; us < HIST - 1; us++) {
        sum += hist[us];
        if (sum > want)
            break;
    }
    return us;
}

int main(int argc, char **argv)
{
    struct client *c;
    uint64_t n, t0, cpu0 = 0, us;
    int o, ep, i;

    while ((o = getopt(argc, argv, "p:c:n:t:m:P:")) != -1) {
        int v = atoi(optarg ? optarg : "");

        switch (o) {
        case 'p':
            port = v;
            break;
        case 'c':
            conns = v;
            break;
        case 'n':
            limit = (uint64_t)v;
            break;
        case 't':
            seconds = v;
            break;
        case 'm':
            modid = v;
            break;
        case 'P':
            pid = v;
            break;
        default:
            port = 0;
        }
    }
    if (port < 1 || conns < 1 || seconds < 1 || seconds > 600 || modid < 1 ||
        modid > 127) {
        fprintf(stderr,
                "usage: dns_bench -p PORT [-c CONNS] [-n ANSWERS] [-t SECONDS 1..600]"
                " [-m MODID 1..127] [-P SERVER_PID]\n");
        return 2;
    }
    ep = epoll_create1(EPOLL_CLOEXEC);
    c = calloc((size_t)conns, sizeof(*c));
    if (ep == -1 || !c)
        die("start");
    for (i = 0; i < conns; i++)
        start(&c[i], ep, (uint32_t)i);
    if (pid)
        cpu0 = cpu_ns();
    t0 = now_us();
    n = load(c, ep);
    us = now_us() - t0;
    printf("connections=%d messages=%llu per_second=%.0f p50_us=%llu p99_us=%llu", conns,
           (unsigned long long)n, (double)n * 1e6 / (double)us, percentile(n, 0.5),
           percentile(n, 0.99));
    if (pid && n > 0)
        printf(" cpu_ns=%.0f", (double)(cpu_ns() - cpu0) / (double)n);
    printf("\n");
    for (i = 0; i < conns; i++)
        close(c[i].fd);
    free(c);
    close(ep);
    return 0;
}
