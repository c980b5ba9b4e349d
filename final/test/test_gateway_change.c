/* A command that a gateway has obeyed has a row in Audit, also when the transaction with
 * the row is lost at COMMIT: the command cannot be taken back.  Between us and MariaDB
 * stands lib/commitrelay.h. */
#include "ops/gateway_change.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/commitrelay.h"
#include "mydb.h"
#include "net/sock.h"

static struct sqldb *db;
static struct commitrelay relay;
static struct fleet_keys *keys;
static pid_t gateway;
static char at[40];

/* Answers each request with "200 OK". */
static void serve(int lfd)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}";
    char in[4000];
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while ((fd = accept(lfd, NULL, NULL)) >= 0) {
        if (read(fd, in, sizeof(in)) > 0 && write(fd, ok, sizeof(ok) - 1) > 0)
            shutdown(fd, SHUT_WR);
        while (read(fd, in, sizeof(in)) > 0)
            continue;
        close(fd);
    }
    _exit(0);
}

static int setup(void **state)
{
    struct myconn_config c = {relay.path, "", 0, "lars", "lars", "lars_dns", 3};
    char path[100], err[CONF_ERR_MAX];
    struct net_addr addr;
    int lfd;

    (void)state;
    mydb_reset();
    mydb_sql("DELETE FROM Audit");
    assert_int_equal(net_addr_set(&addr, "127.0.0.1", 0), 0);
    lfd = sock_listen(&addr, 16, 0);
    assert_int_equal(sock_local_addr(lfd, &addr), 0);
    snprintf(at, sizeof(at), "127.0.0.1:%u", addr.port);
    gateway = fork();
    assert_true(gateway >= 0);
    if (gateway == 0)
        serve(lfd);
    close(lfd);
    snprintf(path, sizeof(path), "%s/relay", mydb_dir);
    commitrelay_start(&relay, path, mydb_socket);
    assert_int_equal(myconn_init(), 0);
    assert_int_equal(gateway_client_init(), 0);
    assert_int_equal(fleet_keys_create(&keys, "", "", err), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    (void)state;
    sqldb_close(db);
    commitrelay_stop(&relay);
    kill(gateway, SIGKILL);
    waitpid(gateway, NULL, 0);
    fleet_keys_destroy(keys);
    gateway_client_fini();
    myconn_fini();
    return 0;
}

/* Returns the result; the command is always obeyed. */
static int drain(enum commitrelay_cut cut)
{
    const struct audit_actor who = {
        .name = "me", .via = "test", .peer = "", .reason = ""};
    struct gateway_change g = {.n = 1,
                               .keys = keys,
                               .path = "/drain",
                               .body = "",
                               .timeout_ms = T_DEADLINE_MS,
                               .consent = true,
                               .must_audit = true};
    char why[CHANGE_WHY];
    int rc;

    g.one[0] = (struct gateway_change_one){.at = at, .is_meant = true};
    relay.cut = cut;
    rc = gateway_change_apply(&g, db, &who, why);
    if (!g.one[0].obeyed)
        fail_msg("not obeyed: %d %s", rc, g.one[0].why);
    return rc;
}

static unsigned long long n_done(void)
{
    return mydb_number("SELECT COUNT(*) FROM Audit WHERE action = 'gateway drain' AND "
                       "result = 'done'");
}

static void t_a_command_that_was_obeyed_is_in_the_audit(void **state)
{
    (void)state;
    assert_int_equal(drain(COMMITRELAY_PASS), 0);
    assert_int_equal(n_done(), 1);
}

static void t_and_when_its_commit_is_lost(void **state)
{
    (void)state;
    assert_int_equal(drain(COMMITRELAY_BEFORE), 0);
    assert_int_equal(n_done(), 1);
}

static void t_and_only_once_when_the_answer_is_lost(void **state)
{
    (void)state;
    assert_int_equal(drain(COMMITRELAY_AFTER), 0);
    assert_int_equal(n_done(), 1);
}

static void t_no_second_row_when_the_first_may_be_there(void **state)
{
    (void)state;
    assert_int_equal(drain(COMMITRELAY_AFTER_AND_REFUSE), -EINPROGRESS);
    assert_int_equal(n_done(), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_a_command_that_was_obeyed_is_in_the_audit),
          E(t_and_when_its_commit_is_lost), E(t_and_only_once_when_the_answer_is_lost),
          E(t_no_second_row_when_the_first_may_be_there))
