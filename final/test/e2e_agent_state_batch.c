/* lars-reportd writes messages of several agents in one transaction (messages 38 and 39).
 * The tests hold a row that the first message needs, so the others wait together. */
#include "base/mono.h"
#include "db/sqldb.h"
#include "dnspeer.h"
#include "lib/system.h"
#include "net/frame.h"
#include "proto/msg_state.h"

#define MANY 60

static struct msg_state msg;
static struct sqldb *holder; /* has the row of the agent "first" while it holds */
static int fd;

static void send_hello(void)
{
    char body[100];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_REPORT, body, sizeof(body));

    assert_true(n > 0);
    dnspeer_send(fd, MSG_HELLO, body, (size_t)n);
}

/* Reads the next message <id>, and others before it.  Returns the length of its body. */
static size_t receive(uint32_t id, char *body, size_t room)
{
    uint32_t head[2];

    do {
        peer_recv(fd, head, 8);
        assert_true(head[1] <= room);
        peer_recv(fd, body, head[1]);
    } while (head[0] != id);
    return head[1];
}

/* Every message that was sent before has been read by the server. */
static void fence(void)
{
    char body[200];

    send_hello();
    receive(MSG_HELLO_REPLY, body, sizeof(body));
}

/* A connection whose transaction may wait for the test. */
static struct sqldb *open_db(void)
{
    const struct myconn_config cfg = {testdb_socket, "",         0, "lars",
                                      "lars",        "lars_dns", 9};
    struct sqldb *d;

    assert_int_equal(sqldb_open(&d, &cfg), 0);
    assert_int_equal(sqldb_run(d, "SET SESSION idle_transaction_timeout = 0"), 0);
    return d;
}

/* With [db] timeout_s = 60 its statements wait 59 s for a lock.  With the preset they
 * wait 2 s, and on a slow machine a wait could end before the test has seen it. */
static void start_patient_reportd(void)
{
    const char *file = system_write_file(
        "reportd.ini", "[reportd]\nport = %s\n[db]\nsocket = %s\ntimeout_s = 60\n",
        sys.reportd_port, testdb_socket);

    proc_start(&sys.reportd, "lars-reportd", "-c", file, NULL);
    system_wait_port(&sys.reportd, "lars-reportd");
}

static int setup(void **state)
{
    int rc = system_setup(state);

    testdb_sql("DELETE FROM Service; DELETE FROM AgentRoute; DELETE FROM AgentNode");
    assert_int_equal(myconn_init(), 0);
    holder = open_db();
    memset(&msg, 0, sizeof(msg));
    strcpy(msg.program, "1.0.0");
    start_patient_reportd();
    fd = peer_connect(sys.reportd.port);
    fence();
    return rc;
}

static int teardown(void **state)
{
    testdb_sql("DROP TRIGGER IF EXISTS refuse_agent");
    close(fd);
    sqldb_close(holder);
    myconn_fini();
    return system_teardown(state);
}

/* Agent <name> uses nodes with the checksum <seq> for module <modid>/1. */
static void say(const char *name, uint8_t stream, uint64_t seq, uint32_t modid)
{
    char body[500];
    ssize_t n;

    snprintf(msg.name, sizeof(msg.name), "%s", name);
    memset(msg.stream, stream, sizeof(msg.stream));
    msg.seq = seq;
    msg.n_module = 1;
    msg.module[0] = (struct msg_state_module){{modid, 1}, 0, seq, 0};
    n = msg_state_pack(&msg, body, sizeof(body));
    assert_true(n > 0);
    dnspeer_send(fd, MSG_AGENT_STATE, body, (size_t)n);
}

/* Agents <from> to <to> - 1, each with its own stream. */
static void say_many(int from, int to)
{
    char name[20];
    int i;

    for (i = from; i < to; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        say(name, (uint8_t)(100 + i), 1, 1);
    }
}

/* Checks that the next acknowledgement is that of this message. */
static void expect_ack(uint8_t stream, uint64_t seq)
{
    char body[200];
    struct msg_ack ack;
    size_t n = receive(MSG_AGENT_STATE_ACK, body, sizeof(body));

    assert_int_equal(msg_batch_unpack_ack(&ack, body, n), 0);
    assert_int_equal(ack.stream[0], stream);
    assert_int_equal(ack.seq, seq);
}

static unsigned long long n_seen(int agent)
{
    char sql[100];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM AgentRoute WHERE agent = 'a%d'",
             agent);
    return testdb_number(sql);
}

static void expect_many(int from, int to)
{
    int i;

    for (i = from; i < to; i++) {
        expect_ack((uint8_t)(100 + i), 1);
        assert_int_equal(n_seen(i), 1); /* an acknowledged message is in the database */
    }
}

static unsigned long long status_of(const char *name)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT VARIABLE_VALUE FROM "
             "information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = '%s'",
             name);
    return testdb_number(sql);
}

/* INNODB_TRX of information_schema would not do: it is not read again within 100 ms. */
static unsigned long long n_waiting(void)
{
    return status_of("INNODB_ROW_LOCK_CURRENT_WAITS");
}

/* The thread of lars-reportd waits with the message of the agent "first". */
static void hold(void)
{
    assert_int_equal(sqldb_run(holder, "START TRANSACTION"), 0);
    assert_int_equal(
        sqldb_run(holder, "INSERT INTO Service (kind, name) VALUES ('agent', 'first')"),
        0);
    say("first", 1, 1, 1);
    T_WAIT(n_waiting() == 1);
}

static void release(void)
{
    fence();
    assert_int_equal(sqldb_run(holder, "ROLLBACK"), 0);
    expect_ack(1, 1);
}

static void t_waiting_messages_share_a_transaction(void **state)
{
    unsigned long long before;

    (void)state;
    hold();
    say_many(0, MANY);
    before = status_of("COM_COMMIT");
    release();
    expect_many(0, MANY);
    assert_true(status_of("COM_COMMIT") - before <
                MANY / 2); /* other threads commit as well */
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Service WHERE kind = 'agent' "
                                   "AND seq = 1 AND version = '1.0.0'"),
                     MANY + 1);
}

static void t_no_message_is_answered_before_its_transaction_ends(void **state)
{
    (void)state;
    say("a7", 7, 1, 1);
    expect_ack(7, 1);
    assert_int_equal(sqldb_run(holder, "START TRANSACTION"), 0);
    assert_int_equal(
        sqldb_run(holder, "UPDATE Service SET state = 'x' WHERE name = 'a7'"), 0);
    say("a7", 7, 2, 1);
    T_WAIT(n_waiting() == 1);
    fence(); /* an acknowledgement would have come before */
    assert_int_equal(testdb_number("SELECT sum FROM AgentRoute WHERE agent = 'a7'"), 1);
    assert_int_equal(sqldb_run(holder, "ROLLBACK"), 0);
    expect_ack(7, 2);
    assert_int_equal(testdb_number("SELECT sum FROM AgentRoute WHERE agent = 'a7'"), 2);
}

#define SUM_OF_B "SELECT SUM(sum) FROM AgentRoute WHERE agent = 'b'"

static void t_messages_of_one_agent_are_written_in_their_order(void **state)
{
    uint64_t seq;

    (void)state;
    hold();
    for (seq = 1; seq <= 10; seq++)
        say("b", 2, seq, 1);
    say("b", 2, 4, 1); /* late: it changes nothing */
    release();
    for (seq = 1; seq <= 10; seq++)
        expect_ack(2, seq);
    expect_ack(2, 4);
    assert_int_equal(testdb_number(SUM_OF_B), 10);
}

static void t_a_new_stream_replaces_what_the_agent_had(void **state)
{
    (void)state;
    hold();
    say("b", 2, 9, 1);
    say("B", 3, 1, 2); /* the database compares names without their case */
    release();
    expect_ack(2, 9);
    expect_ack(3, 1);
    assert_int_equal(testdb_number(SUM_OF_B), 1);
    assert_int_equal(testdb_number("SELECT modid FROM AgentRoute WHERE agent = 'b'"), 2);
}

static void t_only_a_new_stream_changes_the_time_of_the_start(void **state)
{
    (void)state;
    say("b", 2, 1, 1);
    expect_ack(2, 1);
    testdb_sql("UPDATE Service SET since = '2020-01-01' WHERE name = 'b'");
    say("b", 2, 2, 1);
    expect_ack(2, 2);
    assert_int_equal(testdb_number("SELECT YEAR(since) FROM Service WHERE name = 'b'"),
                     2020);
    say("b", 3, 1, 1);
    expect_ack(3, 1);
    assert_true(testdb_number("SELECT YEAR(since) FROM Service WHERE name = 'b'") > 2020);
}

static void t_a_refused_message_does_not_refuse_the_others(void **state)
{
    (void)state;
    testdb_sql("CREATE TRIGGER refuse_agent BEFORE INSERT ON AgentRoute FOR EACH ROW IF "
               "NEW.agent = 'bad' THEN SIGNAL SQLSTATE '45000'; END IF");
    hold();
    say_many(0, 20);
    say("bad", 5, 1, 1);
    say_many(20, 40);
    release();
    expect_many(0, 40); /* and "bad" has no answer between them */
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Service WHERE name = 'bad'"), 0);
    testdb_sql("DROP TRIGGER refuse_agent");
    say("bad", 5, 2, 1);
    expect_ack(5, 2);
}

#define UPDATE_OF "UPDATE Service SET state = 'x' WHERE kind = 'agent' AND name = %s"

/* The transaction of the messages waits for a4, and this test, which has a4 and wrote
 * more, needs a3: the server ends the transaction of the messages.  What it wrote is in a
 * table of its own, so that no other thread of lars-reportd waits for it and is taken for
 * that transaction. */
static void t_a_deadlock_loses_no_message(void **state)
{
    unsigned long long before = status_of("INNODB_DEADLOCKS");
    struct sqldb *db = open_db();

    (void)state;
    testdb_sql(
        "INSERT INTO Service (kind, name) VALUES ('agent', 'a3'), ('agent', 'a4'); "
        "CREATE TABLE IF NOT EXISTS Heavy (n INT) ENGINE = InnoDB");
    assert_int_equal(sqldb_run(db, "START TRANSACTION"), 0);
    assert_int_equal(sqldb_run(db, UPDATE_OF, "a4"), 0);
    assert_int_equal(
        sqldb_run(db, "INSERT INTO Heavy SELECT seq FROM seq_1_to_2000"), 0);
    hold();
    say_many(0, 10);
    release();
    T_WAIT(n_waiting() == 1);
    assert_int_equal(sqldb_run(db, UPDATE_OF, "a3"), 0);
    assert_int_equal(sqldb_run(db, "ROLLBACK"), 0);
    expect_many(0, 10);
    assert_int_equal(status_of("INNODB_DEADLOCKS"), before + 1);
    sqldb_close(db);
    testdb_sql("DROP TABLE Heavy");
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_waiting_messages_share_a_transaction),
            E(t_no_message_is_answered_before_its_transaction_ends),
            E(t_messages_of_one_agent_are_written_in_their_order),
            E(t_a_new_stream_replaces_what_the_agent_had),
            E(t_only_a_new_stream_changes_the_time_of_the_start),
            E(t_a_refused_message_does_not_refuse_the_others),
            E(t_a_deadlock_loses_no_message))
