/* Passwords are hashed once, because a hash takes 70 ms.
 *
 * Rejected: one console for all tests of a program.  A throttle that one test has filled
 * would refuse the next. */
#include "consolefix.h"

#include "ops/secret.h"

struct proc console;
struct webclient stranger, viewer, operator_, admin, wall;
static char hash[SECRET_HASH], pages[140];

void start_console_with(const char *more)
{
    const char *path = system_write_file(
        "console.ini",
        "[console]\nport = 0\npages = %s\n%s[db]\nsocket = %s\nuser = lars_web\n"
        "password = lars_web\ntimeout_s = 2\n[db_read]\nuser = lars_web_ro\n"
        "password = lars_web_ro\n",
        pages, more, testdb_socket);

    proc_start(&console, "lars-console", "-c", path, NULL);
}

void log_in(struct webclient *c, const char *user)
{
    *c = stranger;
    if (web_login(c, user, PASSWORD) != 200)
        fail_msg("login of %s: %s", user, web_reply.text);
}

static void insert_link(void)
{
    char id[2 * SECRET_ID + 1];
    uint8_t raw[SECRET_ID];
    size_t i;

    secret_id(LINK, raw);
    for (i = 0; i < SECRET_ID; i++)
        snprintf(id + 2 * i, 3, "%02x", raw[i]);
    testdb_sqlf("INSERT INTO Session (id, user, kind, until_at) VALUES (UNHEX('%s'), "
                "'admin', 'link', NOW(3) + INTERVAL 1 DAY)",
                id);
}

void log_in_wall(void)
{
    const char *cookie;

    wall = stranger;
    assert_int_equal(
        web(&wall, "POST", "/api/v1/session/wall", "{\"token\":\"" LINK "\"}"), 200);
    cookie = web_header("Set-Cookie");
    snprintf(wall.token, sizeof(wall.token), "%.*s", (int)strcspn(cookie + 5, ";"),
             cookie + 5);
    snprintf(wall.csrf, sizeof(wall.csrf), "%s", web_text("csrf"));
}

void consolefix_setup(void)
{
    char sql[1500];

    snprintf(sql, sizeof(sql), "sh common/mariadb sql %s <common/sql/users.sql",
             testdb_dir);
    assert_int_equal(system(sql), 0);
    testdb_sql("ALTER USER lars_web@localhost IDENTIFIED BY 'lars_web' ACCOUNT UNLOCK; "
               "ALTER USER lars_web_ro@localhost IDENTIFIED BY 'lars_web_ro' ACCOUNT "
               "UNLOCK");
    if (!hash[0]) {
        assert_int_equal(secret_init(), 0);
        assert_int_equal(secret_hash(PASSWORD, hash), 0);
    }
    snprintf(sql, sizeof(sql),
             "DELETE FROM User; DELETE FROM Session; DELETE FROM Audit; DELETE FROM "
             "RouteLog; DELETE FROM "
             "AlarmSilence; DELETE FROM Alarm; INSERT INTO User (name, pwhash, role, "
             "must_change, disabled) VALUES ('viewer', '%s', 'viewer', 0, 0), "
             "('operator', '%s', 'operator', 0, 0), ('admin', '%s', 'admin', 0, 0), "
             "('new', '%s', 'operator', 1, 0), ('off', '%s', 'admin', 0, 1)",
             hash, hash, hash, hash, hash);
    testdb_sql(sql);
    insert_link();
    system_write_file("index.html", "<!doctype html>page");
    snprintf(pages, sizeof(pages), "%s", testdb_dir);
    start_console_with("");
    proc_wait_port(&console);
    stranger = (struct webclient){.port = console.port};
}

/* The console is asked to end, and not killed: its exit status tells what a sanitizer has
 * found in it. */
int consolefix_teardown(void **state)
{
    int status = console.pid > 0 ? proc_end(&console, SIGTERM) : 0;

    web_forget();
    if (status != 0)
        print_error("lars-console ended with %d\n", status);
    return system_teardown(state) == 0 && status == 0 ? 0 : -1;
}
