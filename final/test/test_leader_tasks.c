/* The tasks of the leader on a real MariaDB: one of all Report Services does them; no
 * count is lost on the way to coarser tables; old rows are deleted; alarms are stored in
 * the table and reach the notifier. */
#include "report/leader_tasks.h"

#include <pthread.h>
#include <sys/stat.h>

#include "base/log.h"
#include "mydb.h"
#include "peer.h"

static struct leader_db *db;
static struct leader_tasks *tasks;
static char hook[100], written[100];

static const struct myconn_config cfg = {mydb_socket, "",         0, "lars",
                                         "lars",      "lars_dns", 5};

static int setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_reset();
    mydb_sql("DELETE FROM CallSecond; DELETE FROM CallMinute; DELETE FROM CallHour; "
             "DELETE FROM Lease; DELETE FROM Alarm");
    tasks = NULL;
    snprintf(hook, sizeof(hook), "%s/hook", mydb_dir);
    snprintf(written, sizeof(written), "%s/written", mydb_dir);
    unlink(written);
    assert_int_equal(myconn_init(), 0);
    return leader_db_create(&db, &cfg);
}

static int teardown(void **state)
{
    leader_tasks_stop(tasks);
    leader_tasks_stop(NULL);
    leader_db_close(db);
    myconn_fini();
    return t_fds_check(state);
}

static unsigned long long number(const char *sql)
{
    return mydb_number(sql);
}

static void t_lease_has_one_holder_until_it_expires(void **state)
{
    (void)state;
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
    assert_int_equal(leader_db_lease(db, 2, 100), 0);
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
    assert_int_equal(leader_db_release(db, 2), 0); /* another holder's */
    assert_int_equal(leader_db_lease(db, 2, 100), 0);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) - INTERVAL 1 SECOND");
    assert_int_equal(leader_db_lease(db, 2, 100), 1);
    assert_int_equal(leader_db_lease(db, 1, 100), 0);
    assert_int_equal(leader_db_release(db, 2), 0);
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
}

#define SUMS                                                                             \
    "SELECT COALESCE(SUM(succ), 0) * 1000 + COALESCE(SUM(err), 0) FROM CallHistory"

static void t_moved_counts_keep_their_sum(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 400 * 86400, 3600, 86400};

    (void)state;
    mydb_sql(
        "INSERT INTO CallSecond SELECT UNIX_TIMESTAMP() - seq * 7, 1, 1, 10, 80, 3, 1"
        " FROM seq_1_to_2000");
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000);
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000);
    assert_true(number("SELECT COUNT(*) FROM CallSecond") <= 600 / 7 + 1);
    assert_true(number("SELECT COUNT(*) FROM CallMinute") >= 100);
    assert_true(number("SELECT COUNT(*) FROM CallHour") >= 2);
    assert_int_equal(number("SELECT COUNT(*) FROM CallMinute WHERE at MOD 60 <> 0"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM CallHour WHERE at MOD 3600 <> 0"), 0);
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000);
    mydb_sql(
        "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() - 5000, 1, 1, 10, 80, 1, 0)");
    assert_int_equal(leader_db_move_counts(db, &ages),
                     0); /* they are added to their minute */
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000 + 1000);
    assert_int_equal(number(
                         "SELECT COUNT(*) FROM CallSecond WHERE at < UNIX_TIMESTAMP() - "
                         "700"),
                     0);
}

static void t_only_old_rows_are_deleted(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400};

    (void)state;
    mydb_sql(
        "DELETE FROM RouteChange; DELETE FROM ReportSeen;"
        "INSERT INTO RouteChange (modid, cmdid, version) VALUES (1, 1, 0), (2, 1, 0);"
        "UPDATE RouteChange SET changed_at = NOW() - INTERVAL 2 HOUR WHERE modid = 1;"
        "INSERT INTO ReportSeen (stream, seq, updated_at) VALUES "
        "(X'00112233445566778899aabbccddeeff', 5, NOW() - INTERVAL 2 DAY),"
        "(X'ff112233445566778899aabbccddeeff', 5, NOW());"
        "INSERT INTO CallHour VALUES (UNIX_TIMESTAMP() - 90000, 1, 1, 1, 1, 1, 1)");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT MIN(modid) * 10 + COUNT(*) FROM RouteChange"), 21);
    assert_int_equal(number("SELECT COUNT(*) FROM ReportSeen"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM CallHour"), 0);
}

static _Atomic bool enough;

static void *add_late(void *arg)
{
    int *n = arg;

    char cmd[300];

    snprintf(
        cmd, sizeof(cmd),
        "sh common/mariadb sql %s \"INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() - "
        "700, 1, 1, 10, 80, 1, 0) ON DUPLICATE KEY UPDATE succ = succ + 1\" "
        ">/dev/null 2>&1",
        mydb_dir);
    while (!enough)
        *n += system(cmd) == 0; /* a statement that lost a deadlock added nothing */
    return NULL;
}

static void t_late_batch_during_a_move_loses_no_count(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 400 * 86400, 3600, 86400};
    pthread_t th;
    int i, n = 0, moved = 0;

    (void)state;
    enough = false;
    assert_int_equal(pthread_create(&th, NULL, add_late, &n), 0);
    for (i = 0; i < 60; i++) {
        int rc = leader_db_move_counts(db, &ages);

        assert_true(rc == 0 || rc == -EIO); /* it may lose a deadlock as well */
        moved += rc == 0;
    }
    enough = true;
    pthread_join(th, NULL);
    assert_true(n > 0 && moved > 0);
    assert_int_equal(number("SELECT COALESCE(SUM(succ), 0) FROM CallHistory"), n);
}

static void start(const char *exec, const char *webhook)
{
    struct leader_tasks_config c = {.round_ms = 5,
                                    .lease_s = 5,
                                    .error_percent = 20,
                                    .ages = {600, 7200, 86400, 3600, 86400},
                                    .notify = {exec, webhook}};
    struct leader_db *own;

    assert_int_equal(leader_db_create(&own, &cfg), 0);
    assert_int_equal(leader_tasks_start(&tasks, own, &c), 0);
}

static struct leader_tasks_stat stat_now(void)
{
    struct leader_tasks_stat st;

    leader_tasks_stat(tasks, &st);
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
    leader_tasks_stop(tasks);
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

static void t_one_of_two_services_is_leader(void **state)
{
    struct leader_tasks *first;

    (void)state;
    start("", "");
    first = tasks;
    T_WAIT(stat_now().is_leader == 1);
    start("", "");
    T_WAIT(number("SELECT COUNT(*) FROM Lease") == 1);
    assert_int_equal(stat_now().is_leader, 0);
    leader_tasks_stop(first); /* it releases the lease at once */
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

#define K(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN_WITH(group_setup, group_teardown, K(t_lease_has_one_holder_until_it_expires),
               K(t_moved_counts_keep_their_sum), K(t_only_old_rows_are_deleted),
               K(t_late_batch_during_a_move_loses_no_count),
               K(t_error_rate_and_dead_node_are_raised_and_cleared),
               K(t_drained_module_is_raised_and_the_next_leader_does_not_raise_it_again),
               K(t_hook_program_gets_the_alarm_as_arguments),
               K(t_hook_that_fails_is_counted), K(t_webhook_gets_json),
               K(t_one_of_two_services_is_leader))
