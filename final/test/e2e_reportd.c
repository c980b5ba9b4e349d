/* The program lars-reportd as an agent sees it, with a real MariaDB. */
#include "t.h"

#include "mydb.h"
#include "proc.h"
#include "reportpeer.h"

static struct proc srv;
static char port_text[16];

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    (void)t_fds_save(state);
    mydb_reset();
    mydb_sql("SET GLOBAL read_only = 0; DELETE FROM ServerCallStatus");
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&srv);
    return t_fds_check(state);
}

/* <writer>: the keys of [writer]. */
static void start_with(const char *writer)
{
    char file[100];
    FILE *f;

    snprintf(file, sizeof(file), "%s/reportd.ini", mydb_dir);
    f = fopen(file, "w");
    assert_non_null(f);
    fprintf(f, "[reportd]\nport = %s\n[db]\nsocket = %s\n[writer]\n%s",
            port_text[0] ? port_text : "0", mydb_socket, writer);
    fclose(f);
    proc_start(&srv, "lars-reportd", "-c", file, NULL);
    proc_wait_port(&srv);
}

static void start(void)
{
    port_text[0] = '\0';
    start_with("gather_ms = 5\n");
}

static void start_again(void)         /* on the same port */
{
    snprintf(port_text, sizeof(port_text), "%d", srv.port);
    start_with("gather_ms = 5\n");
}

static unsigned long long succ_of(unsigned modid)
{
    char sql[150];

    snprintf(sql, sizeof(sql),
             "SELECT COALESCE(SUM(succ_cnt), 0) FROM ServerCallStatus WHERE modid = %u",
             modid);
    return mydb_number(sql);
}

static void t_totals_overwrite(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    reportpeer_send(c, 7, 0xc0a80001, 80, 10, 2);
    T_WAIT(succ_of(7) == 10);
    reportpeer_send(c, 7, 0xc0a80001, 80, 25, 2);
    T_WAIT(succ_of(7) == 25);
    reportpeer_send(c, 7, 0xc0a80001, 80, 1, 0); /* the agent has restarted */
    T_WAIT(succ_of(7) == 1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ServerCallStatus WHERE ip = "
                                 "INET_ATON('192.168.0.1') AND port = 80 AND caller = "
                                 "INET_ATON('127.0.0.1') AND err_cnt = 0 AND cmdid = 1"),
                     1);
    close(c);
}

static void t_report_send_survives_a_restart_and_nothing_is_missing(void **state)
{
    struct proc s = {0};
    char port[16];

    (void)state;
    start();
    snprintf(port, sizeof(port), "%d", srv.port);
    proc_start(&s, "report_send", "5", "1", "10.0.0.1:80", "-p", port, "-s", "3", "-e",
               "1", "-n", "200", "-i", getenv("LARS_MODE") ? "150" : "20", NULL);
    proc_expect_line(s.out, "round 5: succ=15 err=5 sent"); /* not done yet */
    T_WAIT(succ_of(5) > 0);
    proc_end(&srv, SIGKILL);
    proc_expect_line(s.out, "ENOTCONN");
    start_again();
    proc_expect_line(s.out, "round 200: succ=600 err=200 sent");
    assert_int_equal(proc_wait(&s), 0);
    T_WAIT(succ_of(5) == 600);
}

static void t_database_stopped_and_back_has_the_newest(void **state)
{
    int c;
    uint32_t i;

    (void)state;
    start();
    c = peer_connect(srv.port);
    reportpeer_send(c, 7, 1, 80, 1, 0);
    T_WAIT(succ_of(7) == 1);
    assert_int_equal(mydb_run("stop"), 0);
    for (i = 2; i <= 1000; i++)
        reportpeer_send(c, 7, 1, 80, i, 0);
    proc_expect_line(srv.err, "db.down err=ENOTCONN");
    assert_int_equal(mydb_run("start"), 0);
    T_WAIT(succ_of(7) == 1000);
    proc_expect_line(srv.err, "db.back");
    close(c);
}

static void t_started_without_a_database_logs_it_and_waits(void **state)
{
    int c;

    (void)state;
    assert_int_equal(mydb_run("stop"), 0);
    start();
    proc_expect_line(srv.err, "mend: start the server");
    c = peer_connect(srv.port);
    reportpeer_send(c, 7, 1, 80, 9, 0);
    assert_int_equal(mydb_run("start"), 0);
    T_WAIT(succ_of(7) == 9);
    close(c);
}

static void t_table_dropped_names_the_mend_and_recovers(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    mydb_sql("DROP TABLE ServerCallStatus");
    reportpeer_send(c, 7, 1, 80, 9, 0);
    proc_expect_line(srv.err, "mend: load common/sql/schema.sql");
    mydb_reset();
    T_WAIT(succ_of(7) == 9);
    close(c);
}

static void t_read_only_database_keeps_the_rows(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    mydb_sql("SET GLOBAL read_only = 1");
    reportpeer_send(c, 7, 1, 80, 9, 0);
    proc_expect_line(srv.err, "db.down err=EIO");
    mydb_sql("SET GLOBAL read_only = 0");
    T_WAIT(succ_of(7) == 9);
    close(c);
}

static void t_flood_of_keys_is_bounded_and_counted(void **state)
{
    int c;
    uint32_t i;

    (void)state;
    assert_int_equal(mydb_run("stop"), 0);
    port_text[0] = '\0';
    start_with("gather_ms = 5\nthreads = 1\nmax_rows = 50\n");
    c = peer_connect(srv.port);
    for (i = 1; i <= 5000; i++)
        reportpeer_send(c, 7, i, 80, i, 0);
    proc_expect_line(srv.err, "report.full");
    assert_int_equal(mydb_run("start"), 0);
    /* There is room again soon; an agent repeats its totals until they are accepted. */
    T_WAIT((reportpeer_send(c, 8, 1, 80, 4, 0), succ_of(8) == 4));
    assert_true(mydb_number("SELECT COUNT(*) FROM ServerCallStatus") <= 600);
    close(c);
}

static void t_sigterm_writes_received_rows(void **state)
{
    int c;

    (void)state;
    port_text[0] = '\0';
    start_with("gather_ms = 60000\nthreads = 1\n"); /* rows would wait a minute */
    c = peer_connect(srv.port);
    reportpeer_send(c, 7, 1, 80, 9, 0);
    dnspeer_send(c, 3, "\xff", 1);    /* refused after the row above */
    proc_expect_line(srv.err, "report.refused");
    kill(srv.pid, SIGTERM);
    proc_expect_line(srv.err, "reportd.end rows=1 merged=0 refused=0");
    assert_int_equal(proc_wait(&srv), 0);
    assert_int_equal(succ_of(7), 9);
    close(c);
}

static void t_bad_configuration_is_one_line(void **state)
{
    (void)state;
    proc_start(&srv, "lars-reportd", "-p", "70000", NULL);
    proc_expect_line(srv.err, "[reportd] port = 70000: out of range; use 0 to 65535");
    assert_int_equal(proc_wait(&srv), 2);
    proc_start(&srv, "lars-reportd", "-c", "conf/lars-reportd.ini", "--check-config",
               NULL);
    proc_expect_line(srv.out, "conf/lars-reportd.ini: ok");
    assert_int_equal(proc_wait(&srv), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_totals_overwrite),
          E(t_report_send_survives_a_restart_and_nothing_is_missing),
          E(t_database_stopped_and_back_has_the_newest),
          E(t_started_without_a_database_logs_it_and_waits),
          E(t_table_dropped_names_the_mend_and_recovers),
          E(t_read_only_database_keeps_the_rows),
          E(t_flood_of_keys_is_bounded_and_counted), E(t_sigterm_writes_received_rows),
          E(t_bad_configuration_is_one_line))
