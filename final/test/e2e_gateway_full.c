/* A gateway with as many visitors as it may have serves new ones: it closes the
 * connections that have waited longest for a request. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "peer.h"

#define PLACES 4
#define KEYS "loops = 1\nmax_clients = 4\nidle_ms = 600000\nhead_ms = 600000\n"
#define PART "GET /x HTTP/1.1\r\nHost: "

static struct proc gateway;
static int fd[PLACES], http;
static struct httpreply reply;

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    http = gatesys_start(&gateway, 0, KEYS, "");
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    return gatesys_teardown(state);
}

static double value(const char *name)
{
    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

/* Connections that send <part>, in this order. */
static void fill(const char *part)
{
    int i;

    for (i = 0; i < PLACES; i++) {
        fd[i] = peer_connect(gateway.port);
        peer_send(fd[i], part, strlen(part));
        T_WAIT(value("lars_gateway_connections") == i + 1);
    }
}

static void expect_served(int c)
{
    httppeer_ask(c, "GET", "/x");
    httppeer_read(c, &reply);
    assert_int_equal(reply.status, 200);
    close(c);
}

static void t_a_new_visitor_takes_the_place_of_the_one_idle_for_longest(void **state)
{
    int i;

    (void)state;
    fill("");
    expect_served(peer_connect(gateway.port));
    peer_expect_close(fd[0]);
    close(fd[0]);
    for (i = 1; i < PLACES; i++)
        expect_served(fd[i]);
    assert_true(value("lars_gateway_connections_refused_total") == 0);
}

static void t_a_visitor_within_a_request_keeps_its_place(void **state)
{
    int i, refused;

    (void)state;
    fill(PART);
    refused = peer_connect(gateway.port);
    peer_expect_close(refused);
    close(refused);
    assert_true(value("lars_gateway_connections_refused_total") == 1);
    for (i = 0; i < PLACES; i++) {
        peer_send(fd[i], "a\r\nConnection: close\r\n\r\n", 24);
        httppeer_read(fd[i], &reply);
        assert_int_equal(reply.status, 200);
        close(fd[i]);
    }
}

static void
t_above_four_fifths_of_the_places_a_visitor_may_wait_for_two_seconds(void **state)
{
    int i;

    (void)state;
    fill(""); /* the fourth one is above 80 % */
    peer_expect_close(fd[3]);
    close(fd[3]);
    for (i = 0; i < 3; i++)
        expect_served(fd[i]);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_a_new_visitor_takes_the_place_of_the_one_idle_for_longest),
            E(t_a_visitor_within_a_request_keeps_its_place),
            E(t_above_four_fifths_of_the_places_a_visitor_may_wait_for_two_seconds))
