/* One translation unit owns the static variables of mydb.h; everything else goes through
 * these functions.  Rejected: a copy of mydb.h without "static", because a change of one
 * copy would then be missing in the other. */
#include "testdb.h"

#include "../mydb.h"

const char *const testdb_dir = mydb_dir;
const char *const testdb_socket = mydb_socket;

void testdb_sql(const char *sql)
{
    mydb_sql(sql);
}

void testdb_sqlf(const char *format, ...)
{
    char sql[1000];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(sql, sizeof(sql), format, ap);
    va_end(ap);
    assert_in_range(n, 1, sizeof(sql) - 1);
    mydb_sql(sql);
}

unsigned long long testdb_number(const char *sql)
{
    return mydb_number(sql);
}

void testdb_reset(void)
{
    mydb_reset();
}

static void run_script(const char *what)
{
    int status = mydb_run(what);

    if (status == 0)
        return;
    mydb_print_errors();
    fail_msg("common/mariadb %s failed with status %d; its output is above", what,
             status);
}

void testdb_start(void)
{
    run_script("start");
}

void testdb_stop(void)
{
    run_script("stop");
}

bool testdb_try_stop(void)
{
    return mydb_run("stop") == 0;
}

pid_t testdb_pid(void)
{
    char path[100];
    int pid = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/pid", testdb_dir);
    f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

int testdb_group_setup(void **state)
{
    return mydb_setup(state);
}

int testdb_group_teardown(void **state)
{
    return mydb_teardown(state);
}
