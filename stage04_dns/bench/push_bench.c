/* push_bench -- measures the time from COMMIT to the push: changes a route, then waits
 * until each of SUBS subscribers has received it.  The time starts when COMMIT returned.
 *     build/push_bench -p DNSD_PORT -s DB_SOCKET [-c SUBS] [-n ROUNDS] */
#include <errno.h>
#include <mysql.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MODID 99
#define WAIT_MS 5000                  /* a push that takes longer counts as lost */

struct sub {
    int fd;
    size_t got, want;                 /* bytes of this frame; want 0 = head incomplete */
    char head[8];
};

static int port, subs = 1, rounds = 200;
static const char *sock = "";

static void die(const char *what)
{
    fprintf(stderr, "push_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void subscribe(struct sub *s, int ep, uint32_t i)
{
    static const char q[12] = {1, 0, 0, 0, 4, 0, 0, 0, 0x08, MODID, 0x10, 1};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd == -1 || connect(s->fd, (struct sockaddr *)&at, sizeof(at)) == -1 ||
        send(s->fd, q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q) ||
        epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev) == -1)
        die("subscribe");
}

/* Read what has arrived.  Returns 1 when a route is complete, otherwise 0. */
static int receive(struct sub *s)
{
    char in[4096];
    ssize_t n = recv(s->fd, in, s->want ? s->want - s->got : 8 - s->got, MSG_DONTWAIT);

    if (n == -1 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        die("recv");
    if (s->want == 0)
        memcpy(s->head + s->got, in, (size_t)n);
    s->got += (size_t)n;
    if (s->want == 0 && s->got == 8) {
        uint32_t len;

        memcpy(&len, s->head + 4, 4);
        s->want = 8 + len;
        return receive(s);
    }
    if (s->want == 0 || s->got < s->want)
        return 0;
    s->got = s->want = 0;
    return 1;
}

/* Wait until every subscriber has received one more route.  The times since <t0> go to
 * <us>. */
static void collect(struct sub *s, int ep, uint64_t t0, uint64_t *us)
{
    struct epoll_event ev[256];
    int left = subs, i, k;

    while (left > 0) {
        k = epoll_wait(ep, ev, 256, WAIT_MS);
        if (k <= 0)
            die("a push was lost");
        for (i = 0; i < k; i++)
            if (receive(&s[ev[i].data.u32]))
                us[--left] = now_us() - t0;
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void run(MYSQL *db, struct sub *s, int ep, uint64_t *us)
{
    size_t n = (size_t)subs * (size_t)rounds;
    char sql[120];
    int r;

    for (r = 0; r < rounds; r++) {
        snprintf(sql, sizeof(sql),
                 r % 2 ? "DELETE FROM RouteData WHERE modid = %d"
                       : "INSERT INTO RouteData (modid, cmdid, serverip, "
                         "serverport) VALUES (%d, 1, 1, 80)",
                 MODID);
        if (mysql_query(db, sql) != 0) {
            fprintf(stderr, "push_bench: %s\n", mysql_error(db));
            exit(1);
        }
        collect(s, ep, now_us(), us + (size_t)r * (size_t)subs);
    }
    qsort(us, n, sizeof(*us), by_size);
    printf("subscribers=%d rounds=%d pushes=%zu p50_us=%llu p99_us=%llu max_us=%llu\n",
           subs, rounds, n, (unsigned long long)us[n / 2],
           (unsigned long long)us[n * 99 / 100], (unsigned long long)us[n - 1]);
}

int main(int argc, char **argv)
{
    struct rlimit rl;
    struct sub *s;
    uint64_t *us;
    MYSQL *db;
    int o, ep, i;

    while ((o = getopt(argc, argv, "p:s:c:n:")) != -1) {
        if (o == 'p')
            port = atoi(optarg);
        else if (o == 's')
            sock = optarg;
        else if (o == 'c')
            subs = atoi(optarg);
        else if (o == 'n')
            rounds = atoi(optarg);
    }
    if (port < 1 || subs < 1 || subs > 20000 || rounds < 1 || rounds > 100000) {
        fprintf(stderr,
                "usage: push_bench -p DNSD_PORT -s DB_SOCKET [-c SUBS] [-n ROUNDS]\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    db = mysql_init(NULL);
    s = calloc((size_t)subs, sizeof(*s));
    us = calloc((size_t)subs * (size_t)rounds, sizeof(*us));
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (!db || !s || !us || ep == -1)
        die("start");
    if (!mysql_real_connect(db, NULL, "lars", "lars", "lars_dns", 0, sock, 0)) {
        fprintf(stderr, "push_bench: %s\n", mysql_error(db));
        return 1;
    }
    mysql_query(db, "SET @lars_confirmed = 1"); /* final/ asks for it */
    mysql_query(db, "DELETE FROM RouteData WHERE modid = 99");
    for (i = 0; i < subs; i++)
        subscribe(&s[i], ep, (uint32_t)i);
    collect(s, ep, now_us(), us);     /* the answers to the questions */
    run(db, s, ep, us);
    for (i = 0; i < subs; i++)
        close(s[i].fd);
    mysql_close(db);
    mysql_library_end();
    free(us);
    free(s);
    close(ep);
    return 0;
}
