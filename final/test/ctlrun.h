/* ctlrun.h -- runs larsctl in a test, and compares what it prints. */
#ifndef LARS_TEST_CTLRUN_H
#define LARS_TEST_CTLRUN_H

#include "lib/system.h"

#define FARM "\xe5\x86\x9c\xe4\xb8\x9a" /* two characters, four columns */

static char out[65536]; /* stdout and stderr of the last command */
static char ini[140];

/* Run larsctl with <args>; returns its exit code. */
static inline int ctl(const char *args)
{
    const char *build = getenv("BUILD"), *wrap = getenv("LARS_WRAP");
    char cmd[1200];
    size_t n;
    FILE *f;
    int status;

    snprintf(cmd, sizeof(cmd), "%s %s/larsctl -c %s %s 2>&1", wrap ? wrap : "",
             build ? build : "build", ini, args);
    f = popen(cmd, "r");
    assert_non_null(f);
    n = fread(out, 1, sizeof(out) - 1, f);
    out[n] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static inline void expect_output(const char *args, const char *text)
{
    int rc = ctl(args);

    if (rc != 0)
        fail_msg("larsctl %s returned %d and printed: %s", args, rc, out);
    assert_string_equal(out, text);
}

static inline void expect_text(const char *text)
{
    if (!strstr(out, text))
        fail_msg("\"%s\" is not in the output: %s", text, out);
}

static inline void write_ini(const char *user, const char *socket)
{
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[larsctl]\n"
                               "agents = 127.0.0.1:%s\n"
                               "dnsd = 127.0.0.1:%s\n"
                               "reportd = 127.0.0.1:%s\n"
                               "sql = common/sql\n"
                               "[db]\n"
                               "socket = %s\n"
                               "%s",
                               sys.agentd_port, sys.dnsd_port, sys.reportd_port, socket,
                               user));
}

static inline void use_administrator(void)
{
    char user[80];

    snprintf(user, sizeof(user), "user = %s\npassword =\n",
             geteuid() == 0 ? "root" : getenv("USER"));
    write_ini(user, testdb_socket);
}

/* Start the system and wait until the database has what the agent uses for module 1/1. */
static inline void start_system(void)
{
    system_start();
    write_ini("", testdb_socket); /* the ports are known only now */
    T_WAIT(testdb_number("SELECT COUNT(*) FROM AgentRoute WHERE modid = 1") == 1);
}

/* Run larsctl and expect this exit code and this text in what it prints. */
static inline void expect(const char *args, int code, const char *text)
{
    int rc = ctl(args);

    if (rc != code)
        fail_msg("larsctl %s returned %d and printed: %s", args, rc, out);
    expect_text(text);
}

static inline int ctl_setup(void **state)
{
    int rc = system_setup(state);

    testdb_sql("DELETE FROM ModIDConfig; DELETE FROM CmdIDConfig");
    write_ini("", testdb_socket);
    return rc;
}

#endif
