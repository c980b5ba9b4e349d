/* A gateway without free descriptors serves those who are there: it closes the
 * connections that have waited longest for a request, keeps a quarter of its cache, and
 * refuses new visitors until a second has passed without another shortage. */
#include <dirent.h>
#include <sys/resource.h>

#include "gateway/shortage.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "peer.h"

#define IDLE (SHORTAGE_CLOSES + 2)
#define FILLERS 16
#define OWN_FDS 500 /* the gateway has fewer */
#define CACHE_BYTES (8.0 * (1 << 20))
#define KEYS "loops = 1\nidle_ms = 600000\nhead_ms = 600000\n"
/* A POST never takes a connection that waits in the pool. */
#define PART "POST /x HTTP/1.1\r\nHost: "
#define REST "a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

static struct proc gateway;
static struct rlimit before;
static int fd[IDLE], http;
static int filler[FILLERS], n_fillers;
static struct httpreply reply;

static double value(const char *name)
{
    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

/* A new visitor gets an answer. */
static bool enters(void)
{
    int c = peer_connect(gateway.port);
    bool answered;
    char b;

    send(c, PART REST, strlen(PART REST), MSG_NOSIGNAL);
    answered = recv(c, &b, 1, 0) == 1;
    close(c);
    return answered;
}

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    http = gatesys_start(&gateway, 0, KEYS, "[cache]\nmb = 8\n");
    T_WAIT(enters()); /* the loop has opened its call log */
    T_WAIT(value("lars_gateway_connections") == 0);
    if (prlimit(gateway.pid, RLIMIT_NOFILE, NULL, &before) < 0)
        return -1;
    return rc;
}

static int teardown(void **state)
{
    while (n_fillers > 0)
        close(filler[--n_fillers]);
    proc_kill(&gateway);
    return gatesys_teardown(state);
}

/* <n> connections that send <part>, in this order. */
static void fill(const char *part, int n)
{
    double there = value("lars_gateway_connections");
    int i;

    for (i = 0; i < n; i++) {
        fd[i] = peer_connect(gateway.port);
        peer_send(fd[i], part, strlen(part));
    }
    T_WAIT(value("lars_gateway_connections") == there + n);
}

/* The gateway has closed its ends of our connections to [http]. */
static bool metrics_are_closed(void)
{
    FILE *f = fopen("/proc/net/tcp", "r");
    char line[256];
    unsigned port, tcp_state;
    unsigned long inode;
    bool closed = true;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "%*d: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", &port,
                   &tcp_state, &inode) == 3 &&
            (int)port == http && tcp_state != 10 && inode != 0)
            closed = false;
    fclose(f);
    return closed;
}

/* The lowest descriptor that the gateway has free. */
static int lowest_free(void)
{
    char path[64];
    int n = -1;

    do
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)gateway.pid, ++n);
    while (access(path, F_OK) == 0);
    return n;
}

/* Valgrind has descriptors of its own, from OWN_FDS on. */
static int highest_used(void)
{
    char path[64];
    struct dirent *e;
    int n, most = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)gateway.pid);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        if ((n = atoi(e->d_name)) > most && n < OWN_FDS)
            most = n;
    closedir(d);
    return most;
}

/* No descriptor of the gateway is free from now on: the limit is the lowest free one.  A
 * connection of another thread that has ended leaves a gap below those of visitors, whose
 * descriptors would stay above the limit: another visitor fills it. */
static void take_descriptors(void)
{
    struct rlimit l = before;
    int gap;

    T_WAIT(metrics_are_closed());
    while ((gap = lowest_free()) < highest_used()) {
        assert_in_range(n_fillers, 0, FILLERS - 1);
        filler[n_fillers++] = peer_connect(gateway.port);
        T_WAIT(lowest_free() != gap);
    }
    l.rlim_cur = (rlim_t)gap;
    assert_int_equal(prlimit(gateway.pid, RLIMIT_NOFILE, &l, NULL), 0);
}

static void give_descriptors(void)
{
    assert_int_equal(prlimit(gateway.pid, RLIMIT_NOFILE, &before, NULL), 0);
}

static void expect_rest_served(int c)
{
    peer_send(c, REST, strlen(REST));
    httppeer_read(c, &reply);
    assert_int_equal(reply.status, 200);
    close(c);
}

static void expect_refused(void)
{
    int c = peer_connect(gateway.port);

    peer_expect_close(c);
    close(c);
}

static void t_without_descriptors_the_longest_idle_visitors_make_room(void **state)
{
    int i, inside;

    (void)state;
    fill(PART, 1);
    inside = fd[0];
    fill("", IDLE);
    take_descriptors();
    expect_refused();
    for (i = 0; i < SHORTAGE_CLOSES; i++) {
        peer_expect_close(fd[i]);
        close(fd[i]);
    }
    expect_rest_served(inside);
    for (; i < IDLE; i++) { /* they keep their places */
        peer_send(fd[i], PART, strlen(PART));
        expect_rest_served(fd[i]);
    }
    assert_true(value("lars_gateway_connections_displaced_total") == SHORTAGE_CLOSES);
    give_descriptors();
}

static void t_a_request_gets_the_descriptor_of_an_idle_visitor_for_its_node(void **state)
{
    int inside;

    (void)state;
    fill(PART, 1);
    inside = fd[0];
    fill("", 2);
    take_descriptors();
    expect_rest_served(inside);
    peer_expect_close(fd[0]);
    close(fd[0]);
    close(fd[1]);
    assert_true(value("lars_gateway_shortages_total") >= 1);
    give_descriptors();
}

static void
t_in_a_shortage_new_visitors_are_refused_and_a_quarter_of_the_cache_is_left(void **state)
{
    (void)state;
    assert_true(value("lars_gateway_cache_limit_bytes") == CACHE_BYTES);
    assert_true(value("lars_gateway_shortage") == 0);
    fill("", 2);
    take_descriptors();
    expect_refused();
    give_descriptors();
    assert_true(value("lars_gateway_shortage") == 1);
    assert_true(value("lars_gateway_cache_limit_bytes") == CACHE_BYTES / 4);
    T_WAIT(enters());
    T_WAIT(value("lars_gateway_shortage") == 0);
    assert_true(value("lars_gateway_cache_limit_bytes") == CACHE_BYTES);
    close(fd[0]);
    close(fd[1]);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(
    E(t_without_descriptors_the_longest_idle_visitors_make_room),
    E(t_a_request_gets_the_descriptor_of_an_idle_visitor_for_its_node),
    E(t_in_a_shortage_new_visitors_are_refused_and_a_quarter_of_the_cache_is_left))
