/* The poller with a database in memory: changes, losses, and rows without a version. */
#include "t.h"

#include <pthread.h>

#include "base/log.h"
#include "db/db_mem.h"
#include "dns/dnspoll.h"

static struct db *db;                 /* owned by the poller */
static struct dnspoll *p;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct route_table *now;       /* the last published; guarded by lock */
static int n_published;

static void take(struct route_table *t, void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    route_table_unref(now);
    now = route_table_ref(t);
    n_published++;
    pthread_mutex_unlock(&lock);
}

/* Number of nodes of <modid>/1 in the last published table; -1 = no table yet. */
static int nodes(uint32_t modid)
{
    const struct route *r;
    int n = -1;

    pthread_mutex_lock(&lock);
    if (now) {
        r = route_table_find(now, modid, 1);
        n = r ? (int)r->n_node : 0;
    }
    pthread_mutex_unlock(&lock);
    return n;
}

static int published(void)
{
    int n;

    pthread_mutex_lock(&lock);
    n = n_published;
    pthread_mutex_unlock(&lock);
    return n;
}

static struct dnspoll_stat stat_now(void)
{
    struct dnspoll_stat st;

    dnspoll_stat(p, &st);
    return st;
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1); /* errors are part of the tests */
    n_published = 0;
    now = NULL;
    return db_mem_create(&db);
}

static void start(uint32_t full_ms)
{
    struct dnspoll_config c = {.interval_ms = 1, .full_ms = full_ms, .fn = take};

    assert_int_equal(dnspoll_start(&p, db, &c), 0);
}

static int teardown(void **state)
{
    dnspoll_stop(p);
    dnspoll_stop(NULL);
    route_table_unref(now);
    return t_fds_check(state);
}

static void t_first_load_is_published_even_when_empty(void **state)
{
    (void)state;
    start(3600000);
    T_WAIT(published() == 1);
    assert_int_equal(nodes(1), 0);
    T_WAIT(stat_now().n_poll > 5);
    assert_int_equal(published(), 1); /* without a change, no table */
}

static void t_change_is_loaded_and_published(void **state)
{
    (void)state;
    db_mem_add(db, LAB_ID, 1, 5, 80);
    start(3600000);
    T_WAIT(nodes(LAB_ID) == 1);
    db_mem_add(db, 1, 1, 5, 80);
    T_WAIT(nodes(1) == 1);
    db_mem_add(db, 1, 1, 6, 80);
    db_mem_remove(db, 1, 1, 5, 80);
    db_mem_add(db, 1, 1, 7, 80);
    T_WAIT(nodes(1) == 2);
    db_mem_remove(db, LAB_ID, 1, 5, 80);
    T_WAIT(nodes(LAB_ID) == 0);
    assert_int_equal(stat_now().n_full, 1);
}

static void t_lost_database_keeps_the_routes_and_its_return_loads_all(void **state)
{
    (void)state;
    db_mem_add(db, 1, 1, 5, 80);
    start(3600000);
    T_WAIT(nodes(1) == 1);
    db_mem_set_down(db, true);
    T_WAIT(stat_now().n_fail >= 1);
    assert_int_equal(nodes(1), 1);
    assert_int_equal(published(), 1);
    db_mem_add(db, 1, 1, 6, 80);
    db_mem_set_down(db, false);
    T_WAIT(nodes(1) == 2);
    assert_int_equal(stat_now().n_full, 2);
}

static void t_database_down_at_the_start_is_tried_again(void **state)
{
    (void)state;
    db_mem_set_down(db, true);
    start(3600000);
    T_WAIT(stat_now().n_fail >= 1);
    assert_int_equal(published(), 0); /* not even an empty table */
    db_mem_set_down(db, false);
    T_WAIT(published() == 1);
}

static void t_rows_that_changed_without_a_version_are_found(void **state)
{
    (void)state;
    db_mem_add(db, 1, 1, 5, 80);
    start(20);
    T_WAIT(nodes(1) == 1);
    db_mem_truncate(db);
    T_WAIT(nodes(1) == 0);
    assert_int_equal(stat_now().n_drift, 1);
    assert_int_equal(published(), 2);
    T_WAIT(stat_now().n_full >= 4);
    assert_int_equal(published(), 2); /* equal tables are not published again */
}

#define P(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(P(t_first_load_is_published_even_when_empty), P(t_change_is_loaded_and_published),
       P(t_lost_database_keeps_the_routes_and_its_return_loads_all),
       P(t_database_down_at_the_start_is_tried_again),
       P(t_rows_that_changed_without_a_version_are_found))
