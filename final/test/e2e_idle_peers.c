/* Peers that connect to DNSService and Report Service and send nothing, or never finish a
 * message, do not keep the agent out. */
#include "lib/system.h"
#include "peer.h"

#define PLACES 3

static int idle[2 * PLACES]; /* connections that send no valid message; -1 = none */

static int idle_setup(void **state)
{
    memset(idle, -1, sizeof(idle));
    return system_setup(state);
}

static int idle_teardown(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
        if (idle[i] >= 0)
            close(idle[i]);
    return system_teardown(state);
}

static void start_small(struct proc *p, const char *service, int first_frame_ms)
{
    char program[20];
    const char *file =
        system_write_file("small.ini",
                          "[%s]\nport = 0\nmax_connections = %d\nfirst_frame_ms = %d\n"
                          "[db]\nsocket = %s\n",
                          service, PLACES, first_frame_ms, testdb_socket);

    snprintf(program, sizeof(program), "lars-%s", service);
    proc_start(p, program, "-c", file, NULL);
    system_wait_port(p, program);
}

static void start_services(int first_frame_ms)
{
    start_small(&sys.dnsd, "dnsd", first_frame_ms);
    start_small(&sys.reportd, "reportd", first_frame_ms);
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%d", sys.dnsd.port);
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.reportd.port);
}

/* Takes every place of both services, and sends <n> bytes of a message on each. */
static void fill_places(size_t n)
{
    static const char part[] = {1, 0, 0, 0, 4, 0, 0, 0, 8};
    int i;

    for (i = 0; i < 2 * PLACES; i++) {
        idle[i] = peer_connect(i < PLACES ? sys.dnsd.port : sys.reportd.port);
        peer_send(idle[i], part, n);
    }
}

static void start_agent_and_check_that_it_is_served(void)
{
    uint64_t n;

    system_start_agentd();
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    n = (uint64_t)system_make_calls(20);
    T_WAIT(system_total("succ_cnt") == n);
    T_WAIT(testdb_number("SELECT COUNT(*) FROM ReportSeen") == 1); /* acknowledged */
}

static void t_idle_peers_that_take_every_place_are_displaced_by_the_agent(void **state)
{
    (void)state;
    start_services(3600000);
    fill_places(0);
    start_agent_and_check_that_it_is_served();
    proc_expect_line(sys.dnsd.err, "max_connections=3");
    proc_expect_line(sys.reportd.err, "max_connections=3");
}

static void t_peers_that_never_finish_a_message_are_closed(void **state)
{
    int i;

    (void)state;
    start_services(1000);
    fill_places(9);
    for (i = 0; i < 2 * PLACES; i++)
        peer_expect_close(idle[i]);
    proc_expect_line(sys.dnsd.err, "conn.silent");
    proc_expect_line(sys.reportd.err, "conn.silent");
    start_agent_and_check_that_it_is_served();
}

/* Each connection that has been closed is opened again at once. */
static void t_peers_that_come_back_at_once_do_not_keep_the_agent_out(void **state)
{
    struct lars_host h;
    uint64_t end;
    int i;

    (void)state;
    start_services(3600000);
    fill_places(0);
    system_start_agentd();
    system_open_client();
    end = t_now_ms() + T_DEADLINE_MS;
    while (lars_get_host(sys.client, 1, 1, &h) != 0 && t_now_ms() < end)
        for (i = 0; i < 2 * PLACES; i++)
            if (recv(idle[i], (char[1]){0}, 1, MSG_DONTWAIT) == 0) {
                close(idle[i]);
                idle[i] = peer_connect(i < PLACES ? sys.dnsd.port : sys.reportd.port);
            }
    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, idle_setup, idle_teardown)

TESTDB_MAIN(X(t_idle_peers_that_take_every_place_are_displaced_by_the_agent),
            X(t_peers_that_never_finish_a_message_are_closed),
            X(t_peers_that_come_back_at_once_do_not_keep_the_agent_out))
