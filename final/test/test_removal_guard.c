/* The guard against mass removals, with a database in memory behind it: loads pass, mass
 * removals are held, the last known good routes are written to a file and served when the
 * database is down, and a damaged file is not used. */
#include "dns/removal_guard.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "db/db_mem.h"
#include "t.h"

static struct db *mem, *db; /* mem is behind db */
static struct db_rows rows, changed;
static char dir[32], file[64];
static int answer, n_closed;
static uint64_t version;

/* Without consent: the nodes that the answer does not cover; 1 = it covers all. */
static int confirmed(void *arg, uint32_t modid, uint32_t cmdid,
                     const struct route_node *gone, uint32_t n)
{
    (void)gone;
    (void)arg;
    (void)modid;
    (void)cmdid;
    return answer == 1 ? 0 : answer < 0 ? answer : (int)n;
}

static void on_close(void *arg)
{
    (void)arg;
    n_closed++;
}

static void open_guard(void)
{
    struct removal_guard_config c = {
        .file = file, .write_ms = 1, .confirmed = confirmed, .close = on_close};

    assert_int_equal(db_mem_create(&mem), 0);
    assert_int_equal(removal_guard_create(&db, mem, &c), 0);
}

static int setup(void **state)
{
    t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1); /* holds are part of the test */
    answer = n_closed = 0;
    strcpy(dir, "/tmp/lars_gd_XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/routes", dir);
    open_guard();
    return 0;
}

static int teardown(void **state)
{
    db_close(db);
    db_rows_free(&rows);
    db_rows_free(&changed);
    unlink(file);
    rmdir(dir);
    return t_fds_check(state);
}

static void reopen(void) /* the database is empty then */
{
    db_close(db);
    open_guard();
}

static void fill(int n)
{
    int i;

    for (i = 1; i <= n; i++)
        assert_int_equal(db_mem_add(mem, 1, 1, (uint32_t)i, 80), 0);
}

static struct removal_guard_stat stat_now(void)
{
    struct removal_guard_stat st;

    removal_guard_stat(db, &st);
    return st;
}

static void t_loads_pass_through(void **state)
{
    uint64_t v;

    (void)state;
    fill(3);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(rows.n, 3);
    assert_int_equal(version, 3);
    db_mem_add(mem, 2, 1, 9, 80);
    assert_int_equal(db_version(db, &v), 0);
    assert_int_equal(v, 4);
    assert_int_equal(db_load_changes(db, 3, &changed, &rows, &v), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(changed.n, 1);
    assert_int_equal(v, 4);
    assert_int_equal(stat_now().n_held, 0);
}

static void t_mass_removal_is_held_until_confirmed(void **state)
{
    (void)state;
    fill(3);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    db_mem_add(mem, 7, 7, 1, 80);
    db_mem_truncate(mem);
    db_mem_add(mem, 8, 8, 1, 80);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(rows.n, 4); /* the three of before and the new one */
    assert_int_equal(stat_now().n_held, 1);
    answer = 1;
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(stat_now().n_held, 0);
}

static void t_change_that_would_be_held_is_loaded_in_full(void **state)
{
    (void)state;
    fill(1);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(db_mem_remove(mem, 1, 1, 1, 80), 0);
    assert_int_equal(db_load_changes(db, 1, &changed, &rows, &version), -EAGAIN);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(version, 2);
    assert_int_equal(rows.n, 1);
    db_mem_add(mem, 2, 1, 1, 80); /* while a module is held, each load is a full one */
    assert_int_equal(db_load_changes(db, 2, &changed, &rows, &version), -EAGAIN);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(rows.n, 2);
}

static void t_start_without_database_serves_the_file(void **state)
{
    (void)state;
    fill(3);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    reopen(); /* closing the guard writes the file */
    assert_int_equal(n_closed, 1);
    db_mem_set_down(mem, true);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(rows.n, 3);
    assert_int_equal(version, 3);
    assert_int_equal(stat_now().stale, 1);
    assert_int_equal(db_load_all(db, &rows, &version),
                     -ENOTCONN); /* the first time only */
    db_mem_set_down(mem, false);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    assert_int_equal(stat_now().stale, 0);
    assert_int_equal(rows.n, 3); /* the removal of all, against the file, is held */
    assert_int_equal(stat_now().n_held, 1);
}

static void t_start_without_database_and_file_has_nothing(void **state)
{
    (void)state;
    db_mem_set_down(mem, true);
    assert_int_equal(db_load_all(db, &rows, &version), -ENOTCONN);
    assert_int_equal(stat_now().stale, 0);
}

static void t_damaged_file_is_not_used(void **state)
{
    int fd;

    (void)state;
    fill(3);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    db_close(db);
    fd = open(file, O_RDWR);
    assert_int_equal(pwrite(fd, "9", 1, 25), 1);
    close(fd);
    open_guard();
    db_mem_set_down(mem, true);
    assert_int_equal(db_load_all(db, &rows, &version), -ENOTCONN);
}

static void t_file_that_cannot_be_written_stops_nothing(void **state)
{
    char blocker[80];

    (void)state;
    snprintf(blocker, sizeof(blocker), "%s.new", file);
    assert_int_equal(mkdir(blocker, 0755), 0); /* blocks the file, for root as well */
    fill(3);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    T_WAIT(stat_now().n_write_fail > 2); /* it is tried again without new rows */
    assert_int_equal(rmdir(blocker), 0);
    T_WAIT(stat_now().n_written == 1);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    db_mem_add(mem, 3, 3, 3, 80);
    assert_int_equal(db_load_all(db, &rows, &version), 0);
    T_WAIT(stat_now().n_written == 2); /* for the new row only */
}

#define G(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(G(t_loads_pass_through), G(t_mass_removal_is_held_until_confirmed),
       G(t_change_that_would_be_held_is_loaded_in_full),
       G(t_start_without_database_serves_the_file),
       G(t_start_without_database_and_file_has_nothing), G(t_damaged_file_is_not_used),
       G(t_file_that_cannot_be_written_stops_nothing))
