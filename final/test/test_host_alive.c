/* Is a host there?  In a network namespace of its own, when this is allowed: lo, and a
 * link whose far end swallows everything. */
#include "net/host_alive.h"

#include <sched.h>
#include <unistd.h>

#include "net/sock.h"
#include "t.h"

#define SILENT "10.99.0.2" /* its packets are sent, and nothing answers */
#define ABSENT "10.99.0.3" /* nothing answers who has this address */
#define FAR "10.98.0.1" /* there is no way to it */

static bool has_net; /* this process has a namespace of its own */

static struct host_alive question(const char *ip, uint16_t port)
{
    struct host_alive q = {.answer = HOST_ALIVE_NOT_ASKED};

    assert_int_equal(net_addr_set(&q.at, ip, port), 0);
    return q;
}

static void ask(struct host_alive *q, size_t n, unsigned rounds)
{
    assert_int_equal(host_alive_ask(q, n, rounds, 300), 0);
}

static void t_port_that_accepts_or_refuses_shows_a_host_that_lives(void **state)
{
    struct net_addr at = question("127.0.0.1", 0).at;
    int fd = sock_listen(&at, 1, 0);
    struct host_alive q[2];

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(sock_local_addr(fd, &at), 0);
    q[0] = question("127.0.0.1", at.port);
    q[1] = question("127.0.0.1", 1);
    ask(q, 2, 1);
    close(fd);
    assert_int_equal(q[0].answer, HOST_ALIVE_ANSWERED);
    assert_int_equal(q[1].answer, HOST_ALIVE_ANSWERED);
}

static void t_ping_is_answered(void **state)
{
    struct host_alive q[2] = {question("127.0.0.1", 0), question("127.0.0.9", 0)};

    (void)state;
    if (!has_net)
        return; /* pings need a right */
    ask(q, 2, 1);
    assert_int_equal(q[0].answer, HOST_ALIVE_ANSWERED);
    assert_int_equal(q[1].answer, HOST_ALIVE_ANSWERED);
}

static void t_host_that_swallows_everything_is_silent(void **state)
{
    struct host_alive q[3] = {question(SILENT, 0), question(SILENT, 4567),
                              question("127.0.0.1", 0)};

    (void)state;
    if (!has_net)
        return;
    ask(q, 3, 2);
    assert_int_equal(q[0].answer, HOST_ALIVE_SILENT);
    assert_int_equal(q[1].answer, HOST_ALIVE_SILENT);
    assert_int_equal(q[2].answer, HOST_ALIVE_ANSWERED); /* one does not delay another */
}

static void t_host_whose_address_is_not_found_is_silent(void **state)
{
    struct host_alive q[2] = {question(ABSENT, 0), question(ABSENT, 4567)};

    (void)state;
    if (!has_net)
        return;
    ask(q, 2, 12); /* the kernel gives up after 3 s */
    assert_int_equal(q[0].answer, HOST_ALIVE_SILENT);
    assert_int_equal(q[1].answer, HOST_ALIVE_SILENT);
}

/* Otherwise a host without a route would take all others for dead. */
static void t_host_without_a_way_to_it_is_not_asked(void **state)
{
    struct host_alive q[2] = {question(FAR, 0), question(FAR, 4567)};

    (void)state;
    if (!has_net)
        return;
    ask(q, 2, 1);
    assert_int_equal(q[0].answer, HOST_ALIVE_NOT_ASKED);
    assert_int_equal(q[1].answer, HOST_ALIVE_NOT_ASKED);
    assert_int_equal(q[1].err, -ENETUNREACH);
}

static void t_ping_of_ipv6_is_not_asked(void **state)
{
    struct host_alive q = question("::1", 0);

    (void)state;
    ask(&q, 1, 1);
    assert_int_equal(q.answer, HOST_ALIVE_NOT_ASKED);
    assert_int_equal(q.err, -EAFNOSUPPORT);
}

static void t_too_many_questions_are_refused(void **state)
{
    static struct host_alive q[HOST_ALIVE_MAX + 1];

    (void)state;
    assert_int_equal(host_alive_ask(q, HOST_ALIVE_MAX + 1, 1, 1), -E2BIG);
    assert_int_equal(host_alive_ask(q, 0, 1, 1), 0);
}

/* SILENT has an address of the link, so packets to it leave; ABSENT has none. */
static int make_net(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        print_message(
            "skipped: pings and silent hosts, because a network namespace needs "
            "root\n");
        return 0;
    }
    has_net =
        system("ip link set lo up && ip link add la type veth peer name lb && ip "
               "link set la up && ip link set lb up && ip addr add 10.99.0.1/24 dev "
               "la && ip neigh add " SILENT " lladdr 02:00:00:00:00:02 dev la") == 0;
    return has_net ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_port_that_accepts_or_refuses_shows_a_host_that_lives),
        cmocka_unit_test(t_ping_is_answered),
        cmocka_unit_test(t_host_that_swallows_everything_is_silent),
        cmocka_unit_test(t_host_whose_address_is_not_found_is_silent),
        cmocka_unit_test(t_host_without_a_way_to_it_is_not_asked),
        cmocka_unit_test(t_ping_of_ipv6_is_not_asked),
        cmocka_unit_test(t_too_many_questions_are_refused),
    };

    return cmocka_run_group_tests(tests, make_net, NULL);
}
