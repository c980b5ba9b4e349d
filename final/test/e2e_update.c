/* Updates between the real programs: what changed goes out as a delta, a large module in
 * pages; a legacy peer beside it gets message 2. */
#include "dnspeer.h"
#include "proto/msg_batch.h"
#include "proto/msg_update.h"
#include "system.h"

static struct msg_update m;
static struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];

static int update_teardown(void **state)
{
    char cmd[120];

    proc_kill(&agent);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
    return teardown(state);
}

/* A peer that has sent a hello. */
static int hello(void)
{
    int c = peer_connect(dns.port);
    uint8_t in[10];

    dnspeer_send(c, 32, "\x08\x01", 2);
    peer_recv(c, in, sizeof(in));
    assert_memory_equal(in, "\x21\0\0\0\2\0\0\0\x08\x01", 10);
    return c;
}

static void next_update(int c)
{
    static uint8_t body[65536];
    uint32_t head[2];

    peer_recv(c, head, 8);
    assert_int_equal(head[0], MSG_ROUTE_UPDATE);
    assert_true(head[1] < sizeof(body));
    peer_recv(c, body, head[1]);
    assert_int_equal(msg_update_unpack(&m, add, gone, body, head[1]), 0);
}

static void t_hello_gets_whole_then_deltas_legacy_gets_message_2(void **state)
{
    uint64_t sum;
    int c, base;

    (void)state;
    start_dns();
    c = hello();
    dnspeer_ask(c, 1, 1);
    next_update(c);
    assert_true(m.base == 0 && m.pages == 1 && m.n_add == 3 && m.version > 0);
    sum = m.sum;
    base = peer_connect(dns.port);
    dnspeer_ask(base, 1, 1);
    dnspeer_expect(base, 1, 1, 3);
    mydb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1,1,9,90)");
    next_update(c);
    assert_true(m.base == sum && m.n_add == 1 && m.n_gone == 0);
    assert_int_equal(add[0].ip, 9);
    assert_int_equal(add[0].port, 90);
    dnspeer_expect(base, 1, 1, 4);
    sum = m.sum;
    mydb_sql("UPDATE RouteData SET serverport = 91 WHERE serverip = 9");
    next_update(c);
    assert_true(m.base == sum && m.n_add == 1 && m.n_gone == 1);
    assert_int_equal(gone[0].port, 90);
    dnspeer_expect(base, 1, 1, 4);
    mydb_sql("DELETE FROM RouteData");
    next_update(c);
    while (m.n_gone + m.n_add > 0 && m.base != 0)
        next_update(c); /* rows may go one by one */
    assert_int_equal(m.n_add, 0);
    close(c);
    close(base);
}

static void fill(int n)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT 5, 1, "
             "167772160 + seq, 80 FROM seq_1_to_%d",
             n);
    mydb_sql(sql);
}

static void t_large_module_comes_in_pages(void **state)
{
    size_t n = 0;
    uint32_t page = 0;
    int c;

    (void)state;
    fill(10000); /* more than message 2 holds */
    start_dns();
    c = hello();
    dnspeer_ask(c, 5, 1);
    do {
        next_update(c);
        assert_int_equal(m.page, ++page);
        assert_int_equal(m.pages, (10000 + MSG_UPDATE_HOSTS - 1) / MSG_UPDATE_HOSTS);
        n += m.n_add;
    } while (m.page < m.pages);
    assert_int_equal(n, 10000);
    close(c);
}

/* Different nodes that the agent gives for 5/1 in <n> answers. */
static int different(int n)
{
    static bool seen[20000];
    struct lars_host h;
    int i, k = 0;

    memset(seen, 0, sizeof(seen));
    for (i = 0; i < n; i++) {
        uint32_t ip;

        if (lars_get_host(client, 5, 1, &h) != 0)
            continue;
        ip = (uint32_t)h.addr.ip[2] << 8 | h.addr.ip[3];
        assert_true(ip < 20000);
        k += !seen[ip];
        seen[ip] = true;
    }
    return k;
}

static void t_agent_uses_every_node_of_a_large_module(void **state)
{
    (void)state;
    fill(5000);
    start_all();
    T_WAIT(lars_register(client, 5, 1) == 0);
    assert_int_equal(different(5000), 5000); /* idle nodes take turns */
}

/* Random edits; the agent has exactly the table in the end. */
static void t_random_edits_end_with_the_tables_content(void **state)
{
    unsigned seed = (unsigned)getpid();
    char sql[200];
    int i;

    (void)state;
    print_message("seed %u\n", seed);
    start_all();
    mydb_sql("DELETE FROM RouteData WHERE serverip > 2130706432");
    for (i = 0; i < (getenv("LARS_MODE") ? 20 : 100); i++) {
        unsigned ip = (unsigned)rand_r(&seed) % 12 + 1;

        snprintf(sql, sizeof(sql),
                 rand_r(&seed) % 3 ? "INSERT IGNORE INTO RouteData (modid, cmdid, "
                                     "serverip, serverport) VALUES (1, 1, %u, 80)"
                                   : "DELETE FROM RouteData WHERE serverip = %u",
                 ip);
        mydb_sql(sql);
    }
    mydb_sql("INSERT IGNORE INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1, 1, 1, 80)");
    T_WAIT(n_nodes() ==
           (int)mydb_number("SELECT COUNT(*) FROM RouteData WHERE modid = 1"));
}

/* A DNSService, played by the test, sends an update that does not fit; the agent asks for
 * the whole route. */
static void t_an_update_that_does_not_fit_asks_for_the_whole(void **state)
{
    static const uint8_t wrong[] = {36,   0, 0,    0, 20,   0, 0,    0,  0x08, 1,
                                    0x10, 1, 0x18, 9, 0x20, 5, 0x28, 99, 0x30, 1,
                                    0x38, 1, 0x42, 4, 8,    9, 16,   80};
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};
    uint8_t head[8], body[64];
    int lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(lfd, 4), 0);
    getsockname(lfd, (struct sockaddr *)&a, &len);
    snprintf(dns_port, sizeof(dns_port), "%u", ntohs(a.sin_port));
    start_rep();
    start_agent();
    opt.port = (uint16_t)agent.port;
    assert_int_equal(lars_open(&client, &opt), 0);
    fd = accept(lfd, NULL, NULL);
    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 32); /* hello first */
    peer_recv(fd, body, head[4]);
    (void)lars_get_host(client, 1, 1, &(struct lars_host){.modid = 0});
    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 1); /* the first question for 1/1 */
    peer_recv(fd, body, head[4]);
    peer_send(fd, wrong, sizeof(wrong));
    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 1); /* and once more */
    peer_recv(fd, body, head[4]);
    assert_memory_equal(body, "\x08\x01\x10\x01", 4);
    assert_int_equal(n_nodes(), -ENOENT); /* nothing of the update was used */
    close(fd);
    close(lfd);
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, update_teardown)

MYDB_MAIN(U(t_hello_gets_whole_then_deltas_legacy_gets_message_2),
          U(t_large_module_comes_in_pages), U(t_agent_uses_every_node_of_a_large_module),
          U(t_random_edits_end_with_the_tables_content),
          U(t_an_update_that_does_not_fit_asks_for_the_whole))
