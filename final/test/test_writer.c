/* The writer with a database in memory: batches, merging, retries, the limit, the end. */
#include "report/writer.h"

#include "base/log.h"
#include "statusdb_mem.h"
#include "t.h"

static struct statusdb *db;
static struct writer *w;

static void start(size_t max_rows, size_t batch, uint32_t gather_ms)
{
    struct writer_config cfg = {max_rows, batch, gather_ms};

    log_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(statusdb_mem_create(&db), 0);
    assert_int_equal(writer_start(&w, db, &cfg), 0);
}

static void put(uint32_t modid, uint32_t succ)
{
    struct status_row r = {.modid = modid, .cmdid = 1, .ip = 1, .port = 1, .succ = succ};

    writer_put(w, &r, 1);
}

static struct writer_stat stat_of(void)
{
    struct writer_stat s;

    writer_stat(w, &s);
    return s;
}

static uint32_t succ_of(uint32_t modid)
{
    struct status_row r = {.modid = modid, .cmdid = 1, .ip = 1, .port = 1};

    return statusdb_mem_find(db, &r) ? r.succ : UINT32_MAX;
}

static void t_rows_reach_the_database(void **state)
{
    (void)state;
    start(100, 10, 0);
    put(1, 7);
    T_WAIT(stat_of().n_written == 1);
    assert_int_equal(succ_of(1), 7);
    put(1, 8);
    T_WAIT(stat_of().n_written == 2);
    assert_int_equal(succ_of(1), 8);
    assert_int_equal(statusdb_mem_n_rows(db), 1);
    writer_stop(w);
}

static void t_rows_gather_into_batches(void **state)
{
    uint32_t i;

    (void)state;
    start(100, 10, 60000);
    for (i = 1; i <= 25; i++) /* the last five would wait a minute */
        put(i, i);
    T_WAIT(stat_of().n_written == 20);
    assert_int_equal(statusdb_mem_n_writes(db), 2);
    assert_int_equal(stat_of().n_waiting, 5);
    writer_stop(w); /* ends the wait and writes the last five */
    assert_int_equal(statusdb_mem_n_at_close, 25);
}

/* alarm() ends a writer_put() that would wait as long as the database does. */
static void t_put_does_not_wait_for_the_database(void **state)
{
    uint32_t i;

    (void)state;
    start(100, 10, 0);
    statusdb_mem_hold(db, true);
    put(1, 1);
    T_WAIT(statusdb_mem_n_tries(db) == 1);
    alarm(T_DEADLINE_MS / 1000);
    for (i = 1; i <= 20; i++)
        put(2, i);
    assert_int_equal(stat_of().n_waiting, 1);
    alarm(0);
    statusdb_mem_hold(db, false);
    T_WAIT(stat_of().n_written == 2);
    assert_int_equal(succ_of(2), 20);
    writer_stop(w);
}

/* The waits are at least 25, 50 and 100 ms; a slow machine only adds to them. */
static void t_failed_batch_is_repeated_after_longer_and_longer_waits(void **state)
{
    uint64_t t0 = t_now_ms();

    (void)state;
    start(100, 10, 0);
    statusdb_mem_set_rc(db, -ENOTCONN);
    put(1, 1);
    T_WAIT(stat_of().n_fail >= 4);
    assert_true(t_now_ms() - t0 >= 175);
    statusdb_mem_set_rc(db, 0);
    T_WAIT(succ_of(1) == 1);
    writer_stop(w);
}

static void t_database_down_keeps_the_newest(void **state)
{
    uint32_t i;

    (void)state;
    start(100, 10, 0);
    statusdb_mem_set_rc(db, -ENOTCONN);
    for (i = 1; i <= 50; i++) {
        put(1, i);
        put(2, 2 * i);
    }
    T_WAIT(stat_of().n_fail >= 2);
    statusdb_mem_set_rc(db, 0);
    T_WAIT(succ_of(1) == 50 && succ_of(2) == 100);
    assert_int_equal(stat_of().n_refused, 0);
    assert_true(stat_of().n_merged >= 90);
    writer_stop(w);
}

static void t_no_room_refuses_new_keys_and_counts(void **state)
{
    uint32_t i;

    (void)state;
    start(5, 2, 0);
    statusdb_mem_set_rc(db, -EIO);
    put(1, 1);
    T_WAIT(stat_of().n_fail >= 1 && stat_of().n_waiting == 0); /* row 1 is taken */
    for (i = 2; i <= 20; i++)
        put(i, i);
    assert_int_equal(stat_of().n_refused, 14);
    put(2, 200); /* a waiting key is still updated */
    assert_int_equal(stat_of().n_refused, 14);
    statusdb_mem_set_rc(db, 0);
    T_WAIT(stat_of().n_written == 6);
    assert_int_equal(succ_of(2), 200);
    assert_int_equal(succ_of(7), UINT32_MAX);
    put(7, 7); /* the next report brings the totals again */
    T_WAIT(succ_of(7) == 7);
    writer_stop(w);
}

static void t_old_batch_never_overwrites_a_newer_total(void **state)
{
    (void)state;
    start(10, 1, 0);
    statusdb_mem_set_rc(db, -ENOTCONN);
    put(1, 1);
    T_WAIT(stat_of().n_fail >= 1);
    put(1, 2);
    statusdb_mem_set_rc(db, 0);
    T_WAIT(stat_of().n_written == 2);
    assert_int_equal(succ_of(1), 2);
    writer_stop(w);
}

static void t_stop_with_the_database_down_ends(void **state)
{
    uint32_t i;

    (void)state;
    start(1000, 1, 0);
    statusdb_mem_set_rc(db, -ENOTCONN);
    for (i = 1; i <= 100; i++)
        put(i, i);
    T_WAIT(stat_of().n_fail >= 1);
    writer_stop(w); /* gives up at the next failure */
    writer_stop(NULL);
}

T_MAIN(T(t_rows_reach_the_database), T(t_rows_gather_into_batches),
       T(t_put_does_not_wait_for_the_database),
       T(t_failed_batch_is_repeated_after_longer_and_longer_waits),
       T(t_database_down_keeps_the_newest), T(t_no_room_refuses_new_keys_and_counts),
       T(t_old_batch_never_overwrites_a_newer_total),
       T(t_stop_with_the_database_down_ends))
