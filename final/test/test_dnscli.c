/* The client of DNSService; the test plays the server. */
#include "agent/dnscli.h"

#include "base/log.h"
#include "dnspeer.h"
#include "loop.h"
#include "net/sock.h"
#include "route/routefile.h"

static struct {
    struct evloop *loop;
    struct dnscli *cli;
    struct dnscli_config cfg;
    char dir[40], file[60];
    int lfd, fd;
    struct net_addr at;
    int n_route, n_version;
    struct module_id mod;             /* module of the last route */
    size_t n;
    uint64_t version;
    struct route_node node[MSG_MAX_HOSTS];
} fx;

static void on_route(const struct module_id *m, const struct dnscli_nodes *r, void *arg)
{
    (void)arg;
    fx.n_route++;
    fx.mod = *m;
    fx.n = r->n;
    fx.version = r->version;
    if (r->n > 0)
        memcpy(fx.node, r->node, r->n * sizeof(*r->node));
}

static void on_version(const struct module_id *m, const struct dnscli_nodes *r, void *arg)
{
    (void)arg;
    fx.n_version++;
    assert_int_equal(m->modid, fx.mod.modid);
    assert_int_equal(r->n, fx.n);
    fx.version = r->version;
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    fx.fd = -1;
    log_set_level(LOG_LEVEL_ERROR + 1);
    strcpy(fx.dir, "/tmp/lars_dc_XXXXXX");
    assert_non_null(mkdtemp(fx.dir));
    snprintf(fx.file, sizeof(fx.file), "%s/routes", fx.dir);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(net_addr_set(&fx.at, "127.0.0.1", 0), 0);
    fx.lfd = sock_listen(&fx.at, 16, SOCK_NONBLOCK);
    assert_true(fx.lfd >= 0);
    assert_int_equal(sock_local_addr(fx.lfd, &fx.at), 0);
    fx.cfg = (struct dnscli_config){.server = {fx.at},
                                    .n_server = 1,
                                    .refresh_ms = 1000000,
                                    .file = fx.file,
                                    .file_ms = 1000000,
                                    .fn = on_route,
                                    .on_version = on_version};
    return 0;
}

static int teardown(void **state)
{
    dnscli_destroy(fx.cli);
    dnscli_destroy(NULL);
    evloop_destroy(fx.loop);
    close(fx.lfd);
    if (fx.fd >= 0)
        close(fx.fd);
    unlink(fx.file);
    rmdir(fx.dir);
    return t_fds_check(state);
}

static void start(void)
{
    assert_int_equal(dnscli_create(&fx.cli, fx.loop, &fx.cfg), 0);
}

static void take(void)
{
    if (fx.fd >= 0)
        close(fx.fd);
    LOOP_UNTIL(fx.loop, (fx.fd = sock_accept(fx.lfd, 0, NULL)) >= 0);
}

static void want(uint32_t modid, uint32_t cmdid)
{
    dnscli_want(fx.cli, &(struct module_id){modid, cmdid});
}

static void expect_question(uint32_t modid, uint32_t cmdid)
{
    struct module_id m;
    char in[64];
    ssize_t n;

    LOOP_UNTIL(fx.loop, (n = recv(fx.fd, in, 12, MSG_PEEK | MSG_DONTWAIT)) == 12);
    peer_recv(fx.fd, in, 12);         /* with small ids the body has 4 bytes */
    assert_memory_equal(in, "\1\0\0\0\4\0\0\0", 8);
    assert_int_equal(msg_unpack_get_route(&m, in + 8, 4), 0);
    assert_int_equal(m.modid, modid);
    assert_int_equal(m.cmdid, cmdid);
}

static void push(uint32_t modid, uint32_t cmdid, size_t n)
{
    struct module_id m = {modid, cmdid};
    struct msg_host host[10];
    uint8_t body[300];
    size_t i;

    for (i = 0; i < n; i++)
        host[i] = (struct msg_host){0x0a000001 + (uint32_t)i, 80};
    dnspeer_send(fx.fd, MSG_ROUTE, body,
                 (size_t)msg_pack_route(&m, host, n, body, sizeof(body)));
}

static void t_wanted_module_is_asked_for_and_passed_on(void **state)
{
    (void)state;
    start();
    want(1, 1);                       /* before it is connected */
    take();
    expect_question(1, 1);
    push(1, 1, 2);
    LOOP_UNTIL(fx.loop, fx.n_route == 1);
    assert_int_equal(fx.n, 2);
    assert_int_equal(fx.node[1].ip, 0x0a000002);
    want(2, 1);
    expect_question(2, 1);
}

/* The DNSService of the public Lars has no limit of its own. */
static void t_a_route_of_5000_nodes_is_cut_to_the_limit(void **state)
{
    static uint8_t frame[12 + 5000 * 7] = {MSG_ROUTE, 0, 0,    0, 0xbc, 0x88,
                                           0,         0, 0x08, 1, 0x10, 1};
    uint8_t *p = frame + 12;
    unsigned i;

    (void)state;
    start();
    want(1, 1);
    take();
    expect_question(1, 1);
    for (i = 0; i < 5000; i++, p += 7) {
        const uint8_t low = (uint8_t)(0x80 | (i & 0x7f)), high = (uint8_t)(0x40 | i >> 7);
        const uint8_t host[] = {0x1a, 5, 0x08, low, high, 0x10, 80};

        memcpy(p, host, sizeof(host));
    }
    peer_send(fx.fd, frame, sizeof(frame));
    LOOP_UNTIL(fx.loop, fx.n_route == 1);
    assert_int_equal(fx.n, MSG_MAX_HOSTS);
    assert_int_equal(fx.node[MSG_MAX_HOSTS - 1].ip, (0x40 << 7) + MSG_MAX_HOSTS - 1);
}

static void t_another_weight_or_zone_is_a_change(void **state)
{
    struct module_id m = {1, 1};
    struct route_node n = {0x0a000001, 80, 100, 0};
    const struct dnscli_nodes r = {&n, 1, 0};

    (void)state;
    start();
    want(1, 1);
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.n_route, 1);
    n.weight = 50;
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.n_route, 2);
    assert_int_equal(fx.node[0].weight, 50);
    n.zone = 7;
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.n_route, 3);
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.n_route, 3);
}

static void t_version_is_that_with_which_the_nodes_arrived(void **state)
{
    struct module_id m = {1, 1};
    struct route_node n = {0x0a000001, 80, 100, 0};
    struct dnscli_nodes r = {&n, 1, 0};

    (void)state;
    start();
    want(1, 1);
    dnscli_take(fx.cli, &m, &r);      /* from a legacy DNSService */
    assert_int_equal(fx.version, 0);
    r.version = 7;
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.version, 7);
    assert_true(fx.n_route == 1 && fx.n_version == 1);
    r.version = 8;                    /* another module has changed */
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.version, 7);
    n.weight = 50;
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.version, 8);
    n.weight = 60;
    r.version = 2;                    /* of a database that was restored */
    dnscli_take(fx.cli, &m, &r);
    assert_int_equal(fx.version, 2);
    assert_true(fx.n_route == 3 && fx.n_version == 1);
    want(1, 1);
    assert_true(fx.n_route == 4 && fx.version == 2);
}

static void t_same_route_is_not_passed_on_again(void **state)
{
    (void)state;
    start();
    want(1, 1);
    take();
    push(1, 1, 2);
    push(1, 1, 2);
    push(1, 1, 0);                    /* no nodes: this is a change */
    LOOP_UNTIL(fx.loop, fx.n_route == 2);
    assert_int_equal(fx.n, 0);
    push(1, 1, 0);
    push(1, 1, 1);
    LOOP_UNTIL(fx.loop, fx.n_route == 3);
    assert_int_equal(fx.n, 1);
}

static void t_everything_is_asked_again_after_a_loss(void **state)
{
    int i;

    (void)state;
    start();
    want(1, 1);
    for (i = 0; i < 3; i++) {
        take();                       /* closes the previous connection */
        expect_question(1, 1);
    }
    push(1, 1, 1);
    LOOP_UNTIL(fx.loop, fx.n_route == 1);
}

static void t_lost_while_a_module_is_unresolved(void **state)
{
    (void)state;
    start();
    want(1, 1);
    take();
    expect_question(1, 1);
    peer_reset(fx.fd);                /* before any answer */
    fx.fd = -1;
    take();
    expect_question(1, 1);
    push(1, 1, 1);
    LOOP_UNTIL(fx.loop, fx.n_route == 1);
}

static void t_next_server_is_asked_for_everything(void **state)
{
    struct net_addr second;
    int lfd;

    (void)state;
    assert_int_equal(net_addr_set(&second, "127.0.0.1", 0), 0);
    lfd = sock_listen(&second, 16, SOCK_NONBLOCK);
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &second), 0);
    fx.cfg.server[1] = second;
    fx.cfg.n_server = 2;
    start();
    want(1, 1);
    take();
    expect_question(1, 1);
    close(fx.fd);
    LOOP_UNTIL(fx.loop, (fx.fd = sock_accept(lfd, 0, NULL)) >= 0);
    expect_question(1, 1);
    close(lfd);
}

static void t_refresh_asks_again(void **state)
{
    (void)state;
    fx.cfg.refresh_ms = 1;
    start();
    want(1, 1);
    take();
    expect_question(1, 1);
    expect_question(1, 1);
    expect_question(1, 1);
}

static void t_unwanted_and_malformed_routes_are_dropped(void **state)
{
    (void)state;
    start();
    want(1, 1);
    take();
    push(7, 7, 2);                    /* a module that is not wanted */
    dnspeer_send(fx.fd, MSG_ROUTE, "\xff\xff", 2);
    dnspeer_send(fx.fd, MSG_ROUTE, "\x08\x01\x10\x01\x1a\x02\x08\x01", 8); /* port 0 */
    dnspeer_send(fx.fd, MSG_ROUTE, "", 0);
    push(1, 1, 1);
    LOOP_UNTIL(fx.loop, fx.n_route == 1);
    assert_int_equal(fx.mod.modid, 1);
    dnscli_forget(fx.cli, &(struct module_id){1, 1});
    push(1, 1, 2);
    want(2, 1);
    push(2, 1, 3);
    LOOP_UNTIL(fx.loop, fx.n_route == 2);
    assert_int_equal(fx.mod.modid, 2);
}

static void t_routes_survive_in_the_file(void **state)
{
    struct route_row *row;
    size_t n;

    (void)state;
    start();
    want(1, 1);
    want(2, 1);
    take();
    push(1, 1, 2);
    push(2, 1, 1);
    LOOP_UNTIL(fx.loop, fx.n_route == 2);
    dnscli_destroy(fx.cli);           /* writes the file */
    assert_int_equal(routefile_read(fx.file, &row, &n, NULL), 0);
    assert_int_equal(n, 3);
    free(row);
    fx.n_route = 0;
    start();                          /* reads the file before any answer */
    assert_int_equal(fx.n_route, 2);
    take();
    push(1, 1, 2);                    /* same as in the file */
    push(2, 1, 0);
    LOOP_UNTIL(fx.loop, fx.n_route == 3);
    assert_int_equal(fx.mod.modid, 2);
}

static void t_file_is_written_in_time(void **state)
{
    (void)state;
    fx.cfg.file_ms = 1;
    start();
    want(1, 1);
    take();
    push(1, 1, 2);
    LOOP_UNTIL(fx.loop, access(fx.file, F_OK) == 0);
}

static void t_bad_file_is_ignored(void **state)
{
    FILE *f = fopen(fx.file, "w");

    (void)state;
    assert_non_null(f);
    fprintf(f, "lars-routes 2 5 1\n1 1 10.0.0.1:80\n");
    fclose(f);
    start();
    assert_int_equal(fx.n_route, 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_wanted_module_is_asked_for_and_passed_on),
       E(t_a_route_of_5000_nodes_is_cut_to_the_limit),
       E(t_another_weight_or_zone_is_a_change),
       E(t_version_is_that_with_which_the_nodes_arrived),
       E(t_same_route_is_not_passed_on_again),
       E(t_everything_is_asked_again_after_a_loss),
       E(t_lost_while_a_module_is_unresolved), E(t_next_server_is_asked_for_everything),
       E(t_refresh_asks_again), E(t_unwanted_and_malformed_routes_are_dropped),
       E(t_routes_survive_in_the_file), E(t_file_is_written_in_time),
       E(t_bad_file_is_ignored))
