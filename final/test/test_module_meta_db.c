/* What agents reported, as it is read from the database for all modules: rows that are
 * too old, or of a future that the server's clock has left again, do not count. */
#include "db/module_meta_db.h"
#include "mydb.h"
#include "t.h"

static struct module_meta_db *db;

static int setup(void **state)
{
    static const struct myconn_config cfg = {mydb_socket, "",         0, "lars",
                                             "lars",      "lars_dns", 5};

    t_fds_save(state);
    mydb_reset();
    mydb_sql("DELETE FROM NodeOut; DELETE FROM ZoneLoad");
    assert_int_equal(myconn_init(), 0);
    return module_meta_db_create(&db, &cfg);
}

static int teardown(void **state)
{
    module_meta_db_close(db);
    myconn_fini();
    return t_fds_check(state);
}

/* The number of nodes of 1/1 that are suspected. */
static size_t n_suspects(void)
{
    const struct msg_module_meta *m;
    struct module_meta_table *t;
    size_t n;

    if (module_meta_db_load(db, &t) < 0)
        fail_msg("%s", module_meta_db_error(db));
    m = module_meta_table_find(t, 1, 1);
    n = m ? m->n_suspect : 0;
    module_meta_table_unref(t);
    return n;
}

static void t_node_ejected_by_two_hosts_is_suspected(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO NodeOut VALUES (1, 1, 10, 80, 1, UNIX_TIMESTAMP())");
    assert_int_equal(n_suspects(), 0);
    mydb_sql("INSERT INTO NodeOut VALUES (1, 1, 10, 80, 2, UNIX_TIMESTAMP())");
    assert_int_equal(n_suspects(), 1);
}

static void t_rows_of_another_time_suspect_no_node(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO NodeOut VALUES (1, 1, 10, 80, 1, UNIX_TIMESTAMP() - 100), "
             "(1, 1, 10, 80, 2, UNIX_TIMESTAMP() - 100), "
             "(1, 1, 11, 80, 1, UNIX_TIMESTAMP() + 3600), "
             "(1, 1, 11, 80, 2, UNIX_TIMESTAMP() + 3600)");
    assert_int_equal(n_suspects(), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_node_ejected_by_two_hosts_is_suspected),
          E(t_rows_of_another_time_suspect_no_node))
