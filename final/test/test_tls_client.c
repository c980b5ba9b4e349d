/* Clients that keep a connection, over TLS: they connect again after each loss, return to
 * their first server, and end while a handshake is in progress. */
#include "base/role.h"
#include "lib/linkfix.h"
#include "loop.h"
#include "net/failback.h"
#include "net/sock.h"
#include "proto/msg_roles.h"

static struct {
    struct tcpcli *cli;
    struct tcpcli_config cfg;
    struct failback *back;
    int n_up, n_down;
} fx;

static void on_up(struct tcpcli *c, void *arg)
{
    (void)arg;
    fx.n_up++;
    assert_int_equal(tcpcli_send(c, 1, "hello", 5), 0);
}

static void on_down(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_down++;
}

static int setup(void **state)
{
    int rc = linkfix_setup(state);

    memset(&fx, 0, sizeof(fx));
    linkfix_serve("dnsd", false);
    linkfix.own = linkfix_link("agent", false);
    linkfix.client = (struct tls_client){.link = linkfix.own,
                                         .wanted = ROLE_DNSD,
                                         .handshake_ms = T_DEADLINE_MS};
    fx.cfg = (struct tcpcli_config){.to = {linkfix.at},
                                    .n_to = 1,
                                    .dispatch = linkfix.of_client,
                                    .min_ms = 1,
                                    .max_ms = 4,
                                    .choose_io = tls_conn_connect,
                                    .io_arg = &linkfix.client,
                                    .on_up = on_up,
                                    .on_down = on_down};
    return rc;
}

static int teardown(void **state)
{
    failback_destroy(fx.back);
    tcpcli_destroy(fx.cli);
    return linkfix_teardown(state);
}

static void start(void)
{
    assert_int_equal(tcpcli_create(&fx.cli, linkfix.loop, &fx.cfg), 0);
}

static void t_a_client_connects_again_and_resumes(void **state)
{
    struct tls_link_stat st;
    int i;

    (void)state;
    start();
    for (i = 1; i <= 4; i++) {
        LOOP_UNTIL(linkfix.loop, linkfix.n_echo == i && linkfix.last);
        assert_int_equal(fx.n_up, i);
        conn_close(linkfix.last);
        LOOP_UNTIL(linkfix.loop, fx.n_down == i);
    }
    tls_link_stat(linkfix.own, &st);
    assert_true(st.n_resumed >= 3);
}

static void t_up_is_called_after_the_handshake_only(void **state)
{
    int lfd, fd = -EAGAIN, i;

    (void)state;
    assert_int_equal(net_addr_set(&fx.cfg.to[0], "127.0.0.1", 0), 0);
    lfd = sock_listen(&fx.cfg.to[0], 4, SOCK_NONBLOCK); /* accepts, and says nothing */
    assert_int_equal(sock_local_addr(lfd, &fx.cfg.to[0]), 0);
    linkfix.client.handshake_ms = 100;
    start();
    LOOP_UNTIL(linkfix.loop, (fd = sock_accept(lfd, 0, NULL)) != -EAGAIN);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_int_equal(fx.n_up, 0);
    assert_int_equal(tcpcli_send(fx.cli, 1, "x", 1), -ENOTCONN);
    LOOP_UNTIL(linkfix.loop, fx.n_down == 1); /* the handshake took too long */
    close(fd);
    close(lfd);
}

static void t_the_end_during_a_handshake_is_told_once(void **state)
{
    int lfd, fd = -EAGAIN, i;

    (void)state;
    assert_int_equal(net_addr_set(&fx.cfg.to[0], "127.0.0.1", 0), 0);
    lfd = sock_listen(&fx.cfg.to[0], 4, SOCK_NONBLOCK);
    assert_int_equal(sock_local_addr(lfd, &fx.cfg.to[0]), 0);
    start();
    LOOP_UNTIL(linkfix.loop, (fd = sock_accept(lfd, 0, NULL)) != -EAGAIN);
    LOOP_UNTIL(linkfix.loop, recv(fd, &(char[1]){0}, 1, MSG_DONTWAIT | MSG_PEEK) == 1);
    tcpcli_finish(fx.cli);
    LOOP_UNTIL(linkfix.loop, fx.n_down == 1);
    peer_expect_close(fd);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_int_equal(fx.n_down, 1);
    assert_int_equal(sock_accept(lfd, 0, NULL), -EAGAIN);
    close(fd);
    close(lfd);
}

static void t_finish_sends_what_waits(void **state)
{
    (void)state;
    start();
    LOOP_UNTIL(linkfix.loop, fx.n_up == 1 && linkfix.n_echo == 1);
    assert_int_equal(tcpcli_send(fx.cli, 4, "last", 4), 0);
    tcpcli_finish(fx.cli);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1 && fx.n_down == 1);
    assert_int_equal(linkfix.n_frames, 2);
    assert_int_equal(linkfix.why, CONN_WHY_EOF);
}

static void t_a_server_of_another_role_is_left_for_the_next(void **state)
{
    (void)state;
    linkfix.client.wanted = ROLE_REPORTD;
    start();
    LOOP_UNTIL(linkfix.loop, linkfix.n_close >= 3); /* tries again and again */
    assert_int_equal(fx.n_up, 0);
    assert_int_equal(fx.n_down, 1);
    assert_int_equal(linkfix.n_start, 0);
}

/* The first server of the client is away at first; looks at it use TLS too. */
static void t_a_client_goes_back_to_its_first_server(void **state)
{
    struct net_addr dead;
    int lfd;

    (void)state;
    assert_int_equal(net_addr_set(&dead, "127.0.0.1", 0), 0);
    lfd = sock_listen(&dead, 4, SOCK_NONBLOCK);
    assert_int_equal(sock_local_addr(lfd, &dead), 0);
    close(lfd);
    fx.cfg.to[0] = dead;
    fx.cfg.to[1] = linkfix.at;
    fx.cfg.n_to = 2;
    start();
    LOOP_UNTIL(linkfix.loop, fx.n_up == 1);
    assert_false(tcpcli_is_first(fx.cli));
    assert_int_equal(failback_create(&fx.back, linkfix.loop, fx.cli,
                                     &(struct failback_config){linkfix.at, 20, 1, "ask",
                                                               3}),
                     0);
    LOOP_UNTIL(linkfix.loop, fx.n_down >= 1 && linkfix.n_frames >= 3);
}

/* --- which role may send which message ---------------------------------------------- */

static void t_roles_send_their_own_messages_only(void **state)
{
    static const struct {
        int32_t msgid;
        unsigned roles;
    } want[] = {
        {1, ROLE_AGENT | ROLE_LARSCTL},
        {3, ROLE_AGENT},
        {32, ROLE_AGENT | ROLE_SLOTS | ROLE_LARSCTL},
        {34, ROLE_AGENT},
        {38, ROLE_AGENT},
        {41, ROLE_SLOTS},
        {42, ROLE_SLOTS},
        {99, ROLE_ALL}, /* it is skipped and counted */
        {-1, ROLE_ALL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        assert_int_equal(msg_roles_may_send(want[i].msgid), want[i].roles);
}

static void t_names_of_roles(void **state)
{
    char text[ROLE_NAMES];
    unsigned i;

    (void)state;
    assert_string_equal(role_names(0, text), "none");
    assert_string_equal(role_names(ROLE_AGENT | ROLE_LARSCTL, text), "agent larsctl");
    assert_string_equal(role_names(ROLE_ALL, text),
                        "agent dnsd reportd console autoscaler gateway slots larsctl");
    for (i = 0; i < 8; i++) {
        role_names(1u << i, text);
        assert_int_equal(role_of(text, strlen(text)), 1u << i);
    }
    assert_int_equal(role_of("agents", 6), 0);
    assert_int_equal(role_of("agent", 4), 0);
    assert_int_equal(role_of("", 0), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_a_client_connects_again_and_resumes),
       E(t_up_is_called_after_the_handshake_only),
       E(t_the_end_during_a_handshake_is_told_once), E(t_finish_sends_what_waits),
       E(t_a_server_of_another_role_is_left_for_the_next),
       E(t_a_client_goes_back_to_its_first_server),
       cmocka_unit_test(t_roles_send_their_own_messages_only),
       cmocka_unit_test(t_names_of_roles))
