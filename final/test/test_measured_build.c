/* The build of a node that was measured, from rows of slots in a real MariaDB: only that
 * of the process which was measured, and nothing where it is not sure. */
#include "ops/measured_build.h"

#include "mydb.h"

#define IP 0x0a000001 /* 10.0.0.1 */

static struct sqldb *db;
static struct measured_build m;

static int setup(void **state)
{
    const struct myconn_config cfg = {mydb_socket, "",     0, "lars",
                                      "lars",      "lars_dns", 5};

    t_fds_save(state);
    mydb_sql("DELETE FROM ScaleHost; DELETE FROM ScaleSlot; INSERT INTO ScaleHost (host, "
             "zone, address, slots) VALUES ('h1', 'a', '10.0.0.1', 4); INSERT INTO "
             "ScaleSlot (host, slot, modid, cmdid, port, pid, state, build) VALUES "
             "('h1', 1, 20, 1, 8001, 70, 'ready', '0a'), ('h1', 2, 20, 1, 8002, 71, "
             "'ready', '0b')");
    m = (struct measured_build){20, 1, IP, 8001, 0, "x"};
    assert_int_equal(myconn_init(), 0);
    return sqldb_open(&db, &cfg);
}

static int teardown(void **state)
{
    sqldb_close(db);
    myconn_fini();
    return t_fds_check(state);
}

/* The build after a measurement during which <sql> has happened. */
static const char *measured(const char *sql)
{
    mydb_sql("UPDATE ScaleSlot SET seen_at = NOW(3)");
    assert_int_equal(measured_build_begin(&m, db), 0);
    mydb_sql(sql);
    assert_int_equal(measured_build_end(&m, db), 0);
    return m.build;
}

static void t_build_of_the_slot_with_the_address_is_that_of_the_node(void **state)
{
    (void)state;
    assert_string_equal(measured("DO 0"), "0a");
    m.port = 8002;
    assert_string_equal(measured("UPDATE ScaleSlot SET state = 'sick'"), "0b");
}

static void t_build_that_is_told_after_the_begin_counts(void **state)
{
    (void)state;
    mydb_sql("UPDATE ScaleSlot SET build = ''");
    assert_string_equal(measured("UPDATE ScaleSlot SET build = '0c'"), "0c");
}

static void t_node_that_was_started_anew_has_no_build(void **state)
{
    (void)state;
    assert_string_equal(measured("UPDATE ScaleSlot SET pid = 80"), "");
    assert_string_equal(measured("UPDATE ScaleSlot SET build = '0c'"), "");
    assert_string_equal(measured("UPDATE ScaleSlot SET state = 'failed'"), "");
    assert_string_equal(measured("UPDATE ScaleSlot SET state = 'ready'"), "");
    assert_string_equal(measured("DO 0"), "0c");
    assert_string_equal(measured("DELETE FROM ScaleSlot WHERE slot = 1"), "");
}

static void t_what_is_not_sure_has_no_build(void **state)
{
    (void)state;
    m.cmdid = 2;
    assert_string_equal(measured("DO 0"), "");
    m.cmdid = 1;
    m.ip = IP + 1;
    assert_string_equal(measured("DO 0"), "");
    m.ip = IP;
    assert_string_equal(
        measured("UPDATE ScaleSlot SET seen_at = NOW(3) - INTERVAL 11 SECOND"), "");
    /* two hosts with one address */
    assert_string_equal(measured("DO 0"), "0a");
    mydb_sql("INSERT INTO ScaleHost (host, zone, address, slots) VALUES ('h2', 'a', "
             "'10.0.0.1', 4); INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, "
             "pid, state, build) VALUES ('h2', 1, 20, 1, 8001, 70, 'ready', '0a')");
    assert_string_equal(measured("DO 0"), "");
}

#define M(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(M(t_build_of_the_slot_with_the_address_is_that_of_the_node),
          M(t_build_that_is_told_after_the_begin_counts),
          M(t_node_that_was_started_anew_has_no_build),
          M(t_what_is_not_sure_has_no_build))
