/* The evaluation of alarms on a real MariaDB: alarms are stored in the table and reach
 * the notifier; one of all Report Services evaluates them; it depends on no other task of
 * the leader. */
#include "report/alarm_watch.h"

#include <sys/stat.h>

#include "base/log.h"
#include "mydb.h"
#include "peer.h"

static struct alarm_watch *watch;
static char hook[100], written[100];

static const struct myconn_config cfg = {mydb_socket, "",         0, "lars",
                                         "lars",      "lars_dns", 5};

static int setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_reset();
    mydb_sql("DELETE FROM CallSecond; DELETE FROM Lease; DELETE FROM Alarm");
    watch = NULL;
    snprintf(hook, sizeof(hook), "%s/hook", mydb_dir);
    snprintf(written, sizeof(written), "%s/written", mydb_dir);
    unlink(written);
    assert_int_equal(myconn_init(), 0);
    return 0;
}

static int teardown(void **state)
{
    alarm_watch_stop(watch);
    alarm_watch_stop(NULL);
    myconn_fini();
    return t_fds_check(state);
}

static unsigned long long number(const char *sql)
{
    return mydb_number(sql);
}

static void start(const char *exec, const char *webhook)
{
    struct alarm_watch_config c = {
        .round_ms = 5, .lease_s = 5, .error_percent = 20, .notify = {exec, webhook}};
    struct alarm_db *own;

    assert_int_equal(alarm_db_create(&own, &cfg), 0);
    assert_int_equal(alarm_watch_start(&watch, own, &c), 0);
}

static struct alarm_watch_stat stat_now(void)
{
    struct alarm_watch_stat st;

    alarm_watch_stat(watch, &st);
    return st;
}

static void t_error_rate_and_dead_node_are_raised_and_cleared(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() + 60, 1, 1, 10, 80, 70, 0), "
        "(UNIX_TIMESTAMP() + 60, 1, 1, 11, 80, 0, 30), "
        "(UNIX_TIMESTAMP() + 60, 2, 1, 11, 80, 99, 19)"); /* 16 %: neither bad nor good */
    start("", "");
    T_WAIT(stat_now().n_raised == 2);
    assert_int_equal(number(
                         "SELECT COUNT(*) FROM Alarm WHERE kind = 'error_rate' AND "
                         "subject = '1/1' AND detail LIKE '30.0 \\% of 100 calls%' AND "
                         "cleared_at IS NULL"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'node_dead' AND "
                            "subject = '1/1 0.0.0.11:80' AND cleared_at IS NULL"),
                     1);
    mydb_sql("UPDATE CallSecond SET succ = 1000 WHERE ip = 11");
    T_WAIT(stat_now().n_cleared == 2);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL"), 0);
    assert_int_equal(stat_now().n_raised, 2);
}

static void
t_drained_module_is_raised_and_the_next_leader_does_not_raise_it_again(void **state)
{
    uint64_t rounds;

    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    alarm_watch_stop(watch);
    start("", "");
    T_WAIT(stat_now().is_leader == 1);
    rounds = stat_now().n_round;
    T_WAIT(stat_now().n_round >= rounds + 10);
    assert_int_equal(stat_now().n_raised, 0);
    assert_int_equal(stat_now().n_open, 1);
    mydb_sql("UPDATE RouteData SET state = 'up'");
    T_WAIT(stat_now().n_cleared == 1);
}

static void put_hook(const char *body)
{
    FILE *f = fopen(hook, "w");

    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    assert_int_equal(chmod(hook, 0755), 0);
}

static void t_hook_program_gets_the_alarm_as_arguments(void **state)
{
    char body[400], line[200];
    FILE *f;

    (void)state;
    snprintf(body, sizeof(body), "echo \"$1|$2|$3|$4\" >%s.new; mv %s.new %s", written,
             written, written);
    put_hook(body);
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start(hook, "");
    T_WAIT(access(written, F_OK) == 0);
    f = fopen(written, "r");
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    assert_string_equal(line, "no_nodes|7/1|raised|all of its nodes are drained\n");
    assert_int_equal(stat_now().n_notify_fail, 0);
}

static void t_hook_that_fails_is_counted(void **state)
{
    (void)state;
    put_hook("exit 3");
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start(hook, "http://127.0.0.1:1/"); /* no process listens on port 1 */
    T_WAIT(stat_now().n_notify_fail == 2);
    T_WAIT(stat_now().n_round > 20); /* the rounds continue */
}

static void t_webhook_gets_json(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    char url[60], text[2000] = "";
    size_t n = 0;
    int fd, lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(lfd, 5), 0);
    getsockname(lfd, (struct sockaddr *)&a, &len);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/alarm", ntohs(a.sin_port));
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start("", url);
    fd = accept(lfd, NULL, NULL);
    assert_true(fd >= 0);
    while (!strstr(text, "drained\"}")) {
        ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

        assert_true(got > 0);
        n += (size_t)got;
        text[n] = '\0';
    }
    assert_int_equal(strncmp(text, "POST /alarm HTTP/1.1\r\n", 22), 0);
    assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\r\n\r\n{\"kind\": \"no_nodes\", \"subject\": \"7/1\", "
                                 "\"state\": \"raised\", \"detail\": "
                                 "\"all of its nodes are drained\"}"));
    peer_send(fd, "HTTP/1.1 204 No Content\r\n\r\n", 27);
    close(fd);
    close(lfd);
    T_WAIT(stat_now().n_round > 5);
    assert_int_equal(stat_now().n_notify_fail, 0);
}

static void t_one_of_two_services_evaluates(void **state)
{
    struct alarm_watch *first;

    (void)state;
    start("", "");
    first = watch;
    T_WAIT(stat_now().is_leader == 1);
    start("", "");
    T_WAIT(number("SELECT COUNT(*) FROM Lease") == 1);
    assert_int_equal(stat_now().is_leader, 0);
    alarm_watch_stop(first); /* it releases the lease at once */
    T_WAIT(stat_now().is_leader == 1);
}

static int group_setup(void **state)
{
    return notifier_init() < 0 ? -1 : mydb_setup(state);
}

static int group_teardown(void **state)
{
    notifier_fini();
    return mydb_teardown(state);
}

#define W(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN_WITH(group_setup, group_teardown,
               W(t_error_rate_and_dead_node_are_raised_and_cleared),
               W(t_drained_module_is_raised_and_the_next_leader_does_not_raise_it_again),
               W(t_hook_program_gets_the_alarm_as_arguments),
               W(t_hook_that_fails_is_counted), W(t_webhook_gets_json),
               W(t_one_of_two_services_evaluates))
