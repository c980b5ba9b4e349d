/* lars-dnsd with its guard and a MariaDB: a module that is emptied without confirmation
 * is held and still served, also after a restart; a confirmed change is pushed; without
 * the database the last known good routes are served; a drained node is not given. */
#include "lib/textfile.h"

#include "dnspeer.h"
#include "mydb.h"
#include "proc.h"

static struct proc srv;
static char dir[80];

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    (void)t_fds_save(state);
    mydb_reset();
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1,1,10,80), (1,1,11,80), (1,1,12,80), (2,1,10,80)");
    snprintf(dir, sizeof(dir), "%s/guard", mydb_dir);
    return 0;
}

static int teardown(void **state)
{
    char file[100];

    proc_kill(&srv);
    snprintf(file, sizeof(file), "%s/dnsd.routes", dir);
    unlink(file);
    rmdir(dir);
    return t_fds_check(state);
}

static void start(void)
{
    char file[100];

    snprintf(file, sizeof(file), "%s/dnsd.ini", mydb_dir);
    textfile_write(file,
                   "[dnsd]\nport = 0\n[db]\nsocket = %s\n[poll]\ninterval_ms = 2\n"
                   "full_s = 1\n[guard]\ndir = %s\nwrite_ms = 0\n",
                   mydb_socket, dir);
    proc_start(&srv, "lars-dnsd", "-c", file, NULL);
    proc_wait_port(&srv);
}

/* A connection that has asked for module <modid>/1 and received <n> nodes. */
static int subscriber(uint32_t modid, size_t n)
{
    int c = peer_connect(srv.port);

    dnspeer_ask(c, modid, 1);
    dnspeer_expect(c, modid, 1, n);
    return c;
}

static void expect_log(const char *text)
{
    proc_expect_line(srv.err, text);
}

static void t_emptied_module_is_served_until_confirmed(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(1, 3);
    mydb_sql("DELETE FROM RouteData WHERE modid = 1");
    expect_log("route.held modid=1 cmdid=1 nodes=3 gone=3");
    peer_expect_silence(c, 50);
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (2,1,9,80)");
    close(subscriber(1, 3));
    mydb_sql("INSERT INTO RouteConfirm (modid, cmdid, who) VALUES (1, 1, 'test')");
    dnspeer_expect(c, 1, 1, 0);
    expect_log("route.released");
    close(c);
}

static void t_confirmed_change_is_pushed(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(1, 3);
    mydb_sql("SET @lars_confirmed = 1; DELETE FROM RouteData WHERE modid = 1");
    dnspeer_expect(c, 1, 1, 0);
    close(c);
}

static void t_confirmed_change_does_not_confirm_another_authors(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(1, 3);
    mydb_sql("DELETE FROM RouteData WHERE modid = 1 AND serverip <> 10");
    expect_log("route.held modid=1 cmdid=1 nodes=3 gone=2");
    mydb_sql("SET @lars_confirmed = 1; INSERT INTO RouteData (modid, cmdid, serverip, "
             "serverport) VALUES (1,1,11,80); UPDATE RouteData SET weight = 7 WHERE "
             "modid = 1 AND serverip = 10");
    peer_expect_silence(c, 50);
    mydb_sql("SET @lars_confirmed = 1; DELETE FROM RouteData WHERE modid = 1 AND "
             "serverip = 11");
    peer_expect_silence(c, 50);
    mydb_sql("INSERT INTO RouteConfirm (modid, cmdid, who) VALUES (1, 1, 'test')");
    dnspeer_expect(c, 1, 1, 1);
    close(c);
}

static void t_weight_0_gives_no_calls_and_large_weights_are_cut(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(1, 3);
    mydb_sql("UPDATE RouteData SET weight = 0 WHERE modid = 1 AND serverip = 10");
    dnspeer_expect(c, 1, 1, 2);
    mydb_sql("UPDATE RouteData SET weight = 70000 WHERE modid = 1 AND serverip = 10");
    dnspeer_expect(c, 1, 1, 3);
    close(c);
}

static void t_row_without_an_address_is_left_out_and_logged(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(2, 1);
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(2,1,0,80), (2,1,11,0), (2,1,12,70000), (2,1,13,80)");
    expect_log("bad_rows=3");
    dnspeer_expect(c, 2, 1, 2);
    close(c);
}

static void t_truncate_is_held_and_filled_again(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(1, 3);
    mydb_sql("TRUNCATE TABLE RouteData");
    expect_log("route.held");
    expect_log("route.held modid=2");
    close(subscriber(1, 3));
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1,1,10,80), (1,1,11,80), (1,1,12,80), (2,1,10,80), (2,1,11,80)");
    expect_log("route.released");
    peer_expect_silence(c, 50); /* module 1/1 has the same nodes as before */
    close(c);
    close(subscriber(2, 2));
}

static void t_hold_survives_a_restart(void **state)
{
    (void)state;
    start();
    close(subscriber(1, 3));
    mydb_sql("DELETE FROM RouteData WHERE modid = 1");
    expect_log("route.held");
    assert_int_equal(proc_end(&srv, SIGTERM), 0);
    start();
    expect_log("route.held");
    close(subscriber(1, 3));
}

static void t_start_without_database_serves_the_last_known_good(void **state)
{
    int c;

    (void)state;
    start();
    close(subscriber(1, 3));
    assert_int_equal(proc_end(&srv, SIGTERM), 0);
    assert_int_equal(mydb_run("stop"), 0);
    start();
    expect_log("route.last_known_good");
    c = subscriber(1, 3);
    assert_int_equal(mydb_run("start"), 0);
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (1,1,9,80)");
    dnspeer_expect(c, 1, 1, 4);
    close(c);
}

static void t_drained_node_is_not_given(void **state)
{
    int c;

    (void)state;
    start();
    c = subscriber(1, 3);
    mydb_sql("UPDATE RouteData SET state = 'drained' WHERE modid = 1 AND serverip = 10");
    dnspeer_expect(c, 1, 1, 2);
    mydb_sql("UPDATE RouteData SET state = 'up' WHERE modid = 1");
    dnspeer_expect(c, 1, 1, 3);
    close(c);
}

#define G(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(G(t_emptied_module_is_served_until_confirmed), G(t_confirmed_change_is_pushed),
          G(t_confirmed_change_does_not_confirm_another_authors),
          G(t_weight_0_gives_no_calls_and_large_weights_are_cut),
          G(t_row_without_an_address_is_left_out_and_logged),
          G(t_truncate_is_held_and_filled_again), G(t_hold_survives_a_restart),
          G(t_start_without_database_serves_the_last_known_good),
          G(t_drained_node_is_not_given))
