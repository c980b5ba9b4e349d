/* The program lars-dnsd as a client sees it, with a real MariaDB. */
#include "t.h"

#include <sys/resource.h>

#include "dnspeer.h"
#include "mydb.h"
#include "proc.h"

static struct proc srv, other;

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    memset(&other, 0, sizeof(other));
    (void)t_fds_save(state);
    mydb_reset();
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1,1,INET_ATON('127.0.1.1'),80), (1,1,INET_ATON('200.1.2.3'),80)");
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&srv);
    proc_kill(&other);
    return t_fds_check(state);
}

static void start_as(struct proc *p)
{
    char file[100];
    FILE *f;

    snprintf(file, sizeof(file), "%s/dnsd.ini", mydb_dir);
    f = fopen(file, "w");
    assert_non_null(f);
    fprintf(f,
            "[dnsd]\nport = 0\n[db]\nsocket = %s\n[poll]\ninterval_ms = 2\nfull_s = 1\n",
            mydb_socket);
    fclose(f);
    proc_start(p, "lars-dnsd", "-c", file, NULL);
    proc_wait_port(p);
}

/* Connect to <p>, ask for module 1/1 and check that it has <n> nodes.  Returns the fd. */
static int subscriber(const struct proc *p, size_t n)
{
    int c = peer_connect(p->port);

    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, n);
    return c;
}

static void insert(uint32_t ip)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) "
             "VALUES (1,1,%u,80)",
             ip);
    mydb_sql(sql);
}

/* Several changes may arrive as one push or as many: read until a route has <n> nodes. */
static void expect_until(int c, size_t n)
{
    static struct dnsroute r;

    do
        dnspeer_recv(c, &r);
    while (r.n != n);
}

static void t_answer_then_push_on_commit(void **state)
{
    int c;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    insert(1000);
    dnspeer_expect(c, 1, 1, 3);
    mydb_sql("START TRANSACTION; INSERT INTO RouteData (modid,cmdid,serverip,serverport) "
             "VALUES (1,1,7,7); ROLLBACK;");
    peer_expect_silence(c, 50);
    mydb_sql("DELETE FROM RouteData WHERE modid = 1");
    expect_until(c, 0);
    close(c);
}

/* The number of connections to the port of the server that have a keepalive timer: their
 * state in /proc/net/tcp is 1 (established) and their timer 2. */
static int n_keepalive(const struct proc *p)
{
    FILE *f = fopen("/proc/net/tcp", "r");
    unsigned local, state, timer;
    char line[300];
    int n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "%*d: %*x:%x %*x:%*x %x %*x:%*x %x:", &local, &state, &timer) ==
            3)
            n += local == (unsigned)p->port && state == 1 && timer == 2;
    fclose(f);
    return n;
}

static void t_silent_agent_is_probed_never_closed(void **state)
{
    int c;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    T_WAIT(n_keepalive(&srv) == 1);
    close(c);
}

static void t_two_instances_push_every_change(void **state)
{
    int a, b, i;

    (void)state;
    start_as(&srv);
    start_as(&other);
    a = subscriber(&srv, 2);
    b = subscriber(&other, 2);
    for (i = 0; i < 10; i++)
        insert(5000 + (uint32_t)i);
    expect_until(a, 12);
    expect_until(b, 12);
    close(a);
    close(b);
}

static void t_database_stopped_and_back(void **state)
{
    int c, d;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    assert_int_equal(mydb_run("stop"), 0);
    proc_expect_line(srv.err, "db.down err=ENOTCONN");
    d = subscriber(&srv, 2);          /* answered from the table */
    assert_int_equal(mydb_run("start"), 0);
    insert(77);
    dnspeer_expect(c, 1, 1, 3);
    dnspeer_expect(d, 1, 1, 3);
    proc_expect_line(srv.err, "db.back");
    close(c);
    close(d);
}

static void t_started_without_a_database_answers_when_it_comes(void **state)
{
    int c;

    (void)state;
    assert_int_equal(mydb_run("stop"), 0);
    start_as(&srv);
    c = peer_connect(srv.port);
    dnspeer_ask(c, 1, 1);
    proc_expect_line(srv.err, "db.down");
    peer_expect_silence(c, 50);
    assert_int_equal(mydb_run("start"), 0);
    dnspeer_expect(c, 1, 1, 2);
    close(c);
}

static void t_killed_and_started_again_serves_the_current_routes(void **state)
{
    int c;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    proc_kill(&srv);
    peer_expect_close(c);
    close(c);
    insert(88);
    start_as(&srv);
    c = subscriber(&srv, 3);
    close(c);
}

static void t_truncate_and_lost_triggers_are_found_by_the_compare(void **state)
{
    int c;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    mydb_sql("TRUNCATE TABLE RouteData");
    dnspeer_expect(c, 1, 1, 0);
    proc_expect_line(srv.err, "route.drift");
    mydb_sql("DROP TRIGGER route_data_insert");
    insert(99);
    dnspeer_expect(c, 1, 1, 1);
    close(c);
}

static void t_schema_dropped_keeps_answering_and_names_the_mend(void **state)
{
    int c, d;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    mydb_sql("DROP DATABASE lars_dns");
    proc_expect_line(srv.err, "mend: load common/sql/schema.sql");
    d = subscriber(&srv, 2);
    assert_int_equal(mydb_run("stop"), 0);
    assert_int_equal(mydb_run("start"), 0); /* loads the schema, without rows */
    dnspeer_expect(c, 1, 1, 0);
    close(c);
    close(d);
}

static void t_read_only_database_is_enough(void **state)
{
    int c;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    mydb_sql("SET GLOBAL read_only = 1");
    insert(55);                       /* the administrator may write */
    dnspeer_expect(c, 1, 1, 3);
    mydb_sql("SET GLOBAL read_only = 0");
    close(c);
}

#define MODULES 5

/* Start a SQL client that makes <edits> random edits.  With -f it continues after an
 * error: a deadlock rolls its transaction back, so that no reader sees it. */
static FILE *writer(unsigned seed, int edits)
{
    char cmd[200];
    FILE *f;
    int i;

    snprintf(cmd, sizeof(cmd),
             "mariadb --no-defaults --socket=%s --user=$(id -un) -f "
             "lars_dns >/dev/null 2>&1",
             mydb_socket);
    f = popen(cmd, "w");
    assert_non_null(f);
    for (i = 0; i < edits; i++) {
        unsigned r = (seed = seed * 1664525u + 1013904223u) >> 8;
        unsigned mod = 1 + r % MODULES, ip = 1 + (r >> 4) % 20;

        if (i % 4 == 0)
            fputs(i ? "COMMIT; START TRANSACTION;\n" : "START TRANSACTION;\n", f);
        if ((r >> 10) % 3 == 0)
            fprintf(f, "DELETE FROM RouteData WHERE modid = %u AND serverip = %u;\n", mod,
                    ip);
        else if ((r >> 10) % 3 == 1)
            fprintf(
                f,
                "UPDATE IGNORE RouteData SET modid = %u WHERE serverip = %u LIMIT 1;\n",
                mod, ip);
        else
            fprintf(f,
                    "REPLACE INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                    "(%u, 1, %u, 80);\n",
                    mod, ip);
    }
    fputs("COMMIT;\n", f);
    fflush(f);
    return f;
}

/* The addresses of a module, 1 to 20, as a set of bits. */
static uint64_t bits_of(const struct dnsroute *r)
{
    uint64_t bits = 0;
    size_t i;

    for (i = 0; i < r->n; i++)
        bits |= 1ull << r->host[i].ip;
    return bits;
}

/* Read pushes until no more arrive, and check that the last routes are <want>; repeat
 * this until the deadline. */
static void expect_table(int c, const uint64_t want[MODULES + 1])
{
    static struct dnsroute r;
    uint64_t have[MODULES + 1] = {0}, end = t_now_ms() + T_DEADLINE_MS;
    struct pollfd pf = {.fd = c, .events = POLLIN};

    for (;;) {
        while (poll(&pf, 1, 200) == 1) {
            dnspeer_recv(c, &r);
            have[r.modid] = bits_of(&r);
        }
        if (memcmp(have, want, sizeof(have)) == 0)
            return;
        if (t_now_ms() > end)
            fail_msg("the subscriber did not receive the content of the table");
    }
}

/* Two clients make interleaved transactions.  Afterwards the subscribers of both
 * instances have exactly the content of the table. */
static void t_random_edits_every_subscriber_ends_with_the_table(void **state)
{
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)atoi(env) : (unsigned)t_now_ms();
    int c[2], edits = getenv("LARS_MODE") ? 50 : 500, i, m;
    uint64_t want[MODULES + 1] = {0};
    char sql[200];
    FILE *a, *b;

    (void)state;
    print_message("SEED=%u\n", seed);
    mydb_sql("DELETE FROM RouteData");
    start_as(&srv);
    start_as(&other);
    c[0] = peer_connect(srv.port);
    c[1] = peer_connect(other.port);
    for (i = 0; i < 2; i++)
        for (m = 1; m <= MODULES; m++)
            dnspeer_ask(c[i], (uint32_t)m, 1);
    a = writer(seed, edits);
    b = writer(seed + 1, edits);
    pclose(a);
    pclose(b);
    for (m = 1; m <= MODULES; m++) {
        snprintf(sql, sizeof(sql), "SELECT COALESCE(BIT_OR(1 << serverip), 0) FROM "
                                   "RouteData WHERE modid = %d", m);
        want[m] = mydb_number(sql);
    }
    for (i = 0; i < 2; i++) {
        expect_table(c[i], want);
        close(c[i]);
    }
}

static void t_route_get_prints_nodes_and_pushes(void **state)
{
    struct proc g = {0};
    char port[16], line[200];

    (void)state;
    start_as(&srv);
    snprintf(port, sizeof(port), "%d", srv.port);
    proc_start(&g, "route_get", "1", "1", "-p", port, "-n", "2", NULL);
    assert_true(proc_line(g.out, line, sizeof(line)));
    assert_string_equal(line, "module 1/1 nodes 2");
    proc_expect_line(g.out, "  127.0.1.1:80");
    proc_expect_line(g.out, "  200.1.2.3:80");
    mydb_sql("DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.1')");
    proc_expect_line(g.out, "module 1/1 nodes 1");
    assert_int_equal(proc_wait(&g), 0);
}

static void t_sigterm_closes_connections_and_exits_0(void **state)
{
    int c;

    (void)state;
    start_as(&srv);
    c = subscriber(&srv, 2);
    assert_int_equal(proc_end(&srv, SIGTERM), 0);
    peer_expect_close(c);
    close(c);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_answer_then_push_on_commit), E(t_silent_agent_is_probed_never_closed),
          E(t_two_instances_push_every_change),
          E(t_database_stopped_and_back),
          E(t_started_without_a_database_answers_when_it_comes),
          E(t_killed_and_started_again_serves_the_current_routes),
          E(t_truncate_and_lost_triggers_are_found_by_the_compare),
          E(t_schema_dropped_keeps_answering_and_names_the_mend),
          E(t_read_only_database_is_enough),
          E(t_random_edits_every_subscriber_ends_with_the_table),
          E(t_route_get_prints_nodes_and_pushes),
          E(t_sigterm_closes_connections_and_exits_0))
