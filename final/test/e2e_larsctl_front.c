/* larsctl front end to end: what the table and the audit have after each command, what is
 * refused, and what the list says.  No autoscaler runs: the commands ask no process. */
#include "ctlrun.h"

#define ADD "front add g3 c 127.0.0.1:9890 192.0.2.7:80"

static int front_setup(void **state)
{
    int rc = ctl_setup(state);

    testdb_sql("DELETE FROM Audit; DELETE FROM FrontHost; DELETE FROM GatewaySeen");
    return rc;
}

static unsigned long long n_of(const char *where)
{
    char sql[300];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM FrontHost WHERE %s", where);
    return testdb_number(sql);
}

static unsigned long long audited(const char *action)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Audit WHERE action = '%s' AND subject = 'front:g3'",
             action);
    return testdb_number(sql);
}

static void set(const char *what)
{
    testdb_sqlf("UPDATE FrontHost SET %s", what);
}

static void t_a_host_that_is_added_is_standby(void **state)
{
    (void)state;
    assert_int_equal(ctl(ADD), 0);
    assert_int_equal(n_of("host = 'g3' AND zone = 'c' AND admin = '127.0.0.1:9890' AND "
                          "outside = '192.0.2.7:80' AND state = 'standby' AND held = 0 "
                          "AND who <> ''"),
                     1);
    assert_int_equal(audited("front add"), 1);
}

static void t_a_wrong_host_is_named_and_not_added(void **state)
{
    static const struct {
        const char *args, *text;
    } bad[] = {
        {"front add g3:1 c 127.0.0.1:9890 127.0.0.1:80", "HOST is a name"},
        {"front add g/3 c 127.0.0.1:9890 127.0.0.1:80", "HOST is a name"},
        {"front add g3 'c d' 127.0.0.1:9890 127.0.0.1:80", "ZONE is a name"},
        {"front add g3 c 127.0.0.1 127.0.0.1:80", "ADMIN is ADDRESS:PORT"},
        {"front add g3 c 127.0.0.1:0 127.0.0.1:80", "ADMIN is ADDRESS:PORT"},
        {"front add g3 c 127.0.0.1:9890 www.example.org:80", "OUTSIDE is ADDRESS:PORT"},
        {"front add g1 c 127.0.0.1:9999 127.0.0.1:80", "is there already"},
        {"front add g2 c 127.0.0.1:9891 127.0.0.1:80", "is there already"},
    };
    size_t i;

    (void)state;
    assert_int_equal(ctl("front add g1 c 127.0.0.1:9891 127.0.0.1:80"), 0);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_not_equal(ctl(bad[i].args), 0);
        expect_text(bad[i].text);
    }
    assert_int_equal(n_of("1"), 1);
    testdb_sql(
        "INSERT INTO FrontHost (host, admin, outside) SELECT CONCAT('h', seq), seq, "
        "'' FROM seq_1_to_31");
    assert_int_equal(ctl(ADD), 1);
    expect_text("there are 32 hosts already");
}

static void t_announce_starts_and_holds_a_host(void **state)
{
    (void)state;
    assert_int_equal(ctl(ADD), 0);
    set("failed = 3, note = 'given up'");
    assert_int_equal(ctl("front announce g3"), 0);
    assert_int_equal(
        n_of("state = 'starting' AND held = 1 AND failed = 0 AND done = 0 AND "
             "note = ''"),
        1);
    assert_int_equal(audited("front announce"), 1);
    set("state = 'announced', done = 1, seen = 1, held = 0");
    assert_int_equal(ctl("front announce g3"), 0); /* it stays as it is, and is kept */
    assert_int_equal(n_of("state = 'announced' AND held = 1 AND done = 1 AND seen = 1"),
                     1);
}

static void t_withdraw_holds_a_host_back(void **state)
{
    (void)state;
    assert_int_equal(ctl(ADD), 0);
    set("state = 'announced', done = 1, seen = 1");
    assert_int_equal(ctl("-r 'its disk is broken' front withdraw g3"), 0);
    assert_int_equal(
        n_of("state = 'withdrawing' AND held = 1 AND done = 0 AND seen = 0 AND "
             "note = 'its disk is broken'"),
        1);
    set("done = 1");
    assert_int_equal(ctl("front withdraw g3"), 0); /* it continues */
    assert_int_equal(n_of("state = 'withdrawing' AND done = 1"), 1);
    set("state = 'standby', held = 0");
    assert_int_equal(ctl("front withdraw g3"), 0);
    assert_int_equal(n_of("state = 'withdrawn' AND held = 1"), 1);
    assert_int_equal(ctl("front release g3"), 0);
    assert_int_equal(n_of("state = 'standby' AND held = 0"), 1);
    set("state = 'announced', held = 1");
    assert_int_equal(ctl("front release g3"), 0);
    assert_int_equal(n_of("state = 'announced' AND held = 0"), 1);
    assert_int_equal(audited("front withdraw") + audited("front release"), 5);
}

static void t_a_host_in_use_is_not_removed(void **state)
{
    (void)state;
    assert_int_equal(ctl(ADD), 0);
    set("state = 'announced'");
    assert_int_equal(ctl("front remove g3"), 1);
    expect_text("withdraw it first");
    set("state = 'starting'");
    assert_int_equal(ctl("front remove g3"), 1);
    set("state = 'withdrawing'"); /* also while the program hangs */
    assert_int_equal(ctl("front remove g3"), 0);
    assert_int_equal(n_of("1"), 0);
    assert_int_equal(audited("front remove"), 1);
    assert_int_equal(ctl("front remove g3"), 1);
    expect_text("there is no such host");
    assert_int_equal(ctl("front announce g3"), 1);
    assert_int_equal(ctl("front withdraw g3"), 1);
    assert_int_equal(ctl("front release g3"), 1);
}

static void t_the_list_says_the_state_in_words(void **state)
{
    static const struct {
        const char *set, *text;
    } of[] = {
        {"state = 'standby'", "standby"},
        {"failed = 2", "standby, given up 2 times in a row"},
        {"state = 'starting', failed = 0", "to be started"},
        {"done = 1", "started, not ready yet"},
        {"state = 'announced', done = 0", "ready, to be announced"},
        {"done = 1", "announced, not seen from outside"},
        {"seen = 1", "announced and seen from outside"},
        {"state = 'withdrawing', done = 0, seen = 0", "to be withdrawn"},
        {"done = 1", "withdrawn, drains"},
        {"state = 'withdrawn', held = 1, who = 'kim'", "kim"},
    };
    unsigned long silent;
    size_t i;

    (void)state;
    assert_int_equal(ctl(ADD), 0);
    for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        set(of[i].set);
        assert_int_equal(ctl("front list"), 0);
        expect_text(of[i].text);
    }
    testdb_sql("INSERT INTO GatewaySeen (address, origin, answered_at, why) VALUES "
               "('127.0.0.1:9890', 'table', NOW(3) + INTERVAL 1 MINUTE, ''), "
               "('10.9.8.7:9890', 'config', NOW(3) - INTERVAL 1 HOUR, 'nothing listens "
               "there')");
    assert_int_equal(ctl("front list"), 0);
    expect_text("yes");
    expect_text("10.9.8.7:9890");
    expect_text("configured");
    expect_text("not for 36");
    silent = strtoul(strstr(out, "not for ") + 8, NULL, 10);
    assert_in_range(silent, 3600, 3660); /* a minute is more than the command takes */
    expect_text("nothing listens there");
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, front_setup, system_teardown)

TESTDB_MAIN(S(t_a_host_that_is_added_is_standby),
            S(t_a_wrong_host_is_named_and_not_added),
            S(t_announce_starts_and_holds_a_host), S(t_withdraw_holds_a_host_back),
            S(t_a_host_in_use_is_not_removed), S(t_the_list_says_the_state_in_words))
