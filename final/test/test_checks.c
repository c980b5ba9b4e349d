/* The schedule of active checks against nodes that the test plays: when a check begins,
 * who shares it, and what a change while it runs does. */
#include "agent_data/checks.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "loop.h"
#include "net/sock.h"

#define NODES 512

static struct {
    struct evloop *loop;
    struct checks *checks;
    struct net_addr at, other;
    int lfd, lfd2, fd;
    int n[NODES];                     /* results */
    bool ok[NODES];
    enum node_check kind[NODES];
    uint64_t at_ms[NODES];            /* the last result */
} fx;

static void on_result(uint32_t nid, enum node_check kind, bool ok, void *arg)
{
    (void)arg;
    fx.n[nid]++;
    fx.ok[nid] = ok;
    fx.kind[nid] = kind;
    fx.at_ms[nid] = evloop_now_ms(fx.loop);
}

static int listen_at(struct net_addr *at)
{
    int fd;

    assert_int_equal(net_addr_set(at, "127.0.0.1", 0), 0);
    fd = sock_listen(at, 512, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(sock_local_addr(fd, at), 0);
    return fd;
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    fx.fd = -1;
    assert_int_equal(evloop_create(&fx.loop), 0);
    fx.lfd = listen_at(&fx.at);
    fx.lfd2 = listen_at(&fx.other);
    return checks_create(&fx.checks, fx.loop, NODES, 30000, on_result, NULL);
}

static int teardown(void **state)
{
    checks_destroy(fx.checks);
    evloop_destroy(fx.loop);
    if (fx.fd >= 0)
        close(fx.fd);
    close(fx.lfd);
    close(fx.lfd2);
    return t_fds_check(state);
}

/* The node takes the next connection and closes it, as a process that works does. */
static void serve(int lfd)
{
    int fd;

    LOOP_UNTIL(fx.loop, (fd = sock_accept(lfd, 0, NULL)) >= 0);
    close(fd);
}

/* ... and leaves it open: the check runs. */
static void hold(int lfd)
{
    LOOP_UNTIL(fx.loop, (fx.fd = sock_accept(lfd, 0, NULL)) >= 0);
}

static void let_go(void)
{
    close(fx.fd);
    fx.fd = -1;
}

static bool is_called(int lfd)
{
    int fd = sock_accept(lfd, 0, NULL);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void run_for(uint32_t ms)      /* of the loop's time */
{
    uint64_t until;

    loop_turn(fx.loop);
    until = evloop_now_ms(fx.loop) + ms;
    LOOP_UNTIL(fx.loop, evloop_now_ms(fx.loop) >= until);
}

static void t_watched_node_is_checked_at_once_then_confirmed_then_each_second(
    void **state)
{
    uint64_t first, second;

    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    assert_true(fx.ok[1]);
    assert_int_equal(fx.kind[1], NODE_CHECK_PROCESS);
    first = fx.at_ms[1];
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 2);
    second = fx.at_ms[1];
    assert_true(second - first >= 249); /* the loop's clock has whole ms */
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 3);
    assert_true(fx.at_ms[1] - second >= 899);
}

static void t_result_that_changes_is_confirmed(void **state)
{
    uint64_t last;

    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    serve(fx.lfd);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 2);
    close(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 3); /* refused */
    assert_false(fx.ok[1]);
    last = fx.at_ms[1];
    LOOP_UNTIL(fx.loop, fx.n[1] == 4);
    assert_true(fx.at_ms[1] - last >= 249);
    assert_false(fx.ok[1]);
    fx.lfd = sock_listen(&fx.at, 16, SOCK_NONBLOCK);
    assert_true(fx.lfd >= 0);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 5);
    assert_true(fx.ok[1]);
}

static void t_nodes_with_the_same_address_and_probe_share_a_check(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    assert_int_equal(checks_watch(fx.checks, 2, &fx.at, ""), 0);
    hold(fx.lfd);
    loop_turn(fx.loop);
    assert_false(is_called(fx.lfd));  /* there is one connection */
    let_go();
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    assert_int_equal(fx.n[2], 1);
    assert_true(fx.ok[2]);
}

static void t_nodes_with_another_probe_have_a_check_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    assert_int_equal(checks_watch(fx.checks, 2, &fx.at, "/"), 0);
    serve(fx.lfd);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 1 && fx.n[2] == 1);
    assert_true(fx.ok[1]);
    assert_false(fx.ok[2]);           /* it was closed without an answer */
}

static void t_node_that_joins_a_running_check_gets_its_result(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    hold(fx.lfd);
    assert_int_equal(checks_watch(fx.checks, 2, &fx.at, ""), 0);
    let_go();
    LOOP_UNTIL(fx.loop, fx.n[2] == 1);
    assert_int_equal(fx.n[1], 1);
}

static void t_watching_again_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    loop_turn(fx.loop);
    assert_false(is_called(fx.lfd));  /* it does not begin anew */
}

static void t_new_address_replaces_the_check(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    hold(fx.lfd);
    assert_int_equal(checks_watch(fx.checks, 1, &fx.other, ""), 0);
    let_go();                         /* the result of the old address */
    serve(fx.lfd2);
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    run_for(100);
    assert_int_equal(fx.n[1], 1);     /* is not the node's any more */
}

static void t_new_probe_replaces_the_check(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    assert_true(fx.ok[1]);
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, "/"), 0);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 2);
    assert_false(fx.ok[1]);
}

static void t_hurried_check_begins_200_ms_after_the_last_one(void **state)
{
    uint64_t last;

    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    serve(fx.lfd);
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 2);
    last = fx.at_ms[1];
    checks_hurry(fx.checks, 1);
    run_for(100);
    checks_hurry(fx.checks, 1);       /* does not put it off */
    serve(fx.lfd);
    LOOP_UNTIL(fx.loop, fx.n[1] == 3);
    assert_true(fx.at_ms[1] - last >= 199);
}

static void t_hurry_of_a_node_that_is_not_watched_does_nothing(void **state)
{
    (void)state;
    checks_hurry(fx.checks, 1);
    checks_hurry(fx.checks, NODES);
    checks_unwatch(fx.checks, NODES);
    assert_int_equal(checks_watch(fx.checks, NODES, &fx.at, ""), -ENOMEM);
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    hold(fx.lfd);
    checks_hurry(fx.checks, 1);       /* the one that runs is the next */
    let_go();
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
}

static void t_no_result_arrives_after_unwatch(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    hold(fx.lfd);
    checks_unwatch(fx.checks, 1);
    let_go();
    run_for(400);                     /* nor another check */
    assert_int_equal(fx.n[1], 0);
    assert_false(is_called(fx.lfd));
}

static void t_number_that_is_used_again_while_a_check_runs_gets_its_own_result(
    void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    hold(fx.lfd);
    checks_unwatch(fx.checks, 1);
    close(fx.lfd2);                   /* the new node with that number refuses */
    assert_int_equal(checks_watch(fx.checks, 1, &fx.other, ""), 0);
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    assert_false(fx.ok[1]);
    let_go();
    run_for(100);
    assert_false(fx.ok[1]);
    fx.lfd2 = sock_listen(&fx.other, 16, SOCK_NONBLOCK);
    assert_true(fx.lfd2 >= 0);
}

static void t_destroy_ends_a_check_that_runs(void **state)
{
    (void)state;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    assert_int_equal(checks_watch(fx.checks, 2, &fx.other, ""), 0);
    hold(fx.lfd);
    checks_unwatch(fx.checks, 2);
    checks_destroy(fx.checks);
    fx.checks = NULL;
    loop_turn(fx.loop);
    assert_int_equal(fx.n[1] + fx.n[2], 0);
}

static bool have_all_a_result(int n)
{
    int i;

    for (i = 0; i < n && fx.n[i] > 0; i++)
        continue;
    return i == n;
}

/* More nodes than slots: 256 of them take a slot each until their connection is
 * served. */
static void t_more_nodes_than_slots_all_get_a_result(void **state)
{
    int fd[300], n = 0, i;
    char path[16];

    (void)state;
    for (i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/%d", i); /* a target of its own */
        assert_int_equal(checks_watch(fx.checks, (uint32_t)i, &fx.at, path), 0);
    }
    while (n < 256)
        LOOP_UNTIL(fx.loop, (fd[n] = sock_accept(fx.lfd, 0, NULL)) >= 0 && ++n > 0);
    run_for(60);
    assert_false(is_called(fx.lfd));  /* the others wait */
    for (i = 0; i < n; i++)
        close(fd[i]);
    LOOP_UNTIL(fx.loop, is_called(fx.lfd) ? false : have_all_a_result(300));
}

/* The agent has no descriptor left.  That is no fact about the node. */
static void t_check_that_the_own_host_cannot_begin_has_no_result(void **state)
{
    struct rlimit was, none;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 0;
    assert_int_equal(checks_watch(fx.checks, 1, &fx.at, ""), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    run_for(100);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(fx.n[1], 0);
    serve(fx.lfd);                    /* another attempt follows */
    LOOP_UNTIL(fx.loop, fx.n[1] == 1);
    assert_true(fx.ok[1]);
}

#define E(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(E(t_watched_node_is_checked_at_once_then_confirmed_then_each_second),
       E(t_result_that_changes_is_confirmed),
       E(t_nodes_with_the_same_address_and_probe_share_a_check),
       E(t_nodes_with_another_probe_have_a_check_of_their_own),
       E(t_node_that_joins_a_running_check_gets_its_result),
       E(t_watching_again_changes_nothing), E(t_new_address_replaces_the_check),
       E(t_new_probe_replaces_the_check),
       E(t_hurried_check_begins_200_ms_after_the_last_one),
       E(t_hurry_of_a_node_that_is_not_watched_does_nothing),
       E(t_no_result_arrives_after_unwatch),
       E(t_number_that_is_used_again_while_a_check_runs_gets_its_own_result),
       E(t_destroy_ends_a_check_that_runs), E(t_more_nodes_than_slots_all_get_a_result),
       E(t_check_that_the_own_host_cannot_begin_has_no_result))
