/* The programs lars-dnsd and route_get with sample routes in memory: no test here starts
 * a database. */
#include "t.h"

#include "dnspeer.h"
#include "proc.h"

static struct proc srv;

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    return t_fds_save(state);
}

static int teardown(void **state)
{
    proc_kill(&srv);
    return t_fds_check(state);
}

static void start(void)
{
    proc_start(&srv, "lars-dnsd", "-m", "-p", "0", NULL);
    proc_wait_port(&srv);
}

static void t_memory_needs_no_database(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, 3);
    close(c);
    assert_int_equal(proc_end(&srv, SIGINT), 0);
}

/* The clients are spread over the threads of the server, so each thread answers some. */
static void t_clients_of_all_threads_are_answered(void **state)
{
    int c[40], i;

    (void)state;
    start();
    for (i = 0; i < 40; i++)
        c[i] = peer_connect(srv.port);
    for (i = 0; i < 40; i++)
        dnspeer_ask(c[i], 1, 1 + (uint32_t)i % 2);
    for (i = 0; i < 40; i++) {
        dnspeer_expect(c[i], 1, 1 + (uint32_t)i % 2, i % 2 ? 0 : 3);
        close(c[i]);
    }
}

static void t_route_get_prints_the_sample_nodes(void **state)
{
    struct proc g = {0};
    char port[16];

    (void)state;
    start();
    snprintf(port, sizeof(port), "%d", srv.port);
    proc_start(&g, "route_get", "1", "1", "-p", port, "-n", "1", NULL);
    proc_expect_line(g.out, "module 1/1 nodes 3");
    proc_expect_line(g.out, "  127.0.1.1:8001");
    proc_expect_line(g.out, "  127.0.1.3:8001");
    assert_int_equal(proc_wait(&g), 0);
}

static void t_bad_configuration_is_one_line(void **state)
{
    (void)state;
    proc_start(&srv, "lars-dnsd", "-p", "70000", NULL);
    proc_expect_line(srv.err, "[dnsd] port = 70000: out of range; use 0 to 65535");
    assert_int_equal(proc_wait(&srv), 2);
    proc_start(&srv, "lars-dnsd", "-c", "conf/lars-dnsd.ini", "--check-config", NULL);
    proc_expect_line(srv.out, "conf/lars-dnsd.ini: ok");
    assert_int_equal(proc_wait(&srv), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_memory_needs_no_database), E(t_clients_of_all_threads_are_answered),
       E(t_route_get_prints_the_sample_nodes), E(t_bad_configuration_is_one_line))
