/* TLS in a server with several threads, whose certificate is renewed meanwhile. */
#include "base/role.h"
#include "lib/linkfix.h"
#include "loop.h"
#include "net/mtsrv.h"
#include "net/sock.h"

#define CLIENTS 60

static unsigned every_role(int32_t msgid)
{
    (void)msgid;
    return ROLE_ALL;
}

static void echo(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    if (tls_conn_is_host(c, 0x0a000007))
        conn_send(c, f->msgid, f->body, f->len);
}

static struct {
    struct dispatch *d;
    struct mtsrv *srv;
} fx;

static int setup(void **state)
{
    struct mtsrv_config mc = {.n_threads = 2};
    int rc = linkfix_setup(state), lfd;

    certauthority_revoke(&linkfix.ca, 0, linkfix_file("crl", ".pem"), 86400);
    linkfix.link = linkfix_link("dnsd", true);
    linkfix.sc = (struct tls_server_config){.link = linkfix.link,
                                            .n_threads = 2,
                                            .wanted = ROLE_AGENT,
                                            .handshake_ms = T_DEADLINE_MS,
                                            .may_send = every_role};
    assert_int_equal(tls_conn_server_create(&linkfix.server, &linkfix.sc), 0);
    assert_int_equal(dispatch_create(&fx.d), 0);
    assert_int_equal(dispatch_set(fx.d, 1, echo, NULL), 0);
    mc.conn = (struct conn_config){.dispatch = fx.d,
                                   .choose_io = tls_conn_accept,
                                   .io_arg = linkfix.server};
    assert_int_equal(net_addr_set(&linkfix.at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&linkfix.at, 64, SOCK_NONBLOCK);
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &linkfix.at), 0);
    assert_int_equal(mtsrv_create(&fx.srv, linkfix.loop, lfd, &mc), 0);
    return rc;
}

static int teardown(void **state)
{
    mtsrv_destroy(fx.srv);
    dispatch_destroy(fx.d);
    return linkfix_teardown(state);
}

static void t_connections_of_all_threads_survive_renewals(void **state)
{
    struct tls_link_stat st;
    char err[CONF_ERR_MAX];
    int i;

    (void)state;
    linkfix_dial("agent", ROLE_DNSD);
    for (i = 1; i <= CLIENTS; i++) {
        LOOP_UNTIL(linkfix.loop, linkfix.n_up == i);
        assert_int_equal(conn_send(linkfix.c, 1, "x", 1), 0);
        if (i % 7 == 0) {
            linkfix_sign("dnsd", LINKFIX_DNSD);
            assert_int_equal(tls_link_reload(linkfix.link, err), 0);
        }
        if (i < CLIENTS)
            linkfix_dial_again();
        tls_link_stat(linkfix.link, &st);
    }
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == CLIENTS);
    assert_int_equal(linkfix.n_down, 0);
    assert_int_equal(mtsrv_n_conns(fx.srv), CLIENTS);
    tls_link_stat(linkfix.link, &st);
    assert_int_equal(st.n_handshakes, CLIENTS);
    assert_true(st.n_resumed > 0);
}

static void say(struct conn *c, void *arg)
{
    (void)arg;
    assert_int_equal(conn_send(c, 1, "x", 1), 0);
}

static void t_open_connections_of_all_threads_end_when_they_are_revoked(void **state)
{
    char err[CONF_ERR_MAX];
    long agent;
    int i;

    (void)state;
    agent = linkfix_sign("agent", LINKFIX_AGENT);
    linkfix_dial("agent", ROLE_DNSD);
    for (i = 1; i <= CLIENTS; i++) {
        LOOP_UNTIL(linkfix.loop, linkfix.n_up == i);
        say(linkfix.c, NULL);
        if (i < CLIENTS)
            linkfix_dial_again();
    }
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == CLIENTS);
    certauthority_revoke(&linkfix.ca, agent, linkfix_file("crl", ".pem"), 86400);
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
    conn_group_each(linkfix.clients, say, NULL);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == CLIENTS);
    LOOP_UNTIL(linkfix.loop, mtsrv_n_conns(fx.srv) == 0);
    assert_int_equal(linkfix.n_echo, CLIENTS);
    assert_int_equal(linkfix_refused(TLS_WHY_REVOKED), CLIENTS);
}

static void t_refusals_of_all_threads_are_counted(void **state)
{
    int fd[20], i;

    (void)state;
    for (i = 0; i < 20; i++) {
        fd[i] = sock_connect(&linkfix.at, T_DEADLINE_MS);
        peer_send(fd[i], "plain text", 10);
    }
    LOOP_UNTIL(linkfix.loop, linkfix_refused(TLS_WHY_PLAIN) == 20);
    LOOP_UNTIL(linkfix.loop, mtsrv_n_conns(fx.srv) == 0);
    for (i = 0; i < 20; i++) {
        peer_expect_close(fd[i]);
        close(fd[i]);
    }
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_connections_of_all_threads_survive_renewals),
       E(t_open_connections_of_all_threads_end_when_they_are_revoked),
       E(t_refusals_of_all_threads_are_counted))
