/* qps -- a closed-loop load generator for a framed echo server: each connection keeps
 * DEPTH messages in flight and sends a new one for each that returns.  Prints one line
 * with the rate, the latency percentiles and, with -P PID, the processor time of the
 * server per message.  That time is the sum over all threads, from
 * /proc/PID/task/<tid>/schedstat; on a shared machine it varies less than wall time.
 *     build/qps -p PORT [-c CONNS] [-d DEPTH] [-s FRAME_BYTES] [-t SECONDS]
 *               [-n MESSAGES] [-P SERVER_PID]
 * A closed loop sends less when the server is slow, so its latencies look too good.  Use
 * it to measure cost, not latency under load. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 64
#define MAX_FRAME 4096
#define HIST 100000                /* one slot per microsecond; the last: longer */

struct client {
    int fd;
    uint64_t sent_us[MAX_DEPTH];         /* ring: send times of the messages in flight */
    uint64_t n_sent, n_back;
    size_t part;                          /* bytes received of an incomplete frame */
};

static struct options {
    int port, conns, depth, frame, seconds, pid;
    uint64_t messages;                    /* 0 = until <seconds> have passed */
} opt = {.conns = 1, .depth = 1, .frame = 64, .seconds = 2};

static char out[MAX_DEPTH * MAX_FRAME];   /* DEPTH identical frames */
static uint32_t hist[HIST];

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "qps: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Processor time of a process so far, all its threads, in nanoseconds. */
static uint64_t cpu_ns(int pid)
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

static void send_some(struct client *c, int n)
{
    size_t len = (size_t)n * (size_t)opt.frame;
    uint64_t t = now_us();
    int i;

    for (i = 0; i < n; i++)
        c->sent_us[(c->n_sent + (uint64_t)i) % MAX_DEPTH] = t;
    c->n_sent += (uint64_t)n;
    /* at most DEPTH frames are in flight, so they fit into the buffer of the socket */
    if (send(c->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send");
}

static void open_client(struct client *c, int ep, int i)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    int one = 1;

    at.sin_port = htons((uint16_t)opt.port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) == -1)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == -1)
        die("epoll_ctl");
}

/* Receive what has arrived.  Returns the number of messages that are complete now. */
static int receive(struct client *c)
{
    static char in[65536];
    ssize_t n = recv(c->fd, in, sizeof(in), MSG_DONTWAIT);
    uint64_t t = now_us();
    int done, i;

    if (n == -1 && errno == EAGAIN)
        return 0;
    if (n <= 0) {
        if (n == 0)
            errno = ECONNRESET;
        die("recv");
    }
    c->part += (size_t)n;
    done = (int)(c->part / (size_t)opt.frame);
    c->part %= (size_t)opt.frame;
    for (i = 0; i < done; i++) {
        uint64_t us = t - c->sent_us[c->n_back++ % MAX_DEPTH];

        hist[us < HIST ? us : HIST - 1]++;
    }
    return done;
}

static unsigned long long percentile(uint64_t total, double q)
{
    uint64_t want = (uint64_t)((double)total * q), sum = 0;
    uint64_t us;

    for (us = 0; us < HIST - 1; us++) {
        sum += hist[us];
        if (sum > want)
            break;
    }
    return us;
}

static void parse(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "p:c:d:s:t:n:P:")) != -1) {
        int v = atoi(optarg ? optarg : "");

        switch (o) {
        case 'p': opt.port = v; break;
        case 'c': opt.conns = v; break;
        case 'd': opt.depth = v; break;
        case 's': opt.frame = v; break;
        case 't': opt.seconds = v; break;
        case 'n': opt.messages = strtoull(optarg, NULL, 10); break;
        case 'P': opt.pid = v; break;
        default: opt.port = 0;
        }
    }
    if (opt.port > 0 && opt.conns > 0 && opt.depth > 0 && opt.depth <= MAX_DEPTH &&
        opt.frame > 8 && opt.frame <= MAX_FRAME && opt.seconds > 0 && opt.seconds <= 600)
        return;
    fprintf(stderr, "usage: qps -p PORT [-c CONNS] [-d DEPTH 1..%d] [-s FRAME 9..%d] "
                    "[-t SECONDS 1..600] [-n MESSAGES] [-P SERVER_PID]\n",
            MAX_DEPTH, MAX_FRAME);
    exit(2);
}

static uint64_t load(struct client *c, int ep)
{
    struct epoll_event ev[256];
    uint64_t n = 0, end = now_us() + (uint64_t)opt.seconds * 1000000;
    int i, k;

    for (i = 0; i < opt.conns; i++)
        send_some(&c[i], opt.depth);
    while (now_us() < end && (opt.messages == 0 || n < opt.messages)) {
        k = epoll_wait(ep, ev, 256, 1000);
        for (i = 0; i < k; i++) {
            int done = receive(&c[ev[i].data.u32]);

            n += (uint64_t)done;
            if (done > 0)
                send_some(&c[ev[i].data.u32], done);
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    struct client *c;
    struct rlimit rl;
    uint64_t n, t0, cpu0, us, cpu;
    int32_t head[2];
    int ep, i;

    parse(argc, argv);
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    head[0] = 1;                    /* the id; little endian, as on x86 and arm */
    head[1] = opt.frame - 8;
    memset(out, 'x', sizeof(out));
    for (i = 0; i < opt.depth; i++)
        memcpy(out + i * opt.frame, head, sizeof(head));
    ep = epoll_create1(EPOLL_CLOEXEC);
    c = calloc((size_t)opt.conns, sizeof(*c));
    if (ep == -1 || !c)
        die("start");
    for (i = 0; i < opt.conns; i++)
        open_client(&c[i], ep, i);
    t0 = now_us();
    cpu0 = opt.pid ? cpu_ns(opt.pid) : 0;
    n = load(c, ep);
    us = now_us() - t0;
    cpu = opt.pid ? cpu_ns(opt.pid) - cpu0 : 0;
    printf("connections=%d depth=%d messages=%llu per_second=%.0f", opt.conns, opt.depth,
           (unsigned long long)n, (double)n * 1e6 / (double)us);
    printf(" p50_us=%llu p99_us=%llu p999_us=%llu", percentile(n, 0.5),
           percentile(n, 0.99), percentile(n, 0.999));
    if (opt.pid && n > 0)
        printf(" cpu_ns=%.0f", (double)cpu / (double)n);
    printf("\n");
    for (i = 0; i < opt.conns; i++)
        close(c[i].fd);
    free(c);
    close(ep);
    return 0;
}
