/* Sessions in a real database: what ends one, what keeps one, and what is true while the
 * database is away. */
#include "web/session.h"

#include "dbusers.h"

static struct sqldb *db, *none;
static struct session_cache *s;
static char token[SECRET_TOKEN];

static int setup(void **state)
{
    struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 3};
    struct myconn_config away = {"/nowhere", "", 0, "x", "", "x", 1};

    t_fds_save(state);
    mydb_reset();
    dbusers_create();
    mydb_sql("DELETE FROM Session; DELETE FROM User; INSERT INTO User (name, pwhash, "
             "role, must_change) VALUES ('vera', '', 'viewer', 1), ('otto', '', "
             "'operator', 0), ('adam', '', 'admin', 0), ('odd', '', 'root', 0)");
    assert_int_equal(secret_init(), 0);
    assert_int_equal(myconn_init(), 0);
    assert_int_equal(session_cache_create(&s), 0);
    assert_int_equal(sqldb_open(&none, &away), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    session_cache_destroy(s);
    sqldb_close(db);
    sqldb_close(none);
    myconn_fini();
    return t_fds_check(state);
}

static struct session open_as(const char *user)
{
    struct session who;

    assert_int_equal(session_open(db, user, "127.0.0.1", token), 0);
    assert_int_equal(session_load(s, db, token, &who), 0);
    return who;
}

static void t_session_has_the_role_that_its_user_has_now(void **state)
{
    struct session who = open_as("vera");

    (void)state;
    assert_string_equal(who.user, "vera");
    assert_int_equal(who.role, SESSION_VIEWER);
    assert_true(who.must_change);
    who = open_as("adam");
    assert_int_equal(who.role, SESSION_ADMIN);
    assert_false(who.must_change);
    mydb_sql("UPDATE User SET role = 'operator' WHERE name = 'adam'");
    assert_int_equal(session_load(s, db, token, &who), 0);
    assert_int_equal(who.role, SESSION_OPERATOR);
}

static void t_role_that_is_not_known_gives_the_least_rights(void **state)
{
    struct session who = open_as("odd");

    (void)state;
    assert_in_range(who.role, SESSION_NONE, SESSION_VIEWER);
}

static void t_token_is_not_in_the_database(void **state)
{
    char sql[300];

    (void)state;
    open_as("vera");
    snprintf(
        sql, sizeof(sql),
        "SELECT COUNT(*) FROM Session WHERE INSTR(id,'%s') OR peer = '%s' OR user = "
        "'%s'",
        token, token, token);
    assert_int_equal(mydb_number(sql), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM Session"), 1);
}

static void t_each_session_has_a_token_of_its_own(void **state)
{
    char first[SECRET_TOKEN];

    (void)state;
    open_as("vera");
    memcpy(first, token, sizeof(first));
    open_as("vera");
    assert_string_not_equal(first, token);
    assert_int_equal(strlen(token), SECRET_TOKEN - 1);
}

static void t_forged_token_is_no_session(void **state)
{
    struct session who;

    (void)state;
    open_as("adam");
    token[0] = token[0] == 'A' ? 'B' : 'A';
    assert_int_equal(session_load(s, db, token, &who), -ENOENT);
    assert_int_equal(who.role, SESSION_NONE);
    assert_int_equal(session_load(s, db, "' OR '1'='1", &who), -ENOENT);
    assert_int_equal(session_load(s, db, "", &who), -ENOENT);
    assert_false(session_recall(s, token, &who));
}

static void t_logout_ends_the_session_at_once(void **state)
{
    struct session who;

    (void)state;
    open_as("vera");
    assert_true(session_recall(s, token, &who));
    assert_int_equal(session_close(s, db, token), 0);
    assert_false(session_recall(s, token, &who));
    assert_int_equal(session_load(s, db, token, &who), -ENOENT);
}

static void t_disabled_removed_idle_and_old_sessions_are_none(void **state)
{
    static const char *const ends[] = {
        "UPDATE User SET disabled = 1 WHERE name = 'vera'",
        "DELETE FROM User WHERE name = 'vera'",
        "UPDATE Session SET seen_at = NOW(3) - INTERVAL 1801 SECOND",
        "UPDATE Session SET until_at = NOW(3) - INTERVAL 1 SECOND",
        "UPDATE Session SET kind = 'link'",
        "DELETE FROM Session"};
    struct session who;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        mydb_sql("DELETE FROM User WHERE name = 'vera'; INSERT INTO User (name, pwhash, "
                 "role) VALUES ('vera', '', 'viewer')");
        open_as("vera");
        mydb_sql(ends[i]);
        if (session_load(s, db, token, &who) != -ENOENT || who.role != SESSION_NONE)
            fail_msg("there still is a session after %s", ends[i]);
        assert_false(session_recall(s, token, &who));
    }
}

static void t_wall_link_opens_a_session_that_sees_only_the_wall(void **state)
{
    static const char link[] = "0123456789012345678901234567890123456789012";
    char sql[300], id[2 * SECRET_ID + 1];
    struct session who;
    uint8_t raw[SECRET_ID];
    size_t i;

    (void)state;
    secret_id(link, raw);
    for (i = 0; i < SECRET_ID; i++)
        snprintf(id + 2 * i, 3, "%02x", raw[i]);
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO Session (id, user, kind, until_at) VALUES (UNHEX('%s'), 'adam', "
        "'link', NOW(3) + INTERVAL 1 DAY)",
        id);
    mydb_sql(sql);
    assert_int_equal(session_load(s, db, link, &who), -ENOENT);
    assert_int_equal(session_open_wall(db, link, "127.0.0.1", token), 0);
    assert_int_equal(session_load(s, db, token, &who), 0);
    assert_int_equal(who.role, SESSION_WALL);
    assert_int_equal(session_open_wall(db, token, "", token), -ENOENT);
    assert_int_equal(session_open_wall(db, "", "", token), -ENOENT);
    mydb_sql("UPDATE Session SET until_at = NOW(3) - INTERVAL 1 SECOND");
    assert_int_equal(session_open_wall(db, link, "", token), -ENOENT);
}

static void t_known_session_stays_while_the_database_is_away(void **state)
{
    struct session who, other = open_as("otto");
    char known[SECRET_TOKEN];

    (void)state;
    memcpy(known, token, sizeof(known));
    assert_int_equal(session_load(s, none, known, &who), 0);
    assert_string_equal(who.user, other.user);
    assert_int_equal(who.role, SESSION_OPERATOR);
    secret_token(token);
    assert_int_equal(session_load(s, none, token, &who), -ENOTCONN);
    assert_int_equal(who.role, SESSION_NONE);
    session_close(s, none, known);
    assert_int_equal(session_load(s, none, known, &who), -ENOTCONN);
}

static void t_many_sessions_are_bounded_and_the_newest_is_known(void **state)
{
    struct session who;
    unsigned i;

    (void)state;
    for (i = 0; i < 1100; i++)
        open_as("vera");
    assert_true(session_recall(s, token, &who));
}

#define S(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
MYDB_MAIN(S(t_session_has_the_role_that_its_user_has_now),
          S(t_role_that_is_not_known_gives_the_least_rights),
          S(t_token_is_not_in_the_database), S(t_each_session_has_a_token_of_its_own),
          S(t_forged_token_is_no_session), S(t_logout_ends_the_session_at_once),
          S(t_disabled_removed_idle_and_old_sessions_are_none),
          S(t_wall_link_opens_a_session_that_sees_only_the_wall),
          S(t_known_session_stays_while_the_database_is_away),
          S(t_many_sessions_are_bounded_and_the_newest_is_known))
