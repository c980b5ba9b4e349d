/* What the codes of the servers and of the client libraries mean, as the documentation of
 * MariaDB and the measurements of decision 050 have it. */
#include "db/db_error.h"

#include <errno.h>

#include "t.h"

static void each_means(const unsigned *codes, size_t n, enum db_error_kind meaning,
                       int err)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (db_error_kind_of(codes[i]) != meaning)
            fail_msg("code %u means %d, not %d", codes[i], db_error_kind_of(codes[i]),
                     meaning);
        assert_int_equal(db_error_errno(codes[i]), err);
    }
}

#define EACH(meaning, err, ...)                                                          \
    do {                                                                                 \
        static const unsigned codes[] = {__VA_ARGS__};                                   \
                                                                                         \
        each_means(codes, sizeof(codes) / sizeof(codes[0]), meaning, err);               \
    } while (0)

static void t_connection_that_failed_or_was_lost_is_enotconn(void **state)
{
    (void)state;
    EACH(DB_ERROR_UNREACHABLE, -ENOTCONN, 2002, 2003, 2005);
    EACH(DB_ERROR_LOST, -ENOTCONN, 2006, 2013, 2055);
    EACH(DB_ERROR_LOST, -ENOTCONN, 2000, 2014, 2999); /* any other of the library */
}

/* Their connections are open, and SELECT 1 works on them. */
static void t_node_outside_of_the_primary_component_is_enotconn(void **state)
{
    (void)state;
    EACH(DB_ERROR_DETACHED, -ENOTCONN, 1047, 1180);
}

static void t_lock_wait_and_deadlock_are_conflicts_to_repeat(void **state)
{
    (void)state;
    EACH(DB_ERROR_CONFLICT, -EDEADLK, 1205, 1213, 3572);
}

static void t_full_read_only_crowded_and_stopping_servers_refuse(void **state)
{
    (void)state;
    EACH(DB_ERROR_REFUSING, -EIO, 1114, 1021, 1290, 1836, 1040, 1203, 1053, 1927);
}

static void t_missing_database_table_and_column_are_enoent(void **state)
{
    (void)state;
    EACH(DB_ERROR_MISSING, -ENOENT, 1049, 1146, 1054);
}

static void t_values_and_keys_are_errors_of_the_statement(void **state)
{
    (void)state;
    EACH(DB_ERROR_VALUE, -EIO, 1048, 1264, 1265, 1292, 1366, 1406, 1690, 3819, 4025);
    EACH(DB_ERROR_DUPLICATE, -EIO, 1062);
}

static void t_unknown_codes_are_errors_of_the_statement(void **state)
{
    (void)state;
    EACH(DB_ERROR_OTHER, -EIO, 1, 1045, 1064, 1999, 3000, 65535, 4294967295u);
    EACH(DB_ERROR_NONE, 0, 0);
}

/* Only what another server may do better sends a program there. */
static void t_another_server_is_asked_only_when_the_server_is_the_cause(void **state)
{
    unsigned yes = 0;
    enum db_error_kind e;

    (void)state;
    for (e = DB_ERROR_NONE; e <= DB_ERROR_OTHER; e++)
        yes |= (unsigned)db_error_is_of_server(e) << e;
    assert_int_equal(yes, 1u << DB_ERROR_UNREACHABLE | 1u << DB_ERROR_LOST |
                              1u << DB_ERROR_DETACHED | 1u << DB_ERROR_REFUSING);
}

static void t_advice_names_what_to_mend(void **state)
{
    static const struct {
        unsigned code;
        const char *word;
    } advice[] = {{1146, "larsctl db migrate"}, {1213, "give the command again"},
                  {2002, "[db] socket"},        {1045, "password"},
                  {1047, "majority"},           {1114, "disk"},
                  {1290, "read-only"},          {1040, "max_connections"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        const char *text = db_error_mend(advice[i].code);

        assert_memory_equal(text, "; mend: ", 8);
        assert_non_null(strstr(text, advice[i].word));
    }
    assert_string_equal(db_error_mend(1064), "");
}

T_MAIN(T(t_connection_that_failed_or_was_lost_is_enotconn),
       T(t_node_outside_of_the_primary_component_is_enotconn),
       T(t_lock_wait_and_deadlock_are_conflicts_to_repeat),
       T(t_full_read_only_crowded_and_stopping_servers_refuse),
       T(t_missing_database_table_and_column_are_enoent),
       T(t_values_and_keys_are_errors_of_the_statement),
       T(t_unknown_codes_are_errors_of_the_statement),
       T(t_another_server_is_asked_only_when_the_server_is_the_cause),
       T(t_advice_names_what_to_mend))
