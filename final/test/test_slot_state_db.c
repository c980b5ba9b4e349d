/* What lars-slotd tells of its host, written by two Report Services to a real MariaDB: an
 * older state never replaces a later one, in whatever order they are written. */
#include "db/slot_state_db.h"

#include "base/log.h"
#include "base/rnd.h"
#include "mydb.h"

#define SLOTS "SELECT COUNT(*) FROM ScaleSlot WHERE host = 'h1'"

static struct slot_state_db *db[2]; /* of two Report Services */
static struct msg_slot_state state;

static int setup(void **s)
{
    const struct myconn_config cfg = {mydb_socket, "",     0, "lars",
                                      "lars",      "lars_dns", 5};

    (void)t_fds_save(s);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_sql("DELETE FROM ScaleHost; DELETE FROM ScaleSlot");
    assert_int_equal(myconn_init(), 0);
    assert_int_equal(slot_state_db_create(&db[0], &cfg), 0);
    return slot_state_db_create(&db[1], &cfg);
}

static int teardown(void **s)
{
    slot_state_db_close(db[0]);
    slot_state_db_close(db[1]);
    slot_state_db_close(NULL);
    myconn_fini();
    return t_fds_check(s);
}

/* State <seq> of stream <stream>: a node in each of the slots 1 to <n>, pid <seq>. */
static int put(unsigned service, uint8_t stream, uint64_t seq, size_t n)
{
    size_t i;
    int rc;

    memset(&state, 0, sizeof(state));
    state.of = (struct msg_slot_host){"h1", "a", "10.0.0.1", "big", 8};
    memset(state.stream, stream, MSG_STREAM);
    state.seq = seq;
    state.fence = 40 + seq;
    state.n = n;
    for (i = 0; i < n; i++)
        state.node[i] = (struct msg_slot_node){.slot = (uint32_t)i + 1,
                                               .mod = {20, 1},
                                               .port = 8001 + (uint32_t)i,
                                               .pid = (uint32_t)seq,
                                               .state = MSG_SLOT_READY,
                                               .starts = 1};
    rc = slot_state_db_put(db[service], &state);
    if (rc < 0)
        fail_msg("%s", slot_state_db_error(db[service]));
    return rc;
}

static unsigned long long number(const char *sql)
{
    return mydb_number(sql);
}

static void t_an_older_state_of_a_slow_service_is_not_written(void **s)
{
    (void)s;
    assert_int_equal(put(0, 1, 1, 3), 0);
    assert_int_equal(put(1, 1, 3, 1), 0); /* the second service has the later one */
    assert_int_equal(number(SLOTS), 1);
    assert_int_equal(put(0, 1, 2, 3), 1);
    assert_int_equal(put(0, 1, 3, 3), 1); /* also the same one again */
    assert_int_equal(number(SLOTS), 1);
    assert_int_equal(number(SLOTS " AND pid = 3"), 1);
    assert_int_equal(number("SELECT seq FROM ScaleHost WHERE host = 'h1'"), 3);
    assert_int_equal(put(0, 1, 4, 2), 0);
    assert_int_equal(number(SLOTS " AND pid = 4"), 2);
}

static void t_after_a_start_the_former_stream_is_not_written(void **s)
{
    (void)s;
    assert_int_equal(put(0, 1, 9, 3), 0);
    assert_int_equal(put(1, 2, 1, 1), 0); /* lars-slotd has started anew */
    assert_int_equal(put(0, 1, 10, 3), 1);
    assert_int_equal(number(SLOTS), 1);
    assert_int_equal(put(1, 3, 1, 2), 0); /* and once more */
    assert_int_equal(put(1, 2, 2, 1), 1);
    assert_int_equal(number(SLOTS " AND pid = 1"), 2);
}

static void t_what_is_older_does_not_make_the_host_look_alive(void **s)
{
    (void)s;
    assert_int_equal(put(0, 1, 5, 1), 0);
    mydb_sql("UPDATE ScaleHost SET seen_at = '2020-01-01'");
    assert_int_equal(put(1, 1, 4, 1), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleHost WHERE seen_at = "
                            "'2020-01-01'"),
                     1);
    assert_int_equal(put(1, 1, 6, 1), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleHost WHERE seen_at > NOW() - "
                            "INTERVAL 1 HOUR AND fence = 46"),
                     1);
}

static void t_in_any_order_the_latest_state_stays(void **s)
{
    uint64_t seq, latest = 0;
    unsigned i, n = 0;
    struct rnd r;

    (void)s;
    rnd_init(&r, 7);
    for (i = 0; i < 200; i++) {
        seq = 1 + rnd_u32(&r) % 1000;
        n += put(rnd_u32(&r) % 2, 1, seq, seq % 9) == 1;
        if (seq > latest)
            latest = seq;
    }
    print_message("latest %u, %u were older\n", (unsigned)latest, n);
    assert_true(n > 0);
    assert_int_equal(number("SELECT seq FROM ScaleHost"), latest);
    assert_int_equal(number(SLOTS), latest % 9);
    if (latest % 9 > 0)
        assert_int_equal(number("SELECT MIN(pid) FROM ScaleSlot"), latest);
}

/* State <seq>: one node of this module and build. */
static void put_build(uint64_t seq, uint32_t cmdid, const char *build)
{
    memset(&state, 0, sizeof(state));
    state.of = (struct msg_slot_host){"h1", "a", "10.0.0.1", "big", 8};
    state.seq = seq;
    state.n = 1;
    state.node[0] = (struct msg_slot_node){
        .slot = 1, .mod = {20, cmdid}, .port = 8001, .state = MSG_SLOT_READY};
    snprintf(state.node[0].build, sizeof(state.node[0].build), "%s", build);
    assert_int_equal(slot_state_db_put(db[0], &state), 0);
}

static void t_build_is_written_with_the_time_since_which_it_runs(void **s)
{
    const char *old = SLOTS " AND build = '0a' AND build_since = '2020-01-01'";
    const char *fresh = SLOTS " AND build_since > NOW(3) - INTERVAL 1 HOUR";

    (void)s;
    put_build(1, 1, "0a");
    assert_int_equal(number(fresh), 1);
    mydb_sql("UPDATE ScaleSlot SET build_since = '2020-01-01'");
    put_build(2, 1, "0a");
    assert_int_equal(number(old), 1);
    put_build(3, 1, "0b");
    assert_int_equal(number(fresh), 1);
    assert_int_equal(number(SLOTS " AND build = '0b'"), 1);
    mydb_sql("UPDATE ScaleSlot SET build_since = '2020-01-01'");
    put_build(4, 2, "0b"); /* the same program, for another module */
    assert_int_equal(number(fresh), 1);
    put_build(5, 2, "");
    assert_int_equal(number(SLOTS " AND build = ''"), 1);
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(D(t_an_older_state_of_a_slow_service_is_not_written),
          D(t_after_a_start_the_former_stream_is_not_written),
          D(t_what_is_older_does_not_make_the_host_look_alive),
          D(t_in_any_order_the_latest_state_stays),
          D(t_build_is_written_with_the_time_since_which_it_runs))
