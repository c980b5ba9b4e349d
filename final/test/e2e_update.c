/* Route updates between the real programs: a peer that has sent a hello gets the whole
 * route and then its changes, a large module in pages; a legacy peer beside it gets
 * message 2; the agent ends with exactly the content of the table, and asks for the whole
 * route after an update that does not fit. */
#include "dnspeer.h"
#include "proto/msg_batch.h"
#include "proto/msg_update.h"
#include "lib/system.h"

static struct msg_update m;
static struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];

/* Connects and exchanges hellos.  Returns the socket. */
static int hello(void)
{
    int c = peer_connect(sys.dnsd.port);
    uint8_t in[12];

    dnspeer_send(c, 32, "\x08\x01", 2);
    peer_recv(c, in, sizeof(in));
    assert_memory_equal(in, "\x21\0\0\0\4\0\0\0\x08\x01\x10\x01", 12);
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

static void t_hello_gets_deltas_and_a_legacy_peer_message_2(void **state)
{
    uint64_t sum;
    int c, legacy;

    (void)state;
    system_start_dnsd();
    c = hello();
    dnspeer_ask(c, 1, 1);
    next_update(c);
    assert_true(m.base == 0 && m.pages == 1 && m.n_add == 3 && m.version > 0);
    sum = m.sum;
    legacy = peer_connect(sys.dnsd.port);
    dnspeer_ask(legacy, 1, 1);
    dnspeer_expect(legacy, 1, 1, 3);
    testdb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1,1,9,90)");
    next_update(c);
    assert_true(m.base == sum && m.n_add == 1 && m.n_gone == 0);
    assert_int_equal(add[0].ip, 9);
    assert_int_equal(add[0].port, 90);
    dnspeer_expect(legacy, 1, 1, 4);
    sum = m.sum;
    testdb_sql("UPDATE RouteData SET serverport = 91 WHERE serverip = 9");
    next_update(c);
    assert_true(m.base == sum && m.n_add == 1 && m.n_gone == 1);
    assert_int_equal(gone[0].port, 90);
    dnspeer_expect(legacy, 1, 1, 4);
    testdb_sql("DELETE FROM RouteData");
    next_update(c);
    while (m.n_gone + m.n_add > 0 && m.base != 0)
        next_update(c); /* the rows may be removed in several updates */
    assert_int_equal(m.n_add, 0);
    close(c);
    close(legacy);
}

static void fill(int n)
{
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT 5, 1, "
                "167772160 + seq, 80 FROM seq_1_to_%d",
                n);
}

static void t_large_module_is_sent_in_pages(void **state)
{
    size_t n = 0;
    uint32_t page = 0;
    int c;

    (void)state;
    fill(10000); /* more than fits into message 2 */
    system_start_dnsd();
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

/* How many different nodes the agent gives for module 5/1 in <n> answers. */
static int count_different_nodes(int n)
{
    static bool seen[20000];
    struct lars_host h;
    int i, k = 0;

    memset(seen, 0, sizeof(seen));
    for (i = 0; i < n; i++) {
        uint32_t ip;

        if (lars_get_host(sys.client, 5, 1, &h) != 0)
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
    system_start();
    T_WAIT(lars_register(sys.client, 5, 1) == 0);
    assert_int_equal(count_different_nodes(5000),
                     5000); /* idle nodes are chosen in turn */
}

/* After random edits the agent has exactly the nodes of the table. */
static void t_random_edits_end_with_the_nodes_of_the_table(void **state)
{
    unsigned seed = (unsigned)getpid();
    char sql[200];
    int i;

    (void)state;
    print_message("the seed is %u\n", seed);
    system_start();
    testdb_sql("DELETE FROM RouteData WHERE serverip > 2130706432");
    for (i = 0; i < (getenv("LARS_MODE") ? 20 : 100); i++) {
        unsigned ip = (unsigned)rand_r(&seed) % 12 + 1;

        snprintf(sql, sizeof(sql),
                 rand_r(&seed) % 3 ? "INSERT IGNORE INTO RouteData (modid, cmdid, "
                                     "serverip, serverport) VALUES (1, 1, %u, 80)"
                                   : "DELETE FROM RouteData WHERE serverip = %u",
                 ip);
        testdb_sql(sql);
    }
    testdb_sql("INSERT IGNORE INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1, 1, 1, 80)");
    T_WAIT(system_n_nodes() ==
           (int)testdb_number("SELECT COUNT(*) FROM RouteData WHERE modid = 1"));
}

/* The test plays a DNSService and sends a change of a version that the agent does not
 * have. */
static void t_update_that_does_not_fit_makes_the_agent_ask_again(void **state)
{
    static const uint8_t wrong[] = {36,   0, 0,    0, 20,   0, 0,    0,  0x08, 1,
                                    0x10, 1, 0x18, 9, 0x20, 5, 0x28, 99, 0x30, 1,
                                    0x38, 1, 0x42, 4, 8,    9, 16,   80};
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    uint8_t head[8], body[64];
    int lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(lfd, 4), 0);
    getsockname(lfd, (struct sockaddr *)&a, &len);
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%u", ntohs(a.sin_port));
    system_start_reportd();
    system_start_agentd();
    system_open_client();
    fd = accept(lfd, NULL, NULL);
    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 32); /* the hello */
    peer_recv(fd, body, head[4]);
    (void)lars_get_host(sys.client, 1, 1, &(struct lars_host){.modid = 0});
    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 1); /* the question for 1/1 */
    peer_recv(fd, body, head[4]);
    peer_send(fd, wrong, sizeof(wrong));
    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 1); /* the same question again */
    peer_recv(fd, body, head[4]);
    assert_memory_equal(body, "\x08\x01\x10\x01", 4);
    assert_int_equal(system_n_nodes(), -ENOENT); /* the update was not used */
    close(fd);
    close(lfd);
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, system_setup, system_teardown)

TESTDB_MAIN(U(t_hello_gets_deltas_and_a_legacy_peer_message_2),
            U(t_large_module_is_sent_in_pages),
            U(t_agent_uses_every_node_of_a_large_module),
            U(t_random_edits_end_with_the_nodes_of_the_table),
            U(t_update_that_does_not_fit_makes_the_agent_ask_again))
