/* Visits of exhibits on a real MariaDB: those of a statement whose answer is lost count
 * once when it is repeated.  Between the client and MariaDB stands lib/commitrelay.h. */
#include "site/site_db.h"

#include "lib/commitrelay.h"
#include "mydb.h"

static struct commitrelay relay;
static struct site_db *node, *other;

static struct site_db *open_node(const char *name)
{
    struct myconn_config c = {relay.path, "", 0, "lars", "lars", "lars_site", 3};
    struct site_db *d;

    assert_int_equal(site_db_create(&d, &c, name), 0);
    return d;
}

static int setup(void **state)
{
    char path[100];

    t_fds_save(state);
    mydb_sql("DELETE FROM lars_site.ExhibitVisit");
    snprintf(path, sizeof(path), "%s/relay", mydb_dir);
    commitrelay_start(&relay, path, mydb_socket);
    relay.statement = "INSERT INTO ExhibitVisit";
    assert_int_equal(myconn_init(), 0);
    node = open_node("one");
    other = NULL;
    return 0;
}

static int teardown(void **state)
{
    site_db_close(node);
    site_db_close(other);
    commitrelay_stop(&relay);
    myconn_fini();
    return t_fds_check(state);
}

static unsigned long long visits_of(const char *id)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COALESCE(SUM(visits), 0) FROM lars_site.ExhibitVisit WHERE id = "
             "'%s'",
             id);
    return mydb_number(sql);
}

static void t_visits_of_all_nodes_and_statements_add_up(void **state)
{
    const struct site_visit first[] = {{2026, "rice", 3}, {2026, "plough", 1}};
    const struct site_visit second[] = {{2026, "rice", 2}};

    (void)state;
    assert_int_equal(site_db_add_visits(node, first, 2), 0);
    assert_int_equal(site_db_add_visits(node, second, 1), 0);
    assert_int_equal(site_db_add_visits(node, second, 1), 0); /* others than before */
    site_db_close(node); /* the relay serves one connection at a time */
    node = NULL;
    other = open_node("two");
    assert_int_equal(site_db_add_visits(other, first, 2), 0);
    assert_int_equal(visits_of("rice"), 10);
    assert_int_equal(visits_of("plough"), 2);
}

static void t_visits_whose_answer_is_lost_count_once(void **state)
{
    const struct site_visit first[] = {{2026, "rice", 3}};
    const struct site_visit second[] = {{2026, "plough", 1}, {2026, "rice", 4}};
    unsigned i;

    (void)state;
    assert_int_equal(site_db_add_visits(node, first, 1), 0);
    for (i = 1; i <= 2; i++) {
        relay.cut = COMMITRELAY_AFTER;
        assert_int_equal(site_db_add_visits(node, second, 2), -ENOTCONN);
        assert_int_equal(visits_of("rice"), 3 + 4); /* it was executed */
    }
    assert_int_equal(site_db_add_visits(node, second, 2), 0);
    assert_int_equal(visits_of("rice"), 3 + 4);
    assert_int_equal(visits_of("plough"), 1);
    assert_int_equal(site_db_add_visits(node, first, 1), 0);
    assert_int_equal(visits_of("rice"), 3 + 4 + 3);
}

static void t_visits_that_were_lost_themselves_are_counted(void **state)
{
    const struct site_visit v[] = {{2026, "rice", 3}};

    (void)state;
    relay.cut = COMMITRELAY_BEFORE;
    assert_int_equal(site_db_add_visits(node, v, 1), -ENOTCONN);
    assert_int_equal(visits_of("rice"), 0);
    assert_int_equal(site_db_add_visits(node, v, 1), 0);
    assert_int_equal(visits_of("rice"), 3);
}

/* The process that follows has the same name, and begins at the same number. */
static void t_a_process_that_is_started_again_adds_to_the_row(void **state)
{
    const struct site_visit v[] = {{2026, "rice", 3}};

    (void)state;
    assert_int_equal(site_db_add_visits(node, v, 1), 0);
    site_db_close(node);
    node = open_node("one");
    assert_int_equal(site_db_add_visits(node, v, 1), 0);
    assert_int_equal(visits_of("rice"), 6);
    relay.cut = COMMITRELAY_AFTER;
    assert_int_equal(site_db_add_visits(node, v, 1), -ENOTCONN);
    assert_int_equal(site_db_add_visits(node, v, 1), 0);
    assert_int_equal(visits_of("rice"), 9);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM lars_site.ExhibitVisit"), 1);
}

static int group_setup(void **state)
{
    char cmd[200];

    if (mydb_setup(state) != 0)
        return -1;
    snprintf(cmd, sizeof(cmd), "sh common/mariadb sql %s <common/sql/site.sql", mydb_dir);
    if (system(cmd) != 0)
        return -1;
    mydb_sql("GRANT SELECT, INSERT, UPDATE ON lars_site.* TO lars@localhost");
    return 0;
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN_WITH(group_setup, mydb_teardown, E(t_visits_of_all_nodes_and_statements_add_up),
               E(t_visits_whose_answer_is_lost_count_once),
               E(t_visits_that_were_lost_themselves_are_counted),
               E(t_a_process_that_is_started_again_adds_to_the_row))
