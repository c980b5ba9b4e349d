/* Gateways are asked once a second while a viewer looks, each by itself. */
#include "web/gateways.h"

#include "lib/receiver.h"
#include "net/sock.h"
#include "t.h"

#define ANSWER                                                                           \
    "{\"host\":\"gw\",\"version\":\"1.2\",\"address\":\"127.0.0.1:80\",\"up_s\":9,"      \
    "\"draining\":false,\"modules\":[]}"

static struct gateways *g;
static int silent = -1; /* a socket that accepts and never answers */
static struct gateways_view seen[3];
static unsigned n_seen;

static int setup(void **state)
{
    (void)t_fds_save(state);
    receiver_start();
    receiver.answer = ANSWER;
    g = NULL;
    return 0;
}

static int teardown(void **state)
{
    gateways_stop(g);
    receiver_stop();
    if (silent >= 0)
        close(silent);
    silent = -1;
    return t_fds_check(state);
}

/* A port on which a program listens, which accepts and never answers. */
static int listen_silently(void)
{
    struct net_addr at;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    silent = sock_listen(&at, 16, 0);
    assert_true(silent >= 0);
    sock_local_addr(silent, &at);
    return at.port;
}

static void keep(const struct gateways_view *v, void *arg)
{
    (void)arg;
    if (n_seen < 3)
        seen[n_seen++] = *v;
}

/* How gateway <i> is, without counting as a look. */
static struct gateways_view *view(unsigned i)
{
    n_seen = 0;
    gateways_each(g, keep, NULL);
    assert_true(i < n_seen);
    return &seen[i];
}

static struct gateways_view *look(unsigned i)
{
    gateways_look(g);
    return view(i);
}

static void start(const char *text)
{
    struct gateway_list list;

    assert_int_equal(gateway_list_parse(&list, text), 0);
    assert_int_equal(gateways_start(&g, &list), 0);
}

static void start_receiver(void)
{
    char text[40];

    snprintf(text, sizeof(text), "127.0.0.1:%d", receiver.port);
    start(text);
}

static void t_list_is_of_addresses_with_ports(void **state)
{
    static const char *const wrong[] = {
        "127.0.0.1",      "127.0.0.1:0", "host:80", ":80", "127.0.0.1:80 127.0.0.1:80",
        "127.0.0.1:99999"};
    struct gateway_list list;
    size_t i;

    (void)state;
    assert_int_equal(gateway_list_parse(&list, ""), 0);
    assert_int_equal(list.n, 0);
    assert_int_equal(gateway_list_parse(&list, " 10.0.0.1:1,10.0.0.2:1 , [::1]:2"), 0);
    assert_int_equal(list.n, 3);
    assert_string_equal(list.address[2], "[::1]:2");
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(gateway_list_parse(&list, wrong[i]), -EINVAL);
}

static void t_no_gateway_is_asked_before_a_viewer_looks(void **state)
{
    (void)state;
    start_receiver();
    poll(NULL, 0, 50);
    assert_int_equal(receiver.n, 0);
    assert_int_equal(view(0)->state, GATEWAYS_UNKNOWN);
    T_WAIT(look(0)->state == GATEWAYS_READY);
    assert_string_equal(view(0)->answer->host, "gw");
}

static void t_many_looks_are_one_request_a_second(void **state)
{
    uint64_t began = t_now_ms();

    (void)state;
    start_receiver();
    T_WAIT(look(0)->state == GATEWAYS_READY && receiver.n >= 3);
    assert_true((uint64_t)receiver.n <= (t_now_ms() - began) / 1000 + 2);
    assert_true(view(0)->rates->n >= 2);
}

static void t_draining_gateway_is_shown_so(void **state)
{
    (void)state;
    receiver.answer = "{\"host\":\"gw\",\"version\":\"1.2\",\"address\":\"a\",\"up_s\":9,"
                      "\"draining\":true,\"modules\":[]}";
    start_receiver();
    T_WAIT(look(0)->state == GATEWAYS_DRAINING);
}

/* A port that accepts and never answers, and one where no program listens. */
static void t_dead_gateways_delay_no_other(void **state)
{
    char text[120];
    int port, closed;

    (void)state;
    closed = listen_silently();
    close(silent);
    port = listen_silently();
    snprintf(text, sizeof(text), "127.0.0.1:%d, 127.0.0.1:%d, 127.0.0.1:%d", port, closed,
             receiver.port);
    start(text);
    T_WAIT(look(2)->state == GATEWAYS_READY);
    assert_int_equal(view(0)->state, GATEWAYS_UNKNOWN); /* it still waits */
    T_WAIT(look(1)->state == GATEWAYS_UNREACHABLE);
    assert_int_equal(view(1)->fault, -ECONNREFUSED);
    assert_true(view(1)->since_ms > 0);
    T_WAIT(look(0)->state == GATEWAYS_UNREACHABLE);
    assert_int_equal(view(0)->fault, -ETIMEDOUT);
    assert_int_equal(view(2)->state, GATEWAYS_READY);
}

static void t_last_answer_stays_while_a_gateway_is_silent(void **state)
{
    uint64_t since;

    (void)state;
    start_receiver();
    T_WAIT(look(0)->state == GATEWAYS_READY);
    receiver.status = "500 Internal Server Error";
    T_WAIT(look(0)->state == GATEWAYS_UNREACHABLE);
    assert_int_equal(view(0)->fault, -EPROTO);
    assert_non_null(strstr(view(0)->why, "500"));
    assert_string_equal(view(0)->answer->host, "gw");
    assert_true(view(0)->age_ms >= 1000);
    since = view(0)->since_ms;
    receiver.status = "200 OK";
    T_WAIT(look(0)->state == GATEWAYS_READY);
    receiver.answer = "{}";
    T_WAIT(look(0)->state == GATEWAYS_UNREACHABLE);
    assert_true(view(0)->since_ms > since);
}

/* The answer of half a minute ago does not tell how the gateway is now. */
static void t_without_viewers_the_state_becomes_unknown(void **state)
{
    int n;

    (void)state;
    start_receiver();
    T_WAIT(look(0)->state == GATEWAYS_READY);
    T_WAIT(view(0)->state == GATEWAYS_UNKNOWN);
    assert_non_null(view(0)->answer);
    n = receiver.n;
    poll(NULL, 0, 50);
    assert_int_equal(receiver.n, n);
    T_WAIT(look(0)->state == GATEWAYS_READY);
}

static void t_answer_that_is_too_long_is_none(void **state)
{
    static char text[2 * GATEWAY_CLIENT_MAX];

    (void)state;
    memset(text, ' ', sizeof(text) - 1);
    receiver.answer = text;
    start_receiver();
    T_WAIT(look(0)->state == GATEWAYS_UNREACHABLE);
    assert_int_equal(view(0)->fault, -EMSGSIZE);
}

#define F(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(F(t_list_is_of_addresses_with_ports),
       F(t_no_gateway_is_asked_before_a_viewer_looks),
       F(t_many_looks_are_one_request_a_second), F(t_draining_gateway_is_shown_so),
       F(t_dead_gateways_delay_no_other),
       F(t_last_answer_stays_while_a_gateway_is_silent),
       F(t_without_viewers_the_state_becomes_unknown),
       F(t_answer_that_is_too_long_is_none))
