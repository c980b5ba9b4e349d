/* visible_bench -- the time from COMMIT until a client sees the change in shared memory:
 * changes module 99/1 and watches it through lars.h, while SUBS subscribers of DNSService
 * have asked for the same module.
 *     build/visible_bench -p DNSD_PORT -s DB_SOCKET -a AGENT_PORT -d DIR [-c SUBS]
 *                         [-n ROUNDS] [-l] [-t]
 * The clock starts when COMMIT has returned.
 *
 * The other subscribers say hello, as agents do, and subscribe after the agent: a thread
 * of DNSService serves the newest subscriber first, so the agent is the last one of its
 * thread, and the time is about that of the last agent of a fleet.  What they receive is
 * read between two changes: in a fleet other hosts do that work, and here it would take
 * processor time from DNSService while the clock runs.
 *     -l  the others are legacy peers, which do not say hello
 *     -t  what they receive is read at once, in a thread of this program
 * With both, and only then, the figures compare with those of Lars 1.1. */
#include <errno.h>
#include <mysql.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/mono.h"

#define WAIT_US 5000000

static int port, subs = 100, rounds = 200, ep;
static bool legacy, at_once;
static const char *sock = "";
static struct lars_options opt = {.dir = "build/run"};

static void die(const char *what)
{
    fprintf(stderr, "visible_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void subscribe(void)
{
    /* hello, of version 1 to a DNSService; the question for module 99/1 */
    static const char q[24] = {32,   0, 0, 0, 4, 0, 0, 0, 0x08, 1,  0x10, 1,
                               1,    0, 0, 0, 4, 0, 0, 0, 0x08, 99, 0x10, 1};
    const char *from = legacy ? q + 12 : q;
    size_t len = legacy ? 12 : 24;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event ev = {.events = EPOLLIN};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ev.data.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ev.data.fd == -1 ||
        connect(ev.data.fd, (struct sockaddr *)&at, sizeof(at)) == -1 ||
        send(ev.data.fd, from, len, MSG_NOSIGNAL) != (ssize_t)len ||
        epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev) == -1)
        die("subscribe");
}

/* Reads what has arrived, after waiting for at most <ms>; -1 waits without limit.
 * Returns the number of sockets that had something. */
static int read_updates(int ms)
{
    struct epoll_event ev[64];
    char in[4096];
    int i, n = epoll_wait(ep, ev, 64, ms);

    for (i = 0; i < n; i++)
        if (recv(ev[i].data.fd, in, sizeof(in), 0) <= 0)
            die("DNSService closed the connection of a subscriber");
    return n;
}

static void *read_at_once(void *arg)
{
    for (;;)
        read_updates(-1);
    return arg;
}

/* Until nothing has arrived for 5 ms: the others have this change as well. */
static void read_between(void)
{
    while (!at_once && read_updates(5) > 0)
        continue;
}

static void sql(MYSQL *my, const char *text)
{
    if (mysql_query(my, text) != 0) {
        fprintf(stderr, "visible_bench: %s\n", mysql_error(my));
        exit(1);
    }
}

static int n_nodes(struct lars_client *c)
{
    struct lars_addr a[16];

    return lars_get_route(c, 99, 1, a, 16);
}

static uint64_t change(struct lars_client *c, MYSQL *my, int i)
{
    int want = i % 2 ? 1 : 2;
    uint64_t start;

    sql(my, i % 2 ? "DELETE FROM RouteData WHERE modid = 99 AND serverport = 81"
                  : "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                    "(99, 1, 1, 81)");
    start = mono_us();
    while (n_nodes(c) != want) {
        if (mono_us() > start + WAIT_US)
            die("the client did not see a change in time");
        usleep(50);                   /* leaves processor time to the loops */
    }
    start = mono_us() - start;
    read_between();
    return start;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct rlimit nofile;
    struct lars_client *c;
    pthread_t thread;
    uint64_t *us;
    MYSQL *my;
    int o, i;

    while ((o = getopt(argc, argv, "p:s:a:d:c:n:lt")) != -1) {
        if (o == 'p')
            port = atoi(optarg);
        else if (o == 's')
            sock = optarg;
        else if (o == 'a')
            opt.port = (uint16_t)atoi(optarg);
        else if (o == 'd')
            opt.dir = optarg;
        else if (o == 'c')
            subs = atoi(optarg);
        else if (o == 'n')
            rounds = atoi(optarg);
        else if (o == 'l')
            legacy = true;
        else if (o == 't')
            at_once = true;
        else
            return 2;
    }
    getrlimit(RLIMIT_NOFILE, &nofile);
    nofile.rlim_cur = nofile.rlim_max;
    setrlimit(RLIMIT_NOFILE, &nofile);
    us = calloc((size_t)rounds + 1, sizeof(*us));
    ep = epoll_create1(EPOLL_CLOEXEC);
    my = mysql_init(NULL);
    if (!us || ep == -1 || !my ||
        !mysql_real_connect(my, NULL, NULL, NULL, "lars_dns", 0, sock, 0))
        die("no database");
    sql(my, "DELETE FROM RouteData WHERE modid = 99");
    sql(my, "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
            "(99, 1, 1, 80)");
    if (lars_open(&c, &opt) < 0)
        die("start");
    for (i = 0; i < 2000 && n_nodes(c) != 1; i++)
        usleep(1000);
    for (i = 1; i < subs; i++)        /* the agent is one of them */
        subscribe();
    if (at_once && pthread_create(&thread, NULL, read_at_once, NULL) != 0)
        die("start");
    read_between();                   /* the answers */
    for (i = 0; i < rounds; i++)
        us[i] = change(c, my, i);
    qsort(us, (size_t)rounds, sizeof(*us), by_size);
    printf("subscribers=%d rounds=%d p50_us=%llu p99_us=%llu max_us=%llu \n", subs,
           rounds, (unsigned long long)us[rounds / 2],
           (unsigned long long)us[rounds * 99 / 100], (unsigned long long)us[rounds - 1]);
    return 0;
}
